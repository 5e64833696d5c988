"""Rows in the making: each is packed into the bytes of its record the moment it is known.

Rule kept here: packing a row costs about a microsecond and nothing later, because a worker that had to convert a
second's rows at once would be late with what is due meanwhile.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from loadtests.harness.records import ARRIVAL, DELIVERY, POLL

NAN: Final = math.nan
CHUNK_BYTES: Final = 700_000
"""Of one report, at most; a whole number of rows of each kind."""
_CODES: Final = {"u1": "B", "u2": "H", "u4": "I", "i4": "i", "f4": "f", "f8": "d", "S40": "40s"}


def packing(record: np.dtype[Any]) -> struct.Struct:
    """The ``struct`` that lays values out as a packed numpy record does.

    Raises:
        ValueError: The record has gaps, or types that no row uses.
    """
    kinds = [record[name].str.lstrip("<|") for name in record.names or ()]
    try:
        made = struct.Struct("<" + "".join(_CODES[kind] for kind in kinds))
    except KeyError as error:
        raise ValueError(f"no row holds a {error}") from None
    if made.size != record.itemsize:
        raise ValueError("a record with gaps cannot be packed")
    return made


@dataclass(slots=True)
class Arrival:
    """How far one arrival has come, in the words of ``records.ARRIVAL``; times are s since T0."""

    number: int
    worker: int
    state: int
    receipt: int = 0
    attempts: int = 0
    status: int = 0
    code: str = ""
    sent_s: float = NAN
    done_s: float = NAN
    sign_s: float = 0.0
    check_s: float = 0.0
    checked_s: float = NAN


@dataclass(slots=True)
class Delivery:
    """What a recipient has seen and done, in the words of ``records.DELIVERY``; times are s since T0."""

    number: int
    recipient: int
    worker: int
    seen_s: float
    copies: int = 1
    absent_s: float = NAN
    stamp_s: float = NAN
    accept_due_s: float = NAN
    accept_sent_s: float = NAN
    accepted_s: float = NAN
    acknowledged_s: float = NAN
    status: int = 0
    code: str = ""
    document: int = 0


@dataclass(slots=True)
class Sheets:
    """What has become known since it was last taken: bytes of whole rows of each kind; later rows replace earlier."""

    kept: dict[str, bytearray] = field(
        default_factory=lambda: {"arrival": bytearray(), "delivery": bytearray(), "poll": bytearray()}
    )

    def arrival(self, row: Arrival) -> None:
        """Note an arrival as it stands now."""
        self.kept["arrival"] += _ARRIVAL(
            row.number,
            row.worker,
            row.state,
            row.receipt,
            row.attempts,
            row.status,
            row.code.encode("ascii", "replace"),
            row.sent_s,
            row.done_s,
            row.sign_s,
            row.check_s,
            row.checked_s,
        )

    def delivery(self, row: Delivery) -> None:
        """Note a delivery as it stands now."""
        self.kept["delivery"] += _DELIVERY(
            row.number,
            row.recipient,
            row.worker,
            row.copies,
            row.absent_s,
            row.seen_s,
            row.stamp_s,
            row.accept_due_s,
            row.accept_sent_s,
            row.accepted_s,
            row.acknowledged_s,
            row.status,
            row.code.encode("ascii", "replace"),
            row.document,
        )

    def poll(
        self, agency: int, worker: int, status: int, entries: int, due_s: float, sent_s: float, done_s: float
    ) -> None:
        """Note a poll."""
        self.kept["poll"] += _POLL(agency, worker, status, entries, due_s, sent_s, done_s)

    def take(self) -> dict[str, bytes]:
        """What is there, which is forgotten here."""
        out = {kind: bytes(kept) for kind, kept in self.kept.items()}
        for kept in self.kept.values():
            kept.clear()
        return out


def chunks(rows: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Rows of all kinds in portions for one report each; one portion at least."""
    parts = [
        (kind, data[at : at + _whole(kind)])
        for kind, data in rows.items()
        for at in range(0, len(data), _whole(kind))
    ]
    portion: dict[str, bytes] = {}
    for kind, data in parts:
        if sum(map(len, portion.values())) + len(data) > CHUNK_BYTES:
            yield portion
            portion = {}
        portion[kind] = portion.get(kind, b"") + data
    yield portion


def _whole(kind: str) -> int:
    """The most bytes of whole rows of a kind that fit into a report."""
    size = _SIZES[kind]
    return CHUNK_BYTES // size * size


_ARRIVAL = packing(ARRIVAL).pack
_DELIVERY = packing(DELIVERY).pack
_POLL = packing(POLL).pack
_SIZES: Final = {"arrival": ARRIVAL.itemsize, "delivery": DELIVERY.itemsize, "poll": POLL.itemsize}
