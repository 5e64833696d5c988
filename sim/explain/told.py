"""What would help, as lines and table rows for a terminal.

Rule kept here: every change has its interval and Holm's verdict, and what cannot be told from noise is said to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.report.texts import Texts

METRIC = "turnaround_working_s.mean"


def effects(summary: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the comparison of every remedy's mean turnaround in working time, by alternative."""
    return {one["alternative"]: one for one in summary["comparisons"] if one["metric"] == METRIC}


def lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Give what holds documents up most, and what could not be tried."""
    asked, texts = summary["explain"], Texts("en")
    yield f"Held up most in {asked['alternative']!r}, of all waiting for a person:"
    for desk in (*asked["desks"], *([asked["worst"]] if asked["worst"] else [])):
        share = desk["share"]
        half = "?" if share["half_width"] is None else f"{100 * share['half_width']:.1f}"
        where = desk["agency_name"] or texts.name("level", desk["level"])
        stage = (
            f", mostly {texts.name('stage', desk['stage'])}" if desk["stage"] and not desk["agency"] else ""
        )
        yield f"  {where}, {texts.name('role', desk['role'])}{stage}: {100 * share['estimate']:.1f} ± {half} %"
    for one in asked["missing"]:
        where = one["agency_name"] or texts.name("level", one["level"])
        yield "  " + texts(f"help.missing.{one['why']}", where=where, role=texts.name("role", one["role"]))


def rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Give, for every remedy: what, what it takes, change in working days and percent, per added unit, verdict."""
    found, day_s = effects(summary), summary["design"]["day_s"]
    for one in summary["explain"]["remedies"]:
        effect = found.get(one["alternative"])
        if effect is None:
            continue
        units = {"person": one["people"], "hour": one["hours"], "hop": 0}[one["kind"]]
        per = _shown(effect["difference"], 60.0 * units, 2) + " min" if units else "–"
        title = summary["alternatives"][one["alternative"]]["title"]["en"]
        steady = summary["alternatives"][one["alternative"]]["stable"]
        verdict = {None: "not tested", True: "yes", False: "within noise"}[effect["differs"]]
        verdict = verdict if steady else "unstable"
        change, percent = _shown(effect["difference"], day_s, 3), _shown(effect["percent"], 1.0, 1)
        yield title, takes(one), change, percent, per, verdict


def warnings(summary: Mapping[str, Any]) -> Iterator[str]:
    """Give a line for the alternative and every remedy that cannot keep up."""
    for name, one in summary["alternatives"].items():
        if not one["stable"]:
            reasons = "; ".join(reason["en"] for reason in one["unstable_reasons"])
            hint = "what it gains or loses grows with the length of the run"
            yield f"W-UNSTABLE: {name} does not keep up: {reasons}\n    hint: {hint}"


def takes(one: Mapping[str, Any]) -> str:
    """Return how much a remedy takes in all: people, hours a working day, or steps."""
    if one["kind"] == "person":
        return f"{one['people']:,} people" if one["people"] != 1 else "1 person"
    return f"{one['hours']:,.0f} h a day" if one["kind"] == "hour" else "1 hop"


def notes(summary: Mapping[str, Any]) -> Iterator[str]:
    """Give how the hours are had, and what the reader must know of the table."""
    texts = Texts("en")
    for one in summary["explain"]["remedies"]:
        if one["kind"] == "hour":
            how = texts(f"help.takes.hour_{one['how'].split('-')[0]}", people=f"{one['people']:,}",
                        hours=f"{one['hours']:,.0f}")  # fmt: skip
            yield f"{summary['alternatives'][one['alternative']]['title']['en']}: {how}"
    yield "One more person has the same hours, duties and absences as the colleagues. Holm's correction is over the"
    yield "whole table; within noise: these replications do not show a change, which is no proof that there is none."


def _shown(estimate: Mapping[str, Any], scale: float, decimals: int) -> str:
    if estimate["estimate"] is None:
        return "–"
    half = "?" if estimate["half_width"] is None else f"{estimate['half_width'] / scale:.{decimals}f}"
    return f"{estimate['estimate'] / scale:+.{decimals}f} ± {half}"
