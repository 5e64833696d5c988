"""Build the agencies.csv of a province from public lists of administrative units.

The province's districts and communes are those of the statistical office's list of 6 October 2019,
their coordinates those of a list of early 2025; with `--structure 2025` the latter gives both.  That list
is a file of the folder `--geo` or, with `--package`, a table of the public package `vietnamadminunits`.
Bodies that no list of administrative units knows (the province's office, its departments, units below
departments and districts, the State's side of a Party network) come from a small `units.csv` beside the
scenario.  The output depends on these inputs only: the same inputs give the same bytes.

Networks
    `--network state`: People's Committees, named "UBND huyện ...", "UBND xã ...".
    `--network party`: Party committees, named "Huyện ủy ...", "Thị ủy ...", "Thành ủy ...", "Quận ủy ...",
    "Đảng ủy xã ...".  Only here units.csv may have rows of level state: State agencies on the other side
    of the border, of the second level like a department.

Coordinates
    A district or commune takes the point of the 2025 list that has its statistical code, whatever it
    is called there; failing that, the point of a unit of the same name in the same district whose code
    is new.  Such a point is marked `listed`.  A commune without one (merged before 2025) stands at the
    mean of its district's listed communes, a district without one at the mean of its own communes;
    every other body stands at its `place` or at its parent.  These points are marked `imputed`.

Exchange codes (13 characters in four dotted groups; the prefix is real, the numbers are assumed)
    000.00.00.H49   the province; H49 stands for the prefix given in units.csv
    000.00.YY.H49   second level: departments as numbered in units.csv, districts from 31 in the order
                    of their statistical codes
    000.ZZ.YY.H49   third level, below YY: communes from 01 in the order of their statistical codes,
                    units of a district from 51, units of a department from 01
"""

import argparse
import csv
import gzip
import importlib.util
import io
import math
import sqlite3
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path

DISTRICTS = "gso_2019-10-06_districts.csv.gz"
WARDS = "gso_2019-10-06_wards.csv.gz"
COORDINATES = "admin_units_2025H1_legacy_63p_coords.csv.gz"

PACKAGE = "vietnamadminunits"
PACKAGE_FILE = Path("data", "dataset.db")
PACKAGE_TABLE = "admin_units_legacy"  # the structure of early 2025, as COORDINATES

LEVELS = ("province", "department", "state", "district", "commune", "unit")
SPEC_COLUMNS = ("id", "name", "level", "parent", "count", "code", "place", "note")

NETWORKS = ("state", "party")
STRUCTURES = ("2019", "2025")
PARTY_TITLES = {"Huyện": "Huyện ủy", "Thị xã": "Thị ủy", "Thành phố": "Thành ủy", "Quận": "Quận ủy"}

FIRST_DISTRICT = 31
FIRST_COMMUNE = 1
FIRST_UNIT = {"department": 1, "district": 51}

TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")

Row = dict[str, str]


class BuildError(Exception):
    """The inputs do not describe a province; the message says which and what to change."""


@dataclass(frozen=True)
class Agency:
    """One row of agencies.csv; the fields are its columns, in order."""

    id: str
    name: str
    level: str
    parent: str
    stat_code: str
    exchange_code: str
    latitude: str
    longitude: str
    coordinates: str
    note: str


@dataclass(frozen=True)
class Point:
    """A place in decimal degrees, whether a list gives it, and what a reader should know of it."""

    latitude: float
    longitude: float
    listed: bool
    note: str = ""

    def borrowed(self, note: str = "") -> "Point":
        """The same place, used for a body that no list places there."""
        return replace(self, listed=False, note=note)


@dataclass(frozen=True)
class Unit:
    """A district or commune of the list with its point."""

    code: str
    name: str
    kind: str
    bare: str
    parent: str
    point: Point

    def committee(self, network: str, *, district: bool) -> str:
        """The name of its People's Committee, or of its Party committee."""
        if network == "state":
            return f"UBND {self.name}"
        if not district:
            return f"Đảng ủy {self.name}"
        if self.kind not in PARTY_TITLES:
            raise BuildError(f"{self.name} is none of {', '.join(PARTY_TITLES)}: no Party title is known")
        return f"{PARTY_TITLES[self.kind]} {self.bare}"


