"""The steps of a message's journey, the ledger, and the server's own metrics.

Rule kept here: a delivery time has the bounds that polling puts on it; a finding says whether it is proved, and what
was not looked at is told as not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadtests.report import figures, over_time
from loadtests.report.blocks import View, body, column, drawn, english, fold, row, tabled, words
from loadtests.report.context import Context, finite, flat, reach
from loadtests.report.keys import line_mark
from loadtests.report.timeline import FAULT_FILL
from sim.report.marks import chip, colour
from sim.report.numbers import NONE

_STATES = (
    "planned",
    "shed",
    "sent",
    "rejected",
    "ambiguous",
    "answered",
    "accepted",
    "delivered",
    "acknowledged",
)
_MUST_BE_ZERO = frozenset({"planned", "shed", "sent", "rejected", "ambiguous"})
_POISON = ("sent", "refused", "accepted", "unanswered")
_REPLAY = ("sent", "same", "differs", "refused", "unanswered", "unchecked")


# --- steps --------------------------------------------------------------------------------------------------


def steps(context: Context) -> list[View]:
    """Return the steps as a figure and a table: response from the intended time, service, lateness."""
    texts = context.texts
    found = context.steps
    if not found:
        return [words(texts("steps.empty"))]
    shown = [(name, reach(one, kind, {})) for name, one, kind in _rows(context, found)]
    drawn_ = [(name, values) for name, values in shown if any(finite(value) for value in values.values())]
    key = [
        {"mark": line_mark(colour(1), shape="circle", hollow=True), "text": texts("percentiles.p50")},
        {"mark": line_mark(colour(1), shape="square"), "text": texts("percentiles.p90")},
        {"mark": line_mark(colour(1), shape="diamond"), "text": texts("percentiles.p99")},
    ]
    columns = [
        column(texts("steps.step")),
        column(texts("steps.count")),
        column(texts("steps.missed")),
        *(column(texts(f"percentiles.{name}")) for name in ("p50", "p90", "p99", "max")),
        column(texts("steps.service"), texts("percentiles.p99")),
    ]
    rows = []
    for name, one, kind in _rows(context, found):
        plain = kind == "response_s"
        values = reach(one, kind, {})
        samples = one.get("count")
        cells = [context.count(one.get("count")), context.count(one.get("missed"))] if plain else ["", ""]
        cells += [context.answered(values.get(key_), samples) for key_ in ("p50", "p90", "p99", "max")]
        rows.append(row(name, [*cells, context.time(reach(one, "service_s.p99")) if plain else ""]))
    return [
        *drawn(figures.steps(context, drawn_), texts("steps.figure"), key),
        *tabled(
            texts("steps.caption"), columns, [body(rows)], [texts("steps.note"), texts("steps.delivery_note")]
        ),
    ]


def _rows(
    context: Context, found: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any], str]]:
    """Return (name, step, kind of times); a step seen by polling has a row for each of its bounds."""
    rows = []
    for key, one in found.items():
        if not one.get("count"):
            continue
        name = context.step(key)
        if isinstance(one.get("lower_s"), Mapping):
            rows.append((context.texts("steps.lower_s", step=name), one, "lower_s"))
            name = context.texts("steps.upper_s", step=name)
        rows.append((name, one, "response_s"))
    return rows


# --- ledger -------------------------------------------------------------------------------------------------


def ledger(context: Context) -> list[View]:
    """Return findings first, then what became of every message, poisoned ones and replays."""
    texts, found = context.texts, context.get("ledger", {})
    if not found:
        return [words(texts("ledger.empty"))]
    audited = texts("ledger.audited" if found.get("audited") else "ledger.not_audited")
    lines = [f"{audited} {texts('ledger.documents', n=context.count(found.get('documents_checked')))}"]
    if found.get("ambiguous_stored") is not None:
        lines.append(texts("ledger.ambiguous_stored", n=context.count(found["ambiguous_stored"])))
    blocks = [words(line) for line in lines]
    if found.get("audit_text"):
        blocks.append(words(str(found["audit_text"]), language="en"))
    return [*blocks, *_findings(context), *_states(context), *_poison(context), *_replays(context)]


def _findings(context: Context) -> list[View]:
    texts = context.texts
    columns = [
        column(texts("findings.finding")),
        column(texts("findings.count")),
        column(texts("findings.proved"), left=True, short=True),
        english(column(texts("findings.text"), left=True)),
        english(column(texts("findings.examples"), left=True)),
    ]
    rows = []
    for one in context.rows("ledger.findings"):
        proved = bool(one.get("proved"))
        cells = [
            context.count(one.get("count")),
            texts("findings.yes" if proved else "findings.no"),
            str(one.get("text", "")),
            "\n".join(str(each) for each in one.get("examples") or []) or NONE,
        ]
        mark = figures.outcome_icon("FAIL" if proved else "INCONCLUSIVE")
        rows.append(row(texts.name("finding", one.get("code", "")), cells, mark=mark))
    if not rows:
        return [words(texts("findings.none"))]
    return tabled(texts("findings.caption"), columns, [body(rows)], [texts("findings.note")], wide=True)


def _states(context: Context) -> list[View]:
    texts, found = context.texts, context.get("ledger.states", {})
    order = [*(key for key in _STATES if key in found), *(key for key in found if key not in _STATES)]
    good = sum(int(found.get(key) or 0) for key in _STATES[:7])
    rows = []
    for key in order:
        flag = texts("ledger.not_answered") if key in _MUST_BE_ZERO and found[key] else ""
        cells = [
            context.count(found[key]),
            context.share(found[key], good),
            texts.known(f"states.{key}") or "",
        ]
        rows.append(row(texts.name("state", key), cells, flag=flag))
    columns = [column(texts("ledger.state")), column(texts("ledger.messages")), column(texts("ledger.share")),
               column(texts("ledger.meaning"), left=True)]  # fmt: skip
    return tabled(texts("ledger.states"), columns, [body(rows)], [texts("ledger.states_note")])


def _poison(context: Context) -> list[View]:
    texts, found = context.texts, context.get("ledger.poison", {})
    columns = [column(texts("poison.kind")), *(column(texts(f"poison.{key}")) for key in _POISON)]
    rows = [
        row(
            texts.name("poison", kind),
            [context.count(one.get(key)) for key in _POISON],
            flag=texts("poison.taken") if one.get("accepted") else "",
        )
        for kind, one in found.items()
    ]
    if not rows:
        return [words(texts("poison.none"))]
    return tabled(texts("poison.caption"), columns, [body(rows)], [texts("poison.note")])


def _replays(context: Context) -> list[View]:
    texts, found = context.texts, context.get("ledger.replay", {})
    if not found.get("sent"):
        return [words(texts("replay.none"))]
    keys = [key for key in _REPLAY if key in found]
    columns = [column(texts("replay.what")), *(column(texts(f"replay.{key}")) for key in keys)]
    cells = [context.count(found[key]) for key in keys]
    flag = texts("replay.wrong") if found.get("differs") else ""
    return tabled(texts("replay.caption"), columns, [body([row(texts("replay.again"), cells, flag=flag)])])


# --- server -------------------------------------------------------------------------------------------------


def server(context: Context) -> list[View]:
    """Return the server's own metrics beside the client's, and what it says of itself."""
    texts = context.texts
    shaded = [{"mark": chip(FAULT_FILL), "text": texts("time.key_fault")}] if context.faults else []
    key = [
        {"mark": line_mark(over_time.MEDIAN), "text": texts("server.key_client")},
        {"mark": line_mark(over_time.HIGH), "text": texts("server.key_server")},
        *shaded,
    ]
    svg = over_time.server(context)
    rows = [row(name, [value]) for name, value in flat(context.get("server.described", {}))]
    metrics = [_metric(context, one) for one in context.rows("server.metrics")]
    ends = [column(texts(f"server.{key}")) for key in ("metric", "unit", "first", "last", "largest")]
    columns = [column(texts("reproduce.item")), english(column(texts("reproduce.value"), left=True))]
    return [
        *(
            drawn(svg, texts("server.figure"), key, note=texts("server.note"))
            or [words(texts("server.empty"))]
        ),
        *tabled(texts("server.described"), columns, [body(rows)], wide=True),
        *fold(texts("server.all"), tabled(texts("server.all"), ends, [body(metrics)], wide=True)),
    ]


def _metric(context: Context, one: Mapping[str, Any]) -> View:
    """Return the row of a metric as the server gave it: its first, last and largest value."""
    values = [value for value in one.get("values") or [] if finite(value)]
    cells = (
        [context.figure(value) for value in (values[0], values[-1], max(values))] if values else [NONE] * 3
    )
    return row(str(one.get("name", "")), [str(one.get("unit") or ""), *cells])
