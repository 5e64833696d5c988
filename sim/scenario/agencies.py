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


def read_agencies(text: str, file: str) -> tuple[list[Agency], list[Diagnostic]]:
    """Read a CSV of agencies; columns beyond :data:`COLUMNS` are for people and are passed over.

    Args:
        text: The file's content, UTF-8 CSV with a header.
        file: Its name, for messages.

    Returns:
        The agencies in the order of the file, and every finding, those of :func:`check_hierarchy` included.
    """
    table = _Table(text, file)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        table.head([cell.strip() for cell in next(reader, [])])
        before = reader.line_num
        for row in reader:
            if row and table.known:
                table.row(row, before + 1)
            before = reader.line_num
    except csv.Error as error:
        table.bad("E-AGENCY-CSV", f"found a row that is no CSV: {error}", "check quotes", reader.line_num)
    if not table.agencies and not table.findings:
        table.bad("E-AGENCY-ROW", "found no agency", "list one at least, a line each", 1)
    for index, code, message, hint in check_hierarchy(table.agencies):
        field = "parent" if code in {"E-PARENT", "E-CYCLE"} else "id"
        table.bad(code, message, hint, table.lines[index], field)
    return table.agencies, table.findings


class _Table:
    """A CSV of agencies while it is being read.

    Args:
        text: Its content.
        file: Its name, for messages.
    """

    def __init__(self, text: str, file: str) -> None:
        self.raw = text.splitlines()
        self.file = file
        self.columns: list[str] = []
        self.agencies: list[Agency] = []
        self.lines: list[int] = []
        self.findings: list[Diagnostic] = []

    @property
    def known(self) -> bool:
        """True where the header has every column that is needed."""
        return all(name in self.columns for name in COLUMNS)

    def bad(self, code: str, message: str, hint: str, line: int, field: str = "") -> None:
        """Note a finding, at the cell under ``field`` if there is one."""
        at = self.columns.index(field) if field in self.columns else 0
        raw = self.raw[line - 1] if line <= len(self.raw) else ""
        self.findings.append(Diagnostic(code, message, hint, self.file, line, _offset(raw, at) + 1, field))

    def head(self, columns: list[str]) -> None:
        """Read the header."""
        self.columns = columns
        missing = [name for name in COLUMNS if name not in columns]
        twice = [name for name in COLUMNS if columns.count(name) > 1]
        if missing:
            found = f"found no column {', '.join(missing)}"
            self.bad("E-AGENCY-COLUMN", found, f"columns: {', '.join(COLUMNS)}; cells may be empty", 1)
        for name in twice:
            self.bad("E-AGENCY-COLUMN", f"found column {name!r} twice", "keep one of them", 1, name)

    def row(self, cells: list[str], line: int) -> None:
        """Read one agency."""
        if len(cells) != len(self.columns):
            found = f"found {len(cells)} cells under {len(self.columns)} columns"
            self.bad("E-AGENCY-ROW", found, "check commas; text with a comma goes in double quotes", line)
        row = dict(zip(self.columns, (cell.strip() for cell in cells), strict=False))
        for name in ("id", "level"):
            if not row.get(name):
                self.bad("E-AGENCY-ROW", f"found an agency without {name}", "give it", line, name)
        latitude = self._coordinate(row, "latitude", 90, line)
        longitude = self._coordinate(row, "longitude", 180, line)
        if bool(row.get("latitude")) != bool(row.get("longitude")):
            found = "found one coordinate of two"
            self.bad("E-COORDINATE", found, "give latitude and longitude, or neither", line, "latitude")
        if row.get("id"):
            names = row.get("name") or row["id"], row.get("level", ""), row.get("parent", "")
            self.agencies.append(Agency(row["id"], *names, latitude, longitude))
            self.lines.append(line)

    def _coordinate(self, row: dict[str, str], name: str, limit: float, line: int) -> float:
        text = row.get(name, "")
        try:
            value = float(text) if text else math.nan
        except ValueError:
            value = math.inf
        if text and not abs(value) <= limit:
            hint = f"decimal degrees between -{limit:g} and {limit:g}, or empty"
            self.bad("E-COORDINATE", f"found {text!r}", hint, line, name)
            return math.nan
        return value


def _offset(line: str, index: int) -> int:
    """Return where the cell of an index begins in a line of CSV; 0 where the line has no such cell."""
    commas = [at for at, sign in enumerate(line) if sign == "," and line[:at].count('"') % 2 == 0]
    return commas[index - 1] + 1 if 0 < index <= len(commas) else 0


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
            message = f"found a cycle: {' → '.join([*cycle, at])}"
            hint = "one of them must have another parent, or none"
            found.append((min(position[one] for one in cycle), "E-CYCLE", message, hint))
    return found
