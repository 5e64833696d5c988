"""scenarios/build_agencies.py on a made-up province: the Party's names, the structure of 2025, the package."""

import csv
import gzip
import importlib.util
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT_FILE = Path(__file__).resolve().parents[2] / "scenarios" / "build_agencies.py"

COORDINATES = """\
district,ward,districtType,wardType,provinceCode,districtCode,districtLat,districtLon,wardCode,wardLat,wardLon
Thành phố Thử,Phường Một,Thành phố,Phường,90,001,10.0,100.0,00011,10.1,100.1
Thị xã Hai,Phường Một,Thị xã,Phường,90,002,11.0,101.0,00021,11.1,101.1
Huyện Ba,Xã Ba,Huyện,Xã,90,003,12.0,102.0,00031,,
Quận Bốn,,Quận,,90,004,13.0,103.0,,,
"""
UNITS = """\
id,name,level,parent,count,code,place,note
p-office,Văn phòng Tỉnh ủy Thử,province,,1,H99,001,
d-to-chuc,Ban Tổ chức Tỉnh ủy,department,p-office,1,61,001,
s-ubnd,Văn phòng UBND tỉnh Thử,state,p-office,1,01,001,State side
"""

Row = dict[str, str]


def _script() -> ModuleType:
    """Import the script, which lives in a folder that is not a package."""
    spec = importlib.util.spec_from_file_location("build_agencies", SCRIPT_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()


@pytest.fixture
def geo(tmp_path: Path) -> Path:
    """A folder with the list of early 2025 and a units.csv of a Party network."""
    (tmp_path / SCRIPT.COORDINATES).write_bytes(gzip.compress(COORDINATES.encode()))
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as the package has it: the same list as a table of a database."""
    folder: Path = tmp_path / SCRIPT.PACKAGE
    (folder / "data").mkdir(parents=True)
    rows = list(csv.DictReader(COORDINATES.splitlines()))
    with closing(sqlite3.connect(folder / SCRIPT.PACKAGE_FILE)) as base:
        base.execute(f"CREATE TABLE {SCRIPT.PACKAGE_TABLE} ({', '.join(rows[0])})")
        marks = ", ".join("?" for _ in rows[0])
        for row in rows:
            cells = [float(v) if v and k.endswith(("Lat", "Lon")) else v or None for k, v in row.items()]
            base.execute(f"INSERT INTO {SCRIPT.PACKAGE_TABLE} VALUES ({marks})", cells)
        base.commit()
    return folder


def _built(geo: Path | None, units: Path, **options: object) -> dict[str, Row]:
    """Build a table; return its rows by id."""
    agencies = SCRIPT.build(geo, "90", units, structure="2025", **options)
    rows = csv.DictReader(SCRIPT.render(agencies).decode().splitlines())
    return {row["id"]: row for row in rows}


class TestParty:
    def test_committees_bear_the_partys_names(self, geo: Path) -> None:
        """By the kind of the unit; communes keep theirs."""
        rows = _built(geo, geo / "units.csv", network="party")

        assert [row["name"] for row in rows.values() if row["level"] == "district"] == [
            *("Thành ủy Thử", "Thị ủy Hai", "Huyện ủy Ba", "Quận ủy Bốn"),
        ]
        assert rows["x-00011"]["name"] == "Đảng ủy phường Một, thành phố Thử"
        assert rows["x-00031"]["name"] == "Đảng ủy xã Ba"

    def test_the_states_side_stands_at_the_second_level(self, geo: Path) -> None:
        """With the number that units.csv gives it, and a level of its own."""
        rows = _built(geo, geo / "units.csv", network="party")

        assert rows["s-ubnd"]["level"] == "state"
        assert rows["s-ubnd"]["exchange_code"] == "000.00.01.H99"
        assert list(rows)[:3] == ["p-office", "d-to-chuc", "s-ubnd"]

    def test_the_state_network_has_no_other_side(self, geo: Path) -> None:
        """A table of the State's with such rows is a mistake."""
        with pytest.raises(SCRIPT.BuildError, match="only --network party"):
            _built(geo, geo / "units.csv")

    def test_a_unit_of_no_known_kind_is_refused(self, geo: Path) -> None:
        """Rather than given a title that nobody uses."""
        text = COORDINATES.replace("Huyện Ba,", "Đặc khu Ba,").replace(",Huyện,", ",Đặc khu,")
        (geo / SCRIPT.COORDINATES).write_bytes(gzip.compress(text.encode()))
        with pytest.raises(SCRIPT.BuildError, match=re.escape("no Party title is known")):
            _built(geo, geo / "units.csv", network="party")


class TestStructureOf2025:
    def test_districts_and_communes_are_those_of_the_list(self, geo: Path) -> None:
        """Each once, in the order of the codes; a district without communes too."""
        rows = _built(geo, geo / "units.csv", network="party")

        assert [key for key in rows if key.startswith("h-")] == ["h-thu", "h-hai", "h-ba", "h-bon"]
        assert [key for key in rows if key.startswith("x-")] == ["x-00011", "x-00021", "x-00031"]
        assert rows["x-00031"]["parent"] == "h-ba"
        assert rows["x-00031"]["coordinates"] == "imputed"
        assert rows["x-00021"]["coordinates"] == "listed"

    def test_the_package_gives_the_same_bytes(self, geo: Path, package: Path) -> None:
        """As the same list from a file; no folder of lists is needed."""
        from_file = _built(geo, geo / "units.csv", network="party")
        from_package = _built(None, geo / "units.csv", network="party", package=package)

        assert from_package == from_file

    def test_what_is_missing_is_told(self, geo: Path, package: Path) -> None:
        """A province, a table, a file, the lists of 2019."""
        lists = SCRIPT.Lists("2025", None, package)
        with pytest.raises(SCRIPT.BuildError, match="no province of the code '77'"):
            SCRIPT.read_places(lists, "77")
        with closing(sqlite3.connect(package / SCRIPT.PACKAGE_FILE)) as base:
            base.execute(f"DROP TABLE {SCRIPT.PACKAGE_TABLE}")
        with pytest.raises(SCRIPT.BuildError, match="is not the package's data"):
            SCRIPT.read_places(lists, "90")
        with pytest.raises(SCRIPT.BuildError, match="there is no data/"):
            SCRIPT.read_places(SCRIPT.Lists("2025", None, geo), "90")
        with pytest.raises(SCRIPT.BuildError, match="give --geo"):
            SCRIPT.read_places(SCRIPT.Lists("2019", None, package), "90")


class TestCommand:
    def test_places_are_shown_to_write_units_by(self, geo: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Codes and names, districts with their communes."""
        lists = ["--geo", str(geo), "--structure", "2025", "--province", "90"]

        assert SCRIPT.main([*lists, "--places"]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert shown[:2] == ["001    thành phố Thử", "00011  phường Một, thành phố Thử"]
        assert SCRIPT.main(lists) == 2
        assert "give --units" in capsys.readouterr().err

    def test_options_reach_the_table(self, geo: Path) -> None:
        """A Party network of 2025 by the command line."""
        lists = ["--geo", str(geo), "--structure", "2025", "--network", "party", "--province", "90"]

        assert SCRIPT.main([*lists, "--units", str(geo / "units.csv")]) == 0
        assert "Huyện ủy Ba" in (geo / "agencies.csv").read_text(encoding="utf-8")

    def test_a_package_that_is_not_installed_is_told(
        self, geo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With the command that installs it."""
        monkeypatch.setattr(SCRIPT, "PACKAGE", "no_such_package_of_lists")
        arguments = ["--package", "--structure", "2025", "--province", "90"]

        assert SCRIPT.main([*arguments, "--units", str(geo / "units.csv")]) == 2
        assert "pip install no_such_package_of_lists" in capsys.readouterr().err
