"""Response: against the rate, as a percentile spectrum, over the time of the run; and how late the generator was.

Rule kept here: response runs from the intended time; what got no answer counts, and has a place of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests.report import figures, over_time
from loadtests.report.blocks import View, body, column, drawn, items, row, tabled, words
from loadtests.report.context import STEPS, Context, finite, reach
from loadtests.report.keys import line_mark, met_key
from loadtests.report.plot import RED
from loadtests.report.sections.objectives import is_share
from loadtests.report.timeline import FAULT_FILL, fault_name, series
from sim.report.marks import chip, colour, dash

_SPECTRUM_MOST = 6  # lines in one figure: as many as there are styles
_SPECTRUM_FIRST = ("submit", "journey", "available", "acknowledged", "receipt", "sign", "accepted")


def bounds(context: Context, step: str) -> list[tuple[str, float, float]]:
    """Return (text, percentile, bound in seconds) of the objectives about a step's time."""
    return [
        (str(one.get("text", "")), float(reach(one, "percentile", 100.0)), float(one["bound_s"]))
        for one in context.rows("objectives")
        if one.get("step") == step and finite(one.get("bound_s")) and not is_share(one)
    ]


def judged_step(context: Context) -> str:
    """Return the step of the first objective about a time, else the submission."""
    timed = [one for one in context.rows("objectives") if not is_share(one) and one.get("step")]
    return str(timed[0]["step"]) if timed else "submit"


def rate(context: Context) -> list[View]:
    """Return response against rate: from the probes of a search, or from the stages of a stepped run."""
    texts = context.texts
    probes, stages = context.rows("search.probes"), context.rows("stages")
    probes = [one for one in probes if not figures.ceiling(one)]
    step = judged_step(context) if probes else "submit"
    limits = [(text, bound) for text, _, bound in bounds(context, step)]
    if probes:
        key = met_key(context)
        note = texts("rate.probes_note", step=context.step(step))
        return drawn(figures.rate_curve(context, probes, limits), texts("rate.figure"), key, note=note)
    rates = {row["rate_per_s"] for row in stages if finite(row.get("rate_per_s"))}
    if len(rates) < 2:
        return [words(texts("rate.one"))]
    points = [{**row, "rate": row.get("rate_per_s")} for row in stages]
    svg = figures.rate_curve(context, points, limits)
    return [*drawn(svg, texts("rate.figure"), note=texts("rate.stages_note")), *_stages(context, stages)]


def _stages(context: Context, stages: list[Mapping[str, Any]]) -> list[View]:
    texts = context.texts
    names = ("name", "time", "offered", "completed", "p99", "misses")
    rows = [
        row(
            texts.name("stage", one.get("name", "")),
            [
                context.between(context.time(one.get("from_s")), context.time(one.get("until_s"))),
                context.rate(one.get("rate_per_s")),
                context.rate(one.get("completed_per_s")),
                context.answered(one.get("p99_s"), True),
                context.count(one.get("misses")),
            ],
        )
        for one in stages
    ]
    columns = [column(texts(f"stages.{name}")) for name in names]
    return tabled(texts("stages.caption"), columns, [body(rows)], [texts("stages.note")])


def spectrum(context: Context) -> list[View]:
    """Return the percentile spectrum of the steps that were timed from the intended time."""
    texts, found = context.texts, context.get("spectrum", {})
    chosen = [key for key in (*_SPECTRUM_FIRST, *sorted({*found} - {*STEPS})) if key in found][
        :_SPECTRUM_MOST
    ]
    steps = sorted(chosen, key=lambda key: STEPS.index(key) if key in STEPS else len(STEPS))
    limits = [limit for step in steps for limit in bounds(context, step)]
    key = [{"mark": swatch_line(index), "text": context.step(step)} for index, step in enumerate(steps)]
    svg = figures.spectrum(context, steps, limits)
    return drawn(svg, texts("spectrum.figure"), key, note=texts("spectrum.note")) or [
        words(texts("spectrum.empty"))
    ]


def swatch_line(index: int) -> str:
    """Return the line style of a step in the spectrum."""
    return line_mark(colour(index), " ".join(map(str, dash(index))) if index else "none")


