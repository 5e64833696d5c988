"""Arrival times that were recorded somewhere: one time a line, or how many came in each second, minute or hour.

Rule kept here: nothing is guessed that the file does not say; the order of arrivals is the file's, and a count is
spread over its bin by the seed alone.

A file is text, UTF-8, plain or gzip (told by its first bytes). One column: a number a line, a time in s unless ``per``
says that it is a count. With a header (CSV): the column ``time``, ``time_s`` or ``seconds`` holds times; the columns
``second``, ``minute`` or ``hour`` number bins whose counts stand in another column.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError

Floats = NDArray[np.float64]
ARRIVALS_MAX: Final = 50_000_000
BINS_MAX: Final = 10_000_000
BIN_S: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_TIMES: Final = ("time", "time_s", "seconds")
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Trace:
    """Recorded arrivals.

    Args:
        name: The file's name, without its folder.
        sha256: Of the file's bytes, in hexadecimal.
        values: Times, s since the first arrival, ascending; or arrivals in each bin, from the first bin on.
        bin_s: Length of a bin in s; 0 where ``values`` are times.
    """

    name: str
    sha256: str
    values: Floats
    bin_s: float = 0.0

    @property
    def arrivals(self) -> int:
        """How many there are."""
        return int(self.values.sum()) if self.bin_s else len(self.values)

    @property
    def length_s(self) -> float:
        """From its zero to the end of its last bin, or to just beyond its last arrival."""
        if self.bin_s:
            return len(self.values) * self.bin_s
        return math.nextafter(float(self.values[-1]), math.inf)

    def times_s(self, rng: np.random.Generator) -> Floats:
        """All arrivals, s since its zero, ascending; counts are spread evenly at random over their bins.

        Spread so, the arrivals of a bin are those of a Poisson process of which the number was seen.
        """
        if not self.bin_s:
            return self.values
        counts = self.values.astype(np.int64)
        within = rng.random(int(counts.sum()))
        return np.sort((np.repeat(np.arange(len(counts)), counts) + within) * self.bin_s)

    def window_s(self, rng: np.random.Generator, from_s: float, duration_s: float, speed: float) -> Floats:
        """The arrivals of a window, s since its start.

        Args:
            rng: Spreads counts; the whole trace is spread, so that a window holds what it holds in any other.
            from_s: Its start in the trace, s.
            duration_s: Its length after compression, s.
            speed: Seconds of the trace in one second.

        Raises:
            InputError: ``E-TRACE-WINDOW``: nothing arrives in it.
        """
        times = self.times_s(rng)
        due = (times[times >= from_s] - from_s) / speed
        due = due[due < duration_s]
        if not len(due):
            raise InputError(
                "E-TRACE-WINDOW",
                f"found no arrival in {self.name} from {from_s:g} s on, for {duration_s * speed:g} s of it",
                f"the trace is {self.length_s:g} s long and holds {self.arrivals} arrivals",
            )
        return due


def read(path: Path, *, per: str | None = None, column: str | None = None) -> Trace:
    """Read a trace.

    Args:
        path: The file.
        per: ``second``, ``minute`` or ``hour``: the numbers are counts, one for each.
        column: Which column to read, where there is a header and more than one fits.

    Raises:
        InputError: ``E-TRACE-FILE``: it cannot be read; ``E-TRACE``: a line or the header does not hold, with its
            place.
    """
    if per is not None and per not in BIN_S:
        raise InputError("E-TRACE", f"found counts per {per!r}", f"one of: {', '.join(BIN_S)}")
    raw = _bytes(path)
    lines = _text(raw, path).splitlines()
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise InputError(
            "E-TRACE", f"{path.name}: found an empty file", "one number a line, or CSV with a header"
        )
    digest = sha256(raw).hexdigest()
    cells = [cell.strip() for cell in lines[first].split(",")]
    if len(cells) == 1 and _number(cells[0]) is not None:
        if column is not None:
            raise _fault(path, first, f"found no header, and column {column!r} was asked for", "leave it out")
        values = _numbers(lines, 0, path)
        if per is None:
            return Trace(path.name, digest, _ordered(values))
        return Trace(path.name, digest, _counts(values, path, first), BIN_S[per])
    table = _Table(path, lines, first, cells)
    return Trace(path.name, digest, *table.values(per, column))


class _Table:
    """A CSV file with a header."""

    def __init__(self, path: Path, lines: Sequence[str], header: int, names: list[str]) -> None:
        self.path = path
        self.lines = lines
        self.header = header
        self.names = names

    def values(self, per: str | None, column: str | None) -> tuple[Floats, float]:
        """The values of a trace and the length of their bins."""
        index = next((name for name in self.names if name.lower() in BIN_S), None)
        if index is not None:
            if per not in {None, index.lower()}:
                raise _fault(
                    self.path, self.header, f"found {index}s, and counts per {per} were asked for", "drop one"
                )
            counts = self._column(self._chosen(column, [one for one in self.names if one != index]))
            return self._binned(index, counts), BIN_S[index.lower()]
        if per is not None:
            return _counts(self._column(self._chosen(column, self.names)), self.path, self.header + 1), BIN_S[
                per
            ]
        times = self._chosen(column, [one for one in self.names if one.lower() in _TIMES])
        return _ordered(self._column(times)), 0.0

    def _chosen(self, column: str | None, fitting: Sequence[str]) -> str:
        """The column that is meant."""
        if column is not None and column in self.names:
            return column
        if column is None and len(fitting) == 1:
            return fitting[0]
        asked = f"no column {column!r}" if column is not None else f"the columns {', '.join(self.names)}"
        hint = f"name one of: {', '.join(self.names)}; times are called time_s, bins {', '.join(BIN_S)}"
        raise _fault(self.path, self.header, f"found {asked}", hint)

    def _column(self, name: str) -> Floats:
        return _numbers(self.lines, self.names.index(name), self.path, self.header + 1, len(self.names))

    def _binned(self, index: str, counts: Floats) -> Floats:
        """Counts by their numbered bins; a number that is left out is a bin in which nothing came."""
        counts = _counts(counts, self.path, self.header + 1)
        at = _counts(self._column(index), self.path, self.header + 1, f"whole numbers of {index}s").astype(
            np.int64
        )
        wrong = np.flatnonzero(np.diff(at) <= 0)
        if len(wrong):
            line = _line_of(self.lines, self.header + 1, int(wrong[0]) + 1)
            raise _fault(
                self.path, line, f"found a {index} that is not after the one before", "sort the file"
            )
        if at[-1] - at[0] >= BINS_MAX:
            raise _fault(
                self.path, self.header, f"found {index}s from {at[0]} to {at[-1]}", f"at most {BINS_MAX}"
            )
        out = np.zeros(int(at[-1] - at[0]) + 1)
        out[at - at[0]] = counts
        return out


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        shown = error.strerror or str(error)
        raise InputError("E-TRACE-FILE", f"{path}: {shown}", "give a file that can be read") from None


def _text(raw: bytes, path: Path) -> str:
    try:
        return (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(
            "E-TRACE-FILE",
            f"{path}: found what cannot be read ({type(error).__name__})",
            "UTF-8 text, plain or gzip",
        ) from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _fault(path: Path, index: int, message: str, hint: str) -> InputError:
    """An error at a line, counted from 0."""
    return InputError("E-TRACE", f"{path}:{index + 1}: {message}", hint)


def _line_of(lines: Sequence[str], start: int, row: int) -> int:
    """The line, from 0, of a row counted from 0 among the lines that are not empty."""
    return [at for at in range(start, len(lines)) if lines[at].strip()][row]


def _numbers(lines: Sequence[str], column: int, path: Path, start: int = 0, columns: int = 1) -> Floats:
    """One column of numbers, none of them negative."""
    out = []
    for at in range(start, len(lines)):
        if not lines[at].strip():
            continue
        cells = lines[at].split(",")
        value = _number(cells[column]) if len(cells) == columns else None
        if value is None or value < 0:
            wanted = "a finite number of 0 or more" + (
                f" in each of {columns} columns" if columns > 1 else ""
            )
            raise _fault(path, at, f"found {lines[at].strip()[:60]!r}", wanted)
        out.append(value)
    if not out:
        raise _fault(path, start, "found no number", "one a line")
    return np.array(out)


def _counts(
    values: Floats, path: Path, start: int, wanted: str = "counts, which are whole numbers"
) -> Floats:
    if (values != np.rint(values)).any():
        odd = float(values[values != np.rint(values)][0])
        raise _fault(path, start, f"found {odd:g} below", wanted)
    if values.sum() > ARRIVALS_MAX and wanted.startswith("counts"):
        raise _fault(path, start, f"found {values.sum():g} arrivals", f"at most {ARRIVALS_MAX}")
    return values


def _ordered(times: Floats) -> Floats:
    """Times since the first one; a log may be out of order by a little."""
    ordered = np.sort(times)
    return np.asarray(ordered - ordered[0])
