"""Dong Nai, Quang Ngai and the nation as committed: agencies, alternatives, and how every number is known."""

import csv
import os
import re
import subprocess
import sys
import textwrap
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from sim.scenario import ScenarioFile, load, numbers, select, template
from sim.scenario.schema import Selector

pytestmark = pytest.mark.usefixtures("full_speed")

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"
GEO = ROOT.parent / "shared" / "data" / "geo"

LEVELS = {
    "dong-nai": {"province": 1, "department": 20, "district": 11, "commune": 170, "public": 1},
    "quang-ngai": {"province": 1, "department": 20, "district": 14, "commune": 184},
    "nation": {
        "ministry": 18,
        "ministerial-agency": 4,
        "government-agency": 9,
        "party-office": 1,
        "province": 63,
    },
}
NAMES = tuple(LEVELS)

Row = dict[str, str]


@cache
def scenario(name: str) -> ScenarioFile:
    """A committed scenario, loaded once."""
    return load(SCENARIOS / name / "scenario.yaml", strict_ids=True)


@cache
def table(name: str, file: str = "agencies.csv") -> list[Row]:
    """A committed table of agencies."""
    return list(csv.DictReader((SCENARIOS / name / file).read_text(encoding="utf-8").splitlines()))


def share_of(name: str, alternative: str) -> float:
    """The share of the electronic channel in an alternative."""
    share = scenario(name).cases[alternative].scenario.channels["electronic"].share
    assert share is not None
    return share.value


def members(name: str, alternative: str) -> set[str]:
    """Ids of the agencies that the electronic channel of an alternative serves."""
    case = scenario(name).cases[alternative]
    selector = case.scenario.channels["electronic"].agencies or Selector()
    return {case.agencies[index].id for index in select(selector, case.agencies)}


