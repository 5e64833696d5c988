"""Capacity in the planner's words, the search for it, and comparisons of runs.

Rule kept here: a capacity stands at its stated fan-out, sizes and store fill, beside a number whose source and grade
are told; a ceiling that is the generator's is "at least"; "no difference above x %" is a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from loadtests.report import figures
from loadtests.report.blocks import View, body, column, drawn, english, items, row, tabled, words
from loadtests.report.context import Context, finite
from loadtests.report.figures import outcome_icon
from loadtests.report.keys import line_mark, met_key
from sim.report.marks import chip, colour
from sim.report.numbers import NONE
from sim.report.svg import INK


def capacity(context: Context) -> list[View]:
    """Return each capacity beside the same unit of a province and of the national axis."""
    texts, rows = context.texts, context.rows("capacity")
    if not rows:
        return [words(texts("capacity.empty"))]
    columns = [
        column(texts("capacity.beside")),
        column(texts("capacity.value")),
        column(texts("capacity.ratio")),
        column(texts("capacity.grade"), left=True, short=True),
        english(column(texts("capacity.source"), left=True)),
    ]
    bodies = [body(_capacity_rows(context, one), _unit(context, one)) for one in rows]
    key = [
        {"mark": line_mark(colour(1), shape="circle"), "text": texts("capacity.key_here")},
        {"mark": line_mark(INK, shape="diamond"), "text": texts("capacity.key_beside")},
    ]
    figures_ = []
    for place, one in enumerate(rows):
        caption = texts("capacity.figure_of", unit=_unit(context, one))
        figures_ += drawn(figures.capacity(context, one), caption, key if place == 0 else [])
    stated = _stated(context, rows)
    notes = [texts("capacity.note")]
    return [*([words(stated)] if stated else []), *figures_,
            *tabled(texts("capacity.caption"), columns, bodies, notes, wide=True)]  # fmt: skip


def _unit(context: Context, one: Mapping[str, Any]) -> str:
    name = context.texts.name("capacity", one.get("what", ""))
    unit = context.texts.name("capacity_unit", one.get("unit", ""))
    return f"{name} ({unit})" if unit else name


def _capacity_rows(context: Context, one: Mapping[str, Any]) -> list[View]:
    texts = context.texts
    here = context.figure(one.get("here"))
    ends = [context.figure(one.get(key)) for key in ("low", "high")]
    if one.get("at_least"):
        here = texts("capacity.at_least", value=here)
    if ends != [NONE, NONE]:
        here += "\n" + context.between(*ends)
    cells = [here, NONE, texts("capacity.measured"), str(one.get("how") or "")]
    rows = [row(texts("capacity.here"), cells, mark=line_mark(colour(1), shape="circle"))]
    for other in one.get("beside") or []:
        grade = str(other.get("grade") or "unstated")
        cells = [
            _with_range(context, other, "value", ("low", "high")),
            _with_range(context, other, "ratio", ("ratio_low", "ratio_high"), times=True),
            texts.name("grade", grade),
            str(other.get("source") or NONE),
        ]
        flag = texts("capacity.assumption") if grade == "assumed" else ""
        rows.append(row(texts.title(other.get("name")), cells, flag=flag))
    return rows


def _with_range(
    context: Context, one: Mapping[str, Any], key: str, ends: tuple[str, str], *, times: bool = False
) -> str:
    """Return a number and, below it, its range where that is wider than the number."""
    shown = context.figure(one.get(key))
    low, high = (one.get(end) for end in ends)
    if times and shown != NONE:
        shown = context.texts("capacity.times", n=shown)
    if not (finite(low) and finite(high)) or low == high:
        return shown
    return f"{shown}\n{context.between(context.figure(low), context.figure(high))}"


def _stated(context: Context, rows: Sequence[Mapping[str, Any]]) -> str:
    stated = next((one["stated"] for one in rows if isinstance(one.get("stated"), Mapping)), None)
    if stated is None:
        return ""
    return context.texts(
        "capacity.stated",
        fan_out=context.figure(stated.get("fan_out")),
        size=context.bytes(stated.get("size_bytes_mean")),
        store=context.count(stated.get("store_messages")),
    )


# --- search -------------------------------------------------------------------------------------------------


def search(context: Context) -> list[View]:
    """Return how the capacity was searched: every probe in order, and what came out."""
    texts, found = context.texts, context.get("search", {})
    columns = [
        column(texts("search.probe")),
        column(texts("search.outcome"), left=True, short=True),
        column(texts("search.rate")),
        column(texts("search.achieved")),
        column(texts("search.p99"), texts("search.interval_column")),
        column(texts("search.seed")),
        english(column(texts("search.text"), left=True)),
    ]
    rows = []
    for place, one in enumerate(context.rows("search.probes"), 1):
        outcome = str(one.get("outcome", ""))
        ends = context.between(context.time(one.get("low_s")), context.time(one.get("high_s")))
        cells = [
            texts.name("outcome", outcome),
            context.rate(one.get("rate")),
            context.rate(one.get("achieved_per_s")),
            context.answered(one.get("p99_s"), True) + ("" if ends == NONE else f"\n{ends}"),
            str(one.get("seed", NONE)),
            str(one.get("text") or ""),
        ]
        rows.append(
            row(f"{place} {texts.name('phase', one.get('phase', ''))}", cells, mark=outcome_icon(outcome))
        )
    facts = _search_facts(context, found)
    held = found.get("objective")
    asked = [held] if isinstance(held, str) else list(held or [])
    return [
        *([words(texts("search.objective", text=" · ".join(str(one) for one in asked)))] if asked else []),
        *([words(str(found["text"]), language="en")] if found.get("text") else []),
        *tabled(
            texts("search.facts"),
            [column(texts("search.what")), column(texts("reproduce.value"))],
            [body(facts)],
        ),
        *drawn(figures.probes(context), texts("search.figure"), met_key(context)),
        *tabled(texts("search.probes"), columns, [body(rows)], [texts("search.note")], wide=True),
    ]


def _search_facts(context: Context, found: Mapping[str, Any]) -> list[View]:
    texts = context.texts
    ends = found.get("interval") or [None, None]
    least = texts("search.flag_at_least") if found.get("at_least") else ""
    return [
        row(texts("search.last_pass"), [context.rate(found.get("last_pass"))], flag=least),
        row(texts("search.first_fail"), [context.rate(found.get("first_fail"))]),
        row(texts("search.interval"), [context.between(context.rate(ends[0]), context.rate(ends[-1]))]),
        row(texts("search.ceiling"), [context.rate(found.get("ceiling"))], note=texts("search.ceiling_note")),
        row(texts("search.confirm"), [_confirmed(context, found)]),
    ]


def _confirmed(context: Context, found: Mapping[str, Any]) -> str:
    shown = context.time(found.get("confirm_s"))
    if finite(found.get("confirm_seeds")):
        shown += "\n" + context.texts("search.seeds", n=context.count(found["confirm_seeds"]))
    confirmed = found.get("confirmed")
    return (
        shown
        if confirmed is None
        else f"{shown}\n{context.texts('search.yes' if confirmed else 'search.no')}"
    )


# --- comparison ---------------------------------------------------------------------------------------------


def comparison(context: Context, found: Mapping[str, Any]) -> list[View]:
    """Return ratios of metrics between two sides, with intervals and noise, and the runs compared.

    Args:
        context: The run, or the comparison.
        found: ``first``, ``second``, ``alpha``, ``cautions``, ``differences``, ``runs``, ``left_out``.
    """
    texts = context.texts
    rows = [one for one in found.get("differences") or [] if isinstance(one, Mapping)]
    if not rows:
        return [words(texts("compare.empty"))]
    first, second = (str(found.get(key) or NONE) for key in ("first", "second"))
    sides = texts("compare.sides", first=first, second=second, alpha=context.part(found.get("alpha")))
    columns = [
        column(texts("compare.metric")),
        column(texts("compare.told"), left=True, short=True),
        column(first, texts("compare.median")),
        column(second, texts("compare.median")),
        column(texts("compare.ratio"), texts("compare.interval")),
        column(texts("compare.p")),
        column(texts("compare.noise")),
        english(column(texts("compare.text"), left=True)),
    ]
    table = [row(texts.name("metric", one.get("metric", "")), _difference(context, one)) for one in rows]
    key = [
        {"mark": chip(figures.NOISE_FILL), "text": texts("compare.key_noise")},
        {"mark": line_mark(colour(1), shape="circle"), "text": texts("compare.key_told")},
        {"mark": line_mark(colour(1), shape="circle", hollow=True), "text": texts("compare.key_none")},
    ]
    cautions = [str(one) for one in found.get("cautions") or []]
    left_out = [str(one) for one in found.get("left_out") or []]
    return [
        words(sides),
        *([items(cautions, language="en")] if cautions else []),
        *drawn(figures.ratios(context, rows), texts("compare.figure"), key),
        *tabled(texts("compare.caption"), columns, [body(table)], [texts("compare.note")], wide=True),
        *([words(texts("compare.left_out", names=", ".join(left_out)))] if left_out else []),
        *_runs(context, found.get("runs")),
    ]


def _difference(context: Context, one: Mapping[str, Any]) -> list[str]:
    """Return the cells of one metric."""
    texts = context.texts
    ratio, ends = context.figure(one.get("ratio")), [context.figure(one.get(key)) for key in ("low", "high")]
    noise = one.get("noise")
    return [
        texts.name("told", one.get("told", "")),
        *(_median(context, one.get(side)) for side in ("first", "second")),
        ratio if ends == [NONE, NONE] else f"{ratio}\n{context.between(*ends)}",
        _p_value(context, one.get("p")),
        texts("compare.within", percent=context.part(noise)) if finite(noise) else NONE,
        str(one.get("text") or ""),
    ]


def _median(context: Context, values: Any) -> str:
    known = [value for value in values or [] if finite(value)]
    if not known:
        return NONE
    return (
        f"{context.figure(median(known))}\n{context.texts('compare.runs_of', n=context.count(len(values)))}"
    )


def _p_value(context: Context, value: Any) -> str:
    if not finite(value):
        return NONE
    return context.numbers.plain(value, 3) if value >= 0.001 else "<" + context.numbers.plain(0.001, 3)


def _runs(context: Context, runs: Any) -> list[View]:
    """Return the folders of the runs of each side."""
    texts = context.texts
    rows = [
        row(str(side), ["\n".join(str(one) for one in paths)]) for side, paths in dict(runs or {}).items()
    ]
    columns = [column(texts("compare.side")), column(texts("compare.runs"), left=True)]
    return tabled(texts("compare.runs"), columns, [body(rows)], wide=True)
