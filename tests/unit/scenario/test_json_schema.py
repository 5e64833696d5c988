"""The JSON Schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from sim.scenario import bundled, json_schema, render, template
from sim.scenario.documents import parse_yaml

from .build import VALID, changed

COMMITTED = Path(__file__).resolve().parents[3] / "scenarios" / "schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def faults(text: str) -> list[str]:
    """Validate YAML against the schema; return where it fails."""
    data: Any = parse_yaml(text, "").data
    return [error.json_path for error in VALIDATOR.iter_errors(data)]


def test_the_committed_schema_is_up_to_date() -> None:
    """`congvan schema > scenarios/schema.json` makes it again."""
    assert COMMITTED.read_text(encoding="utf-8") == render()


def test_it_is_a_schema_of_its_draft() -> None:
    """Without an address of its own."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert "$id" not in json_schema()


def test_it_is_rendered_the_same_every_time() -> None:
    """Sorted keys, a newline at the end, and what is rendered is the schema."""
    assert render() == render()
    assert render().endswith("}\n")
    assert json.loads(render()) == json_schema()


@pytest.mark.parametrize(
    "text",
    [VALID, template("mine")["scenario.yaml"], *(path.read_text("utf-8") for path in bundled().values())],
)
def test_valid_scenarios_are_valid_for_editors(text: str) -> None:
    """Dates are text there, as YAML 1.2 gives them."""
    assert faults(text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("profile: busy", "profil: busy"),
        ("takes: 3 min", "takes: [3 min]"),
        ("{lognormal: {mean", "{lognormall: {mean"),
        ("{mean: 1 h, p95", "{mean: 1 h, p59"),
        ("kind: exchange,", "kind: pigeon,"),
        ("away: 0.2", "away: {valu: 0.2}"),
        ("away: 0.2", "away: {value: 0.2, grade: guessed}"),
        ("schema: 1", "schema: 2"),
        ("count: 2, duty", "count: -2, duty"),
    ],
)
def test_editors_see_faults_of_shape(old: str, new: str) -> None:
    """What needs two fields to be seen together, only `congvan check` finds."""
    assert faults(changed((old, new)))


def test_every_field_of_the_top_level_is_explained() -> None:
    """Editors show it beside the field."""
    for name, field in json_schema()["properties"].items():
        assert field.get("description"), name