@dataclass(frozen=True)
class Body:
    """What an agency is, before its exchange code and place are settled."""

    id: str
    name: str
    level: str
    parent: str
    stat_code: str = ""
    note: str = ""

    @classmethod
    def of(cls, row: Row, *, stat_code: str = "", serial: int = 0) -> "Body":
        """The body that a row of units.csv describes, the serial-th of several if a serial is given."""
        key, name = row["id"], row["name"]
        if serial:
            key, name = f"{key}-{serial:02}", f"{name} {serial:02}"
        return cls(key, name, row["level"], row["parent"], stat_code, row["note"])


def read_table(path: Path, required: Iterable[str]) -> list[Row]:
    """Read a CSV file, gzipped or not, as rows of NFC text.

    Raises:
        BuildError: the file is missing or lacks a required column.
    """
    if not path.is_file():
        raise BuildError(f"there is no file {path.name} in {path.parent}")
    raw = path.read_bytes()
    data = gzip.decompress(raw) if path.suffix == ".gz" else raw
    reader = csv.DictReader(io.StringIO(unicodedata.normalize("NFC", data.decode("utf-8-sig")), newline=""))
    missing = set(required) - set(reader.fieldnames or ())
    if missing:
        raise BuildError(f"{path.name} has no column {', '.join(sorted(missing))}")
    rows: list[Row] = []
    for number, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise BuildError(f"{path.name}, record {number}: not as many cells as the header has")
        rows.append(row)
    return rows


def bare_name(name: str, kind: str) -> str:
    """The name without its kind: "Phường Hà Khánh" -> "Hà Khánh"."""
    return name.removeprefix(kind).strip()


def running_name(name: str, kind: str) -> str:
    """The name as it is written inside a sentence: "Phường Hà Khánh" -> "phường Hà Khánh"."""
    return name[:1].lower() + name[1:] if name.startswith(kind) else name


def name_key(name: str) -> str:
    """A key that is equal for both spellings of a tone mark: "Hoà Lạc" and "Hòa Lạc"."""
    words = []
    for word in unicodedata.normalize("NFD", name.casefold()).split():
        letters = "".join(sign for sign in word if sign not in TONES)
        words.append(letters + "".join(sorted(sign for sign in word if sign in TONES)))
    return " ".join(words)


def slug(name: str) -> str:
    """A short ASCII identifier: "Đông Triều" -> "dong-trieu"."""
    plain = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    kept = "".join(
        sign if sign.isascii() and sign.isalnum() else " "
        for sign in plain
        if not unicodedata.combining(sign)
    )
    return "-".join(kept.split())


def mean(points: Sequence[Point], note: str) -> Point:
    """The mean of the points, as an imputed point."""
    return Point(
        math.fsum(point.latitude for point in points) / len(points),
        math.fsum(point.longitude for point in points) / len(points),
        listed=False,
        note=note,
    )


@dataclass(frozen=True)
class Lists:
    """Where the public lists are, and which structure is wanted.

    Args:
        structure: "2019" for the lists of 6 October 2019, "2025" for that of early 2025.
        geo: folder of the lists as files, if there is one.
        package: folder of the installed package, which then gives the list of early 2025.
    """

    structure: str
    geo: Path | None
    package: Path | None

    def file(self, name: str) -> Path:
        """The path of a list.

        Raises:
            BuildError: no folder of lists was given.
        """
        if self.geo is None:
            raise BuildError(f"{name} is needed: give --geo, or take --structure 2025 with --package")
        return self.geo / name


def locate(row: Row, kind: str, by_code: dict[str, Row], by_name: dict[tuple[str, str], Row]) -> Point | None:
    """The listed point of one unit of 2019, with a note if the 2025 list calls or places it otherwise.

    Args:
        row: the unit in the 2019 list.
        kind: "district" or "ward", the prefix of its columns in the 2025 list.
        by_code: the rows of the 2025 list by code.
        by_name: those with a code that is new since 2019, by (code of a ward's district, name key).
    """
    key = name_key(bare_name(row["name"], row["unit"]))
    found = by_code.get(row["code"]) or by_name.get((row.get("district_code", ""), key))
    if found is None or not found[f"{kind}Lat"] or not found[f"{kind}Lon"]:
        return None
    same_name = name_key(bare_name(found[kind], found[f"{kind}Type"])) == key
    same_district = found["districtCode"] == row.get("district_code", row["code"])
    other = ", ".join([found[kind]] if same_district else [found[kind], found["district"]])
    note = "" if same_name and same_district else f"in the 2025 list: {other}"
    return Point(float(found[f"{kind}Lat"]), float(found[f"{kind}Lon"]), listed=True, note=note)


