"""A run's scenario, written anew with remedies as its alternatives.

Rule kept here: the new file stands by itself, so that `congvan reproduce` confirms what came of it: the unchanged
alternative is its base, and each remedy is the same changes and one more.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sim import runs
from sim.explain.remedy import Remedy
from sim.report.texts import Texts
from sim.scenario import documents
from sim.scenario.overlays import COMMON, overlay

UNCHANGED = "unchanged"
KEPT = ("title", "question", "period", "calendar", "replications", "seed")
"""What all alternatives share and does not name one of them."""
HEAD = "# Made by `congvan explain` from a run of {id}: its alternative {alternative}, and what could help there.\n"


class Source:
    """The scenario of a run, as plain data.

    Args:
        run: The run directory.
        manifest: Its manifest.
        alternative: The one that is explained.
    """

    def __init__(self, run: Path, manifest: Mapping[str, Any], alternative: str) -> None:
        self.inputs, self.alternative = run / runs.INPUTS, alternative
        self.main: str = manifest["scenario"]["main"]
        text = (self.inputs / self.main).read_text(encoding="utf-8")
        self.document = documents.parse_yaml(text, self.main)
        sets: Mapping[str, str] = manifest["sets"]
        self.common = {path: value for path, value in sets.items() if path.split(".")[0] in KEPT}
        """Changes from the command line that all alternatives share."""
        own = (self.document.data.get("alternatives") or {}).get(alternative) or {}
        given = {
            path: documents.parse_value(value, f"--set {path}")
            for path, value in sets.items() if path.split(".")[0] not in COMMON
        }  # fmt: skip
        self.changes = _laid(own, given)
        """Changes of the alternative, then those from the command line."""

    @property
    def staff(self) -> dict[str, Any]:
        """The alternative's staff as written."""
        changes = {path: value for path, value in self.changes.items() if path.split(".")[0] == "staff"}
        laid, _ = overlay(self.document, changes, None, label=self.alternative)
        staff: dict[str, Any] = laid.data["staff"]
        return staff

    def write(
        self, folder: Path, found: Mapping[str, Remedy], titles: Mapping[str, Mapping[str, str]]
    ) -> Path:
        """Write the scenario with its remedies into a folder and return its file.

        What names alternatives of the run (published figures, sums checked) is left out.

        Args:
            folder: A new folder; the other inputs of the run are copied into it.
            found: Remedies by the name of their alternative.
            titles: Titles of all alternatives in English and Vietnamese.
        """
        shutil.copytree(self.inputs, folder)
        data = json.loads(json.dumps(self.document.data))  # no part of it shared with another
        data.pop("published", None)
        if isinstance(data.get("costs"), dict):
            data["costs"].pop("arithmetic", None)
        for one in found.values():
            for section, entries in one.sections.items():
                data.setdefault(section, {}).update(json.loads(json.dumps(entries)))
        data["base"] = UNCHANGED
        data["titles"] = {name: dict(title) for name, title in titles.items()}
        data["alternatives"] = {
            UNCHANGED: dict(self.changes),
            **{name: _laid(self.changes, one.changes) for name, one in found.items()},
        }
        path = folder / self.main
        head = HEAD.format(id=data["id"], alternative=self.alternative)
        path.write_text(head + _yaml(data), encoding="utf-8")
        return path


def _laid(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes in the order in which they are laid over; what comes later wins."""
    return {**{path: value for path, value in first.items() if path not in then}, **then}


def _yaml(data: Mapping[str, Any]) -> str:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style, writer.sort_base_mapping_type_on_output = None, False  # type: ignore[assignment]
    writer.allow_unicode, writer.width = True, 120
    out = io.StringIO()
    writer.dump(data, out)
    return out.getvalue()


def named(remedies: Sequence[Remedy]) -> dict[str, Remedy]:
    """Return remedies by the name of their alternative, such as ``person-commune-clerk``."""
    out: dict[str, Remedy] = {}
    for one in remedies:
        parts = (one.kind, one.agency or one.level, one.task or one.role)
        name = "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts if part)
        out[name if name not in out else f"{name}-{len(out)}"] = one
    return out


def titled(
    found: Mapping[str, Remedy], name: Mapping[str, str], tasks: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return the titles of all alternatives in English and Vietnamese.

    Args:
        found: Remedies by name.
        name: Title of the alternative that is explained, by language.
        tasks: Titles of approval steps by language.
    """
    out: dict[str, dict[str, str]] = {UNCHANGED: {}, **{name: {} for name in found}}
    for language in ("en", "vi"):
        texts = Texts(language)
        out[UNCHANGED][language] = texts("help.titles.unchanged", name=name[language])
        for alternative, one in found.items():
            where = one.agency_name or texts.name("level", one.level)
            key = f"help.titles.{one.kind}" + ("_at" if one.agency else "" if one.level else "_all")
            out[alternative][language] = texts(
                key, role=texts.name("role", one.role), where=where,
                task=tasks.get(one.task, {}).get(language, one.task),
            )  # fmt: skip
    return out
