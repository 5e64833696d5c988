"""The first screen: what was run, the answer in one sentence, what is unstable, what is still open.

Rule kept here: no sentence claims a steady turnaround for an alternative that cannot keep up, and every number
has both its ranges, simulation noise and the spread over the assumptions, or says that it has the first only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.report.context import Alternative, Context
from sim.report.numbers import NONE, ONE, SHARE, Numbers, Unit
from sim.report.sections import ranges
from sim.report.tables import View, alternative_row, body, column, table

_REASONS_MAX = 3  # in the banner; all of them stand with the figure of open work
HEADLINE = "turnaround_working_s"
RELATIVE = ONE  # comparisons[].percent is in percent, such as -37.0, not in parts of one


def head(context: Context) -> View:
    """Return title, question and the facts of the run."""
    scenario, design, texts = context.summary["scenario"], context.design, context.texts
    numbers = context.numbers
    base = design.get("base")
    names = [texts("facts.base", title=a.title) if a.key == base else a.title for a in context.alternatives]
    days, count = int(design["measured_working_days"]), int(design["replications"])
    measured = texts(
        "facts.measured_value",
        days=texts.count("facts.working_days", days, numbers.plain(days)),
        replications=texts.count("facts.replications", count, numbers.plain(count)),
    )
    period = texts(
        "facts.period_value",
        start=numbers.date(design["start"]),
        **{"from": numbers.date(design["measured_from"]), "to": numbers.date(design["measured_to"])},
        warm_up=numbers.duration(design["warm_up_s"], working=False),
        cool_down=numbers.duration(design["cool_down_s"], working=False),
    )
    size = texts(
        "facts.size_value",
        agencies=numbers.plain(design["agencies"]),
        people=numbers.plain(design["people"]),
        hours=numbers.plain(design["day_s"] / 3600),
    )
    facts = [
        ("facts.alternatives", " · ".join(names)),
        ("facts.measured", measured),
        ("facts.period", period),
        ("facts.kind", texts.name("kind", design["kind"])),
        ("facts.assumptions", _inputs(context)),
        ("facts.precision", ranges.precision(context)[0]),
        ("facts.seed", str(design["seed"])),
        ("facts.network", texts.name("network", scenario.get("network", ""))),
        ("facts.size", size),
    ]
    other_language, other = texts.other_title(scenario.get("title"))
    return {
        "title": texts.title(scenario.get("title"), scenario.get("id", "")),
        "other_title": other,
        "other_language": other_language,
        "question": texts.title(scenario.get("question")),
        "facts": [{"name": texts(key), "value": value} for key, value in facts if value],
    }


def _inputs(context: Context) -> str:
    """Return whether the uncertain inputs were fixed or drawn, and how often."""
    found, texts, numbers = ranges.drawn(context), context.texts, context.numbers
    if found is None:
        return texts("facts.assumptions_fixed")
    fields = {"varied": numbers.plain(found["varied"]), "draws": numbers.plain(found["draws"])}
    return texts("facts.assumptions_sampled", **fields)


def comparison(context: Context, key: str, metric: str = HEADLINE + ".mean") -> Mapping[str, Any] | None:
    """Return the comparison of an alternative with the base in one metric."""
    for each in context.summary.get("comparisons", []):
        if (each["baseline"], each["alternative"], each["metric"]) == (context.design["base"], key, metric):
            found: Mapping[str, Any] = each
            return found
    return None


def _headline(context: Context) -> Mapping[str, Any] | None:
    """Return the comparison that the answer tells: of the first alternative that may be compared with the base."""
    base = context.alternative(context.design["base"])
    if base is None or not base.stable:
        return None
    for other in context.alternatives:
        found = comparison(context, other.key)
        if other.stable and found and found["difference"].get("estimate") is not None:
            return found
    return None


def _sentence(context: Context, found: Mapping[str, Any] | None) -> str:
    """Return the answer in one sentence; of an alternative alone where there is nothing to compare."""
    texts = context.texts
    base = context.alternative(context.design["base"])
    others = [a for a in context.alternatives if a is not base]
    other = context.alternative(found["alternative"]) if found else None
    if base is not None and other is not None and found is not None:
        return _compared(context, base, other, found)
    if base is not None and not others:
        return _single(context, base)
    steady = next((a for a in others if a.stable), None)
    if base is None or not base.stable:
        lead = texts("answer.base_unstable", baseline=context.title_of(context.design["base"]))
        return f"{lead} {_single(context, steady)}" if steady else lead
    return _single(context, steady) if steady else _piled_up(context, others)


def _single(context: Context, alternative: Alternative) -> str:
    """Return the sentence for one alternative that is not compared."""
    mean = alternative.data[HEADLINE]["mean"]
    if not alternative.stable:
        return _piled_up(context, [alternative])
    if mean.get("estimate") is None:
        return context.texts("answer.nothing")
    unit = context.unit_of([mean], working=True)
    return context.texts(
        "answer.single",
        alternative=alternative.title,
        value=context.numbers.estimate(mean, unit),
        unit=context.numbers.unit(unit),
        ranges=ranges.of_mean(context, mean, unit),
    )


def _piled_up(context: Context, alternatives: Sequence[Alternative]) -> str:
    """Return the sentence for alternatives that cannot keep up."""
    return context.texts("answer.none", names=", ".join(f"“{a.title}”" for a in alternatives))


def _compared(context: Context, base: Alternative, other: Alternative, found: Mapping[str, Any]) -> str:
    """Return the sentence that sets an alternative beside the base."""
    numbers, difference = context.numbers, found["difference"]
    before, after = found["baseline_value"], found["alternative_value"]
    unit = _unit(context, found)
    half, estimate = difference.get("half_width"), difference["estimate"]
    kind = "same" if abs(estimate) <= (half or 0.0) else "sooner" if estimate < 0 else "later"
    if kind == "same":
        shown = numbers.estimate(difference, unit, sign=True)
    else:
        shown = numbers.estimate({**difference, "estimate": abs(estimate)}, unit)
    relative = ""
    if (found.get("percent") or {}).get("estimate") is not None:
        relative = context.texts(
            "answer.percent", percent=numbers.percent(found["percent"], RELATIVE, sign=kind != "sooner")
        )
    return context.texts(
        f"answer.{kind}",
        alternative=other.title,
        baseline=base.title,
        difference=shown,
        unit=numbers.unit(unit),
        before=_beside(numbers, before, difference, unit),
        after=_beside(numbers, after, difference, unit),
        percent=relative,
        ranges=ranges.of_difference(context, found, unit),
    )


def _unit(context: Context, found: Mapping[str, Any]) -> Unit:
    """Return the unit of an answer that compares."""
    return context.unit_of([found["baseline_value"], found["alternative_value"]], working=True)


def _beside(numbers: Numbers, value: Mapping[str, Any], difference: Mapping[str, Any], unit: Unit) -> str:
    """Return a value with as many digits as the difference that is told beside it."""
    if value.get("estimate") is None:
        return NONE
    return numbers.parts({**value, "half_width": difference.get("half_width")}, unit)[0]


def _open_share(context: Context, alternative: Alternative) -> str:
    """Return the share of measured deliveries that were open at the end; an exact count, no interval."""
    counts = alternative.data["counts"]
    if not counts["created"]:
        return NONE
    share = 100 * counts["open"] / counts["created"]
    if 0 < share < 0.1:
        return f"<{context.numbers.plain(0.1, 1)}\u00a0%"
    return f"{context.numbers.plain(share, 1)}\u00a0%"


def _glance(context: Context) -> View:
    """Return the table of all alternatives that stands under the sentence."""
    texts, numbers = context.texts, context.numbers
    means = [a.data[HEADLINE]["mean"] for a in context.alternatives]
    unit = context.unit_of(means, working=True)
    base = context.alternative(context.design["base"])
    name = numbers.unit(unit)
    columns = [
        column(texts("answer.alternative")),
        column(texts("answer.mean"), name),
        column(texts("answer.difference"), name),
        column(texts("answer.difference"), "%"),
        column(texts("answer.within", n=2), "%"),
        column(texts("answer.inside"), "%"),
        column(texts("answer.open"), "%"),
    ]
    rows = []
    for each in context.alternatives:
        found = comparison(context, each.key)
        steady = each.stable and base is not None and base.stable
        cells = [
            _both(context, each.data[HEADLINE]["mean"], unit) if each.stable else texts("numbers.not_steady"),
            *(_differences(context, found, unit) if found and steady else [NONE, NONE]),
            _both(context, each.data["within_working_days"].get("2"), SHARE),
            _both(context, each.data.get("inside_deadline"), SHARE),
            _open_share(context, each).removesuffix("\u00a0%"),
        ]
        rows.append(alternative_row(context, each, cells))
    return table(texts("answer.glance"), columns, [body(rows)], notes=[_glance_note(context)])


def _both(context: Context, value: Mapping[str, Any] | None, unit: Unit) -> str:
    """Return an estimate with its interval and, below it, its range over the assumptions."""
    shown = context.numbers.estimate(value, unit)
    return context.numbers.beside(shown, (value or {}).get("spread"), unit)


def _differences(context: Context, found: Mapping[str, Any], unit: Unit) -> list[str]:
    """Return the difference and the relative difference, each with its ranges."""
    numbers = context.numbers
    difference = numbers.estimate(found["difference"], unit, sign=True)
    percent = numbers.estimate(found["percent"], RELATIVE, sign=True)
    return [
        numbers.beside(difference, found.get("spread"), unit, sign=True),
        numbers.beside(percent, found.get("percent_spread"), RELATIVE, sign=True),
    ]


def _glance_note(context: Context) -> str:
    """Return what the two lines of a cell are."""
    means = [a.data[HEADLINE]["mean"].get("spread") for a in context.alternatives]
    spread = next((each for each in means if each), None)
    if spread is None:
        return context.texts("answer.glance_note", confidence=context.confidence)
    return context.texts(
        "answer.glance_note_both",
        confidence=context.confidence,
        varied=ranges.varied(context),
        draws=ranges.draws(context, spread),
    )


def _banner(context: Context, alternative: Alternative) -> View:
    """Return the banner of an alternative that cannot keep up: first reasons, and where the others are."""
    texts = context.texts
    reasons = [texts.title(reason) for reason in alternative.data.get("unstable_reasons", [])]
    more = len(reasons) - _REASONS_MAX
    shown = reasons[:_REASONS_MAX]
    if more > 0:
        where = texts("open.title")
        shown.append(texts.count("answer.more_reasons", more, context.numbers.plain(more), section=where))
    title = texts("answer.unstable", name=alternative.title)
    return {"title": title, "reasons": shown, "note": texts("answer.unstable_note")}


def answer(context: Context) -> View:
    """Return the answer, what rules it, its banners, the note on open work and the warnings."""
    texts, numbers = context.texts, context.numbers
    found = _headline(context)
    unit = _unit(context, found) if found else ONE
    banners = [_banner(context, each) for each in context.alternatives if not each.stable]
    lines = []
    for each in context.alternatives:
        counts = each.data["counts"]
        age = counts.get("open_age_s") or {}
        if counts["open"]:
            line = texts(
                "answer.open_line",
                name=each.title,
                count=numbers.plain(counts["open"]),
                created=numbers.plain(counts["created"]),
                share=_open_share(context, each),
                mean=numbers.duration(age.get("mean"), working=False),
                max=numbers.duration(age.get("max"), working=False),
            )
            lines.append(line)
    return {
        "title": texts("answer.title"),
        "sentence": _sentence(context, found),
        "lines": ranges.lines(context, found, unit),
        "fixed": ranges.fixed(context),
        "banners": banners,
        "glance": _glance(context),
        "open": lines,
        "warnings": list(context.summary.get("warnings", [])),
        "warnings_note": texts("answer.warnings_note"),
    }