def read_places(lists: Lists, province: str) -> tuple[list[Unit], list[Unit]]:
    """The districts and the communes of a province, each in the order of the statistical codes.

    Args:
        lists: where the lists are, and which structure is wanted.
        province: the statistical code of the province, two digits; a name would not do, for some
            districts bear the name of another province.

    Raises:
        BuildError: a list is missing, or the province is not in the lists.
    """
    if lists.structure == "2025":
        listed = coordinates(lists, province)
        districts, wards = structure_of(listed)
    else:
        unit_columns = ("code", "name", "unit", "province_code")
        districts = read_province(lists.file(DISTRICTS), unit_columns, "province_code", province)
        wards = read_province(lists.file(WARDS), (*unit_columns, "district_code"), "province_code", province)
        listed = coordinates(lists, province)

    found = match(wards, "ward", listed)
    known: dict[str, list[Point]] = {row["code"]: [] for row in districts}
    for row in wards:
        point = found[row["code"]]
        if point is not None:
            known[row["district_code"]].append(point)

    centres = match(districts, "district", listed)
    district_units = []
    for row in districts:
        own = known[row["code"]]
        centre = centres[row["code"]]
        if centre is None and not own:
            raise BuildError(f"neither {row['name']} nor any of its communes has a point in {COORDINATES}")
        centre = centre or mean(own, f"not in the 2025 list: mean of its {len(own)} communes with a point")
        district_units.append(unit_of(row, province, centre))

    district_of = {unit.code: unit for unit in district_units}
    repeated = Counter(row["name"] for row in wards)
    commune_units = []
    for row in wards:
        district = district_of[row["district_code"]]
        own = known[district.code]
        where = f"mean of the district's {len(own)} communes with a point" if own else "point of the district"
        note = f"not in the 2025 list: {where}"
        fallback = mean(own, note) if own else district.point.borrowed(note)
        unit = unit_of(row, district.code, found[row["code"]] or fallback)
        if repeated[row["name"]] > 1:
            unit = replace(unit, name=f"{unit.name}, {district.name}")
        commune_units.append(unit)
    return district_units, commune_units


def coordinates(lists: Lists, province: str) -> list[Row]:
    """The rows of one province in the list of early 2025, from the folder or from the package.

    Raises:
        BuildError: the list is missing, lacks a column, or has no such province.
    """
    columns = [
        f"{kind}{part}" for kind in ("district", "ward") for part in ("", "Type", "Code", "Lat", "Lon")
    ]
    if lists.package is None:
        return read_province(lists.file(COORDINATES), (*columns, "provinceCode"), "provinceCode", province)
    source = lists.package / PACKAGE_FILE
    if not source.is_file():
        raise BuildError(f"there is no {PACKAGE_FILE.as_posix()} in {lists.package}")
    query = f"SELECT {', '.join(columns)} FROM {PACKAGE_TABLE} WHERE provinceCode = ?"
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as base:
            found = base.execute(query, (province,)).fetchall()
    except sqlite3.Error as error:
        raise BuildError(f"{source.name} is not the package's data: {error}") from None
    if not found:
        raise BuildError(f"{source.name} has no province of the code {province!r}; Quảng Ninh, say, is 22")
    return [
        {
            column: "" if cell is None else unicodedata.normalize("NFC", str(cell))
            for column, cell in zip(columns, row, strict=True)
        }
        for row in found
    ]


