"""From a scenario file to typed cases: read, join with the library, lay alternatives over, validate, check.

Rule kept here: all errors of a file at once, each with its place; nothing is defaulted because a key was mistyped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML

from sim import calendars
from sim.calendars import ResolvedDays, WorkingTime
from sim.errors import CongvanError, Diagnostic, InputError, ScenarioError
from sim.scenario import checks, documents, files
from sim.scenario.agencies import Agency, check_hierarchy, read_agencies
from sim.scenario.documents import Document, Path_
from sim.scenario.overlays import closest, fields_at, overlay
from sim.scenario.schema import WEEKDAYS, Library, Scenario
from sim.scenario.steps import STEP_KEYS
from sim.units import DAY_S, Dimension

DRAIN_MARGIN_DAYS = 120  # calendars reach beyond the run's end, so that work begun there can still be timed
LIBRARY_KEYS = ("fragments", "procedures", "transports")


@dataclass(frozen=True, slots=True)
class Case:
    """One alternative, ready to be run.

    Args:
        name: The alternative's name.
        scenario: Its typed scenario.
        agencies: Its agencies.
        overlay: What it changes, dotted path -> value.
    """

    name: str
    scenario: Scenario
    agencies: tuple[Agency, ...]
    overlay: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The run's times, in seconds since midnight of the first day.

    Args:
        measure_start_s: End of warm-up.
        measure_end_s: End of the measured period.
        cap_s: Latest end of the run.
        days: Calendar days that the calendars cover.
    """

    measure_start_s: float
    measure_end_s: float
    cap_s: float
    days: int


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A scenario with its alternatives.

    Args:
        path: The scenario.yaml.
        cases: Alternatives by name, in the order of the file; the base case alone is called ``base``.
        base: Name of the alternative that others are compared with.
        warnings: Findings that do not forbid a run.
        files: SHA-256 of every file that was read, by name relative to the scenario's folder.
        resolved: Holidays and make-up days over the calendars' reach.
        horizon: The run's times.
        office: Office hours.
        sets: Changes from the command line.
    """

    path: Path
    cases: Mapping[str, Case]
    base: str
    warnings: tuple[Diagnostic, ...]
    files: Mapping[str, str]
    resolved: ResolvedDays
    horizon: Horizon
    office: WorkingTime
    sets: Mapping[str, str] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        """The base alternative's scenario."""
        return self.cases[self.base].scenario

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all files that were read and over the changes made."""
        lines = [f"{name}:{digest}" for name, digest in sorted(self.files.items())]
        lines += [f"--set {path}={value}" for path, value in sorted(self.sets.items())]
        return files.sha256("\n".join(lines))


M = TypeVar("M", bound=BaseModel)


class _Reader:
    """Reads files once and keeps their digests."""

    def __init__(self, folder: Path, shown: Path) -> None:
        self.folder, self.shown = folder, shown
        self.files: dict[str, str] = {}

    def text(self, name: str, path: Path | None = None) -> str:
        text = files.read_text(path or self.folder / name)
        self.files[name] = files.sha256(text)
        return text


def scenarios_folder() -> Path:
    """Return the folder of the bundled scenarios: the checkout's, or the one installed with the package."""
    package = Path(__file__).resolve().parent.parent
    checkout = package.parent / "scenarios"
    return checkout if (checkout / "library").is_dir() else package / "_scenarios"


def bundled() -> dict[str, Path]:
    """Return the bundled scenarios: id -> scenario.yaml."""
    found = sorted(scenarios_folder().glob("*/scenario.yaml"))
    return {path.parent.name: path for path in found}


def find(name: str) -> Path:
    """Return the scenario.yaml that a bundled id or a path means.

    Raises:
        InputError: ``E-SCENARIO-NAME``.
    """
    path = Path(name)
    if path.is_dir() and (path / "scenario.yaml").is_file():
        return path / "scenario.yaml"
    if path.is_file():
        return path
    known = bundled()
    if name in known:
        return known[name]
    raise InputError("E-SCENARIO-NAME", f"found no scenario {name!r}", closest(name, list(known)))


