"""How to run it again: commands, versions, seed, digests, machine.

Rule kept here: the manifest is shown as it is; a key that is missing is left out. The digest of the
report itself is never shown, so that a report made again from the same run has the same bytes.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from sim.report.context import Context
from sim.report.tables import View, body, column, row, table
from sim.runs import REPORT

_PLAIN = ("schema", "seed", "replications", "replications_asked", "started_utc", "ended_utc")


def reproduce(context: Context) -> View:
    """Return commands and tables that let a reviewer repeat the run."""
    texts, manifest = context.texts, context.manifest
    run = str(manifest.get("run") or "RUN")
    commands = [{"text": texts("reproduce.again"), "code": f"congvan reproduce {run}"}]
    original = manifest.get("command")
    if original:
        code = original if isinstance(original, str) else shlex.join(str(part) for part in original)
        commands.append({"text": texts("reproduce.original"), "code": code})
    tables = [
        table(
            texts("reproduce.table"), _columns(context, "item", "value"), [body(_facts(context))], wide=True
        )
    ]
    for key, first, second, source in (
        ("packages", "package", "version", manifest.get("packages")),
        ("fingerprint", "item", "value", manifest.get("fingerprint")),
        ("machine", "item", "value", manifest.get("machine")),
        ("files", "file", "digest", manifest.get("files")),
    ):
        rows = [row(name, [value]) for name, value in _flat(source) if name != REPORT]
        if rows:
            tables.append(
                table(texts(f"reproduce.{key}"), _columns(context, first, second), [body(rows)], wide=True)
            )
    days = _days(context)
    return {"figures": [], "commands": commands, "tables": tables + ([days] if days["bodies"] else [])}


def _columns(context: Context, first: str, second: str) -> list[View]:
    return [
        column(context.texts(f"reproduce.{first}")),
        column(context.texts(f"reproduce.{second}"), left=True),
    ]


def _flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Return nested mappings as (dotted name, text), in the order of the manifest."""
    if not isinstance(value, Mapping):
        return [(prefix, _text(value))] if value is not None else []
    return [
        pair for key, part in value.items() for pair in _flat(part, f"{prefix}.{key}" if prefix else str(key))
    ]


def _text(value: object) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)


def _facts(context: Context) -> list[View]:
    """Return the single facts of the manifest."""
    texts, manifest = context.texts, context.manifest
    found: dict[str, object] = {}
    scenario = manifest.get("scenario")
    if isinstance(scenario, Mapping):
        found |= {"scenario": scenario.get("id"), "digest": scenario.get("digest")}
    elif scenario:
        found["scenario"] = scenario
    found |= {key: manifest.get(key) for key in _PLAIN}
    names = manifest.get("alternatives")
    found["alternatives"] = list(names) if isinstance(names, (list, tuple, Mapping)) else names
    sets = manifest.get("sets")
    if isinstance(sets, Mapping) and sets:
        found["sets"] = ", ".join(f"{path}={value}" for path, value in sets.items())
    git = manifest.get("git")
    if isinstance(git, Mapping) and git.get("commit"):
        dirty = bool(git.get("dirty"))
        found["git"] = texts("reproduce.dirty", commit=git["commit"]) if dirty else git["commit"]
    return [
        row(texts(f"reproduce.keys.{key}"), [_text(value)])
        for key, value in found.items()
        if value is not None
    ]


def _days(context: Context) -> View:
    """Return the resolved days off and make-up days."""
    texts = context.texts
    days: Mapping[str, Any] = context.manifest.get("days") or {}
    bodies = []
    for key in ("off", "make_up"):
        found = days.get(key) or {}
        pairs = found.items() if isinstance(found, Mapping) else ((day, "") for day in found)
        rows = [row(context.numbers.date(day), [str(reason or "")]) for day, reason in pairs]
        bodies.append(body(rows, texts(f"reproduce.{key}")))
    return table(texts("reproduce.days"), _columns(context, "day", "reason"), bodies, wide=True)
