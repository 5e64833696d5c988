"""The agencies of Quảng Ninh as committed, and the script that builds such tables."""

import csv
import gzip
import importlib.util
import os
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "scenarios" / "quang-ninh"
GEO = ROOT.parent / "shared" / "data" / "geo"

Row = dict[str, str]

COLUMNS = [
    "id",
    "name",
    "level",
    "parent",
    "stat_code",
    "exchange_code",
    "latitude",
    "longitude",
    "coordinates",
    "note",
]
PARENT_LEVELS = {
    "province": {""},
    "department": {"province"},
    "district": {"province"},
    "commune": {"district"},
    "unit": {"department", "district"},
}


def load_script() -> ModuleType:
    """Import the script, which lives in a folder that is not a package."""
    spec = importlib.util.spec_from_file_location("build_agencies", ROOT / "scenarios" / "build_agencies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCRIPT = load_script()


@pytest.fixture(scope="module")
def content() -> bytes:
    """The committed table as bytes."""
    return (SCENARIO / "agencies.csv").read_bytes()


@pytest.fixture(scope="module")
def rows(content: bytes) -> list[Row]:
    """The committed table as rows, in order."""
    return list(csv.DictReader(content.decode("utf-8").splitlines()))


@pytest.fixture(scope="module")
def by_id(rows: list[Row]) -> dict[str, Row]:
    """The committed table by id."""
    return {row["id"]: row for row in rows}


class TestCommittedTable:
    """scenarios/quang-ninh/agencies.csv."""

    def test_is_plain_text(self, content: bytes) -> None:
        """UTF-8 without a byte-order mark, LF, NFC, the documented header."""
        text = content.decode("utf-8")

        assert not text.startswith("\ufeff")
        assert "\r" not in text
        assert text.endswith("\n")
        assert unicodedata.is_normalized("NFC", text)
        assert text.splitlines()[0].split(",") == COLUMNS

    def test_has_the_published_number_of_units(self, rows: list[Row]) -> None:
        """609 exchanging units, of which 14 districts and 186 communes are real."""
        assert len(rows) == 609
        assert Counter(row["level"] for row in rows) == {
            "province": 1,
            "department": 21,
            "district": 14,
            "commune": 186,
            "unit": 387,
        }

    def test_ids_and_names_are_unique(self, rows: list[Row]) -> None:
        """Ids are short ASCII slugs; no two agencies can be confused by name either."""
        assert len({row["id"] for row in rows}) == len(rows)
        assert len({row["name"] for row in rows}) == len(rows)
        assert [row["id"] for row in rows if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", row["id"])] == []
        assert [row["id"] for row in rows if row["name"] != row["name"].strip() or not row["name"]] == []

    def test_exchange_codes(self, rows: list[Row], by_id: dict[str, Row]) -> None:
        """Unique, 13 characters in four groups, and the groups follow the parents."""
        codes = [row["exchange_code"] for row in rows]

        assert len(set(codes)) == len(codes)
        assert [code for code in codes if not re.fullmatch(r"\d{3}\.\d{2}\.\d{2}\.H49", code)] == []
        assert {len(code) for code in codes} == {13}
        for row in rows:
            _, third, second, _ = row["exchange_code"].split(".")
            if row["level"] in {"commune", "unit"}:
                assert third != "00"
                assert second == by_id[row["parent"]]["exchange_code"].split(".")[2], row["id"]
            else:
                assert third == "00"
                assert (second == "00") == (row["level"] == "province")

    def test_parents(self, rows: list[Row], by_id: dict[str, Row]) -> None:
        """Every parent exists and is of a proper level."""
        for row in rows:
            level = by_id[row["parent"]]["level"] if row["parent"] else ""
            assert level in PARENT_LEVELS[row["level"]], row["id"]

    def test_every_chain_of_parents_ends_at_the_office(self, rows: list[Row], by_id: dict[str, Row]) -> None:
        """There is one root and no cycle; levels are at most three deep."""
        for row in rows:
            seen = [row["id"]]
            while by_id[seen[-1]]["parent"]:
                seen.append(by_id[seen[-1]]["parent"])
                assert len(seen) <= 3, seen
            assert seen[-1] == "p-office"

    def test_every_district_has_communes_and_units(self, rows: list[Row]) -> None:
        """Communes and divisions are spread over all districts; the island district has three communes."""
        communes = Counter(row["parent"] for row in rows if row["level"] == "commune")
        units = Counter(row["parent"] for row in rows if row["level"] == "unit" and row["parent"][0] == "h")

        assert set(communes) == set(units) == {row["id"] for row in rows if row["level"] == "district"}
        assert communes["h-co-to"] == 3
        assert communes["h-hoanh-bo"] == 13
        assert communes["h-ha-long"] == 20
        assert {12, 14} == set(units.values())

    def test_statistical_codes(self, rows: list[Row]) -> None:
        """Two, three and five digits at the three levels of administration, none elsewhere."""
        digits = {"province": 2, "district": 3, "commune": 5, "department": 0, "unit": 0}

        assert [row["id"] for row in rows if len(row["stat_code"]) != digits[row["level"]]] == []
        assert [r["id"] for r in rows if r["level"] == "commune" and r["id"] != f"x-{r['stat_code']}"] == []

    def test_coordinates(self, rows: list[Row]) -> None:
        """Five decimals, inside the province, islands included."""
        for row in rows:
            assert re.fullmatch(r"\d{2}\.\d{5}", row["latitude"]), row["id"]
            assert re.fullmatch(r"\d{3}\.\d{5}", row["longitude"]), row["id"]
            assert 20.6 <= float(row["latitude"]) <= 21.8, row["id"]
            assert 106.4 <= float(row["longitude"]) <= 108.2, row["id"]

    def test_marks_what_is_imputed(self, rows: list[Row], by_id: dict[str, Row]) -> None:
        """Points of communes merged before 2025, of Hoành Bồ and of bodies outside the lists are imputed."""
        imputed = Counter(row["level"] for row in rows if row["coordinates"] == "imputed")

        assert {row["coordinates"] for row in rows} == {"listed", "imputed"}
        assert imputed == {"province": 1, "department": 21, "district": 1, "commune": 15, "unit": 387}
        assert by_id["h-hoanh-bo"]["coordinates"] == "imputed"
        assert by_id["x-07030"]["coordinates"] == "listed"
        assert [row["id"] for row in rows if row["coordinates"] == "imputed" and not row["note"]] == []

    def test_names_units_as_assumed(self, rows: list[Row]) -> None:
        """No reader can take an assumed unit for a real one."""
        for row in rows:
            assert (row["level"] == "unit") == ("(giả định)" in row["name"]), row["id"]
            assert (row["level"] == "unit") == row["note"].startswith("assumed: "), row["id"]

    def test_is_what_the_script_builds(self, content: bytes) -> None:
        """The same lists give the same bytes."""
        if os.environ.get("CI"):
            pytest.skip("the public lists are not on CI")
        if not GEO.is_dir():
            pytest.skip("the folder with the public lists, ../shared/data/geo, is absent")

        built = SCRIPT.render(SCRIPT.build(GEO, "22", SCENARIO / "units.csv"))

        assert content == built


DISTRICTS = """\
code,name,unit,province_code,province_name
003,Huyện Cũ,Huyện,90,Tỉnh Thử
002,Huyện Đảo,Huyện,90,Tỉnh Thử
001,Thành phố Đảo,Thành phố,90,Tỉnh Thử
009,Huyện Thử,Huyện,91,Tỉnh Khác
"""
WARDS = """\
code,name,unit,district_code,district_name,province_code,province_name
00012,Phường Một,Phường,001,Thành phố Đảo,90,Tỉnh Thử
00011,Phường Hoà Lạc,Phường,001,Thành phố Đảo,90,Tỉnh Thử
00013,Phường Ba,Phường,001,Thành phố Đảo,90,Tỉnh Thử
00021,Xã Một,Xã,002,Huyện Đảo,90,Tỉnh Thử
00031,Xã Một,Xã,003,Huyện Cũ,90,Tỉnh Thử
00091,Xã Khác,Xã,009,Huyện Thử,91,Tỉnh Khác
"""
COORDINATES = """\
district,ward,districtType,wardType,provinceCode,districtCode,districtLat,districtLon,wardCode,wardLat,wardLon
Thành phố Đảo,Phường Hòa Lạc,Thành phố,Phường,90,001,10.0,100.0,00011,10.1,100.1
Thành phố Đảo,Phường Ba,Thành phố,Phường,90,001,10.0,100.0,00099,10.3,100.3
Thành phố Đảo,Phường Cũ,Thành phố,Phường,90,001,10.0,100.0,00031,10.5,100.5
Huyện Đảo,,Huyện,,90,002,11.0,101.0,,,
Huyện Thử,Xã Khác,Huyện,Xã,91,009,12.0,102.0,00091,12.0,102.0
"""
UNITS = """\
id,name,level,parent,count,code,place,note
p-office,Văn phòng UBND tỉnh Thử,province,,1,H99,001,
d-y-te,Sở Y tế,department,p-office,1,07,00011,
u-y-te,Đơn vị thuộc Sở Y tế (giả định),unit,d-y-te,2,,,assumed
u-dao,Phòng thuộc UBND huyện Đảo (giả định),unit,h-dao-002,1,,,assumed
x-00021,,commune,,,,,remote
"""


@pytest.fixture
def province(tmp_path: Path) -> Path:
    """A folder with a made-up province of three districts and five communes, and its units.csv."""
    for name, text in (
        (SCRIPT.DISTRICTS, DISTRICTS),
        (SCRIPT.WARDS, WARDS),
        (SCRIPT.COORDINATES, COORDINATES),
    ):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    return tmp_path


class TestScript:
    """scenarios/build_agencies.py, on a made-up province."""

    def build(self, folder: Path) -> dict[str, Row]:
        content: bytes = SCRIPT.render(SCRIPT.build(folder, "90", folder / "units.csv"))
        return {row["id"]: row for row in csv.DictReader(content.decode().splitlines())}

    def where(self, row: Row) -> tuple[str, str, str]:
        return row["latitude"], row["longitude"], row["coordinates"]

    def test_orders_and_names_by_statistical_code(self, province: Path) -> None:
        """Districts of one name get their code into the id, communes of one name their district."""
        rows = self.build(province)

        assert list(rows) == [
            *("p-office", "d-y-te", "h-dao-001", "h-dao-002", "h-cu"),
            *("x-00011", "x-00012", "x-00013", "x-00021", "x-00031"),
            *("u-y-te-01", "u-y-te-02", "u-dao-01"),
        ]
        assert rows["x-00012"]["name"] == "UBND phường Một"
        assert rows["x-00021"]["name"] == "UBND xã Một, huyện Đảo"
        assert rows["x-00031"]["name"] == "UBND xã Một, huyện Cũ"

    def test_exchange_codes_follow_the_scheme(self, province: Path) -> None:
        """Communes count from 01 and units from 51 below a district, units from 01 below a department."""
        codes = {key: row["exchange_code"] for key, row in self.build(province).items()}

        assert codes["p-office"] == "000.00.00.H99"
        assert codes["d-y-te"] == "000.00.07.H99"
        assert codes["h-dao-002"] == "000.00.32.H99"
        assert codes["x-00012"] == "000.02.31.H99"
        assert codes["u-y-te-02"] == "000.02.07.H99"
        assert codes["u-dao-01"] == "000.51.32.H99"

    def test_matches_by_code_then_by_name(self, province: Path) -> None:
        """A tone mark on the other vowel is no other name; a code is found in whatever district it is now."""
        rows = self.build(province)

        assert self.where(rows["x-00011"]) == ("10.10000", "100.10000", "listed")
        assert rows["x-00011"]["note"] == ""
        assert self.where(rows["x-00013"]) == ("10.30000", "100.30000", "listed")
        assert self.where(rows["x-00031"]) == ("10.50000", "100.50000", "listed")
        assert rows["x-00031"]["note"] == "in the 2025 list: Phường Cũ, Thành phố Đảo"

    def test_imputes_what_is_not_listed(self, province: Path) -> None:
        """The mean of the district's communes, else the district; a vanished district is at its communes."""
        rows = self.build(province)

        assert self.where(rows["x-00012"]) == ("10.20000", "100.20000", "imputed")
        assert self.where(rows["x-00021"]) == ("11.00000", "101.00000", "imputed")
        assert rows["x-00021"]["note"] == "remote; not in the 2025 list: point of the district"
        assert self.where(rows["h-cu"]) == ("10.50000", "100.50000", "imputed")
        assert self.where(rows["h-dao-001"]) == ("10.00000", "100.00000", "listed")
        assert self.where(rows["u-y-te-01"]) == ("10.10000", "100.10000", "imputed")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("x-00021,", "x-00022,", "notes on x-00022"),
            (",unit,h-dao-002,", ",unit,h-dao,", "'h-dao' is no department or district"),
            (",07,00011,", ",07,99999,", "no district or commune has the code '99999'"),
            (",07,", ",x7,", "code must be a number from 1 to 99, not 'x7'"),
            (",07,", ",32,", "exchange_code not unique: 000.00.32.H99"),
            (",department,", ",sở,", "the level 'sở' is none of"),
            (",province,,", ",department,,", "one row of level province, not 0"),
            ("u-dao,", "u-y-te,", "id not unique: u-y-te-01"),
            ("H99", "H9", "exchange code 000.00.00.H9 has not 13 characters"),
            ("d-y-te,Sở Y tế,department,p-office", "d-y-te,Sở Y tế,department,p", "parent 'p' is not in"),
            ("remote", "remote,", "record 6: not as many cells"),
            ("id,name", "key,name", "units.csv has no column id"),
        ],
    )
    def test_refuses_a_spec_that_cannot_be_meant(
        self, province: Path, old: str, new: str, message: str
    ) -> None:
        """The message says which row and what is wrong with it."""
        assert old in UNITS
        (province / "units.csv").write_text(UNITS.replace(old, new, 1), encoding="utf-8")

        with pytest.raises(SCRIPT.BuildError, match=re.escape(message)):
            self.build(province)

    def test_command(self, province: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Writes beside units.csv; --check compares and writes nothing; a fault is told, not raised."""
        arguments = ["--geo", str(province), "--province", "90", "--units", str(province / "units.csv")]
        output = province / "agencies.csv"

        assert SCRIPT.main([*arguments, "--check"]) == 1
        assert not output.exists()
        assert SCRIPT.main(arguments) == 0
        assert "13 agencies (province 1, department 1, district 3" in capsys.readouterr().err
        assert SCRIPT.main([*arguments, "--check"]) == 0
        assert SCRIPT.main([*arguments[:3], "77", *arguments[4:]]) == 2
        assert "no province of the code '77'" in capsys.readouterr().err
        assert SCRIPT.main(["--geo", str(province / "none"), *arguments[2:]]) == 2
        assert f"there is no file {SCRIPT.DISTRICTS}" in capsys.readouterr().err
