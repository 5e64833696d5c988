"""The global schedule of a run: what is due when, the same however many workers share it.

Rule kept here: arrival ``k`` belongs to worker ``k mod workers``, so that each worker sees the same load thinned evenly
and all of them together send exactly the schedule.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Arrivals in the order of their intended times, and the polls of every agency.

    Args:
        due_s: Intended sending time of each arrival, s since T0, ascending.
        sender: Agency of each, an index into ``agencies``.
        recipient_start: First recipient of each arrival in ``recipient``; length arrivals + 1.
        recipient: Recipients, indices into ``agencies``, those of one arrival beside one another.
        size_bytes: Size of each arrival's document.
        urgency: 0 normal … 3 express.
        poison: A ``records.Poison`` for each.
        of: For ``Poison.REPLAY`` the earlier arrival that is sent again, else -1; it is of the same worker for any
            number of workers that divides 12, because the distance is a multiple of 12.
        agencies: Number of agencies.
        poll_due_s: Intended time of each poll, ascending; empty where nobody collects.
        poll_agency: Who polls.
    """

    due_s: Floats
    sender: Ints
    recipient_start: Ints
    recipient: Ints
    size_bytes: Ints
    urgency: NDArray[np.uint8]
    poison: NDArray[np.uint8]
    of: Ints
    agencies: int
    poll_due_s: Floats
    poll_agency: Ints

    def __len__(self) -> int:
        return len(self.due_s)

    def recipients_of(self, number: int) -> list[int]:
        """The recipients of an arrival."""
        first, last = self.recipient_start[number], self.recipient_start[number + 1]
        return [int(one) for one in self.recipient[first:last]]

    def share(self, worker: int, workers: int) -> NDArray[np.int64]:
        """The numbers of the arrivals that a worker sends, in order."""
        return np.arange(worker, len(self), workers)

    def polls_of(self, worker: int, workers: int) -> NDArray[np.int64]:
        """The places of the polls that a worker makes: those of the agencies that are its own."""
        return np.flatnonzero(self.poll_agency % workers == worker)

    def to_bytes(self) -> bytes:
        """As one compressed archive of arrays, to be sent to workers and kept with the run."""
        out = io.BytesIO()
        np.savez_compressed(out, **self._arrays())  # type: ignore[arg-type] # its other parameter is no array
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Schedule:
        """Read what ``to_bytes`` gave."""
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            values = {name: found[name] for name in found.files}
        return cls(agencies=int(values.pop("agencies")), **values)

    @property
    def digest(self) -> str:
        """SHA-256 of names, types and values of all arrays, in hexadecimal."""
        running = sha256()
        for name, values in sorted(self._arrays().items()):
            running.update(f"{name}:{values.dtype.str}:{values.shape};".encode())
            running.update(np.ascontiguousarray(values).tobytes())
        return running.hexdigest()

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {
            "due_s": self.due_s,
            "sender": self.sender,
            "recipient_start": self.recipient_start,
            "recipient": self.recipient,
            "size_bytes": self.size_bytes,
            "urgency": self.urgency,
            "poison": self.poison,
            "of": self.of,
            "agencies": np.array(self.agencies),
            "poll_due_s": self.poll_due_s,
            "poll_agency": self.poll_agency,
        }
