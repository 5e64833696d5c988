"""Who holds documents up, and what would help there.

Rule kept here: waits are shown where they were asked for, largest first, as the summary ranks them; a remedy is told
with what it takes, and one whose effect cannot be told from noise is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report import pictures
from sim.report.context import Alternative, Context
from sim.report.numbers import NONE, SHARE, Unit
from sim.report.tables import View, alternatives_key, body, column, figure, row, table

DESKS = 10  # rows of the figure
ALTERNATIVES = 6  # shown, the base first: as many as there are colours
METRIC = "turnaround_working_s.mean"


def held_up(context: Context) -> View:
    """Return the waits for a person by level, role and stage, and by single desk."""
    texts = context.texts
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    names: dict[str, str] = {}
    longest: dict[str, float] = {}
    shown_of = context.alternatives[:ALTERNATIVES]
    for each in shown_of:
        for desk in _rows(each, "by_desk"):
            key = "/".join((desk["level"], desk["role"], desk["stage"]))
            names[key] = _desk(context, desk)
            found.setdefault(each.key, {})[key] = desk["wait_person_s"]
            longest[key] = max(longest.get(key, 0.0), desk["wait_person_s"]["estimate"] or 0.0)
    if not names:
        return {"figures": [], "tables": [], "empty": texts("held_up.none")}
    shown = sorted(names, key=lambda key: -longest[key])[:DESKS]
    unit = context.numbers.time_unit([longest[shown[len(shown) // 2]]], working=False)
    svg = pictures.held_up(context, [(key, names[key]) for key in shown], found, unit)
    caption = texts("held_up.figure", confidence=context.confidence)
    all_ = len(context.alternatives)
    more = [texts("life.more", n=len(shown_of), all=all_)] if len(shown_of) < all_ else []
    folds = [
        {"title": texts(f"held_up.{kind}", name=context.label(each)), "table": make(context, each, unit), "open": False}
        for each in shown_of if _rows(each, "by_desk")
        for kind, make in (("by_desk", _by_desk), ("by_agency", _by_agency))
    ]  # fmt: skip
    marks = alternatives_key(context)[:ALTERNATIVES]
    return {"figures": [figure(svg, caption, marks)], "tables": [], "folds": folds, "paragraphs": more}


def _rows(alternative: Alternative, kind: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (alternative.data.get("held_up") or {}).get(kind) or []
    return found


def _desk(context: Context, desk: Mapping[str, Any]) -> str:
    names = (context.texts.name(group, desk[group]) for group in ("level", "role", "stage"))
    return " · ".join(names)


def _by_desk(context: Context, alternative: Alternative, unit: Unit) -> View:
    texts, numbers = context.texts, context.numbers
    name = numbers.unit(unit)
    rows = [
        row(_desk(context, desk), [
            numbers.estimate(desk["share"], SHARE), numbers.estimate(desk["wait_person_s"], unit),
            numbers.estimate(desk["work_s"], unit), numbers.estimate(desk["wait_office_s"], unit),
            numbers.estimate(desk["visits"]),
        ])
        for desk in _rows(alternative, "by_desk")
    ]  # fmt: skip
    columns = [
        column(texts("held_up.desk")), column(texts("held_up.share"), "%"),
        column(texts("held_up.wait_person"), name), column(texts("held_up.work"), name),
        column(texts("held_up.wait_office"), name), column(texts("held_up.visits")),
    ]  # fmt: skip
    return table("", columns, [body(rows)])


def _by_agency(context: Context, alternative: Alternative, unit: Unit) -> View:
    del unit  # a single desk holds a small part of the mean delivery: its share says more
    texts, numbers = context.texts, context.numbers
    rows = [
        row(str(desk.get("agency_name") or desk["agency"]),
            [texts.name("role", desk["role"]), numbers.estimate(desk["share"], SHARE)])
        for desk in _rows(alternative, "by_agency")
    ]  # fmt: skip
    columns = [
        column(texts("held_up.agency")),
        column(texts("held_up.role"), left=True),
        column(texts("held_up.share"), "%"),
    ]
    return table("", columns, [body(rows)])


# --- what would help ----------------------------------------------------------------------------------------


def help_(context: Context) -> View:
    """Return what was tried at the desks that hold documents up most; without that, how to try it."""
    texts = context.texts
    asked = context.summary.get("explain")
    if not asked:
        command = {"text": texts("help.hint"), "code": "congvan explain RUN"}
        return {"figures": [], "tables": [], "commands": [command]}
    effects = {one["alternative"]: one for one in context.summary["comparisons"] if one["metric"] == METRIC}
    tried = {
        one["alternative"]: {**one, "effect": effects[one["alternative"]]}
        for one in asked["remedies"] if one["alternative"] in effects
    }  # fmt: skip
    names = {key: context.title_of(key) for key in tried}
    unit = context.unit_of([one["effect"]["difference"] for one in tried.values()], working=True)
    svg = pictures.help_(context, names, tried, unit)
    return {
        "items": _told(context, asked),
        "figures": [figure(svg, texts("help.figure", confidence=context.confidence))],
        "tables": [_tried(context, names, tried, unit)],
        "empty": texts("help.none"),
    }


def _told(context: Context, asked: Mapping[str, Any]) -> list[str]:
    """Return what holds documents up most, and what could not be tried."""
    texts, numbers = context.texts, context.numbers
    desks = [*asked["desks"], *([asked["worst"]] if asked["worst"] else [])]
    lines = [
        texts("help.held", name=asked["alternative"], where=desk["agency_name"] or texts.name("level", desk["level"]),
              role=texts.name("role", desk["role"]), share=numbers.percent(desk["share"]))
        for desk in desks
    ]  # fmt: skip
    return lines + [
        texts(f"help.missing.{one['why']}", where=one["agency_name"] or texts.name("level", one["level"]),
              role=texts.name("role", one["role"]))
        for one in asked["missing"]
    ]  # fmt: skip


def _tried(context: Context, names: Mapping[str, str], tried: Mapping[str, Any], unit: Unit) -> View:
    """Return what each remedy takes and brings."""
    texts, numbers = context.texts, context.numbers
    added = {
        key: {"person": one["people"], "hour": one["hours"]}.get(one["kind"]) for key, one in tried.items()
    }
    each_s = [
        one["effect"]["difference"]["estimate"] / added[key]
        for key, one in tried.items() if added[key] and one["effect"]["difference"].get("estimate") is not None
    ]  # fmt: skip
    small = numbers.time_unit([max((abs(value) for value in each_s), default=0.0)], working=True)
    rows = []
    for key, one in tried.items():
        effect, count = one["effect"], added[key]
        per = (
            numbers.estimate(effect["difference"], Unit(small.key, small.size * count), sign=True)
            if count
            else NONE
        )
        rows.append(row(names[key], [
            takes(context, one), numbers.estimate(effect["difference"], unit, sign=True),
            numbers.estimate(effect["percent"], sign=True), per, _verdict(context, effect),
        ]))  # fmt: skip
    columns = [
        column(texts("help.remedy")), column(texts("help.takes_head"), left=True),
        column(texts("help.change"), numbers.unit(unit)), column(texts("help.percent"), "%"),
        column(texts("help.per"), numbers.unit(small)), column(texts("help.verdict"), left=True),
    ]  # fmt: skip
    return table(texts("help.table"), columns, [body(rows)], notes=[texts("help.note")])


def takes(context: Context, one: Mapping[str, Any]) -> str:
    """Return what a remedy takes, in words."""
    how = f"hour_{one['how'].split('-')[0]}" if one["kind"] == "hour" else one["kind"]
    plain = context.numbers.plain
    return context.texts(f"help.takes.{how}", people=plain(one["people"]), hours=plain(one["hours"], 0),
                         agencies=plain(one["agencies"]))  # fmt: skip


def _verdict(context: Context, effect: Mapping[str, Any]) -> str:
    if effect.get("differs") is None:
        return context.texts("help.untested")
    p = effect["p_holm"]
    shown = "<" + context.numbers.plain(0.001, 3) if p < 0.001 else context.numbers.plain(p, 3)
    return context.texts("help.yes" if effect["differs"] else "help.no", p=shown)
