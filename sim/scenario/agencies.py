"""The agencies of a scenario: real units with their place in the hierarchy and on the map.

Rule kept here: every agency has one parent at most, and following parents always ends.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.errors import Diagnostic

COLUMNS = ("id", "name", "level", "parent", "latitude", "longitude")
EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency.

    Args:
        id: Unique within the scenario.
        name: For people.
        level: Such as ``district``; staff is given by level.
        parent: Id of the agency it belongs to, empty at the top.
        latitude: Decimal degrees, NaN where not known.
        longitude: Decimal degrees, NaN where not known.
    """

    id: str
    name: str
    level: str
    parent: str
    latitude: float
    longitude: float


def distance_m(a: Agency, b: Agency) -> float:
    """Return the great-circle distance in metres (haversine); 0 where a coordinate is not known."""
    phi_a, phi_b = math.radians(a.latitude), math.radians(b.latitude)
    half = math.sin((phi_b - phi_a) / 2) ** 2
    half += math.cos(phi_a) * math.cos(phi_b) * math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    if math.isnan(half):
        return 0.0
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def _coordinate(text: str, limit: float) -> float | None:
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= limit else None


def read_agencies(text: str, file: str) -> tuple[list[Agency], list[Diagnostic]]:
    """Read a CSV of agencies; columns beyond :data:`COLUMNS` are for people and are passed over.

    Args:
        text: The file's content, UTF-8 CSV with a header.
        file: Its name, for messages.

    Returns:
        The agencies in the order of the file, and every finding.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in ("id", "level") if name not in (reader.fieldnames or ())]
    if missing:
        found = Diagnostic("E-AGENCY-COLUMN", f"found no column {', '.join(missing)}",
                           f"columns: {', '.join(COLUMNS)}", file, 1)  # fmt: skip
        return [], [found]
    agencies: list[Agency] = []
    findings: list[Diagnostic] = []
    for row in reader:
        line = reader.line_num

        def bad(code: str, message: str, hint: str, field: str, line: int = line) -> None:
            findings.append(Diagnostic(code, message, hint, file, line, 0, field))

        if None in row or None in row.values():
            bad(
                "E-AGENCY-ROW",
                "found a row with another number of columns than the header",
                "check commas",
                "",
            )
            continue
        latitude = _coordinate(row.get("latitude", ""), 90)
        longitude = _coordinate(row.get("longitude", ""), 180)
        for name, value in (("latitude", latitude), ("longitude", longitude)):
            if value is None:
                bad("E-COORDINATE", f"found {row[name]!r}", "decimal degrees, or empty", name)
        if not row["id"] or not row["level"]:
            bad("E-AGENCY-ROW", "found an agency without id or level", "give both", "id")
        agencies.append(
            Agency(row["id"], row.get("name") or row["id"], row["level"], row.get("parent", ""),
                   latitude if latitude is not None else math.nan,
                   longitude if longitude is not None else math.nan)
        )  # fmt: skip
    return agencies, findings


def check_hierarchy(agencies: Sequence[Agency]) -> list[tuple[int, str, str, str]]:
    """Find faults of the hierarchy.

    Args:
        agencies: In the order of the file.

    Returns:
        Position of the agency, code, what was found, hint; empty when all is well.
    """
    found: list[tuple[int, str, str, str]] = []
    position: dict[str, int] = {}
    for index, agency in enumerate(agencies):
        if agency.id in position:
            found.append((index, "E-AGENCY-TWICE", f"found id {agency.id!r} twice", "ids are unique"))
        position.setdefault(agency.id, index)
    parents = {agency.id: agency.parent for agency in agencies}
    told: set[str] = set()
    for index, agency in enumerate(agencies):
        if agency.parent and agency.parent not in position:
            found.append(
                (index, "E-PARENT", f"found parent {agency.parent!r}, which is no agency", "name an id")
            )
            continue
        way, at = [agency.id], agency.parent
        while at and at in parents and at not in way:
            way.append(at)
            at = parents[at]
        if at in way and at not in told:
            cycle = way[way.index(at) :]
            told.update(cycle)
            found.append((index, "E-CYCLE", f"found a cycle: {' → '.join([*cycle, at])}",
                          "one of them must have another parent, or none"))  # fmt: skip
    return found
