"""From a scenario file to typed cases: read, join with the library, lay alternatives over, validate, check.

Rule kept here: all errors of a file at once, each with its place; nothing is defaulted because a key was
mistyped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sim.calendars import ResolvedDays, WorkingTime
from sim.errors import Diagnostic, InputError, ScenarioError
from sim.scenario import checks, documents, files
from sim.scenario.agencies import Agency, check_hierarchy, read_agencies
from sim.scenario.checks.subject import LIBRARY
from sim.scenario.documents import Document, Path_, Place
from sim.scenario.files import Reader, bundled, find, scenarios_folder, sha256
from sim.scenario.findings import explain
from sim.scenario.horizon import Horizon, times
from sim.scenario.leaves import written_at
from sim.scenario.mending import mend, told_again
from sim.scenario.overlays import closest, overlay
from sim.scenario.params import sample_files, sample_folder
from sim.scenario.schema import Library, Scenario

__all__ = ["Case", "Horizon", "ScenarioFile", "bundled", "find", "load", "scenarios_folder"]

LIBRARY_KEYS = ("fragments", "procedures", "transports")
M = TypeVar("M", bound=BaseModel)

MENDINGS_MAX = 3  # rounds of mending after which a file is too broken to be examined further


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
class ScenarioFile:
    """A scenario with its alternatives.

    Args:
        path: The scenario.yaml.
        cases: Alternatives by name, in the order of the file; the base case alone is called ``base``.
        base: Name of the alternative that others are compared with.
        warnings: Findings that do not forbid a run.
        files: SHA-256 of every file that was read, by name relative to the scenario's folder.
        texts: Content of those files, so that a run can be made again from its own folder.
        resolved: Holidays and make-up days over the calendars' reach.
        horizon: The run's times.
        office: Office hours.
        sets: Changes from the command line.
        tied: Dotted paths of numbers with a range that were written once and used under several paths.
    """

    path: Path
    cases: Mapping[str, Case]
    base: str
    warnings: tuple[Diagnostic, ...]
    files: Mapping[str, str]
    texts: Mapping[str, str]
    resolved: ResolvedDays
    horizon: Horizon
    office: WorkingTime
    sets: Mapping[str, str] = field(default_factory=dict)
    tied: tuple[tuple[str, ...], ...] = ()

    @property
    def scenario(self) -> Scenario:
        """The base alternative's scenario."""
        return self.cases[self.base].scenario

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of all files that were read and over the changes made."""
        lines = [f"{name}:{digest}" for name, digest in sorted(self.files.items())]
        lines += [f"--set {path}={value}" for path, value in sorted(self.sets.items())]
        return sha256("\n".join(lines))


def load(
    path: Path,
    *,
    sets: Mapping[str, str] | None = None,
    strict_ids: bool = False,
    library: Path | None = None,
) -> ScenarioFile:
    """Read a scenario file and everything it names.

    Args:
        path: The scenario.yaml.
        sets: Changes from the command line, dotted path -> YAML text, laid over every alternative.
        strict_ids: Also require that the id is the folder's name (bundled scenarios).
        library: Folder of the library files; default the bundled one.

    Returns:
        All alternatives, checked.

    Raises:
        ScenarioError: With every finding, errors and warnings.
    """
    return _Loader(path, dict(sorted((sets or {}).items())), library or scenarios_folder() / "library").load(
        strict_ids=strict_ids
    )


def outline(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the title and the names of the alternatives of a scenario file, without checking the rest.

    Raises:
        ScenarioError: The file cannot be read, is no YAML, or has no title.
    """
    data = documents.parse_yaml(files.read_text(path), str(path)).data
    title, alternatives = data.get("title"), data.get("alternatives") or {"base": {}}
    title = title.get("en") if isinstance(title, Mapping) else title
    if not isinstance(title, str) or not isinstance(alternatives, Mapping):
        raise documents.refusal(
            (Diagnostic("E-MISSING", "found no 'title'", "add title", str(path)),), str(path)
        )
    return title, tuple(map(str, alternatives))


