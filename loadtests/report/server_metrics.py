"""The server's own metrics as they are looked at: counters per second, sums as means, gauges as they stand.

Rule kept here: only a change of form, as any viewer of such metrics makes it: the increase between two samples by the
time between them, and the increase of a sum by that of its count. A counter that went down was started again; nothing
is told of that interval. What hardly moved is not drawn; its values stand in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Any

from loadtests.report.context import finite

PANELS_MAX = 18
_NAME = re.compile(r"(?P<base>[^\[{]*?)(?P<kind>_total|_count|_sum|)(?P<labels>[\[{].*|)")
_GREW_MIN = 10.0  # a counter that grew by less has no course to show


@dataclass(frozen=True, slots=True)
class Course:
    """One metric over time.

    Args:
        name: Its name, without what all of them begin with.
        unit: Of the values.
        points: (s since T0, value); nothing where it is not known.
    """

    name: str
    unit: str
    points: tuple[tuple[float, float | None], ...]


def courses(metrics: Sequence[Mapping[str, Any]]) -> list[Course]:
    """Return what is worth a drawing, at most ``PANELS_MAX`` of them, counters of events first."""
    start = len(_shared([str(one.get("name", "")) for one in metrics]))
    found = {str(one.get("name", "")): _points(one) for one in metrics}
    units = {str(one.get("name", "")): str(one.get("unit") or "") for one in metrics}
    drawn = list(_drawn(found, units))
    return [Course(name[start:] or name, unit, points) for name, unit, points in drawn[:PANELS_MAX]]


def _drawn(
    found: Mapping[str, tuple[tuple[float, float], ...]], units: Mapping[str, str]
) -> Iterator[tuple[str, str, tuple[tuple[float, float | None], ...]]]:
    for name, points in found.items():
        base, kind, labels = _parts(name)
        counter = f"{base}_count{labels}"
        if kind == "_sum" and counter in found:
            if _grew(found[counter]) >= _GREW_MIN:
                seconds = units[name] == "s" or base.endswith("_seconds")
                mean = _increase(points, found[counter], 1e3 if seconds else 1.0)
                yield f"{base.removesuffix('_seconds')}{labels}", "ms" if seconds else units[name], mean
        elif kind in {"_total", "_count"}:
            if _grew(points) >= _GREW_MIN:
                unit = f"{units[name]}/s" if units[name] and kind == "_total" else "1/s"
                yield f"{base.removesuffix('_seconds')}{labels}", unit, _increase(points, None, 1.0)
        elif len({value for _, value in points}) > 1:
            yield name, units[name], tuple(points)


def _parts(name: str) -> tuple[str, str, str]:
    told = _NAME.fullmatch(name)
    return (told["base"], told["kind"], told["labels"]) if told else (name, "", "")


def _points(metric: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    pairs = zip(metric.get("at_s") or [], metric.get("values") or [], strict=False)
    return tuple((float(at), float(value)) for at, value in pairs if finite(at) and finite(value))


def _grew(points: Sequence[tuple[float, float]]) -> float:
    return sum(max(after - before, 0.0) for (_, before), (_, after) in pairwise(points))


def _increase(
    points: Sequence[tuple[float, float]], by: Sequence[tuple[float, float]] | None, size: float
) -> tuple[tuple[float, float | None], ...]:
    """Return the increase between samples per second, or per increase of another counter, at the later sample."""
    other = dict(by or ())
    out: list[tuple[float, float | None]] = []
    for (begin, before), (end, after) in pairwise(points):
        divisor = end - begin if by is None else other.get(end, 0.0) - other.get(begin, 0.0)
        known = after >= before and divisor > 0
        out.append((end, size * (after - before) / divisor if known else None))
    return tuple(out)


def _shared(names: Sequence[str]) -> str:
    """Return what all names begin with, up to an underscore; nothing for a single one."""
    first, last = (min(names), max(names)) if len(names) > 1 else ("", "")  # all others lie between these two
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return first[: first.rfind("_", 0, same) + 1]
