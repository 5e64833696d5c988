"""Who holds documents up, what would help, and one delivery's life, as they stand in the page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sim.report import render
from sim.report.context import context
from sim.report.sections import held_up, life
from tests.unit.report import fixtures
from tests.unit.report.fixtures import estimate
from tests.unit.report.pages import Page

H = 3600.0


def desk(level: str, role: str, stage: str, hours: float) -> dict[str, Any]:
    """Return a row of ``held_up``."""
    seconds = estimate(hours * H)
    return {"level": level, "role": role, "stage": stage, "share": estimate(0.3), "wait_person_s": seconds,
            "work_s": estimate(60.0), "wait_office_s": seconds, "visits": estimate(0.7)}  # fmt: skip


def summary() -> dict[str, Any]:
    """Return the made-up summary with who held documents up and one delivery's life."""
    made = fixtures.summary()
    for place, one in enumerate(made["alternatives"].values()):
        rows = [
            desk("commune", "clerk", "receiving", 4.0 + place),
            desk("district", "leader", "signing", 1.0),
        ]
        one["held_up"] = {
            "by_desk": rows, "by_role": rows,
            "by_agency": [{**rows[0], "agency": "c1", "agency_name": "Xã Một"}],
        }  # fmt: skip
    steps = [
        {"part": "sender", "task": "draft", "title": {"en": "Draft <b>", "vi": "Soạn thảo"}, "role": "officer",
         "agency": "P", "spans": [[9 * H, 10 * H, "wait_person_s"], [10 * H, 10 * H + 2, "work_s"]]},
        {"part": "leg", "task": "by-post", "title": {"en": "Post", "vi": "Bưu điện"}, "role": None, "agency": None,
         "spans": [[11 * H, 40 * H, "travel_s"]]},
    ]  # fmt: skip
    told = {"created_s": 9 * H, "finished_s": 40 * H, "median_s": 30 * H, "sender": "P", "recipient": "C",
            "procedure": "paper", "steps": steps}  # fmt: skip
    made["life"] = {
        "replication": 1, "leg": 7, "doc": 3, "flow": "directive", "flow_title": {"en": "Directives", "vi": "Chỉ đạo"},
        "closed": [[17 * H, 31 * H]], "alternatives": dict.fromkeys(list(made["alternatives"])[:2], told),
    }  # fmt: skip
    return made


def asked(made: dict[str, Any]) -> dict[str, Any]:
    """Return what ``congvan explain`` adds: remedies by the fixture's alternatives, one of each kind."""
    names = [name for name in made["alternatives"] if name != made["design"]["base"]]
    kinds = [("person", ""), ("hour", "duty"), ("hop", "")]
    remedies = [
        {"alternative": name, "kind": kind, "level": "commune", "role": "clerk", "agency": "", "agency_name": "",
         "task": "check", "how": how, "agencies": 5, "people": 5, "hours": 5.0}
        for name, (kind, how) in zip(names, kinds, strict=False)
    ]  # fmt: skip
    picked = {**desk("commune", "clerk", "receiving", 4.0), "agency": "", "agency_name": ""}
    missing = {"kind": "hour", "level": "district", "role": "head", "agency_name": "", "why": "present"}
    return {
        "alternative": "paper",
        "desks": [picked],
        "worst": None,
        "remedies": remedies,
        "missing": [missing],
    }


@pytest.fixture(params=["en", "vi"])
def page(request: pytest.FixtureRequest) -> Page:
    """The page in both languages."""
    return Page(render(summary(), fixtures.manifest(), language=request.param))


def test_the_pictures_are_in_the_page(page: Page) -> None:
    """One figure of desks, and one life for each alternative that the run kept one of."""
    assert page.faults == []
    assert len([1 for _, name, value in page.attributes if (name, value) == ("data-figure", "life-0")]) == 1
    assert len([1 for _, name, value in page.attributes if name == "data-figure" and value]) == 2
    assert "Draft <b>" not in page.source


def test_desks_are_ranked_by_the_longest_wait_of_any_alternative() -> None:
    """The first row of the table is the first of the summary, with its share and times asked."""
    made = held_up.held_up(context(summary(), fixtures.manifest(), "en"))
    first = made["folds"][0]["table"]["bodies"][0]["rows"][0]
    assert first["head"] == "Commune · clerk · receiving"
    assert first["cells"][0].startswith("30")
    assert made["folds"][1]["table"]["bodies"][0]["rows"][0]["head"] == "Xã Một"
    assert "Commune · clerk" in made["figures"][0]["svgs"][0].replace("&nbsp;", " ")


def test_a_run_that_does_not_say_who_held_documents_up_says_so() -> None:
    """A summary of an earlier version has no figure and no table, but a sentence."""
    found = context(fixtures.summary(), fixtures.manifest(), "en")
    assert held_up.held_up(found)["empty"]
    assert life.life(found)["empty"]


def test_bars_lie_where_their_moments_are() -> None:
    """All lives share an axis: one hour is as wide in each, and travel follows waiting without overlap."""
    found = context(summary(), fixtures.manifest(), "en")
    for shown in life.life(found)["figures"]:
        svg = shown["svgs"][0]
        bars = [
            (float(x), float(width))
            for x, width in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="12"', svg)
        ]
        assert len(bars) == 3
        (wait_x, wait_width), (work_x, work_width), (travel_x, travel_width) = bars
        assert travel_width == pytest.approx(29 * wait_width, rel=0.01)
        assert work_x == pytest.approx(wait_x + wait_width, abs=0.11)
        assert 1.0 < work_width < 3.0
        assert travel_x == pytest.approx(wait_x + 2 * wait_width, abs=0.11)


def test_without_remedies_the_page_says_how_to_try_them(page: Page) -> None:
    """The command stands where the answer would."""
    assert "congvan explain RUN" in page.text


@pytest.mark.parametrize("language", ["en", "vi"])
def test_remedies_are_told_with_what_they_take_and_whether_they_differ(language: Any) -> None:
    """One of each kind; per person is the change over the people; what is not shown is called noise."""
    made = summary()
    made["explain"] = asked(made)
    table = held_up.help_(context(made, fixtures.manifest(), language))["tables"][0]
    found = {one["alternative"]: one for one in made["comparisons"] if one["metric"] == held_up.METRIC}
    rows = table["bodies"][0]["rows"]
    assert len(rows) == len([one for one in made["explain"]["remedies"] if one["alternative"] in found]) > 0
    assert rows[0]["cells"][0].replace("\u00a0", " ").count("5") >= 1
    page = Page(render(made, fixtures.manifest(), language=language))
    assert page.faults == []
    assert "congvan explain RUN" not in page.text


def test_the_verdict_of_a_remedy_is_holms() -> None:
    """Told from noise, not told from noise, and not tested."""
    made = summary()
    made["explain"] = asked(made)
    entry = next(one for one in made["comparisons"] if one["metric"] == held_up.METRIC)
    for differs, p_holm, shown in (
        (True, 0.01, "yes"),
        (False, 0.4, "within noise"),
        (None, None, "not tested"),
    ):
        entry |= {"differs": differs, "p_holm": p_holm}
        table = held_up.help_(context(made, fixtures.manifest(), "en"))["tables"][0]
        row = next(r for r in table["bodies"][0]["rows"] if r["head"] == _title(made, entry["alternative"]))
        assert row["cells"][-1].startswith(shown)


def _title(made: dict[str, Any], name: str) -> str:
    return str(made["alternatives"][name]["title"]["en"] or made["alternatives"][name]["title"]["vi"])
