"""The page: a template fed one plain dict, everything escaped, nothing loaded from elsewhere.

Rule kept here: only SVG made by this package passes unescaped. A content policy in the page forbids
scripts and requests, so that a report opens offline and can do nothing but be read.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sim.errors import InputError
from sim.report.sections.reproduce import REPORT_NAME
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


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "name the directory of a finished run"
        raise InputError("E-RUN-FILE", f"{path} is not there", hint) from None
    except ValueError as error:
        raise InputError("E-RUN-FILE", f"{path} is not JSON: {error}", "make the run again") from None
    return content


def write_report(run: Path, language: Language = "en") -> Path:
    """Render a run directory's report into it.

    Args:
        run: Directory with ``summary.json`` and ``manifest.json``.
        language: ``en`` or ``vi``.

    Returns:
        The path of ``report.html``; it is replaced in one step or not at all.

    Raises:
        InputError: As :func:`render`, and ``E-RUN-FILE`` where a file is missing or not JSON.
    """
    page = render(_read(run / "summary.json"), _read(run / "manifest.json"), language=language)
    target = run / REPORT_NAME
    handle, name = tempfile.mkstemp(dir=run, prefix=".report-", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target