def load(path: Path, *, sets: Mapping[str, str] | None = None, strict_ids: bool = False) -> ScenarioFile:
    """Read a scenario file and everything it names.

    Args:
        path: The scenario.yaml.
        sets: Changes from the command line, dotted path -> YAML text, laid over every alternative.
        strict_ids: Also require that the id is the folder's name (bundled scenarios).

    Returns:
        All alternatives, checked.

    Raises:
        ScenarioError: With every finding, errors and warnings.
    """
    sets = dict(sets or {})
    reader = _Reader(path.parent, path)
    base = documents.parse_yaml(reader.text(path.name), str(path))
    findings: list[Diagnostic] = []
    base = _with_library(base, reader, findings)
    if sets:
        base, wrong = overlay(base, _parse_sets(sets), None, label="--set")
        findings += wrong
    alternatives = base.data.get("alternatives") or {"base": {}}
    typed = _validate(Scenario, base, path.parent, findings)
    cases: dict[str, Case] = {}
    if typed is not None:
        agencies = _agencies(typed, base, reader, findings)
        for name, changes in alternatives.items():
            case = _case(name, changes, base, path.parent, reader, findings, sets)
            if case is not None:
                cases[name] = case
            elif agencies:  # its own faults are listed; the base's are worth listing too
                findings += checks.check(typed, base, agencies)
        if typed.base is not None and typed.base not in alternatives:
            findings.append(base.diagnostic("E-ALTERNATIVE", ("base",), f"found {typed.base!r}",
                                            closest(typed.base, list(alternatives))))  # fmt: skip
        if strict_ids and typed.id != path.parent.name:
            findings.append(
                base.diagnostic("E-ID", ("id",), f"found id {typed.id!r}", f"write {path.parent.name!r}")
            )
    unique = tuple(dict.fromkeys(findings))
    errors = [one for one in unique if not one.is_warning]
    if errors or typed is None:
        count = f"{len(errors)} error" + ("s" if len(errors) != 1 else "")
        raise ScenarioError("E-SCENARIO", f"{count} in {path}", "", tuple(sorted(unique, key=_order)))
    first = next(iter(cases.values())).scenario
    horizon, resolved, office = _times(first, base)
    return ScenarioFile(
        path, cases, typed.base or next(iter(cases)), unique, reader.files, resolved, horizon, office, sets
    )


def _order(found: Diagnostic) -> tuple[bool, str, int, int]:
    return found.is_warning, found.file, found.line, found.column


def _parse_sets(sets: Mapping[str, str]) -> dict[str, Any]:
    """Read the values of ``--set path=value`` as YAML."""
    out: dict[str, Any] = {}
    for path, text in sets.items():
        value = YAML(typ="safe").load(text) if isinstance(text, str) else text
        out[path] = value
    return out


def _with_library(base: Document, reader: _Reader, findings: list[Diagnostic]) -> Document:
    """Put the named library files under the scenario."""
    listed = base.data.get("library", [])
    folder = scenarios_folder() / "library"
    for index, name in enumerate(listed if isinstance(listed, list) else []):
        path = folder / f"{name}.yaml"
        if not path.is_file():
            known = sorted(one.stem for one in folder.glob("*.yaml"))
            findings.append(
                base.diagnostic("E-LIBRARY", ("library", index), f"found {name!r}", closest(str(name), known))
            )
            continue
        extra = documents.parse_yaml(reader.text(f"library/{name}.yaml", path), f"library/{name}.yaml")
        _validate(Library, extra, folder, findings)
        base = documents.merged(base, extra, LIBRARY_KEYS)
    return base


def _case(
    name: str,
    changes: Any,
    base: Document,
    folder: Path,
    reader: _Reader,
    findings: list[Diagnostic],
    sets: Mapping[str, str],
) -> Case | None:
    """Lay one alternative over the base case, validate and check it."""
    if not isinstance(changes, Mapping):
        findings.append(base.diagnostic("E-ALTERNATIVE", ("alternatives", name), f"found {changes!r}",
                                        "a mapping of dotted paths to values, {} for the base case"))  # fmt: skip
        return None
    document, wrong = overlay(base, changes, ("alternatives", name), label=f"alternative {name}")
    findings += wrong
    typed = _validate(Scenario, document, folder, findings)
    if typed is None or wrong:
        return None
    agencies = _agencies(typed, document, reader, findings)
    findings += checks.check(typed, document, agencies)
    shown = {str(path): value for path, value in changes.items()}
    return Case(name, typed, tuple(agencies), shown | {f"{path}": text for path, text in sets.items()})


def _agencies(
    typed: Scenario, document: Document, reader: _Reader, findings: list[Diagnostic]
) -> list[Agency]:
    """Read the agencies that a case names and check their hierarchy."""
    rows: list[Agency]
    if isinstance(typed.agencies, str):
        try:
            text = reader.text(typed.agencies)
        except ScenarioError:
            findings.append(document.diagnostic("E-FILE", ("agencies",), f"found no file {typed.agencies!r}",
                                                "a CSV file beside the scenario"))  # fmt: skip
            return []
        shown = str(reader.shown.parent / typed.agencies)
        rows, wrong = read_agencies(text, shown)
        findings += wrong
        for index, code, message, hint in check_hierarchy(rows):
            findings.append(Diagnostic(code, message, hint, shown, index + 2, 0, rows[index].id))
        return rows
    nan = float("nan")
    rows = [
        Agency(row.id, row.name or row.id, row.level, row.parent,
               nan if row.latitude is None else row.latitude, nan if row.longitude is None else row.longitude)
        for row in typed.agencies
    ]  # fmt: skip
    for index, code, message, hint in check_hierarchy(rows):
        findings.append(document.diagnostic(code, ("agencies", index), message, hint))
    return rows


