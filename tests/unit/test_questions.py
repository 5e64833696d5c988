"""scenarios/questions.yaml: every question names what exists, and every province's questions are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sim.analysis.comparison import METRICS, OF_EACH, RESTRICTED
from sim.analysis.cost import PAIRED
from sim.analysis.output import QUANTILES
from sim.analysis.reach import WITHIN_WORKING_DAYS
from sim.answers import checked, load_answers, load_questions
from sim.scenario import Case, ScenarioFile, load, numbers, select
from sim.scenario.documents import parse_yaml

pytestmark = pytest.mark.usefixtures("full_speed")

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
README = SCENARIOS / "README.md"
NAMES = ("gia-lai", "quang-ninh", "ha-tinh", "dong-nai", "quang-ngai", "nation")
FIELDS = {
    *("id", "scenario", "source", "question", "baseline", "alternatives", "metric", "as"),
    *("target", "period", "run", "main_assumption", "note"),
}
MONEY = "cost."
OPTIONAL = {"target", "period", "run"}

# Alternatives that answer no question of a planner, and what they are for.
SPARE = {
    "quang-ninh": {"originals-reading"}
}  # whether the reading of the published count matters; slow to run

# Each demand of the brief, and alternatives of which at least one question must make use, by scenario.
DEMANDS: dict[str, dict[str, set[str]]] = {
    "e-office pilot in k agencies": {"gia-lai": {"pilot-3", "pilot-6", "pilot-12", "pilot-15", "pilot-17"}},
    "districts-only network": {"gia-lai": {"districts-only"}},
    "signed share": {"quang-ninh": {"paper", "share-30", "share-60", "signed"}},
    "9 of 14 districts": {"quang-ngai": {"online-9", "online-10", "online-14"}},
    "mobile or desk": {"dong-nai": {"desk-signing", "mobile-signing"}, "gia-lai": {"signed-mobile"}},
    "staff compliance": {"ha-tinh": {"ack-50", "ack-70", "ack-80", "ack-90", "ack-95"}},
    "classified share": {
        "ha-tinh": {f"classified-{n}-{way}" for n in (5, 15, 30) for way in ("post", "cipher")}
    },
    "paper copies": {"quang-ninh": {"double-running"}, "gia-lai": {"paper-copies"}},
    "unsigned e-mail": {"quang-ngai": {"email"}, "quang-ninh": {"email"}, "ha-tinh": {"email"}},
    "bridged or not": {"gia-lai": {"bridged"}, "ha-tinh": {"bridged", "border-rekeyed"}},
    "data centre": {
        "gia-lai": {f"{kind}-{h}h" for kind in ("outage", "distributed") for h in (4, 8, 24)},
        "quang-ninh": {"outage-4h", "outage-8h", "outage-24h"},
    },
    "hops against signatures": {
        "quang-ninh": {"fewer-hops", "signed"},
        "dong-nai": {"paper-fewer-hops", "fewer-hops"},
    },
    "video conferences": {"quang-ngai": {"video-conferences"}},
    "online services": {"dong-nai": {"online-services", "online-services-heavy"}},
    "rented against bought": {"dong-nai": {"rented", "bought-unmaintained"}},
    "roll-out order": {"dong-nai": {"departments-first", "districts-first", "communes-first"}},
    "certificates lapse": {"dong-nai": {"lapse-10", "lapse-30"}},
    "no districts": {"quang-ngai": {"two-tier", "two-tier-signed", "merged", "merged-signed"}},
    "rebound": {"nation": {"rebound-2x", "rebound-5x"}},
}

Question = dict[str, Any]


@cache
def questions() -> dict[str, Question]:
    """The questions by id."""
    data = parse_yaml((SCENARIOS / "questions.yaml").read_text(encoding="utf-8"), "questions.yaml").data
    assert set(data) == {"runs", "questions"}
    entries = [dict(one) for one in data["questions"]]
    assert len({one["id"] for one in entries}) == len(entries)
    return {one["id"]: one for one in entries}


@cache
def scenario(name: str) -> ScenarioFile:
    """A committed scenario, loaded once."""
    return load(SCENARIOS / name / "scenario.yaml", strict_ids=True)


@cache
def paths(name: str) -> dict[str, str]:
    """The grade of every number of a scenario, by path."""
    return {one.path: one.grade for one in numbers(scenario(name))}


def named(entry: Question) -> list[str]:
    """All alternatives that a question names, the baseline first."""
    return [entry["baseline"], *entry["alternatives"]]


def reaches(case: Case, flow: str, level: str) -> bool:
    """Tell whether some recipient of a flow is of a level."""
    return level in {case.agencies[i].level for i in select(case.scenario.flows[flow].to, case.agencies)}


def unknown(metric: str, cases: list[Case]) -> str:
    """Tell what is wrong with a metric for these alternatives, nothing where it exists."""
    statistics = "|".join(("mean", *QUANTILES))
    days = "|".join(map(str, WITHIN_WORKING_DAYS))
    if metric in {*METRICS, *OF_EACH, RESTRICTED} or metric == "ledgers.deliveries_per_working_day":
        return ""
    if metric.startswith(MONEY):
        missing = [case.name for case in cases if case.scenario.costs is None]
        known = metric.removeprefix(MONEY) in PAIRED
        return f"no costs in {missing}" if missing else "" if known else "no such figure of costs"
    if found := re.fullmatch(
        rf"by_flow\.([a-z-]+)\."
        rf"(?:(?:turnaround_s|turnaround_last_s|signed_registered_s|last_registered_s)\.(?:{statistics})"
        rf"|all_registered_within\.(?:{days}))",
        metric,
    ):
        flow, level = found[1], ""
    elif found := re.fullmatch(
        rf"by_flow_level\.([a-z-]+)\.([a-z-]+)\."
        rf"(?:(?:registered_s|last_registered_s)\.(?:{statistics})|(?:all_)?registered_within\.(?:{days}))",
        metric,
    ):
        flow, level = found[1], found[2]
    else:
        return "no such metric"
    without = [case.name for case in cases if flow not in case.scenario.flows]
    if without:
        return f"no flow {flow} in {without}"
    short = [case.name for case in cases if level and not reaches(case, flow, level)]
    return f"{flow} does not reach {level} in {short}" if short else ""


@pytest.mark.parametrize("key", questions())
class TestEveryQuestion:
    def test_has_its_fields(self, key: str) -> None:
        """None is missing, none is unknown, and both languages are there."""
        entry = questions()[key]
        assert FIELDS - OPTIONAL <= set(entry) <= FIELDS
        assert re.fullmatch(r"[a-z]{2}(-[a-z0-9]+)+", key)
        for texts in (entry["question"], entry["main_assumption"]):
            assert texts["en"].strip()
            assert texts["vi"].strip()
        assert entry["question"]["en"].endswith("?")
        assert entry["question"]["vi"].endswith("?")

    def test_names_alternatives_that_exist(self, key: str) -> None:
        """In its scenario, each once."""
        entry = questions()[key]
        assert entry["scenario"] in NAMES
        assert entry["alternatives"]
        assert len(set(named(entry))) == len(named(entry))
        assert set(named(entry)) <= set(scenario(entry["scenario"]).cases)

    def test_names_a_metric_that_exists(self, key: str) -> None:
        """For all of its alternatives: flows and levels too."""
        entry = questions()[key]
        cases = [scenario(entry["scenario"]).cases[name] for name in named(entry)]
        assert unknown(entry["metric"], cases) == ""

    def test_says_how_to_read_the_metric(self, key: str) -> None:
        """A threshold alone has a target; a share's lies between 0 and 1; money of a year asks for a year."""
        entry = questions()[key]
        assert entry["as"] in {"difference", "value", "threshold"}
        assert ("target" in entry) == (entry["as"] == "threshold")
        for kind, target in entry.get("target", {}).items():
            assert kind in {"at_least", "at_most"}
            assert target > 0
            assert ("registered_within" in entry["metric"]) == (target < 1)
        assert entry.get("period", "year") == "year"
        annual = {f"{MONEY}npv", f"{MONEY}payback_years"} | {
            f"{MONEY}{name}" for name in PAIRED if "_per_year" in name
        }
        rests_on_a_year = entry["metric"] in annual - {f"{MONEY}break_even_deliveries_per_year"}
        assert ("period" in entry) == rests_on_a_year

    def test_names_an_assumption_of_its_scenario(self, key: str) -> None:
        """The main assumption is a number of the scenario that is no decision."""
        entry = questions()[key]
        grade = paths(entry["scenario"]).get(entry["main_assumption"]["path"])
        assert grade in {"assumed", "published"}, entry["main_assumption"]["path"]


