"""What the checks look at, and how they report.

Rule kept here: a check reads the typed case and never changes it; a finding names the path it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sim.errors import Diagnostic
from sim.scenario.agencies import Agency
from sim.scenario.documents import Document, Path_
from sim.scenario.overlays import closest
from sim.scenario.schema import Scenario

LIBRARY = "library/"  # what the names of library files begin with in messages
SUM_TOLERANCE = 1e-9  # of shares that must add up to one


@dataclass
class Subject:
    """One case under examination.

    Args:
        scenario: The typed case.
        document: The data it was made from, for places.
        agencies: In order.
        findings: Filled by the checks: path and finding.
    """

    scenario: Scenario
    document: Document
    agencies: Sequence[Agency]
    findings: list[tuple[Path_, Diagnostic]] = field(default_factory=list)

    def report(self, code: str, path: Path_, message: str, hint: str = "") -> None:
        """Note a finding."""
        self.findings.append((path, self.document.diagnostic(code, path, message, hint)))

    def known(self, code: str, path: Path_, name: str, among: Collection[str], what: str) -> bool:
        """Report a name that is not among the known ones; return whether it is."""
        if name not in among:
            self.report(code, path, f"found {what} {name!r}", closest(name, list(among)))
        return name in among

    def is_library(self, path: Path_) -> bool:
        """Tell whether something was written in a library file."""
        place = self.document.place(path)
        return place is not None and place.file.startswith(LIBRARY)

    @cached_property
    def levels(self) -> list[str]:
        """Levels of the agencies, in the order in which they first occur."""
        return list(dict.fromkeys(agency.level for agency in self.agencies))

    @cached_property
    def ids(self) -> set[str]:
        """Ids of the agencies."""
        return {agency.id for agency in self.agencies}