def _times(scenario: Scenario, base: Document) -> tuple[Horizon, ResolvedDays, WorkingTime]:
    """Resolve holidays, office hours and the run's times."""
    period, calendar = scenario.period, scenario.calendar
    spans = [period.warm_up, period.measure, period.cool_down]
    days = sum(
        int(s.value * (2.0 if s.dimension is Dimension.WORKING_DAYS else 1.0 / DAY_S)) + 40 for s in spans
    )
    days += DRAIN_MARGIN_DAYS
    try:
        resolved = calendars.resolve_holidays(
            calendar.country, period.start, period.start + timedelta(days=days),
            days_off=calendar.days_off, make_up=calendar.make_up,
        )  # fmt: skip
    except InputError as error:
        found = base.diagnostic(error.code, ("calendar", "country"), error.message, error.hint)
        raise ScenarioError("E-SCENARIO", f"1 error in {found.file}", "", (found,)) from None
    if calendar.hours == "round the clock":
        office = WorkingTime.always()
    else:
        try:
            hours = calendars.merge_hours([calendars.parse_hours(one) for one in calendar.hours])
        except InputError as error:
            found = base.diagnostic(error.code, ("calendar", "hours"), error.message, error.hint)
            raise ScenarioError("E-SCENARIO", f"1 error in {found.file}", "", (found,)) from None
        weekdays = [WEEKDAYS.index(one) for one in calendar.weekdays]
        office = WorkingTime.from_office(hours, weekdays, resolved, period.start, days)
    ends = [0.0]
    for span in spans:
        ends.append(_after(ends[-1], span.value, span.dimension, office))
    return Horizon(ends[1], ends[2], ends[3], days), resolved, office


def _after(start_s: float, value: float, dimension: Dimension, office: WorkingTime) -> float:
    """Return the moment a span after ``start_s``; spans of working days end at the midnight after the last."""
    if dimension is not Dimension.WORKING_DAYS or office.is_always:
        return start_s + value * (DAY_S if dimension is Dimension.WORKING_DAYS else 1.0)
    later = [day for day in office.working_days() if day * DAY_S >= start_s]
    count = round(value)
    return (later[count - 1] + 1) * DAY_S if count else start_s


# --- pydantic's errors as findings ---------------------------------------------------------------------------

_CODES = {
    "missing": "E-MISSING",
    "extra_forbidden": "E-UNKNOWN-KEY",
    "string_pattern_mismatch": "E-NAME",
    "literal_error": "E-VALUE",
    "enum": "E-VALUE",
}


def _validate(model: type[M], document: Document, folder: Path, findings: list[Diagnostic]) -> M | None:
    """Validate data against a model; on failure note every fault and return ``None``."""
    try:
        return model.model_validate(document.data, context={"folder": folder})
    except ValidationError as error:
        found = [_finding(model, document, one) for one in error.errors(include_url=False)]
        findings += list(dict.fromkeys(found))
    except CongvanError as error:  # a validator of ours that pydantic did not catch
        findings.append(document.diagnostic(error.code, (), error.message, error.hint))
    return None


def _real_path(document: Document, loc: Sequence[str | int]) -> tuple[Path_, Path_]:
    """Split a pydantic location into the path that exists in the data, and the rest of it."""
    node: Any = document.data
    path: Path_ = ()
    for number, part in enumerate(loc):
        key: Any = part
        if isinstance(node, dict):
            if key not in node:
                key = next((known for known in node if str(known) == str(part)), None)
            if key is None:
                if part in (*STEP_KEYS, "Staff", "[key]") or "[" in str(part) or "-" in str(part):
                    continue  # the tag of a union, no part of the data
                return path, tuple(loc[number:])
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            pass
        else:
            continue
        if (
            part in STEP_KEYS
            and isinstance(node, dict)
            and path
            and isinstance(path[-1], int)
            and part in node
        ):
            # the tag of a step is also one of its keys: it is a tag unless it is the last part
            if number < len(loc) - 1:
                continue
        node = node[key]
        path = (*path, key)
    return path, ()


def _finding(model: type[BaseModel], document: Document, error: ErrorDetails) -> Diagnostic:
    """Turn one of pydantic's errors into a finding."""
    kind, context = error["type"], error.get("ctx", {})
    path, rest = _real_path(document, error["loc"])
    code = _CODES.get(kind, kind if kind.startswith("E-") else "E-VALUE")
    found, hint = str(error["msg"]), str(context.get("hint", ""))
    shown = error.get("input")
    if kind == "missing":
        name = str(error["loc"][-1])
        found, hint = f"found no {name!r}", f"add {name}: it is required"
    elif kind == "extra_forbidden":
        known = fields_at(path[:-1], model)
        found, hint = f"found unknown key {path[-1] if path else ''!r}", closest(str(path[-1]), known)
    elif kind == "string_pattern_mismatch":
        found, hint = f"found {shown!r}", f"it must look like {context.get('pattern')}"
    elif kind in ("literal_error", "enum"):
        found, hint = f"found {shown!r}", f"one of: {context.get('expected')}"
    elif kind == "E-STEP-KIND":
        hint = "start a step with one of these keys"
    elif not kind.startswith("E-"):
        found, hint = f"found {shown!r}", found
    del rest
    return document.diagnostic(code, path, found, hint)
