"""The scenarios of the two Party networks, Gia Lai and Hà Tĩnh: their agencies, alternatives and numbers."""

import csv
import importlib.util
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from sim.scenario import ScenarioFile, load, numbers, select
from sim.scenario.schema import Selector

pytestmark = pytest.mark.usefixtures("full_speed")

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "scenarios"
GEO = ROOT.parent / "shared" / "data" / "geo"

Row = dict[str, str]


@dataclass(frozen=True)
class Province:
    """What must be true of one scenario.

    Args:
        id: Its folder.
        code: Statistical code.
        suffix: Last group of the exchange codes.
        levels: Number of agencies by level.
        box: Lowest and highest latitude, lowest and highest longitude.
    """

    id: str
    code: str
    suffix: str
    levels: Mapping[str, int]
    box: tuple[float, float, float, float]


GIA_LAI = Province(
    "gia-lai",
    "64",
    "H21",
    {"province": 1, "department": 20, "state": 20, "district": 17, "commune": 222},
    (12.9, 14.7, 107.3, 109.0),
)
HA_TINH = Province(
    "ha-tinh",
    "42",
    "H27",
    {"province": 1, "department": 20, "state": 20, "district": 13, "commune": 262},
    (17.8, 18.8, 105.1, 106.6),
)
PROVINCES = (GIA_LAI, HA_TINH)


@pytest.fixture(scope="module", params=PROVINCES, ids=lambda one: one.id)
def province(request: pytest.FixtureRequest) -> Province:
    """Each of the two in turn."""
    one: Province = request.param
    return one


@pytest.fixture(scope="module")
def files() -> dict[str, ScenarioFile]:
    """Both scenarios, loaded: without errors, or loading raises."""
    return {one.id: load(SCENARIOS / one.id / "scenario.yaml", strict_ids=True) for one in PROVINCES}


@pytest.fixture(scope="module")
def file(province: Province, files: dict[str, ScenarioFile]) -> ScenarioFile:
    """The scenario of the province."""
    return files[province.id]


@pytest.fixture(scope="module")
def rows(province: Province) -> list[Row]:
    """Its committed table of agencies."""
    text = (SCENARIOS / province.id / "agencies.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


class TestAgencies:
    """agencies.csv of both."""

    def test_counts_by_level(self, province: Province, rows: list[Row]) -> None:
        """Districts and communes of 2019, and the bodies that units.csv names."""
        assert Counter(row["level"] for row in rows) == province.levels

    def test_ids_names_and_codes_are_unique(self, province: Province, rows: list[Row]) -> None:
        """No two agencies can be confused, and every code has the national form."""
        for column in ("id", "name", "exchange_code"):
            assert len({row[column] for row in rows}) == len(rows), column
        form = rf"000\.\d{{2}}\.\d{{2}}\.{province.suffix}"
        assert [row["id"] for row in rows if not re.fullmatch(form, row["exchange_code"])] == []

    def test_names_are_the_partys(self, rows: list[Row]) -> None:
        """No district or commune committee bears the name of a People's Committee."""
        titles = {"district": ("Huyện ủy ", "Thị ủy ", "Thành ủy "), "commune": ("Đảng ủy ",)}

        assert [
            row["id"]
            for row in rows
            if row["level"] in titles and not row["name"].startswith(titles[row["level"]])
        ] == []
        assert all(unicodedata.is_normalized("NFC", row["name"]) for row in rows)

    def test_state_side_is_told_by_its_level(self, rows: list[Row]) -> None:
        """The State's agencies are those of level `state`, and they alone: the border runs there."""
        assert {row["id"] for row in rows if row["level"] == "state"} == {
            row["id"] for row in rows if row["id"].startswith("s-")
        }

    def test_every_district_has_communes(self, rows: list[Row]) -> None:
        """Every commune belongs to a district, and no district is empty."""
        of = Counter(row["parent"] for row in rows if row["level"] == "commune")

        assert set(of) == {row["id"] for row in rows if row["level"] == "district"}
        assert min(of.values()) >= 6

    def test_points_lie_in_the_province(self, province: Province, rows: list[Row]) -> None:
        """A point of the wrong province would be far outside."""
        south, north, west, east = province.box
        for row in rows:
            assert south <= float(row["latitude"]) <= north, row["id"]
            assert west <= float(row["longitude"]) <= east, row["id"]

    def test_is_what_the_script_builds(self, province: Province) -> None:
        """`--network party`, as PROVENANCE.md says, gives the committed bytes."""
        if os.environ.get("CI"):
            pytest.skip("the public lists are not on CI")
        if not GEO.is_dir():
            pytest.skip("the folder with the public lists, ../shared/data/geo, is absent")
        script = _script()
        folder = SCENARIOS / province.id

        built = script.build(GEO, province.code, folder / "units.csv", network="party")

        assert (folder / "agencies.csv").read_bytes() == script.render(built)


def _script() -> ModuleType:
    """Import the script that builds tables of agencies; it lives in a folder that is not a package."""
    spec = importlib.util.spec_from_file_location("build_agencies", SCENARIOS / "build_agencies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class TestScenario:
    """scenario.yaml of both."""

    def test_loads_with_warnings_on_the_law_only(self, file: ScenarioFile) -> None:
        """What is warned of is that rules of 2020 describe an earlier year."""
        assert {one.code for one in file.warnings} <= {"W-LAW-DATE", "W-LAW-NETWORK"}
        assert file.scenario.network == "party"

    def test_every_alternative_has_titles_in_both_languages(self, file: ScenarioFile) -> None:
        """A report shows them beside each other, so they differ too."""
        titles = file.scenario.titles

        assert set(titles) == set(file.cases)
        for language in ("en", "vi"):
            texts = [getattr(title, language) for title in titles.values()]
            assert all(texts)
            assert len(set(texts)) == len(texts)

    def test_every_number_is_graded(self, file: ScenarioFile) -> None:
        """Every number is assumed with a range, has a source, or is the planner's decision."""
        for one in numbers(file):
            assert one.grade != "unstated", one.path
            assert one.grade != "assumed" or one.range_text, one.path
            assert one.grade in {"assumed", "decision"} or one.source, one.path

    def test_published_figures_have_a_source(self, file: ScenarioFile) -> None:
        """And say why they are or are not compared."""
        assert file.scenario.published
        for name, figure in file.scenario.published.items():
            assert figure.value.source, name
            assert figure.why, name

    def test_provenance_has_a_row_for_every_own_parameter(
        self, province: Province, file: ScenarioFile
    ) -> None:
        """Each assumed number outside flows and staff, whose rows are joined, is named by its path."""
        text = (SCENARIOS / province.id / "PROVENANCE.md").read_text(encoding="utf-8")
        rows = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))

        stated = [one.path for one in numbers(file) if one.grade == "assumed"]
        assert [
            path for path in stated if not path.startswith(("flows.", "staff.")) and path not in rows
        ] == []
        for flow in file.scenario.flows:
            assert f"| `{flow}` |" in text

    def test_only_the_border_meets_the_state(self, file: ScenarioFile) -> None:
        """In no alternative does an electronic channel of the Party take a leg to or from a State agency."""
        for case in file.cases.values():
            state = set(select(Selector(level="state"), case.agencies))
            for name, channel in case.scenario.channels.items():
                if name.startswith(("electronic", "wave")):
                    assert channel.agencies is not None
                    assert state.isdisjoint(select(channel.agencies, case.agencies)), (case.name, name)


