"""The first screen: the verdict with all its reasons, what was offered and completed, and how the run was made.

Rule kept here: the outcome is told by word, by shape and by the style of the frame before it is told by colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests.report.context import Context, View, finite, flat
from loadtests.report.figures import OUTCOMES, outcome_icon
from sim.report.numbers import NONE

_EXTRA_LETTERS = 40  # what is longer stands in the plan in full
_PATHS = {
    "PASS": "M14 25l8 8l14 -16",
    "FAIL": "M16 16l18 18M34 16l-18 18",
    "INCONCLUSIVE": "M19 20a6 6 0 1 1 8 5.5q-2 1 -2 4M25 34.5v.6",
    "INVALID": "M25 17v13M25 35.5v.6",
}
_SHAPES = {
    "PASS": "M25 3a22 22 0 1 0 0 44a22 22 0 1 0 0 -44Z",
    "FAIL": "M16 3h18l13 13v18l-13 13h-18l-13 -13v-18Z",
    "INCONCLUSIVE": "M25 1l24 24l-24 24l-24 -24Z",
    "INVALID": "M25 3l23 43h-46Z",
}


def shield(outcome: str) -> str:
    """Return the sign of an outcome: a disc, an octagon, a diamond or a triangle, each with a sign of its own."""
    tint = OUTCOMES[outcome][1]
    return (
        f'<svg class="shield" viewBox="0 0 50 50" aria-hidden="true"><path d="{_SHAPES[outcome]}" fill="{tint}"/>'
        f'<path d="{_PATHS[outcome]}" fill="none" stroke="#ffffff" stroke-width="4.5" stroke-linecap="round"/></svg>'
    )


def head(context: Context) -> View:
    """Return kicker, title and facts of the run."""
    texts, plan = context.texts, context.get("plan", {})
    facts = [
        ("load", profile(context)),
        ("target", _target(context)),
        ("rate", _rates(context)),
        ("window", _window(context)),
        ("sending", _sending(context)),
        ("judged", " · ".join(str(one) for one in plan.get("objectives", ()))),
        ("seed", str(plan.get("seed", ""))),
        ("plan", str(context.get("plan_digest", ""))[:16]),
        ("when", _when(context)),
        ("authorised", str(plan.get("authorised", ""))),
    ]
    return {
        "kicker": texts("document.search" if context.get("search") else "document.load"),
        "title": texts.title(context.get("title")) or texts("document.load"),
        "facts": [
            {"name": texts(f"facts.{key}"), "value": value} for key, value in facts if value.strip(NONE)
        ],
    }


def profile(context: Context) -> str:
    """Return the load in words: kind, rate and length, what was played, and what else the plan names."""
    found, texts = context.get("plan.profile", {}), context.texts
    parts = [texts.name("profile", found["kind"])] if found.get("kind") else []
    if finite(found.get("rate_per_s")):
        rate, length = context.rate(found["rate_per_s"]), context.time(found.get("duration_s"))
        parts.append(texts("facts.profile_value", rate=rate, duration=length))
    if found.get("arrivals"):
        parts.append(texts.name("arrivals", found["arrivals"]))
    trace = found.get("trace")
    if isinstance(trace, Mapping):
        count, speed = context.count(trace.get("arrivals")), context.figure(trace.get("speed", 1.0))
        start = context.time(trace.get("from_s", 0.0))
        parts.append(
            texts("facts.trace_value", name=trace.get("name", ""), n=count, start=start, speed=speed)
        )
    rest = [f"{name.replace('_', ' ')} {value}" for name, value in flat(context.get("plan.extra", {}))]
    return " · ".join([*parts, *(one for one in rest if len(one) <= _EXTRA_LETTERS)])


def _target(context: Context) -> str:
    plan = context.get("plan", {})
    return " · ".join(str(part) for part in (plan.get("adapter"), plan.get("target")) if part)


def _rates(context: Context) -> str:
    offered = context.get("offered", {})
    if not finite(offered.get("rate_per_s")):
        return ""
    spread = [
        context.texts(
            "facts.dispersion", value=context.figure(offered[f"dispersion_{window}s"]), window=window
        )
        for window in (1, 10)
        if finite(offered.get(f"dispersion_{window}s"))
    ]
    shown = context.texts("facts.rate_value", rate=context.rate(offered["rate_per_s"]))
    return f"{shown}; {context.texts('facts.spread', list=', '.join(spread))}" if spread else shown


def _window(context: Context) -> str:
    if not finite(context.get("offered.window_s")):
        return ""
    return context.texts(
        "facts.window_value",
        window=context.time(context.get("offered.window_s")),
        warm_up=context.time(context.get("plan.warmup_s")),
        drain=context.time(context.get("plan.drain_s")),
    )


def _sending(context: Context) -> str:
    plan, texts = context.get("plan", {}), context.texts
    parts = [texts.name("signing", plan.get("signing", "")), texts.name("receipts", plan.get("receipts", ""))]
    workers = len(context.rows("generator.workers")) or plan.get("workers")
    if finite(workers):
        parts.insert(0, texts.count("facts.workers", int(workers), context.count(workers)))
    return " · ".join(part for part in parts if part)


def _when(context: Context) -> str:
    start, end = (str(context.manifest.get(key) or "") for key in ("started_utc", "ended_utc"))
    return context.texts("words.range", low=start, high=end) if start and end else start or end


# --- verdict ------------------------------------------------------------------------------------------------


def verdict(context: Context) -> View:
    """Return the verdict: outcome, word, sentence, exit code and reasons."""
    texts = context.texts
    outcome = str(context.get("verdict.outcome", "INVALID"))
    outcome = outcome if outcome in OUTCOMES else "INVALID"
    reasons = [
        {
            "outcome": texts.name("outcome", one.get("outcome", "")),
            "mark": outcome_icon(str(one.get("outcome", ""))),
            "code": str(one.get("code", "")),
            "text": str(one.get("text", "")),
        }
        for one in context.rows("verdict.reasons")
    ]
    code = context.get("verdict.exit_code")
    return {
        "outcome": outcome.lower(),
        "shield": shield(outcome),
        "title": texts("verdict.title"),
        "word": texts(f"verdict.{outcome}.word"),
        "sentence": _found(context) or texts(f"verdict.{outcome}.sentence"),
        "exit": "" if code is None else texts("verdict.exit", code=code),
        "reasons_title": texts("verdict.reasons"),
        "reasons": reasons,
    }


def _found(context: Context) -> str:
    """Return what a search found, in one sentence; nothing for a plain run."""
    search = context.get("search")
    if not isinstance(search, Mapping):
        return ""
    last, first = (context.rate(search.get(key)) for key in ("last_pass", "first_fail"))
    if last == NONE:
        return context.texts("search.none" if first == NONE else "search.none_from", first=first)
    key = (
        "search.at_least"
        if search.get("at_least")
        else "search.between"
        if first != NONE
        else "search.open_end"
    )
    told = context.texts(key, last=last, first=first)
    return f"{told} {context.texts('search.unconfirmed')}" if search.get("confirmed") is False else told


# --- what was offered ---------------------------------------------------------------------------------------


def tiles(context: Context) -> list[View]:
    """Return the few numbers that everything else hangs on, each with what it is a part of."""
    if not context.get("offered"):
        return []
    texts, counts, offered = context.texts, context.get("counts", {}), context.get("offered", {})
    due, good = offered.get("messages"), offered.get("good")
    misses = context.get("steps.submit.missed")
    good_states = context.get("ledger.states", counts)
    findings = context.rows("ledger.findings")
    found = sum(int(one.get("count", 0)) for one in findings)
    return [
        _tile(context, "offered", context.count(due), rate=context.rate(offered.get("rate_per_s")),
              poisoned=context.count(offered.get("poisoned")), replays=context.count(offered.get("replays"))),
        _tile(context, "completed", context.count(context.get("completed")),
              share=context.share(context.get("completed"), good), good=context.count(good),
              rate=context.rate(context.get("completed_per_s"))),
        _tile(context, "shed", context.count(counts.get("shed")), share=context.share(counts.get("shed"), due)),
        _tile(context, "misses", context.count(misses), rejected=context.count(good_states.get("rejected")),
              ambiguous=context.count(good_states.get("ambiguous")), open=context.count(good_states.get("sent"))),
        {"name": texts("tiles.findings.name"), "value": context.count(found) if context.get("ledger") else NONE,
         "note": _findings_note(context, findings), "alarm": found > 0},
    ]  # fmt: skip


def _tile(context: Context, key: str, value: str, **fields: str) -> View:
    alarm = key in {"shed", "misses"} and value not in {"0", NONE}
    note = context.texts(f"tiles.{key}.note", **fields)
    return {"name": context.texts(f"tiles.{key}.name"), "value": value, "note": note, "alarm": alarm}


def _findings_note(context: Context, findings: list[Mapping[str, Any]]) -> str:
    proved = sum(int(one.get("count", 0)) for one in findings if one.get("proved"))
    key = "audited" if context.get("ledger.audited") else "not_audited"
    return context.texts(f"tiles.findings.{key}", proved=context.count(proved))