@pytest.mark.parametrize("name", NAMES)
class TestAgencies:
    def test_levels(self, name: str) -> None:
        """As many agencies of each level as there were in that year."""
        assert Counter(row["level"] for row in table(name)) == LEVELS[name]

    def test_nobody_can_be_confused(self, name: str) -> None:
        """Ids, names, statistical and exchange codes occur once; codes have their form."""
        for column in ("id", "name", "stat_code", "exchange_code"):
            values = [row[column] for row in table(name) if row[column]]
            assert len(set(values)) == len(values), column
        codes = [row["exchange_code"] for row in table(name) if row["level"] != "public"]
        assert [code for code in codes if not re.fullmatch(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}", code)] == []

    def test_places(self, name: str) -> None:
        """Everybody has a point inside Vietnam, and what is imputed says how."""
        for row in table(name):
            assert 8.5 <= float(row["latitude"]) <= 23.5, row["id"]
            assert 102 <= float(row["longitude"]) <= 110, row["id"]
            assert row["coordinates"] == "listed" or row["note"], row["id"]

    def test_is_plain_text(self, name: str) -> None:
        """UTF-8, NFC and LF in every file; no machine's paths."""
        for path in (SCENARIOS / name).iterdir():
            if path.is_file():
                text = path.read_bytes().decode("utf-8")
                assert "\r" not in text, path.name
                assert unicodedata.is_normalized("NFC", text), path.name
                assert not re.search(r"(?<![\w.])/(work|home|tmp|root)\b", text), path.name


@pytest.mark.parametrize("name", NAMES)
class TestScenario:
    def test_loads_with_warnings_of_the_law_only(self, name: str) -> None:
        """No errors; what is warned is a law that does not govern the year."""
        assert {warning.code for warning in scenario(name).warnings} <= {"W-LAW-DATE", "W-LAW-NETWORK"}

    def test_every_alternative_has_a_title_in_both_languages(self, name: str) -> None:
        """No report shows a bare id."""
        titles = scenario(name).scenario.titles
        assert set(titles) == set(scenario(name).cases)
        for title in titles.values():
            assert not isinstance(title, str)
            assert title.en
            assert title.vi

    def test_every_number_is_graded(self, name: str) -> None:
        """None is unstated; whatever is assumed has a range."""
        stated = numbers(scenario(name))
        assert [one.path for one in stated if one.grade == "unstated"] == []
        assert [one.path for one in stated if one.grade == "assumed" and not one.range_text] == []

    def test_published_figures_name_their_source(self, name: str) -> None:
        """At least one is compared, and at least one is told to be calibration."""
        published = scenario(name).scenario.published.values()
        assert {"comparison", "calibration", "not-compared"} == {one.use for one in published}
        assert all(one.value.source and one.why for one in published)

    def test_every_volume_is_in_provenance(self, name: str) -> None:
        """The table of volumes names every flow of the base case with the volume it has."""
        text = (SCENARIOS / name / "PROVENANCE.md").read_text(encoding="utf-8")
        for flow, spec in scenario(name).scenario.flows.items():
            if spec.volume.value > 0:
                assert f"| `{flow}` | {spec.volume.text} |" in text, flow


class TestDongNai:
    @pytest.mark.parametrize(("percent", "count"), [(10, 20), (30, 60)])
    def test_lapsed_agencies(self, percent: int, count: int) -> None:
        """The lists hold the stated share of the agencies below the office, and nest."""
        everybody = {row["id"] for row in table("dong-nai")}
        lapsed = everybody - members("dong-nai", f"lapse-{percent}")
        assert len(lapsed) == count
        assert lapsed <= everybody - members("dong-nai", "lapse-30")
        assert not lapsed & {"p-office", "public"}
        assert share_of("dong-nai", f"lapse-{percent}-sending") == pytest.approx(1 - percent / 100)

    def test_online_requests_exist_in_their_alternatives_only(self) -> None:
        """The public sends nothing in the base case."""
        for name, case in scenario("dong-nai").cases.items():
            volumes = [
                flow.volume.value for flow in case.scenario.flows.values() if flow.sender.level == "public"
            ]
            assert len(volumes) == 3
            assert all(volume > 0 for volume in volumes) == name.startswith("online-services"), name

    def test_the_public_is_appended(self) -> None:
        """The last row of agencies.csv is that of public.csv."""
        assert table("dong-nai")[-1:] == table("dong-nai", "public.csv")


class TestQuangNgai:
    @pytest.mark.parametrize("k", [5, 9, 10, 11, 12, 13, 14])
    def test_districts_online(self, k: int) -> None:
        """K districts are online with all their communes, the others with none."""
        online = members("quang-ngai", f"online-{k}")
        districts = {row["id"] for row in table("quang-ngai") if row["level"] == "district"}
        assert len(online & districts) == k
        for row in table("quang-ngai"):
            expected = row["parent"] in online if row["level"] == "commune" else row["id"] not in districts
            assert (row["id"] in online) == (expected or row["id"] in online & districts), row["id"]
        assert members("quang-ngai", "online-5") <= online

    def test_other_nines(self) -> None:
        """Nine others with their communes; or the nine offices alone."""
        everybody = {row["id"]: row for row in table("quang-ngai")}
        remote, offices = members("quang-ngai", "online-9-remote"), members("quang-ngai", "online-9-offices")
        assert sum(everybody[one]["level"] == "district" for one in remote) == 9
        assert sum(everybody[one]["level"] == "district" for one in offices) == 9
        assert {"h-ly-son", "h-tay-tra"} <= remote
        assert not any(everybody[one]["level"] == "commune" for one in offices)
        assert members("quang-ngai", "online-9-direct") == members("quang-ngai", "online-9") >= offices

    @pytest.mark.parametrize(
        ("file", "communes"), [("agencies-two-tier.csv", 56), ("agencies-merged.csv", 96)]
    )
    def test_communes_of_2025(self, file: str, communes: int) -> None:
        """All stand directly below the province; 56 keep an id of the base case."""
        rows = [row for row in table("quang-ngai", file) if row["level"] == "commune"]
        assert len(rows) == len({row["id"] for row in rows}) == communes
        assert {row["parent"] for row in rows} == {"p-office"}
        assert len({row["id"] for row in rows} & {row["id"] for row in table("quang-ngai")}) == 56
        assert {row["level"] for row in table("quang-ngai", file)} == {"province", "department", "commune"}


class TestNation:
    def test_rebound_exists_in_electronic_alternatives_only(self) -> None:
        """Every volume doubles or grows fivefold, and no such document is on paper."""
        usual = scenario("nation").scenario.flows
        for name, factor in (("rebound-2x", 2), ("rebound-5x", 5)):
            assert share_of("nation", name) == 1
            for flow, spec in scenario("nation").cases[name].scenario.flows.items():
                assert spec.volume.value == pytest.approx(factor * usual[flow].volume.value, rel=1e-6), flow
        assert share_of("nation", "paper") == share_of("nation", "july-2022-paper") == 0


@pytest.mark.skipif(bool(os.environ.get("CI")), reason="the public lists are not on CI")
@pytest.mark.skipif(
    not GEO.is_dir(), reason="the folder with the public lists, ../shared/data/geo, is absent"
)
class TestRebuild:
    """The same lists give the same bytes."""

    @pytest.mark.parametrize(("name", "province"), [("dong-nai", "75"), ("quang-ngai", "51")])
    def test_provinces(self, name: str, province: str, tmp_path: Path) -> None:
        """scenarios/build_agencies.py, and for Dong Nai the public behind it."""
        built = tmp_path / "agencies.csv"
        self.run(
            "build_agencies.py",
            *("--province", province, "--units", str(SCENARIOS / name / "units.csv"), "--output", str(built)),
        )
        public = SCENARIOS / name / "public.csv"
        extra = public.read_bytes().split(b"\n", 1)[1] if public.is_file() else b""
        assert (SCENARIOS / name / "agencies.csv").read_bytes() == built.read_bytes() + extra

    @pytest.mark.parametrize(
        ("script", "inputs", "outputs"),
        [
            ("nation/build_nation.py", ["central.csv", "provinces.csv"], ["agencies.csv"]),
            (
                "quang-ngai/build_two_tier.py",
                ["agencies.csv"],
                ["agencies-two-tier.csv", "agencies-merged.csv"],
            ),
        ],
    )
    def test_own_scripts(self, script: str, inputs: list[str], outputs: list[str], tmp_path: Path) -> None:
        """A scenario's own script, run beside copies of its inputs."""
        folder = (SCENARIOS / script).parent
        for file in (Path(script).name, *inputs):
            (tmp_path / file).write_bytes((folder / file).read_bytes())
        self.run(str(tmp_path / Path(script).name))
        for file in outputs:
            assert (tmp_path / file).read_bytes() == (folder / file).read_bytes(), file

    def test_the_page_on_a_sixth_province(self, tmp_path: Path) -> None:
        """scenarios/README.md as written: laid down, bodies listed, agencies built, staff and flows added, right."""
        page = (
            (SCENARIOS / "README.md").read_text(encoding="utf-8").split("## Adding a sixth province\n", 1)[1]
        )
        (units,) = re.findall(r"```csv\n(.*?) *```", page, re.DOTALL)
        (more,) = re.findall(r"```yaml\n(.*?) *```", page, re.DOTALL)
        folder = tmp_path / "lao-cai"
        folder.mkdir()
        for name, text in template("lao-cai").items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "units.csv").write_text(textwrap.dedent(units), encoding="utf-8")
        self.run(
            "build_agencies.py",
            *("--structure", "2025", "--province", "10", "--units", str(folder / "units.csv")),
        )
        path = folder / "scenario.yaml"
        staff, flows = textwrap.dedent(more).removeprefix("staff:\n").split("flows:\n")
        written = path.read_text(encoding="utf-8")
        for key, lines in (("staff:\n", staff), ("flows:\n", flows)):
            assert written.count(f"\n{key}") == 1
            written = written.replace(f"\n{key}", f"\n{key}{lines}")
        path.write_text(written, encoding="utf-8")

        case = load(path, strict_ids=True).cases["signed"]

        assert Counter(one.level for one in case.agencies) == {
            "province": 1, "department": 3, "district": 9, "commune": 151
        }  # fmt: skip
        assert "circular-letter" in case.scenario.flows

    def run(self, script: str, *arguments: str) -> None:
        """Run one script on the public lists."""
        command = [sys.executable, str(SCENARIOS / script), "--geo", str(GEO), *arguments]
        subprocess.run(command, check=True, capture_output=True)
