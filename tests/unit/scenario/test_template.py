"""What `congvan new` lays down."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.scenario import ScenarioFile, load, template


def laid_down(folder: Path, name: str) -> ScenarioFile:
    """Lay a new scenario down and load it."""
    place = folder / name
    place.mkdir()
    for file, text in template(name).items():
        (place / file).write_text(text, encoding="utf-8")
    return load(place / "scenario.yaml", strict_ids=True)


@pytest.mark.parametrize("name", ["my-province", "2024", "1e3", "true", "null", "0x1f"])
def test_it_loads_without_faults_whatever_its_id(tmp_path: Path, name: str) -> None:
    """Only the law may warn."""
    file = laid_down(tmp_path, name)
    assert file.scenario.id == name
    assert all(one.code.startswith("W-LAW-") for one in file.warnings)


def test_it_is_small_and_complete(tmp_path: Path) -> None:
    """Three levels, eight agencies, two flows, paper against signed."""
    file = laid_down(tmp_path, "mine")
    agencies = file.cases["paper"].agencies
    assert len(agencies) == 8
    assert {agency.level for agency in agencies} == {"province", "district", "commune"}
    assert len(file.scenario.flows) == 2
    assert list(file.cases) == ["paper", "signed"]


def test_its_first_line_tells_editors_the_schema() -> None:
    """Beside the bundled scenarios unless another place is given."""
    assert template("mine")["scenario.yaml"].startswith("# yaml-language-server: $schema=../schema.json\n")
    elsewhere = template("mine", schema="schema.json")["scenario.yaml"]
    assert elsewhere.startswith("# yaml-language-server: $schema=schema.json\n")


def test_its_provenance_names_it() -> None:
    """And asks where each number comes from."""
    assert "congvan new mine" in template("mine")["PROVENANCE.md"]


@pytest.mark.parametrize("name", ["", "Mine", "my province", "../mine", "mine\n", "mỹ"])
def test_what_is_no_id_is_refused(name: str) -> None:
    """Lower-case letters, digits and hyphens."""
    with pytest.raises(InputError) as caught:
        template(name)
    assert caught.value.code == "E-NAME"
