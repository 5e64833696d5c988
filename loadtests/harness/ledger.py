"""The ledger: what became of every message, as the generator saw it and as the server says after the drain.

Rule kept here: only a checked receipt proves acceptance, and only the server's own list proves presence; a finding is
``proved`` when it holds however well the generator kept its schedule. What was seen is proof; what was only not seen
is an absence, and an absence proves something against a receipt alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.records import MUST_BE_REFUSED, UNPLANNED, Poison, Receipt, Rows, State
from loadtests.harness.schedule import Schedule

Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]

EXAMPLES_MAX: Final = 5
_BUSY: Final = (408, 425, 429)
"""Statuses between 400 and 499 that say "later", and nothing about the message."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be.

    Args:
        code: ``lost``, ``lost-unproved``, ``undelivered``, ``duplicated``, ``phantom``, ``forged-accepted``,
            ``receipt-wrong``, ``receipt-without-document``, ``replay-differs``, ``replay-refused``.
        count: How many messages (deliveries for the codes that are about one recipient's copy).
        proved: It holds whatever the generator did.
        text: What it says, for people.
        examples: Some message ids.
    """

    code: str
    count: int
    proved: bool
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of a run.

    Args:
        states: Messages by ``State`` in lower case, and ``delivered`` and ``acknowledged`` (by every recipient); good
            messages only, neither poisoned nor replays.
        findings: What must not be; empty where all is well.
        poison: By kind: ``sent``, ``refused``, ``accepted``, ``unanswered``.
        replay: ``sent``, ``same``, ``differs``, ``refused``, ``unanswered``, ``unchecked``.
        ambiguous_stored: Ambiguous messages that the server has after all; None without an audit.
        audited: The server was asked for all it has.
        documents_checked: Deliveries whose document was fetched.
    """

    states: Mapping[str, int]
    findings: tuple[Finding, ...]
    poison: Mapping[str, Mapping[str, int]]
    replay: Mapping[str, int]
    ambiguous_stored: int | None
    audited: bool
    documents_checked: int


@dataclass(frozen=True, slots=True)
class Books:
    """What is reconciled.

    Args:
        schedule: What was to be sent.
        arrivals: Rows of ``records.ARRIVAL``, one for each arrival that came due.
        deliveries: Rows of ``records.DELIVERY``.
        audit: Rows of ``records.AUDIT``; None where the server could not be asked.
        foreign: Ids of other runs that the server has; None where nobody looked.
        foreign_expected: How many of them there were before; None where nobody looked.
        collected: Recipients polled on until every accepted message could have been seen.
        id_of: The message id of an arrival.
    """

    schedule: Schedule
    arrivals: Rows
    deliveries: Rows
    audit: Rows | None
    foreign: int | None
    foreign_expected: int | None
    collected: bool
    id_of: Callable[[int], str]


def reconcile(books: Books) -> Ledger:
    """Compare what was sent, what was answered and what the server has."""
    view = _View(books)
    findings = [
        *_losses(view),
        *_undelivered(view),
        _duplicates(view),
        *_phantoms(view),
        _forgeries(view),
        _wrong_receipts(view),
        _missing_documents(view),
        *_replays(view),
    ]
    stored = None
    if view.present is not None:
        stored = int((view.good & (view.state == State.AMBIGUOUS) & (view.copies_seen > 0)).sum())
    documents = books.deliveries["document"] if books.audit is None else np.concatenate(
        [books.deliveries["document"], books.audit["document"]]
    )  # fmt: skip
    return Ledger(
        states=_states(view),
        findings=tuple(one for one in findings if one.count > 0),
        poison=_poison(view),
        replay=_replay_counts(view),
        ambiguous_stored=stored,
        audited=books.audit is not None,
        documents_checked=int((documents > 0).sum()),
    )


class _View:
    """The books as columns over all arrivals of the schedule, and over all legs (arrival and recipient)."""

    def __init__(self, books: Books) -> None:
        schedule, rows = books.schedule, books.arrivals
        count = len(schedule)
        self.books = books
        self.state = np.full(count, State.PLANNED, dtype=np.int64)
        self.receipt = np.full(count, Receipt.NONE, dtype=np.int64)
        self.status = np.zeros(count, dtype=np.int64)
        at = rows["number"].astype(np.int64)
        self.state[at], self.receipt[at], self.status[at] = rows["state"], rows["receipt"], rows["status"]
        self.sent_s, self.done_s = np.full(count, np.nan), np.full(count, np.nan)
        self.sent_s[at], self.done_s[at] = rows["sent_s"], rows["done_s"]
        self.poison = schedule.poison.astype(np.int64)
        self.good: Bools = self.poison == Poison.NONE
        self.taken: Bools = self.state >= State.ANSWERED
        # A replay carries its original's id: whatever it proves or has sent, it has for the original.
        replays = np.flatnonzero((self.poison == Poison.REPLAY) & (self.state > State.SHED))
        original = schedule.of[replays]
        self.sent: Bools = self.state > State.SHED
        self.sent[original] = True
        self.proved: Bools = self.receipt == Receipt.GOOD
        self.proved[original[self.receipt[replays] == Receipt.GOOD]] = True
        # Legs: every pair of arrival and recipient that was addressed has one place.
        fan_out = np.diff(schedule.recipient_start)
        self.leg_number: Numbers = np.repeat(np.arange(count), fan_out)
        self.leg_key: Numbers = self._keys(self.leg_number, schedule.recipient)
        self._order = np.argsort(self.leg_key, kind="stable")
        self.seen: Bools = np.zeros(len(self.leg_key), dtype=bool)
        self.acknowledged: Bools = np.zeros(len(self.leg_key), dtype=bool)
        legs = self.legs_of(books.deliveries)
        known = legs >= 0
        self.seen[legs[known]] = True
        self.acknowledged[legs[known & ~np.isnan(books.deliveries["acknowledged_s"])]] = True
        self.present: Bools | None = None
        self.copies_seen: Numbers = np.zeros(count, dtype=np.int64)
        if books.audit is not None:
            self.present = np.zeros(len(self.leg_key), dtype=bool)
            legs = self.legs_of(books.audit)
            self.present[legs[legs >= 0]] = True
            np.add.at(self.copies_seen, self.leg_number[legs[legs >= 0]], 1)

    def _keys(self, numbers: NDArray[np.generic], recipients: NDArray[np.generic]) -> Numbers:
        return numbers.astype(np.int64) * max(self.books.schedule.agencies, 1) + recipients.astype(np.int64)

    def legs_of(self, rows: Rows) -> Numbers:
        """The leg of each row, -1 for one that was never addressed."""
        if not len(self.leg_key):
            return np.full(len(rows), -1, dtype=np.int64)
        keys = self._keys(rows["number"], rows["recipient"])
        place = np.searchsorted(self.leg_key, keys, sorter=self._order)
        found = self._order[np.minimum(place, len(self.leg_key) - 1)]
        right = (self.leg_key[found] == keys) & (rows["number"] != UNPLANNED) & (rows["recipient"] >= 0)
        right &= rows["recipient"] < self.books.schedule.agencies
        return np.where(right, found, -1)

    def all_legs(self, of_leg: Bools) -> Bools:
        """For each arrival: True where it has a leg and each of its legs is."""
        complete = np.diff(self.books.schedule.recipient_start) > 0
        complete[self.leg_number[~of_leg]] = False
        return complete

    def finding(self, code: str, numbers: NDArray[np.generic], text: str, *, proved: bool) -> Finding:
        """A finding about arrivals, one count for each; a number may stand more than once."""
        some = [int(one) for one in dict.fromkeys(numbers.tolist()) if one != UNPLANNED][:EXAMPLES_MAX]
        return Finding(code, len(numbers), proved, text, tuple(self.books.id_of(one) for one in some))


def _states(view: _View) -> dict[str, int]:
    """Good messages by state; who has been delivered or acknowledged counts in all that come before too."""
    counts = {one.name.lower(): int((view.good & (view.state == one)).sum()) for one in State}
    counts["delivered"] = int((view.good & view.all_legs(view.seen)).sum())
    counts["acknowledged"] = int((view.good & view.all_legs(view.acknowledged)).sum())
    return counts


def _losses(view: _View) -> list[Finding]:
    """What was accepted and is not there."""
    if view.present is None:
        return []
    absent = ~view.present & view.good[view.leg_number]
    receipt = view.proved[view.leg_number]
    answered = view.taken[view.leg_number] & ~receipt & (view.receipt[view.leg_number] != Receipt.WRONG)
    return [
        view.finding(
            "lost",
            view.leg_number[absent & receipt],
            "a checked receipt says that the exchange took responsibility, and a recipient does not have the message",
            proved=True,
        ),
        view.finding(
            "lost-unproved",
            view.leg_number[absent & answered],
            "answered as accepted, the receipt not checked, and a recipient does not have the message",
            proved=False,
        ),
    ]


def _undelivered(view: _View) -> list[Finding]:
    """What was accepted and never shown to a recipient who kept asking; told where there is no audit to tell more."""
    if view.present is not None or not view.books.collected:
        return []
    unseen = ~view.seen & (view.good & view.proved)[view.leg_number]
    text = "a checked receipt, and no inbox showed the message until the end of the drain; there was no audit"
    return [view.finding("undelivered", view.leg_number[unseen], text, proved=False)]


def _duplicates(view: _View) -> Finding:
    """What stands twice in an inbox."""
    rows = view.books.deliveries if view.books.audit is None else view.books.audit
    numbers = rows["number"][rows["copies"] > 1]
    return view.finding("duplicated", numbers, "the same message at two places of one inbox", proved=True)


def _phantoms(view: _View) -> list[Finding]:
    """What is there and was never sent there; and what is there and of nobody we know."""
    rows = view.books.deliveries if view.books.audit is None else view.books.audit
    legs = view.legs_of(rows)
    known = legs >= 0
    never = ~known
    never[known] = ~view.sent[view.leg_number[legs[known]]]
    text = "an inbox holds what was never sent to it"
    found = [view.finding("phantom", rows["number"][never], text, proved=True)]
    foreign, expected = view.books.foreign, view.books.foreign_expected
    if foreign is not None and expected is not None and foreign > expected:
        text = "inboxes hold messages that neither this run nor anybody before it has sent"
        found.append(Finding("phantom", foreign - expected, True, text))
    return found


def _forgeries(view: _View) -> Finding:
    """Poisoned messages that were taken, or are there although they were not."""
    forged = np.isin(view.poison, tuple(MUST_BE_REFUSED))
    numbers = np.flatnonzero(forged & (view.taken | (view.copies_seen > 0)))
    text = "a message that must be refused (tampered, foreign key, revoked, wrong digest, replayed nonce) was accepted"
    return view.finding("forged-accepted", numbers, text, proved=True)


def _wrong_receipts(view: _View) -> Finding:
    numbers = np.flatnonzero(view.good & (view.receipt == Receipt.WRONG))
    text = "the receipt does not hold: not the exchange's signature, or about something else"
    return view.finding("receipt-wrong", numbers, text, proved=True)


def _missing_documents(view: _View) -> Finding:
    """What has a receipt, and its document is gone or another one."""
    numbers: list[NDArray[np.generic]] = []
    for rows in (view.books.deliveries, view.books.audit):
        if rows is None:
            continue
        legs = view.legs_of(rows)
        proved = np.zeros(len(rows), dtype=bool)
        known = legs >= 0
        of_good = view.proved & view.good  # forgeries have a finding of their own
        proved[known] = of_good[view.leg_number[legs[known]]]
        numbers.append(rows["number"][proved & np.isin(rows["document"], (2, 3))])
    text = "a checked receipt, and the document cannot be had or is not the one that was sent"
    return view.finding("receipt-without-document", np.unique(np.concatenate(numbers)), text, proved=True)


def _replayed(view: _View) -> tuple[Bools, Bools]:
    """The replays that were sent, and those of them whose original had been given its receipt before that."""
    replay = (view.poison == Poison.REPLAY) & (view.state > State.SHED)
    original = view.books.schedule.of[replay]
    before = view.done_s[original] < view.sent_s[replay]
    accepted = replay.copy()
    accepted[replay] = (view.receipt[original] == Receipt.GOOD) & before
    return replay, accepted


def _replays(view: _View) -> list[Finding]:
    """Replays that were not treated as what they are."""
    replay, accepted = _replayed(view)
    differs = np.flatnonzero(replay & np.isin(view.receipt, (Receipt.DIFFERS, Receipt.WRONG)))
    client = (view.status >= 400) & (view.status < 500) & ~np.isin(view.status, _BUSY)
    refused = np.flatnonzero(accepted & (view.state == State.REJECTED) & client)
    return [
        view.finding(
            "replay-differs", differs, "the same message again was given another receipt", proved=True
        ),
        view.finding(
            "replay-refused",
            refused,
            "the same message again was refused, though it had a receipt",
            proved=True,
        ),
    ]


def _replay_counts(view: _View) -> dict[str, int]:
    replay, _ = _replayed(view)
    same = replay & (view.receipt == Receipt.GOOD)
    differs = replay & np.isin(view.receipt, (Receipt.DIFFERS, Receipt.WRONG))
    refused = replay & (view.state == State.REJECTED)
    unanswered = replay & np.isin(view.state, (State.SENT, State.AMBIGUOUS))
    unchecked = replay & view.taken & (view.receipt == Receipt.NONE)
    parts = {
        "same": same,
        "differs": differs,
        "refused": refused,
        "unanswered": unanswered,
        "unchecked": unchecked,
    }
    return {"sent": int(replay.sum()), **{name: int(part.sum()) for name, part in parts.items()}}


def _poison(view: _View) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for kind in sorted(MUST_BE_REFUSED):
        mine = view.poison == kind
        if not mine.any():
            continue
        sent = mine & (view.state > State.SHED)
        out[kind.name.lower().replace("_", "-")] = {
            "sent": int(sent.sum()),
            "refused": int((sent & (view.state == State.REJECTED)).sum()),
            "accepted": int((mine & (view.taken | (view.copies_seen > 0))).sum()),
            "unanswered": int((sent & np.isin(view.state, (State.SENT, State.AMBIGUOUS))).sum()),
        }
    return out


def worst(findings: Sequence[Finding]) -> Finding | None:
    """The finding that weighs most: proved before not, then the most frequent; None where all is well."""
    return max(findings, key=lambda one: (one.proved, one.count), default=None)
