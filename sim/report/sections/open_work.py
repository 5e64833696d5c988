"""Open work over time, whether it keeps growing, and whether the warm-up was long enough.

Rule kept here: an office that is asked for more than it has time for is named in every kind of run; a terminating
one has no steady state, so there it is neither steady nor unstable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sim.report import open_work as figures
from sim.report.context import Alternative, Context
from sim.report.numbers import NONE
from sim.report.tables import View, alternative_row, alternatives_key, body, column, figure, table


def open_work(context: Context) -> View:
    """Return open work over time and its growth."""
    texts, numbers = context.texts, context.numbers
    steady = context.design.get("kind") != "terminating"
    verdict = {True: "stable" if steady else "terminating", False: "unstable"}
    rows = [
        alternative_row(
            context,
            a,
            [
                numbers.estimate(a.data.get("growth_per_week"), sign=True),
                texts(f"open.{verdict[a.stable]}"),
                "\n".join(texts.title(reason) for reason in _reasons(a)) or NONE,
            ],
        )
        for a in context.alternatives
    ]
    columns = [
        column(texts("answer.alternative")),
        column(texts("open.growth"), texts("open.growth_unit")),
        column(texts("open.verdict"), left=True),
        column(texts("open.reasons"), left=True),
    ]
    welch = texts("open.welch") if figures.has_welch(context) else ""
    caption = texts("open.figure", confidence=context.confidence, welch=welch)
    tables = [table(texts("open.table"), columns, [body(rows)])]
    return {
        "items": [texts("open.named", name=a.title, text=text) for a, text in _named(context)],
        "figures": [figure(figures.open_work(context), caption, alternatives_key(context))],
        "tables": [*tables, _warm_up(context)] if welch else tables,
    }


def _reasons(alternative: Alternative) -> list[Any]:
    """Return why an alternative is unstable, or who is asked for too much in a period that ends."""
    data = alternative.data
    return [*data.get("unstable_reasons", []), *data.get("overload_notes", [])]


def _named(context: Context) -> Iterator[tuple[Alternative, str]]:
    """Give what must not be missed: overloads of a terminating run, and a warm-up that is too short."""
    for each in context.alternatives:
        for note in each.data.get("overload_notes", []):
            yield each, context.texts.title(note)
        found = each.data.get("warm_up") or {}
        if found.get("enough") is False:
            yield each, context.texts.title(found.get("text"))


def _warm_up(context: Context) -> View:
    """Return the warm-up that was simulated beside the one that MSER-5 advises."""
    texts, numbers = context.texts, context.numbers
    rows = []
    for each in context.alternatives:
        found = each.data.get("warm_up") or {}
        weeks = [numbers.plain(found.get(key)) for key in ("configured_weeks", "mser5_weeks")]
        rows.append(alternative_row(context, each, [*weeks, texts.title(found.get("text")) or NONE]))
    columns = [
        column(texts("answer.alternative")),
        column(texts("open.configured"), texts("open.weeks")),
        column(texts("open.advised"), texts("open.weeks")),
        column(texts("open.finding"), left=True),
    ]
    return table(texts("open.warm_up_table"), columns, [body(rows)], notes=[texts("open.warm_up_note")])
