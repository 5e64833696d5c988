"""What is to be run, and what is told while it runs.

Rule kept here: plain values; nothing here touches a disk or a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from sim.analysis.precision import FIRST
from sim.errors import InputError
from sim.scenario import ScenarioFile

Assumptions = Literal["fixed", "sampled"]
REPLICATIONS_MAX = 200  # where a precision is asked for and no bound is given


class Progress(Protocol):
    """What is told how far a run is."""

    def __call__(self, done: int, total: int, text: str) -> None:
        """Take note that ``done`` of ``total`` simulations are finished; ``text`` says what comes next."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Args:
        file: The scenario.
        alternatives: Names, the base first.
        replications: How many, 1 or more; with ``precision`` how many to begin with.
        seed: 0 or more.
        jobs: Worker processes, 1 or more.
        keep_steps: Keep the steps of every replication, not of the first only.
        out: Folder of the run; default ``results/runs/…``.
        command: Command line, for the manifest.
        language: Of the report.
        assumptions: ``sampled``: after the replications at the stated inputs, ``draws`` more, each with its
            own inputs.
        draws: How many, 2 or more where sampled.
        precision: Relative error of the headline that replications are added for, above 0; ``None``: none.
        replications_max: Where adding them ends all the same.
        metrics: Dotted paths of further metrics to be compared, replication by replication.
        versus: Further pairs to be compared, baseline and alternative; every alternative is compared with the
            base as it is.
        extra: Further parts of the summary by name, such as what ``congvan explain`` was asked.
    """

    file: ScenarioFile
    alternatives: tuple[str, ...]
    replications: int
    seed: int
    jobs: int
    keep_steps: bool
    out: Path | None
    command: tuple[str, ...]
    language: str = "en"
    assumptions: Assumptions = "fixed"
    draws: int = 0
    precision: float | None = None
    replications_max: int = REPLICATIONS_MAX
    metrics: tuple[str, ...] = ()
    versus: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every pair to be compared, baseline first; those with the base come first."""
        base, *others = self.alternatives
        return tuple(dict.fromkeys([*((base, name) for name in others), *self.versus]))

    @property
    def first(self) -> int:
        """Replications made before anything is judged."""
        if self.precision is None:
            return self.replications
        return min(max(self.replications, FIRST), self.replications_max)

    def check(self) -> None:
        """Refuse what cannot be run.

        Raises:
            InputError: ``E-REPLICATIONS``, ``E-DRAWS``, ``E-PRECISION``, ``E-ALTERNATIVE``.
        """
        for pair in self.versus:
            if pair[0] == pair[1] or not {*pair} <= {*self.alternatives}:
                hint = f"two of the alternatives run: {', '.join(self.alternatives)}"
                raise InputError("E-ALTERNATIVE", f"found the pair {':'.join(pair)}", hint)
        if self.replications < 1 or self.jobs < 1:
            raise InputError(
                "E-REPLICATIONS", f"found {self.replications} replications, {self.jobs} jobs", "1 or more"
            )
        if self.assumptions == "sampled" and self.draws < 2:
            raise InputError("E-DRAWS", f"found {self.draws} draws of the assumptions", "2 or more")
        if self.precision is not None and not 0 < self.precision < 1:
            raise InputError("E-PRECISION", f"found a precision of {self.precision:g}", "such as 5%")
        if self.precision is not None and self.replications_max < FIRST:
            hint = f"{FIRST} or more: fewer cannot tell how many are needed"
            raise InputError("E-PRECISION", f"found at most {self.replications_max} replications", hint)


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C was pressed: how many replications were kept of how many asked for."""

    kept: int
    asked: int


def choose(file: ScenarioFile, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the alternatives to run, the base first.

    Raises:
        InputError: ``E-ALTERNATIVE`` for a name the scenario does not have.
    """
    known = list(file.cases)
    if names is None:
        wanted = known
    else:
        for name in names:
            if name not in known:
                raise InputError(
                    "E-ALTERNATIVE", f"found no alternative {name!r}", f"known: {', '.join(known)}"
                )
        wanted = list(dict.fromkeys(names))
    base = file.base if file.base in wanted else wanted[0]
    return (base, *[name for name in wanted if name != base])