class TestTheList:
    @pytest.mark.parametrize("demand", DEMANDS)
    def test_every_demand_is_asked(self, demand: str) -> None:
        """By a question of each scenario named for it."""
        for name, wanted in DEMANDS[demand].items():
            asked = {one for q in questions().values() if q["scenario"] == name for one in named(q)}
            assert wanted <= asked, (name, wanted - asked)

    @pytest.mark.parametrize("name", NAMES)
    def test_no_alternative_is_without_a_question(self, name: str) -> None:
        """But for those that are said to be spare."""
        asked = {one for q in questions().values() if q["scenario"] == name for one in named(q)}
        assert set(scenario(name).cases) - asked == SPARE.get(name, set())

    @pytest.mark.parametrize("name", NAMES)
    def test_every_scenario_has_questions_about_time_and_money(self, name: str) -> None:
        """Beside each other, never in one; of money where there are prices."""
        metrics = [q["metric"] for q in questions().values() if q["scenario"] == name]
        priced = scenario(name).scenario.costs is not None
        assert any(one.startswith(MONEY) for one in metrics) == priced
        assert sum(not one.startswith(MONEY) for one in metrics) >= 4

    def test_a_metric_that_does_not_exist_is_found_out(self) -> None:
        """So that the check above can fail."""
        case = scenario("quang-ngai").cases["two-tier"]
        assert unknown("turnaround_s.p91", [case])
        assert unknown("by_flow.invitation.turnaround_s.mean", [case])
        assert unknown("by_flow_level.directive.district.registered_within.1", [case])
        assert unknown("by_flow_level.directive.commune.registered_within.3", [case])
        assert unknown(f"{MONEY}profit", [case])


