"""A profile: planned rate over time, and the arrivals that a seed makes of it.

Rule kept here: the randomness of arrivals is a unit-rate Poisson process that depends on the seed alone; a profile only
stretches it in time (inversion of the cumulative rate; Cinlar 1975). The same seed at twice the rate is the same
arrivals in half the time, so that rates are compared on common random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.profiles.pieces import Piece, Played, Stage
from loadtests.harness.profiles.terms import (
    DURATION_MAX_S,
    KIND_WORDS,
    Arrivals,
    Kind,
    arrivals_of,
    checked_rate,
    generator,
)
from loadtests.harness.traces import ARRIVALS_MAX, Trace
from sim import units
from sim.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a load looks like over time.

    Args:
        kind: Its name.
        arrivals: How arrivals follow the rate.
        pieces: Its parts in order; for a trace one, whose rate is the trace's mean.
        played: The trace; None for other kinds, and where only its name is known.
        about: What was recorded or simulated, for reports and for comparisons.
    """

    kind: Kind
    arrivals: Arrivals
    pieces: tuple[Piece, ...]
    played: Played | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.duration_s <= DURATION_MAX_S:
            hint = f"from more than 0 s to {units.format_duration(DURATION_MAX_S)}"
            raise InputError("E-DURATION", f"found a profile of {self.duration_s:g} s", hint)
        if not 0 < self._total <= ARRIVALS_MAX:
            hint = f"a profile plans more than none, and {ARRIVALS_MAX} at most"
            raise InputError("E-RATE", f"found a profile that plans {self._total:g} arrivals", hint)

    @classmethod
    def steady(cls, rate_per_s: float, duration_s: float, arrivals: str = Arrivals.POISSON) -> Profile:
        """A load of one rate, as after ``--rate``.

        Args:
            rate_per_s: More than 0.
            duration_s: More than 0.
            arrivals: ``poisson``, or ``constant`` (also ``even``) for even gaps.

        Raises:
            InputError: ``E-ARRIVALS``, ``E-RATE``, ``E-DURATION``.
        """
        how = arrivals_of(arrivals)
        kind = Kind.POISSON if how is Arrivals.POISSON else Kind.CONSTANT
        return cls(kind, how, (Piece("steady", duration_s, rate_per_s, rate_per_s),))

    @classmethod
    def of_trace(
        cls, trace: Trace, *, from_s: float = 0.0, speed: float = 1.0, duration_s: float | None = None
    ) -> Profile:
        """A load as it was recorded.

        Args:
            trace: What was recorded.
            from_s: Where in the trace to begin, s.
            speed: Seconds of the trace in one second, more than 0.
            duration_s: Length after compression; default to the trace's end.

        Raises:
            InputError: ``E-TRACE-WINDOW``: the window is not within the trace.
        """
        most = (trace.length_s - from_s) / speed
        length = most if duration_s is None else duration_s
        if not 0 <= from_s < trace.length_s or length > most * (1 + 1e-9):
            raise InputError(
                "E-TRACE-WINDOW",
                f"found a window of {length * speed:g} s from {from_s:g} s on in {trace.name}",
                f"the trace is {trace.length_s:g} s long",
            )
        mean = trace.arrivals / trace.length_s * speed
        return cls(
            Kind.TRACE, Arrivals.RECORDED, (Piece("trace", length, mean, mean),), Played(trace, from_s, speed)
        )

    @property
    def duration_s(self) -> float:
        """Length of the profile."""
        return sum(piece.duration_s for piece in self.pieces)

    @property
    def rate_per_s(self) -> float:
        """Mean planned rate; for a trace, its own over its whole length, played at this speed."""
        return self._total / self.duration_s

    @property
    def stages(self) -> list[Stage]:
        """Its parts, for reports."""
        ends = np.cumsum([piece.duration_s for piece in self.pieces])
        return [
            Stage(piece.name, float(end) - piece.duration_s, float(end), piece.expected / piece.duration_s)
            for piece, end in zip(self.pieces, ends, strict=True)
        ]

    @property
    def _total(self) -> float:
        return sum(piece.expected for piece in self.pieces)

    def due_s(self, seed: int) -> Floats:
        """The arrivals, ascending, in [0, ``duration_s``).

        Even arrivals come when the planned number reaches 0, 1, 2, …; those of a Poisson process when it reaches the
        running sum of exponential gaps of mean 1.

        Raises:
            InputError: ``E-SEED``; ``E-TRACE-WINDOW``: nothing arrives in the window of a trace; ``E-PROFILE``: what
                was recorded or simulated is not here.
        """
        if self.played is not None:
            rng = generator(seed, "trace")
            return self.played.trace.window_s(rng, self.played.from_s, self.duration_s, self.played.speed)
        if self.arrivals is Arrivals.RECORDED:
            found = f"found a profile of kind {self.kind} without its arrivals"
            raise InputError("E-PROFILE", found, "they are in the run's schedule")
        if self.arrivals is Arrivals.EVEN:
            generator(seed, "arrivals")  # a wrong seed is wrong here, too
            ticks = np.arange(math.ceil(self._total - 1e-9), dtype=np.float64)
        else:
            ticks = _ticks(generator(seed, "arrivals"), self._total)
        due = np.minimum(self._when(ticks), np.nextafter(self.duration_s, 0.0))
        return np.maximum.accumulate(due)

    def expected(self, at_s: Floats) -> Floats:
        """The planned number of arrivals up to each moment: the integral of the rate."""
        starts, before = self._bounds()
        at = np.searchsorted(starts, at_s, side="right").clip(1, len(self.pieces)) - 1
        first, _, slope = (one[at] for one in self._rates())
        since = at_s - starts[at]
        return np.asarray(before[at] + since * (first + slope / 2 * since))

    def at_rate(self, rate_per_s: float) -> Profile:
        """The same profile with another mean rate; every stage changes in proportion.

        A trace is played faster or slower instead, and so gets shorter or longer.
        """
        checked_rate(rate_per_s, f"{rate_per_s:g}/s")
        factor = rate_per_s / self.rate_per_s
        if self.played is not None:
            played = replace(self.played, speed=self.played.speed * factor)
            pieces = tuple(replace(one, duration_s=one.duration_s / factor) for one in self.pieces)
            return replace(self, pieces=_scaled(pieces, factor), played=played)
        return replace(self, pieces=_scaled(self.pieces, factor))

    @property
    def text(self) -> dict[str, str]:
        """What it is, in a few words, in both languages of reports; what ``about`` says of it goes before."""
        if "text" in self.about:
            return dict(self.about["text"])
        kind_en, kind_vi = KIND_WORDS[self.kind]
        span = units.format_duration(self.duration_s)
        return {
            "en": f"{kind_en}, {self.rate_per_s:.4g}/s over {span}",
            "vi": f"{kind_vi}, {self.rate_per_s:.4g}/s, {span}",
        }

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON; what was recorded or simulated is named, and its arrivals are not in it."""
        about = dict(self.about)
        if self.played is not None:
            trace = self.played.trace
            about |= {
                "name": trace.name, "sha256": trace.sha256, "arrivals": trace.arrivals,
                "from_s": self.played.from_s, "speed": self.played.speed,
            }  # fmt: skip
        return {
            "kind": self.kind.value,
            "text": self.text,
            "arrivals": self.arrivals.value,
            "duration_s": self.duration_s,
            "rate_per_s": self.rate_per_s,
            "pieces": [[one.name, one.duration_s, one.first_per_s, one.last_per_s] for one in self.pieces],
            "about": about,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], trace: Trace | None = None) -> Profile:
        """Read what ``to_json`` gave.

        Args:
            data: What it gave.
            trace: The trace that was played; without it the profile has stages but no arrivals.

        Raises:
            InputError: ``E-PROFILE``: unknown or missing members, or another trace than it names.
        """
        try:
            pieces = tuple(Piece(str(name), *map(float, rest)) for name, *rest in data["pieces"])
            kind, arrivals = Kind(data["kind"]), Arrivals(data["arrivals"])
            about = dict(data["about"])
            played = None
            if trace is not None:
                if trace.sha256 != about["sha256"]:
                    hint = f"{about['name']}, SHA-256 {about['sha256']}"
                    raise InputError(
                        "E-PROFILE", f"found the trace {trace.name} for a profile of another", hint
                    )
                played, about = Played(trace, float(about["from_s"]), float(about["speed"])), {}
        except (KeyError, TypeError, ValueError) as error:
            hint = "a profile as this version writes it"
            raise InputError("E-PROFILE", f"a profile does not hold: {error!r}", hint) from None
        return cls(kind, arrivals, pieces, played, about)

    def _bounds(self) -> tuple[Floats, Floats]:
        """Start of each piece, and the arrivals planned before it."""
        starts = np.cumsum([0.0, *(piece.duration_s for piece in self.pieces)])
        before = np.cumsum([0.0, *(piece.expected for piece in self.pieces)])
        return starts[:-1], before[:-1]

    def _rates(self) -> tuple[Floats, Floats, Floats]:
        """Rate at the start, at the end, and its slope, of each piece."""
        first = np.array([piece.first_per_s for piece in self.pieces])
        last = np.array([piece.last_per_s for piece in self.pieces])
        return first, last, (last - first) / np.array([piece.duration_s for piece in self.pieces])

    def _when(self, ticks: Floats) -> Floats:
        """When the planned number reaches each of ``ticks``, below the total: the inverse of ``expected``."""
        starts, before = self._bounds()
        some = np.flatnonzero([piece.expected > 0 for piece in self.pieces])
        at = some[np.searchsorted(before[some], ticks, side="right").clip(1) - 1]
        first, _, slope = (one[at] for one in self._rates())
        beyond = ticks - before[at]
        # the root of first · t + slope / 2 · t² = beyond, in the form that loses nothing where slope is near 0
        root = np.sqrt(np.maximum(first**2 + 2 * slope * beyond, 0.0))
        below = first + root
        return np.asarray(
            starts[at] + np.divide(2 * beyond, below, out=np.zeros_like(below), where=below > 0)
        )


def _scaled(pieces: tuple[Piece, ...], factor: float) -> tuple[Piece, ...]:
    return tuple(
        replace(one, first_per_s=one.first_per_s * factor, last_per_s=one.last_per_s * factor)
        for one in pieces
    )


def _ticks(rng: np.random.Generator, total: float) -> Floats:
    """A Poisson process of rate 1 on [0, ``total``); a larger total only goes on further."""
    parts: list[Floats] = []
    count, reached = int(total + 6 * math.sqrt(total) + 10), 0.0
    while reached < total:
        parts.append(-np.log1p(-rng.random(count)))
        reached += float(parts[-1].sum())
        count = max(count // 8, 64)
    ticks = np.cumsum(np.concatenate(parts))
    return np.asarray(ticks[ticks < total])