def over(context: Context) -> list[View]:
    """Return the heat map, response and load over time, and the table of faults."""
    texts = context.texts
    svg, classes = over_time.heat(context)
    fills = [{"mark": chip(fill), "text": _classed(context, low, high)} for fill, low, high in classes]
    misses = [{"mark": chip(over_time.MISS_HEAT[1]), "text": texts("time.key_misses")}] if classes else []
    limits = [(text, bound) for text, _, bound in bounds(context, "submit")]
    lines = [
        {"mark": line_mark(over_time.MEDIAN), "text": texts("time.key_p50")},
        {"mark": line_mark(over_time.HIGH, "7 3"), "text": texts("time.key_p99")},
        {"mark": chip(RED), "text": texts("time.key_misses")},
    ]
    load = [
        {"mark": chip("#c8d9e4"), "text": texts("time.key_offered")},
        {"mark": line_mark(over_time.DONE), "text": texts("time.key_done")},
        {"mark": line_mark(RED, "3 2"), "text": texts("time.key_failed")},
    ]
    shaded = [{"mark": chip(FAULT_FILL), "text": texts("time.key_fault")}] if context.faults else []
    grouped = (
        texts("time.grouped", step=context.time(series(context).step_s)) if series(context).step_s > 1 else ""
    )
    blocks = [
        *drawn(svg, texts("time.heat"), [*fills, *misses], note=texts("time.heat_note") if classes else ""),
        *drawn(over_time.response(context, limits), texts("time.response"), [*lines, *shaded], note=grouped),
        *drawn(over_time.load(context), texts("time.load"), [*load, *shaded]),
        *_faults(context),
    ]
    return blocks or [words(texts("time.empty"))]


def _classed(context: Context, low: int, high: int) -> str:
    return context.count(low) if low == high else context.between(context.count(low), context.count(high))


def _faults(context: Context) -> list[View]:
    """Return what each fault did: when it was noticed, when all was well again, what was lost."""
    texts = context.texts
    if not context.faults:
        return [words(texts("faults.none"))] if context.get("series.second_s") else []
    names = ("fault", "time", "detected", "recovered", "misses", "slow")
    columns = [column(texts(f"faults.{name}")) for name in names]
    columns.append({**column(texts("faults.detail"), left=True), "lang": "en"})
    rows = []
    for place, one in enumerate(context.faults, 1):
        at = one.get("at_s")
        rows.append(
            row(
                f"{place} {fault_name(context, one)}",
                [
                    context.between(context.time(at), context.time(one.get("until_s"))),
                    _after(context, one.get("detected_s")),
                    _after(context, one.get("recovered_s")),
                    context.count(one.get("misses")),
                    context.time(one.get("slow_s")),
                    str(one.get("detail") or ""),
                ],
            )
        )
    return tabled(texts("faults.caption"), columns, [body(rows)], [texts("faults.note")], wide=True)


def _after(context: Context, value: Any) -> str:
    return context.time(value) if finite(value) else context.texts("faults.never")


def lateness(context: Context) -> list[View]:
    """Return how late the generator itself was: against the bound that makes a run invalid."""
    texts, generator = context.texts, context.get("generator", {})
    bound = generator.get("lateness_bound_s")
    found = generator.get("lateness_s", {})
    sentence = texts(
        "lateness.sentence",
        p50=context.time(found.get("p50")),
        p99=context.time(found.get("p99")),
        max=context.time(found.get("max")),
    )
    if finite(bound):
        sentence += " " + texts("lateness.against", bound=context.time(bound))
    stalls = [
        texts("lateness.stall", worker=worker.get("worker", ""), at=context.time(at), late=context.time(late))
        for worker in context.rows("generator.workers")
        for at, late in worker.get("stalls") or []
    ]
    shaded = [{"mark": chip(FAULT_FILL), "text": texts("time.key_fault")}] if context.faults else []
    svg = over_time.lateness(context, float(bound) if bound is not None and finite(bound) else None)
    key = [{"mark": line_mark(over_time.HIGH), "text": texts("lateness.key")}, *shaded]
    return [
        words(sentence),
        *drawn(svg, texts("lateness.figure"), key),
        *(
            [words(texts("lateness.stalls")), items(stalls)]
            if stalls
            else [words(texts("lateness.no_stalls"))]
        ),
    ]
