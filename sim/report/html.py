"""The page: a template fed one plain dict, everything escaped, nothing loaded from elsewhere.

Rule kept here: only SVG made by this package passes unescaped. A content policy in the page forbids
scripts and requests, so that a report opens offline and can do nothing but be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sim import runs
from sim.errors import InputError
from sim.report.texts import LANGUAGES, Language
from sim.report.view import build


@cache
def _environment() -> Environment:
    """Return the template environment: autoescape on, a missing name is an error."""
    return Environment(
        loader=PackageLoader("sim.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(summary: Mapping[str, Any], manifest: Mapping[str, Any], *, language: Language = "en") -> str:
    """Return the report of a run as one HTML file.

    Args:
        summary: ``summary.json`` as a mapping.
        manifest: ``manifest.json`` as a mapping.
        language: ``en`` or ``vi``.

    Returns:
        A self-contained page; the same input gives the same text.

    Raises:
        InputError: ``E-LANGUAGE`` unknown language, ``E-SUMMARY`` no summary of a simulation of schema 1.
    """
    if language not in LANGUAGES:
        raise InputError("E-LANGUAGE", f"found language {language!r}", f"use one of: {', '.join(LANGUAGES)}")
    if summary.get("kind") != "simulation" or summary.get("schema") != 1:
        found = f"found kind {summary.get('kind')!r}, schema {summary.get('schema')!r}"
        raise InputError("E-SUMMARY", found, "this version renders kind 'simulation', schema 1")
    return _environment().get_template("report.html.j2").render(view=build(summary, manifest, language))


def write_report(run: Path, language: Language = "en") -> Path:
    """Render a run directory's report into it.

    Args:
        run: Directory with ``summary.json`` and ``manifest.json``.
        language: ``en`` or ``vi``.

    Returns:
        The path of ``report.html``; it is replaced in one step or not at all.

    Raises:
        InputError: As :func:`render`, and ``E-RUN`` where a file is missing or not JSON.
        RunError: ``E-WRITE`` where the report cannot be written.
    """
    summary, manifest = (runs.read_json(run, name) for name in (runs.SUMMARY, runs.MANIFEST))
    target = run / runs.REPORT
    runs.write_bytes(target, render(summary, manifest, language=language).encode())
    return target
