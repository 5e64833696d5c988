"""When documents reach their recipients: until each, and until the last one, has registered them.

Rule kept here: times are calendar time from asked for; "within a day" is within one working day of office time.
Open deliveries count as not reached, refused and recalled ones are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.report import figures
from sim.report.context import Context
from sim.report.numbers import NONE, SHARE, Unit
from sim.report.sections.times import flows_of
from sim.report.tables import View, alternatives_key, body, column, figure, row, table

_LEVELS = ("central", "ministry", "province", "department", "district", "ward", "commune", "unit")
_ALL = ""  # the level that stands for all recipients of a flow
_WITHIN = (1, 2, 5)


def _levels_of(context: Context, flow: str) -> list[str]:
    """Return the recipient levels of a flow from the top down."""
    found = dict.fromkeys(
        level for a in context.alternatives for level in (a.data.get("by_flow_level") or {}).get(flow) or {}
    )
    places = {level: place for place, level in enumerate(_LEVELS)}
    return sorted(found, key=lambda level: places.get(level, len(_LEVELS)))


def _part(data: Mapping[str, Any], flow: str, level: str) -> Mapping[str, Any]:
    """Return the numbers of a flow, or of a flow and level, of an alternative."""
    if level == _ALL:
        found: Mapping[str, Any] = (data.get("by_flow") or {}).get(flow) or {}
    else:
        found = ((data.get("by_flow_level") or {}).get(flow) or {}).get(level) or {}
    return found


def _several(context: Context, flow: str, level: str) -> bool:
    """Tell whether documents of a flow go to several recipients of a level."""
    parts = [_part(a.data, flow, level) for a in context.alternatives]
    pairs = [
        ((part.get("registered_s") or {}).get("n"), (part.get("last_registered_s") or {}).get("n"))
        for part in parts
    ]
    return any(legs and documents and legs > documents for legs, documents in pairs)


def _name(context: Context, level: str) -> str:
    return context.texts("reach.all") if level == _ALL else context.texts.name("level", level)


def reach(context: Context) -> View:
    """Return when documents reach the recipients of each level, and the shares reached within working days."""
    texts = context.texts
    rows = [(flow, title, level) for flow, title in flows_of(context) for level in _rows_of(context, flow)]
    last = [
        _part(a.data, flow, level).get("last_registered_s") or {}
        for a in context.alternatives
        for flow, _, level in rows
    ]
    unit = context.unit_of(last, working=False)
    tables = [
        _time_table(context, rows, "last_registered_s", "mean", unit),
        _share_table(context, rows, "all_registered_within", 1),
    ]
    more = [
        _time_table(context, rows, "last_registered_s", "p90", unit),
        *(_share_table(context, rows, "all_registered_within", days) for days in _WITHIN[1:]),
    ]
    each = [one for one in rows if one[2] != _ALL]
    more += [
        _time_table(context, each, "registered_s", "mean", unit),
        *(_share_table(context, each, "registered_within", days) for days in _WITHIN),
    ]
    shown = [(flow, title, level) for flow, title, level in each if _several(context, flow, level)]
    groups = [(f"{flow}/{level}", f"{title}\n→ {_name(context, level)}") for flow, title, level in shown]
    found = {
        (f"{flow}/{level}", a.key): (_part(a.data, flow, level).get("last_registered_s") or {}).get("mean")
        or {}
        for flow, _, level in shown
        for a in context.alternatives
    }
    svg = figures.reach(context, groups, found, context.unit_of(list(found.values()), working=False))
    folds = [
        {"title": one["caption"], "table": {**one, "caption": ""}, "open": False}
        for one in more
        if one["bodies"]
    ]
    return {
        "figures": [
            figure(svg, texts("reach.figure", confidence=context.confidence), alternatives_key(context))
        ],
        "tables": tables,
        "folds": folds,
        "empty": texts("reach.empty"),
    }


def _rows_of(context: Context, flow: str) -> list[str]:
    """Return the levels of a flow, after all of them together where there are several."""
    levels = _levels_of(context, flow)
    return [_ALL, *levels] if len(levels) > 1 else levels


def _time_table(
    context: Context, rows: Sequence[tuple[str, str, str]], key: str, which: str, unit: Unit
) -> View:
    """Return a table of times, one column per alternative."""
    cells = {
        (flow, level): [
            context.quantile(_part(a.data, flow, level).get(key), which, unit) for a in context.alternatives
        ]
        for flow, _, level in rows
    }
    caption = context.texts(f"reach.{key}", which=context.texts(f"turnaround.{which}"))
    return _table(context, caption, rows, cells, context.numbers.unit(unit))


def _share_table(context: Context, rows: Sequence[tuple[str, str, str]], key: str, days: int) -> View:
    """Return a table of shares within so many working days, one column per alternative."""
    cells = {
        (flow, level): [
            context.numbers.estimate((_part(a.data, flow, level).get(key) or {}).get(str(days)), SHARE)
            for a in context.alternatives
        ]
        for flow, _, level in rows
    }
    caption = context.texts.count(f"reach.{key}", days, context.numbers.plain(days))
    return _table(context, caption, rows, cells, "%")


def _table(
    context: Context,
    caption: str,
    rows: Sequence[tuple[str, str, str]],
    cells: Mapping[tuple[str, str], Sequence[str]],
    unit: str,
) -> View:
    """Return a table with one body per flow and one row per level; rows without any number are left out."""
    bodies: dict[tuple[str, str], list[View]] = {}
    for flow, title, level in rows:
        if any(cell != NONE for cell in cells[flow, level]):
            bodies.setdefault((flow, title), []).append(row(_name(context, level), cells[flow, level]))
    columns = [
        column(context.texts("reach.level")),
        *(column(context.label(a), unit) for a in context.alternatives),
    ]
    groups = [body(lines, title) for (_, title), lines in bodies.items()]
    return table(caption, columns, groups, even=True)
