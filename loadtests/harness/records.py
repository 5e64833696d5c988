"""What workers record: one row for each arrival, each delivery and each poll, as numpy records.

Rule kept here: rows hold what was seen, in seconds since T0 (the run's common zero on every worker's clock), NaN where
it did not happen; everything else is computed from rows and schedule. Percentiles, ledger and report read these.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray


class State(IntEnum):
    """How far a message has come; the order is that of its life."""

    PLANNED = 0  # its time never came: the run was cut short
    SHED = 1  # due, but the worker had ``in_flight_max`` messages under way
    SENT = 2  # no answer yet; at the end of a run: censored
    REJECTED = 3  # the exchange refused it
    AMBIGUOUS = 4  # no answer, or one that proves nothing: it may be there or not
    ANSWERED = 5  # an answer of success came whose receipt is not checked yet
    ACCEPTED = 6  # a signed receipt was checked


class Poison(IntEnum):
    """What is wrong with a message on purpose, and so what must become of it."""

    NONE = 0
    TAMPERED = 1  # a byte of the signed manifest was changed after signing
    FOREIGN_KEY = 2  # signed with another agency's key
    REVOKED = 3  # signed with a certificate that was revoked
    WRONG_DIGEST = 4  # a document that is not the one the manifest names
    REPLAYED_NONCE = 5  # a signed read sent a second time
    REPLAY = 6  # the same message again: the same receipt, no second copy


MUST_BE_REFUSED: Final = frozenset(
    {Poison.TAMPERED, Poison.FOREIGN_KEY, Poison.REVOKED, Poison.WRONG_DIGEST, Poison.REPLAYED_NONCE}
)


class Receipt(IntEnum):
    """What became of the check of a receipt."""

    NONE = 0  # there was none to check
    GOOD = 1
    WRONG = 2  # it does not hold: signature, digest or message are others
    DIFFERS = 3  # it holds, but for a replay it is not the receipt given before


ARRIVAL: Final = np.dtype(
    [
        ("number", np.uint32),  # of the arrival in the schedule
        ("worker", np.uint16),
        ("state", np.uint8),
        ("receipt", np.uint8),
        ("attempts", np.uint16),
        ("status", np.uint16),  # HTTP status of the last answer, 0 for none
        ("code", "S40"),  # what it was refused with, or why no answer came
        ("sent_s", np.float64),  # when the first byte was handed to the connection
        ("done_s", np.float64),  # when the last byte of the last answer had come
        ("sign_s", np.float32),  # time that signing took
        ("check_s", np.float32),  # time that checking the receipt took
        ("checked_s", np.float64),  # when that had been done
    ]
)
DELIVERY: Final = np.dtype(
    [
        ("number", np.uint32),  # of the arrival; 2**32-1 for an id that was never planned
        ("recipient", np.int32),  # index of the agency
        ("worker", np.uint16),
        ("copies", np.uint16),  # how often this entry has been seen at different places of the inbox
        ("absent_s", np.float64),  # sending time of the last poll that did not show it yet; NaN for none
        ("seen_s", np.float64),  # when the first poll that showed it was answered
        ("stamp_s", np.float64),  # the server's own hand-over stamp, as s since T0; NaN where it gives none
        ("accept_due_s", np.float64),  # intended time of accepting it (seen + human delay)
        ("accept_sent_s", np.float64),
        ("accepted_s", np.float64),  # when the signed report (03) had been answered
        ("acknowledged_s", np.float64),  # when evidence of it had been checked
        ("status", np.uint16),  # HTTP status of the last answer
        ("code", "S40"),
        (
            "document",
            np.uint8,
        ),  # 0 not fetched, 1 fetched and its digest right, 2 fetched and wrong, 3 not to be had
    ]
)
POLL: Final = np.dtype(
    [
        ("agency", np.int32),
        ("worker", np.uint16),
        ("status", np.uint16),  # 0 for no answer, 1 for shed
        ("entries", np.uint32),
        ("due_s", np.float64),
        ("sent_s", np.float64),
        ("done_s", np.float64),
    ]
)
AUDIT: Final = np.dtype(
    [
        ("number", np.uint32),  # of the arrival; UNPLANNED for an id of this run that was never planned
        ("recipient", np.int32),  # whose inbox holds it
        ("copies", np.uint16),  # at how many places
        (
            "document",
            np.uint8,
        ),  # 0 not fetched, 1 fetched and its digest right, 2 fetched and wrong, 3 not to be had
    ]
)
"""What the server says after the drain (``adapter.audit``), as ``raw/audit.npy``; beside it ``raw/audit.json`` holds
``{"audited": bool, "text": str, "foreign": int, "foreign_expected": int | null}``: ids of other runs, and how many
there were before (null where nobody looked)."""
UNPLANNED: Final = 2**32 - 1
KINDS: Final = {"arrival": ARRIVAL, "delivery": DELIVERY, "poll": POLL}

Rows = NDArray[np.void]
