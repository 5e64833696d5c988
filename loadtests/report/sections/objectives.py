"""The objectives, each with what decided it, and response times with misses beside those of completed messages.

Rule kept here: every estimate stands with its interval, its bound and the number of samples that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests.report.blocks import View, body, column, english, row, tabled, words
from loadtests.report.context import NBSP, Context, finite, reach
from loadtests.report.figures import outcome_icon
from sim.report.numbers import NONE

PERCENTILES = ("p50", "p90", "p95", "p99", "p999", "max")
_SHOWN_FIRST = ("submit", "journey")


def objectives(context: Context) -> list[View]:
    """Return the table of objectives: estimate, interval, bound, samples, and how each was decided."""
    texts = context.texts
    confidence = next((one.get("confidence") for one in context.rows("objectives")), None)
    columns = [
        column(texts("objectives.objective")),
        column(texts("objectives.decided"), left=True, short=True),
        column(
            texts("objectives.estimate"), texts("objectives.confidence", percent=context.part(confidence))
        ),
        column(texts("objectives.bound")),
        column(texts("objectives.samples"), texts("objectives.needed")),
        column(texts("objectives.misses")),
        english(column(texts("objectives.how"), left=True)),
    ]
    rows = []
    for one in context.rows("objectives"):
        met = one.get("met")
        outcome = "INCONCLUSIVE" if met is None else "PASS" if met else "FAIL"
        cells = [
            texts(f"objectives.{outcome}"),
            _estimate(context, one),
            _bound(context, one),
            f"{context.count(one.get('samples'))}\n{context.count(one.get('samples_needed'))}",
            context.count(one.get("misses")),
            " · ".join(str(one[key]) for key in ("why", "method") if one.get(key)),
        ]
        rows.append(row(str(one.get("text", "")).replace(" ", NBSP), cells, mark=outcome_icon(outcome)))
    if not rows:
        return [] if context.get("search") else [words(texts("objectives.none"))]
    notes = [texts("objectives.note")]
    if context.get("verdict.outcome") == "INVALID":
        notes.insert(0, texts("objectives.invalid"))
    return tabled(texts("objectives.caption"), columns, [body(rows)], notes, wide=True)


def is_share(one: Mapping[str, Any]) -> bool:
    """Return whether an objective is about the share of misses, not about a time."""
    return str(one.get("step", "")) == "failed"


def _estimate(context: Context, one: Mapping[str, Any]) -> str:
    """Return an objective's estimate and, below it, its interval; an end among the misses is told in words."""
    if is_share(one):
        keys, shown = ("share", "share_low", "share_high"), context.part
    else:
        keys, shown = (
            ("estimate_s", "low_s", "high_s"),
            lambda value: context.answered(value, one.get("samples")),
        )
    middle, low, high = (one.get(key) for key in keys)
    if not finite(low) and not finite(high):
        key = "words.all_missing" if one.get("samples") else "words.unknown_interval"
        return f"{shown(middle)}\n{context.texts(key)}"
    if not finite(high):
        return f"{shown(middle)}\n{context.texts('words.at_least', low=shown(low))}"
    return f"{shown(middle)}\n{context.between(shown(low), shown(high))}"


def _bound(context: Context, one: Mapping[str, Any]) -> str:
    """Return what an objective asks for: the bound, and which share may be above it."""
    allowed = context.part(one.get("share_allowed"))
    if is_share(one):
        return allowed
    told = "" if allowed == NONE else "\n" + context.texts("objectives.allowed", share=allowed)
    return context.time(one.get("bound_s")) + told


def glance(context: Context) -> list[View]:
    """Return response times with misses beside those of completed messages only."""
    texts = context.texts
    asked = [str(one.get("step")) for one in context.rows("objectives")]
    steps = context.steps
    shown = [key for key in dict.fromkeys([*_SHOWN_FIRST, *asked]) if key in steps]
    columns = [column(texts("glance.step")), *(column(texts(f"percentiles.{key}")) for key in PERCENTILES),
               column(texts("glance.samples"))]  # fmt: skip
    bodies = []
    for key in shown:
        one = steps[key]
        samples = one.get("count")
        all_ = [context.answered(reach(one, f"response_s.{name}"), samples) for name in PERCENTILES]
        done = [context.time(reach(one, f"completed_s.{name}")) for name in PERCENTILES]
        rows = [
            row(texts("glance.with_misses"), [*all_, context.count(one.get("count"))]),
            row(texts("glance.completed"), [*done, context.count(completed_count(one))]),
        ]
        bodies.append(body(rows, context.step(key)))
    return tabled(texts("glance.caption"), columns, bodies, [texts("glance.note")])


def completed_count(one: Mapping[str, Any]) -> Any:
    """Return how many of a step's samples were completed: all but the misses."""
    count, missed = one.get("count"), one.get("missed")
    return count - missed if count is not None and missed is not None else count