def structure_of(listed: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The districts and the communes that the list of early 2025 has, in the form of the lists of 2019."""
    districts = {
        row["districtCode"]: {
            "code": row["districtCode"],
            "name": row["district"],
            "unit": row["districtType"],
        }
        for row in listed
    }
    wards = {
        row["wardCode"]: {
            "code": row["wardCode"],
            "name": row["ward"],
            "unit": row["wardType"],
            "district_code": row["districtCode"],
        }
        for row in listed
        if row["wardCode"]  # a district without communes has one row without a commune
    }
    return [districts[key] for key in sorted(districts)], [wards[key] for key in sorted(wards)]


def read_province(path: Path, required: Iterable[str], column: str, province: str) -> list[Row]:
    """The rows of one province, by its statistical code, in the order of the codes of the file.

    Raises:
        BuildError: the file is missing, or has no such province.
    """
    rows = [row for row in read_table(path, required) if row[column] == province]
    if not rows:
        raise BuildError(f"{path.name} has no province of the code {province!r}; Quảng Ninh, say, is 22")
    return sorted(rows, key=lambda row: row.get("code", ""))


def match(rows: Sequence[Row], kind: str, listed: Sequence[Row]) -> dict[str, Point | None]:
    """The listed point of each district or commune of 2019, by its code: matched by code, else by name.

    Args:
        rows: units of the 2019 list.
        kind: "district" or "ward", the prefix of their columns in the 2025 list.
        listed: the rows of the 2025 list.
    """
    codes = {row["code"] for row in rows}
    by_code = {row[f"{kind}Code"]: row for row in listed}
    by_name = {
        (
            row["districtCode"] if kind == "ward" else "",
            name_key(bare_name(row[kind], row[f"{kind}Type"])),
        ): row
        for row in listed
        if row[f"{kind}Code"] not in codes
    }
    return {row["code"]: locate(row, kind, by_code, by_name) for row in rows}


def unit_of(row: Row, parent: str, point: Point) -> Unit:
    """A unit of the 2019 list with its point."""
    name = running_name(row["name"], row["unit"])
    return Unit(row["code"], name, row["unit"], bare_name(row["name"], row["unit"]), parent, point)


def district_ids(districts: Sequence[Unit]) -> dict[str, str]:
    """Identifiers of the districts by statistical code; the code is added where two bear one name."""
    repeated = Counter(slug(unit.bare) for unit in districts)
    return {
        unit.code: f"h-{slug(unit.bare)}" + (f"-{unit.code}" if repeated[slug(unit.bare)] > 1 else "")
        for unit in districts
    }


class Register:
    """The agencies found so far, with the place and the group number that their children need.

    Args:
        prefix: the last group of every exchange code, such as H49.
    """

    def __init__(self, prefix: str) -> None:
        self.agencies: list[Agency] = []
        self._prefix = prefix
        self._points: dict[str, Point] = {}
        self._levels: dict[str, str] = {}
        self._groups: dict[str, int] = {}
        self._children: Counter[tuple[str, str]] = Counter()

    def level(self, agency: str) -> str:
        """The level of an agency, empty if there is none of that id."""
        return self._levels.get(agency, "")

    def point(self, agency: str) -> Point:
        """Where an agency stands."""
        return self._points[agency]

    def second(self, body: Body, point: Point, group: int) -> None:
        """Add an agency of the province itself (group 0) or of the second level."""
        self._groups[body.id] = group
        self._add(body, point, f"000.00.{group:02}")

    def third(self, body: Body, point: Point) -> None:
        """Add an agency below one of the second level, with the next free number there."""
        first = FIRST_COMMUNE if body.level == "commune" else FIRST_UNIT[self._levels[body.parent]]
        serial = first + self._children[body.parent, body.level]
        self._children[body.parent, body.level] += 1
        self._add(body, point, f"000.{serial:02}.{self._groups[body.parent]:02}")

    def _add(self, body: Body, point: Point, code: str) -> None:
        self._points[body.id] = point
        self._levels[body.id] = body.level
        self.agencies.append(
            Agency(
                id=body.id,
                name=body.name,
                level=body.level,
                parent=body.parent,
                stat_code=body.stat_code,
                exchange_code=f"{code}.{self._prefix}",
                latitude=f"{point.latitude:.5f}",
                longitude=f"{point.longitude:.5f}",
                coordinates="listed" if point.listed else "imputed",
                note="; ".join(part for part in (body.note, point.note) if part),
            )
        )


def build(
    geo: Path | None,
    province: str,
    units: Path,
    *,
    network: str = "state",
    structure: str = "2019",
    package: Path | None = None,
) -> list[Agency]:
    """All agencies of a province: office, departments, the State's side, districts, communes, units.

    Args:
        geo: the folder that holds the lists.
        province: the statistical code of the province.
        units: the units.csv of the scenario.
        network: one of NETWORKS; whose committees the districts and communes have.
        structure: one of STRUCTURES; the year of the districts and communes.
        package: folder of the installed package, instead of the list of coordinates in `geo`.

    Raises:
        BuildError: a list or units.csv does not say what is needed.
    """
    spec = read_spec(units)
    if spec["state"] and network == "state":
        raise BuildError(f"{units.name} has rows of level state, which only --network party knows")
    districts, communes = read_places(Lists(structure, geo, package), province)
    places = {unit.code: unit for unit in (*districts, *communes)}

    def place(row: Row) -> Point:
        if row["place"] not in places:
            raise BuildError(
                f"{units.name}, {row['id']}: no district or commune has the code {row['place']!r}"
            )
        unit = places[row["place"]]
        return unit.point.borrowed(f"point of {unit.name}")

    office = spec["province"][0]
    register = Register(office["code"])
    register.second(Body.of(office, stat_code=province), place(office), 0)
    for row in (*spec["department"], *spec["state"]):
        register.second(Body.of(row), place(row), number(row, "code", units))

    ids = district_ids(districts)
    notes = {row["id"]: row["note"] for level in ("district", "commune") for row in spec[level]}
    for group, unit in enumerate(districts, start=FIRST_DISTRICT):
        key = ids[unit.code]
        name = unit.committee(network, district=True)
        body = Body(key, name, "district", office["id"], unit.code, notes.pop(key, ""))
        register.second(body, unit.point, group)
    for unit in communes:
        key = f"x-{unit.code}"
        name = unit.committee(network, district=False)
        body = Body(key, name, "commune", ids[unit.parent], unit.code, notes.pop(key, ""))
        register.third(body, unit.point)
    if notes:
        raise BuildError(f"{units.name} has notes on {', '.join(notes)}, which the lists do not know")

    for row in spec["unit"]:
        if register.level(row["parent"]) not in FIRST_UNIT:
            raise BuildError(
                f"{units.name}, {row['id']}: the parent {row['parent']!r} is no department or district"
            )
        parent = register.point(row["parent"]).borrowed("point of its parent")
        point = place(row) if row["place"] else parent
        for serial in range(1, number(row, "count", units) + 1):
            register.third(Body.of(row, serial=serial), point)
    verify(register.agencies)
    return register.agencies


def read_spec(units: Path) -> dict[str, list[Row]]:
    """The rows of units.csv by level.

    Raises:
        BuildError: an unknown level, or not exactly one row of level province.
    """
    spec: dict[str, list[Row]] = {level: [] for level in LEVELS}
    for row in read_table(units, SPEC_COLUMNS):
        if row["level"] not in spec:
            raise BuildError(f"{units.name}, {row['id']}: the level {row['level']!r} is none of {LEVELS}")
        spec[row["level"]].append(row)
    if len(spec["province"]) != 1:
        raise BuildError(f"{units.name} must have one row of level province, not {len(spec['province'])}")
    return spec


def number(row: Row, column: str, units: Path) -> int:
    """A whole number of units.csv from 1 to 99, the room of a group of the exchange code."""
    text = row[column]
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 99):
        raise BuildError(f"{units.name}, {row['id']}: {column} must be a number from 1 to 99, not {text!r}")
    return int(text)


def verify(agencies: Sequence[Agency]) -> None:
    """Refuse a table whose rows could be confused or whose parents are missing.

    Raises:
        BuildError: an identifier or exchange code occurs twice, a code has not 13 characters, a parent
            is not in the table.
    """
    ids = {agency.id for agency in agencies}
    for column in ("id", "exchange_code"):
        twice = [value for value, n in Counter(getattr(row, column) for row in agencies).items() if n > 1]
        if twice:
            raise BuildError(f"{column} not unique: {', '.join(twice)}")
    for agency in agencies:
        if len(agency.exchange_code) != 13:
            raise BuildError(f"{agency.id}: exchange code {agency.exchange_code} has not 13 characters")
        if agency.parent not in ids and agency.level != "province":
            raise BuildError(f"{agency.id}: its parent {agency.parent!r} is not in the table")


def render(agencies: Iterable[Agency]) -> bytes:
    """The table as the bytes of agencies.csv: UTF-8, NFC, LF, with a header."""
    columns = [field.name for field in fields(Agency)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(agency, column) for column in columns] for agency in agencies)
    return unicodedata.normalize("NFC", text.getvalue()).encode()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    summary, _, details = (__doc__ or "").partition("\n\n")
    result = argparse.ArgumentParser(
        description=summary,
        epilog=f"{details}\nExample:\n    python scenarios/build_agencies.py --geo GEO --province 22 "
        "--units scenarios/quang-ninh/units.csv",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--geo",
        type=Path,
        metavar="DIR",
        help=f"folder with {DISTRICTS} and {WARDS} (for --structure 2019) and {COORDINATES} "
        "(unless --package is given)",
    )
    result.add_argument(
        "--package",
        action="store_true",
        help=f"take the list of early 2025 from the installed Python package {PACKAGE}",
    )
    result.add_argument(
        "--structure",
        choices=STRUCTURES,
        default="2019",
        help="year of the districts and communes: 2019 (default) or early 2025, the last with districts",
    )
    result.add_argument(
        "--network",
        choices=NETWORKS,
        default="state",
        help="whose committees the districts and communes have: the State's (default) or the Party's",
    )
    result.add_argument(
        "--province", required=True, metavar="CODE", help="statistical code of the province, two digits (22)"
    )
    result.add_argument(
        "--places",
        action="store_true",
        help="only print code and name of the province's districts and communes, to write units.csv by",
    )
    result.add_argument(
        "--units",
        type=Path,
        metavar="FILE",
        help=f"bodies that the lists do not know: a CSV file with the columns {', '.join(SPEC_COLUMNS)}. "
        "A row of level province, department, state or unit adds that body (a unit, `count` times, with running "
        "numbers). `code` is the prefix of all exchange codes in the province's row, the number of a "
        "department or State agency in its own. `place` is the statistical code of the commune or district "
        "where the body stands; a unit without one stands at its parent. A row of level district or commune "
        "only adds its note to the row of that id",
    )
    result.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write (default: agencies.csv beside the units file)",
    )
    result.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if the file is not what would be written",
    )
    return result


def installed_package() -> Path:
    """The folder of the installed package.

    Raises:
        BuildError: it is not installed for this Python.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BuildError(f"the package {PACKAGE} is not installed here: pip install {PACKAGE}")
    return Path(spec.origin).parent


def show_places(lists: Lists, province: str) -> int:
    """Print code and name of the districts of a province, each followed by its communes; returns 0."""
    districts, communes = read_places(lists, province)
    for district in districts:
        sys.stdout.write(f"{district.code}    {district.name}\n")
        for commune in communes:
            if commune.parent == district.code:
                sys.stdout.write(f"{commune.code}  {commune.name}\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    if options.units is None and not options.places:
        sys.stderr.write("error: give --units, or --places to see the codes to write it by\n")
        return 2
    try:
        package = installed_package() if options.package else None
        if options.places:
            return show_places(Lists(options.structure, options.geo, package), options.province)
        agencies = build(
            options.geo,
            options.province,
            options.units,
            network=options.network,
            structure=options.structure,
            package=package,
        )
    except BuildError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    output: Path = options.output or options.units.with_name("agencies.csv")
    content = render(agencies)
    if options.check:
        same = output.is_file() and output.read_bytes() == content
        sys.stderr.write(f"{output}: {'as built' if same else 'differs from what would be built'}\n")
        return 0 if same else 1
    output.write_bytes(content)
    levels = Counter(agency.level for agency in agencies)
    counts = ", ".join(f"{level} {levels[level]}" for level in LEVELS if levels[level])
    imputed = sum(agency.coordinates == "imputed" for agency in agencies)
    sys.stderr.write(f"{output}: {len(agencies)} agencies ({counts}), {imputed} at an imputed point\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