class _Loader:
    """Loads one scenario file and gathers findings on the way.

    Args:
        path: The scenario.yaml.
        sets: Changes from the command line.
        library: Folder of the library files.
    """

    def __init__(self, path: Path, sets: dict[str, str], library: Path) -> None:
        self.path = path
        self.sets = sets
        self.library = library
        self.reader = Reader(path.parent)
        self.findings: list[Diagnostic] = []
        self.written: dict[Place, dict[str, None]] = {}  # where ranges stand, and which paths use them
        self.whole = True  # False where a library is missing: every reference to it would seem a fault

    def load(self, *, strict_ids: bool) -> ScenarioFile:
        base = documents.parse_yaml(self.reader.text(self.path.name), str(self.path))
        base = self._with_library(base)
        values = self._values_of_sets()
        base_set, wrong = overlay(base, values, None, label="--set")
        self.findings += wrong
        alternatives = base.data.get("alternatives") or {}
        if not isinstance(alternatives, Mapping):
            alternatives = {}  # validation tells what it should be
        cases = {name: self._case(name, one, base, values) for name, one in alternatives.items()}
        if not cases or None in cases.values():
            alone = self._examined("base", base_set, {})
            cases = cases or {"base": alone}
        first = base_set.data.get("base")
        if not isinstance(first, str):
            first = next(iter(cases))
        if first not in cases:
            hint = closest(str(first), list(cases))
            self._report(base_set, "E-ALTERNATIVE", ("base",), f"found {first!r}", hint)
        titles = base_set.data.get("titles")
        for name in titles if isinstance(titles, Mapping) else ():
            if name not in cases:
                hint = closest(name, list(cases))
                self._report(base_set, "E-ALTERNATIVE", ("titles", name), f"found {name!r}", hint)
        if strict_ids and base.data.get("id") != self.path.parent.name:
            hint = f"write {self.path.parent.name!r}, the folder's name"
            self._report(base, "E-ID", ("id",), f"found id {base.data.get('id')!r}", hint)
        whole = {name: case for name, case in cases.items() if case is not None}
        if first in whole:
            self._together(base_set, whole, first)
        unique = tuple(sorted(dict.fromkeys(self.findings), key=_order))
        if len(whole) < len(cases) or not all(one.is_warning for one in unique):
            raise documents.refusal(unique, str(self.path))
        try:
            horizon, resolved, office = times(whole[first].scenario)
        except InputError as error:
            found = base_set.diagnostic(error.code, ("period",), error.message, error.hint)
            raise documents.refusal((found,), str(self.path)) from None
        return ScenarioFile(
            self.path,
            whole,
            first,
            unique,
            self.reader.files,
            self.reader.texts,
            resolved,
            horizon,
            office,
            self.sets,
            tuple(tuple(paths) for paths in self.written.values() if len(paths) > 1),
        )

    def _together(self, document: Document, cases: Mapping[str, Case], base: str) -> None:
        """Note what alternatives ask for beyond the documents that are drawn for another case."""
        every = {name: (case.scenario, case.agencies) for name, case in cases.items()}
        for one in checks.examine_together(every, base):
            where: Path_ = ("alternatives", one.alternative)
            told = f"{one.alternative}, flow {one.flow}: {one.message}"
            self._report(document, one.code, where, told, one.hint)

    def _report(self, document: Document, code: str, path: Path_, message: str, hint: str) -> None:
        self.findings.append(document.diagnostic(code, path, message, hint))

    def _values_of_sets(self) -> dict[str, Any]:
        """Read the values of ``--set path=value`` as YAML."""
        out: dict[str, Any] = {}
        for path, text in self.sets.items():
            try:
                out[path] = documents.parse_value(str(text), f"--set {path}")
            except ScenarioError as error:
                self.findings += error.diagnostics
        return out

    def _with_library(self, base: Document) -> Document:
        """Put the named library files under the scenario."""
        listed = base.data.get("library", [])
        folder = self.library
        known = sorted(one.stem for one in folder.glob("*.yaml"))
        owner: dict[tuple[str, str], str] = {}
        own = _named(base)
        for index, name in enumerate(listed if isinstance(listed, list) else []):
            where: Path_ = ("library", index)
            if name not in known:
                self._report(base, "E-LIBRARY", where, f"found library {name!r}", closest(str(name), known))
                self.whole = False
                continue
            try:
                shown = f"{LIBRARY}{name}.yaml"
                extra = documents.parse_yaml(self.reader.text(shown, folder / f"{name}.yaml"), shown)
            except ScenarioError as error:
                self.findings += error.diagnostics
                self.whole = False
                continue
            self._validated(Library, extra)
            for key, entry in _named(extra):
                before = owner.setdefault((key, entry), name)
                if before != name and (key, entry) not in own:
                    found = f"found {key}.{entry} in the libraries {before} and {name}"
                    self._report(
                        base, "E-LIBRARY", where, found, "define it in the scenario, or drop a library"
                    )
            base = documents.merged(base, extra, LIBRARY_KEYS)
        return base

    def _case(self, name: str, changes: Any, base: Document, sets: Mapping[str, Any]) -> Case | None:
        """Lay one alternative, and the command line, over the base case; validate and check it."""
        if not isinstance(changes, Mapping):
            found, hint = f"found {changes!r}", "a mapping of dotted paths to values, {} for the base case"
            self._report(base, "E-ALTERNATIVE", ("alternatives", name), found, hint)
            return None
        document, wrong = overlay(base, changes, ("alternatives", name), label=f"alternative {name}")
        self.findings += wrong
        document, wrong_sets = overlay(document, sets, None, label="--set")
        self.findings += wrong_sets
        shown = {str(path): value for path, value in changes.items()} | self.sets
        case = self._examined(name, document, shown)
        return None if wrong or wrong_sets else case

    def _examined(self, name: str, document: Document, changes: Mapping[str, Any]) -> Case | None:
        """Validate and check one case; a faulty one is mended to check the rest of it, and not returned."""
        typed, faults = self._validated(Scenario, document)
        touched: list[Path_] = []
        mended, rounds = document, 0
        while faults and rounds < MENDINGS_MAX:
            rounds += 1
            better = mend(mended, faults)
            if better is None:
                return None
            mended, more = better
            touched += more
            known = list(self.findings)
            typed, faults = self._validated(Scenario, mended)
            self.findings = known  # what mending broke is not the planner's mistake
        if typed is None:
            return None
        agencies = self._agencies(typed, document)
        if agencies and self.whole:
            told = checks.examine(typed, document, agencies)
            self.findings += [one for path, one in told if not told_again(one, path, touched)]
        if touched or not agencies:
            return None
        for place, path in written_at(typed, document):
            self.written.setdefault(place, {})[path] = None
        return Case(name, typed, tuple(agencies), changes)

    def _validated(
        self, model: type[M], document: Document
    ) -> tuple[M | None, list[tuple[Path_, Diagnostic]]]:
        """Validate data against a model; note every fault, and return them if there are any."""
        folders = (self.reader.folder, self.library)
        try:
            typed = model.model_validate(document.data, context={"folders": folders})
            for name in sample_files(document.data):
                folder = sample_folder({"empirical": {"file": name}}, folders) or self.reader.folder
                shown = name if folder == self.reader.folder else f"{LIBRARY}{name}"
                self.reader.text(shown, folder / name)
        except ValidationError as error:
            faults = explain(error, model, document)
            self.findings += [found for _, found in faults]
            return None, faults
        return typed, []

    def _agencies(self, typed: Scenario, document: Document) -> list[Agency]:
        """Read the agencies that a case names and check their hierarchy."""
        if isinstance(typed.agencies, str):
            try:
                text = self.reader.text(typed.agencies)
            except ScenarioError as error:
                message = f"{error.diagnostics[0].message}: {typed.agencies!r}"
                self._report(
                    document, "E-FILE", ("agencies",), message, "name a CSV file beside the scenario"
                )
                return []
            rows, wrong = read_agencies(text, str(self.path.parent / typed.agencies))
            self.findings += wrong
            return rows
        nan = float("nan")
        rows = [
            Agency(row.id, row.name or row.id, row.level, row.parent,
                   nan if row.latitude is None else row.latitude,
                   nan if row.longitude is None else row.longitude)
            for row in typed.agencies
        ]  # fmt: skip
        for index, code, message, hint in check_hierarchy(rows):
            self._report(document, code, ("agencies", index), message, hint)
        return rows


def _named(document: Document) -> list[tuple[str, str]]:
    """Return key and name of everything that a library could have given a document."""
    entries = ((key, document.data.get(key)) for key in LIBRARY_KEYS)
    return [(key, name) for key, names in entries if isinstance(names, Mapping) for name in names]


def _order(found: Diagnostic) -> tuple[bool, str, int, int]:
    """Errors before warnings, then as in the file."""
    return found.is_warning, found.file, found.line, found.column