class TestReadme:
    def test_has_the_place_for_the_answers(self) -> None:
        """Two markers, in order, once each."""
        text = README.read_text(encoding="utf-8")
        begin, end = "<!-- answers:begin -->", "<!-- answers:end -->"
        assert text.count(begin) == text.count(end) == 1
        assert text.index(begin) < text.index(end)

    @pytest.mark.parametrize("name", NAMES)
    def test_lists_every_alternative(self, name: str) -> None:
        """In the section of its scenario, by its name."""
        text = README.read_text(encoding="utf-8")
        section = text.split(f"### Alternatives of {name}\n", 1)[1].split("\n### ", 1)[0]
        listed = set(
            re.findall(r"`([a-z0-9-]+)`", "".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)))
        )
        assert set(scenario(name).cases) == listed


class TestAnswers:
    def test_every_question_goes_to_a_run(self) -> None:
        """And no run is without a question."""
        found = load_questions(SCENARIOS / "questions.yaml")
        assert {one.run for one in found.questions} == set(found.runs)

    def test_the_table_of_answers_holds(self) -> None:
        """Scenarios, questions and settings are those that were answered, and the README shows the answers."""
        found = load_questions(SCENARIOS / "questions.yaml")
        stored = load_answers(SCENARIOS / "answers.json")
        assert checked(found, stored, README.read_text(encoding="utf-8")) == []
