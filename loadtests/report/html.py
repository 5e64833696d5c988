"""The page: a template fed one plain dict, everything escaped, nothing loaded from elsewhere.

Rule kept here: style and macros are the simulator's; a content policy in the page forbids scripts and requests, so that
a report opens offline and can do nothing but be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from loadtests.report.texts import LANGUAGES, Language
from loadtests.report.view import build
from sim import runs
from sim.errors import InputError

KINDS = ("load", "load-comparison")


@cache
def _environment() -> Environment:
    """Return the template environment: autoescape on, a missing name is an error."""
    return Environment(
        loader=ChoiceLoader(
            [PackageLoader("loadtests.report", "templates"), PackageLoader("sim.report", "templates")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(summary: Mapping[str, Any], manifest: Mapping[str, Any], language: Language = "en") -> str:
    """Return the report of a load run, a capacity search or a comparison as one HTML file.

    Args:
        summary: ``summary.json`` as a mapping: kind ``load`` (a search where ``search`` is filled) or
            ``load-comparison``, schema 1.
        manifest: ``manifest.json`` as a mapping.
        language: ``en`` or ``vi``.

    Returns:
        A self-contained page; the same input gives the same text.

    Raises:
        InputError: ``E-LANGUAGE`` unknown language, ``E-SUMMARY`` no summary of a load run of schema 1.
    """
    if language not in LANGUAGES:
        raise InputError("E-LANGUAGE", f"found language {language!r}", f"use one of: {', '.join(LANGUAGES)}")
    if summary.get("kind") not in KINDS or summary.get("schema") != 1:
        found = f"found kind {summary.get('kind')!r}, schema {summary.get('schema')!r}"
        raise InputError("E-SUMMARY", found, f"this version renders kind {' or '.join(KINDS)}, schema 1")
    return _environment().get_template("load.html.j2").render(view=build(summary, manifest, language))


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
    runs.write_bytes(target, render(summary, manifest, language).encode())
    return target