class TestGiaLai:
    """What the alternatives of Gia Lai rest on."""

    def test_waves_grow_and_carry_their_communes(self, files: dict[str, ScenarioFile]) -> None:
        """Waves share no district; each has the Party office, every board and all communes of its districts."""
        case = files["gia-lai"].cases["pilot-15"]
        core = select(Selector(level=["province", "department"]), case.agencies)
        seen: set[int] = set()
        for name, count in (("wave-1", 3), ("wave-2", 3), ("wave-3", 6), ("wave-4", 3)):
            channel = case.scenario.channels[name]
            assert channel.agencies is not None
            members = set(select(channel.agencies, case.agencies))
            assert set(core) <= members
            own = members - set(core)
            districts = [case.agencies[i].id for i in own if case.agencies[i].level == "district"]
            assert len(districts) == count
            assert own == set(select(Selector(within=districts), case.agencies))
            assert seen.isdisjoint(own)
            seen |= own

    @pytest.mark.parametrize("hours", [4, 8, 24])
    def test_distributed_servers_are_down_as_often(self, files: dict[str, ScenarioFile], hours: int) -> None:
        """Each of two servers is down h hours every 480 h of service, as the one data centre is."""
        cases = files["gia-lai"].cases
        outages = cases[f"outage-{hours}h"].scenario.transports["party-network"].outages
        assert outages is not None
        assert outages.down.dist.mean == hours * 3600
        overlay = cases[f"distributed-{hours}h"].overlay

        up = overlay["fragments.party-carriage.servers-up.to.by-party-network"]

        share = outages.down.dist.mean / (outages.up.dist.mean + outages.down.dist.mean)
        assert up == pytest.approx(1 - 2 * share, abs=5e-5)
        assert overlay["transports.party-network.outages"] is None


class TestHaTinh:
    """What the alternatives of Hà Tĩnh rest on."""

    def test_secrecy_and_border_differ_from_ack_80_in_that_alone(
        self, files: dict[str, ScenarioFile]
    ) -> None:
        """So that the difference to it is the answer."""
        cases = files["ha-tinh"].cases
        common = cases["ack-80"].overlay
        for name, case in cases.items():
            if name.startswith("classified-") or name in {"border-rekeyed", "bridged"}:
                more = {path for path in case.overlay if path not in common}
                assert common.items() <= case.overlay.items(), name
                assert all(".classified" in path or ".border-" in path for path in more), name

    @pytest.mark.parametrize("share", [5, 15, 30])
    def test_classified_share_is_that_of_the_name(self, files: dict[str, ScenarioFile], share: int) -> None:
        """In every flow that has classified documents at all."""
        for way in ("post", "cipher"):
            flows = files["ha-tinh"].cases[f"classified-{share}-{way}"].scenario.flows.values()
            shares = [flow.classified.value for flow in flows if flow.classified is not None]
            assert shares == [share / 100] * 4
