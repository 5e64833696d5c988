"""The scenario file's JSON Schema, by which editors complete and check it.

Rule kept here: it is made from the typed model and never written by hand; ``scenarios/schema.json`` is its
committed rendering. It knows shapes, not sums and names: only `congvan check` finds every fault.
"""

from __future__ import annotations

import json
from typing import Any

from sim.scenario.schema import Scenario

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file as YAML gives it, dates being text."""
    shared: dict[str, Any] = {}
    made = _hoisted(Scenario.model_json_schema(by_alias=True, mode="validation"), shared)
    made["$defs"] |= shared
    return {
        "$schema": DRAFT,
        **made,
        "title": "congvan scenario",
        "description": "One scenario: agencies, their people, the documents between them, and alternatives.",
    }


def _hoisted(node: Any, shared: dict[str, Any]) -> Any:
    """Replace each schema that bears a name in its ``$comment`` by a reference, and gather them."""
    if isinstance(node, list):
        return [_hoisted(one, shared) for one in node]
    if not isinstance(node, dict):
        return node
    out = {key: _hoisted(one, shared) for key, one in node.items()}
    name = out.pop("$comment", None)
    if name is None:
        return out
    shared[name] = {"anyOf": out.pop("anyOf")}
    return {"$ref": f"#/$defs/{name}", **out}


def render() -> str:
    """Return the JSON Schema as text: keys sorted, two spaces, a newline at the end."""
    return json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
