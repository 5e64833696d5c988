"""Ledgers, published figures, assumptions and laws: what the numbers are and where they come from.

Rule kept here: originals, deliveries and envelopes are never added up or mixed; a calibrated figure never
counts as a confirmation; no number is shown without its grade.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sim.report.context import Context
from sim.report.metrics import in_seconds, metric_name
from sim.report.numbers import NONE, SHARE, Unit
from sim.report.sections import ranges
from sim.report.tables import View, alternative_row, body, column, row, table
from sim.units import DAY_S, HOUR_S, MINUTE_S

_COUNTS = (
    ("originals", "originals_per_working_day", "per_day"),
    ("deliveries", "deliveries_per_working_day", "per_day"),
    ("envelopes", "envelopes_per_working_day", "per_day"),
    ("per_agency", "deliveries_per_agency_and_working_day", "per_agency_day"),
)
_ENDS = ("completed", "refused", "recalled", "open")


def ledgers(context: Context) -> View:
    """Return the three counts, the balance of deliveries and the shares of procedures."""
    texts, numbers = context.texts, context.numbers
    rows = [
        row(
            texts(f"ledgers.{name}"),
            [
                texts(f"units.{unit}"),
                *(numbers.estimate((a.data.get("ledgers") or {}).get(key)) for a in context.alternatives),
            ],
            note="" if name == "per_agency" else texts(f"ledgers.{name}_note"),
        )
        for name, key, unit in _COUNTS
    ]
    titles = [column(context.label(a)) for a in context.alternatives]
    columns = [column(texts("ledgers.count")), column(texts("turnaround.unit"), left=True), *titles]
    tables = [table(texts("ledgers.table"), columns, [body(rows)], even=True), _balance(context)]
    names = list(dict.fromkeys(p for a in context.alternatives for p in a.data.get("procedures") or {}))
    shares = [
        row(
            texts.name("procedure", name),
            [
                numbers.estimate((a.data.get("procedures") or {}).get(name), SHARE)
                for a in context.alternatives
            ],
        )
        for name in names
    ]
    columns = [
        column(texts("ledgers.procedure")),
        *(column(context.label(a), "%") for a in context.alternatives),
    ]
    tables.append(table(texts("ledgers.procedures"), columns, [body(shares)], even=True))
    return {"figures": [], "tables": tables}


def _balance(context: Context) -> View:
    """Return what became of the deliveries; a ledger that does not balance says so loudly."""
    texts, numbers = context.texts, context.numbers
    bodies = []
    for key, title in (("counts", "cohort"), ("all_counts", "all")):
        rows = []
        for each in context.alternatives:
            counts = each.data.get(key)
            if counts:
                exact = counts["created"] == sum(counts[end] for end in _ENDS)
                cells = [numbers.plain(counts[end]) for end in ("created", *_ENDS)]
                cells.append(texts("ledgers.yes" if exact else "ledgers.no"))
                rows.append(alternative_row(context, each, cells))
        bodies.append(body(rows, texts(f"ledgers.{title}")))
    columns = [
        column(texts("answer.alternative")),
        *(column(texts(f"ledgers.{name}")) for name in ("created", *_ENDS)),
        column(texts("ledgers.balanced"), left=True),
    ]
    count = int(context.design["replications"])
    many = texts.count("facts.replications", count, numbers.plain(count))
    return table(texts("ledgers.balance", replications=many), columns, bodies)


def _simulated(context: Context, each: Mapping[str, Any]) -> str:
    """Return the simulated number beside a published figure, in the figure's unit.

    Times of the summary are seconds; where the figure's unit is ``s`` too, as of a parsed duration, both are
    shown in the unit that a reader would choose, calendar or working time after the metric.
    """
    numbers, unit = context.numbers, str(each.get("unit") or "")
    simulated, metric = each.get("simulated"), str(each.get("metric") or "")
    if not isinstance(simulated, Mapping) or simulated.get("estimate") is None:
        return NONE
    if not in_seconds(metric):
        if unit in {"%", "share"}:
            return numbers.percent(simulated)
        name = context.texts.name("unit", unit) if unit else ""
        return f"{numbers.estimate(simulated)} {name}".strip()
    size = {
        "working days": Unit("working_days", numbers.day_s),
        "days": Unit("calendar_days", DAY_S),
        "h": Unit("calendar_hours", HOUR_S),
        "min": Unit("calendar_minutes", MINUTE_S),
    }.get(unit) or numbers.time_unit([simulated["estimate"]], working="_working_" in metric)
    return f"{numbers.estimate(simulated, size)} {numbers.unit(size)}"


def published(context: Context) -> View:
    """Return the published figures beside the simulated ones."""
    texts, numbers = context.texts, context.numbers
    rows = []
    for each in context.summary.get("published", []):
        use = texts.name("use", each["use"])
        if each["use"] == "calibration":
            use = f"{use}: {texts('published.calibration_note')}"
        where = [context.title_of(each["alternative"])] if each.get("alternative") else []
        where += [metric_name(context, each["metric"])] if each.get("metric") else []
        cells = [
            str(each.get("text") or f"{numbers.plain(each.get('value'))} {each.get('unit') or ''}"),
            _simulated(context, each),
            texts.name("grade", each.get("grade", "")),
            use,
            str(each.get("source") or NONE),
            str(each.get("why") or NONE),
        ]
        rows.append(row(texts.title(each.get("title"), each["id"]), cells, note=" · ".join(where)))
    columns = [
        column(texts("published.figure")),
        *(
            column(texts(f"published.{key}"), left=True)
            for key in ("value", "simulated", "grade", "use", "source")
        ),
        column(texts("published.why"), left=True) | {"lang": "en"},  # scenarios give their reasons in English
    ]
    notes = [note for note in [texts("published.why_note")] if note]
    tables = [table(texts("published.table"), columns, [body(rows)], notes=notes, wide=True)] if rows else []
    return {"figures": [], "tables": tables, "empty": texts("published.none")}


def words(value: object) -> str:
    """Return a value of an assumption as it was written, or a dash."""
    if value is None or value == "":
        return NONE
    if isinstance(value, (list, tuple)):
        return " – ".join(str(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {words(part)}" for key, part in value.items())
    return str(value)


def assumptions(context: Context) -> View:
    """Return every number with its grade, grouped by the first part of its path, and the laws."""
    texts, numbers = context.texts, context.numbers
    found: list[Mapping[str, Any]] = context.summary.get("assumptions", [])
    grouped: dict[str, list[View]] = {}
    for each in found:
        path = str(each["path"])
        cells = [
            words(each.get("value")),
            words(each.get("range")),
            texts.name("grade", each.get("grade") or "unstated"),
            words(each.get("source")),
        ]
        grouped.setdefault(re.split(r"[.\[]", path, maxsplit=1)[0], []).append(row(path, cells))
    columns = [
        column(texts("assumptions.path")),
        *(column(texts(f"assumptions.{key}"), left=True) for key in ("value", "range", "grade", "source")),
    ]
    folds = []
    for name, rows in grouped.items():
        shown = numbers.plain(len(rows))
        title = texts.count("assumptions.group", len(rows), shown, name=texts.name("group", name))
        folds.append({"title": title, "table": table("", columns, [body(rows)], wide=True), "open": True})
    folds = [*_changes(context), *folds, *_laws(context)]
    grades = ", ".join(
        f"{texts.name('grade', grade)} {numbers.plain(count)}"
        for grade, count in (context.summary.get("grades") or {}).items()
    )
    lead = texts("assumptions.none")
    if found:
        share = 100 * float(context.summary.get("assumed_share") or 0.0)
        shown = f"{numbers.plain(share, 0 if share >= 10 or share == 0 else 1)}\u00a0%"
        lead = texts(
            "assumptions.lead", share=shown, n=numbers.plain(len(found)), intervals=_intervals(context)
        )
    return {
        "lead": lead,
        "paragraphs": [texts("assumptions.grades", list=grades)] if grades else [],
        "figures": [],
        "folds": folds,
        "tables": [],
    }


def _intervals(context: Context) -> str:
    """Return what the ranges of this report hold of the spread of its inputs."""
    found = ranges.drawn(context)
    if found is None:
        return context.texts("assumptions.intervals_fixed")
    many = context.numbers.plain(found["draws"])
    return context.texts("assumptions.intervals_sampled", varied=ranges.varied(context), draws=many)


def _changes(context: Context) -> list[View]:
    """Return the fold with what each alternative changes in the scenario, if the summary says so."""
    texts = context.texts
    bodies = []
    for each in context.alternatives:
        changes = each.data.get("overlay") or {}
        bodies.append(body([row(path, [words(value)]) for path, value in changes.items()], each.title))
    columns = [column(texts("assumptions.path")), column(texts("assumptions.value"), left=True)]
    changed = table("", columns, bodies, wide=True)
    fold = {"title": texts("assumptions.changes"), "table": changed, "open": True}
    return [fold] if changed["bodies"] else []


def _laws(context: Context) -> list[View]:
    """Return the fold with the laws, if the summary names any."""
    texts, numbers = context.texts, context.numbers
    rows = []
    for law in context.summary.get("laws", []):
        start, end = law.get("from"), law.get("to")
        fields = {"from": numbers.date(start), "to": numbers.date(end)}
        kind = "from_to" if start and end else "since" if start else "until" if end else "practice"
        force = texts(f"assumptions.{kind}", **fields)
        cells = [str(law.get("basis") or NONE), force, str(law.get("note") or NONE)]
        rows.append(row(texts.name("procedure", law["procedure"]), cells))
    columns = [
        column(texts("assumptions.procedure")),
        *(column(texts(f"assumptions.{key}"), left=True) for key in ("basis", "in_force", "note")),
    ]
    laws = table("", columns, [body(rows)], wide=True)
    return [{"title": texts("assumptions.laws"), "table": laws, "open": True}] if rows else []
