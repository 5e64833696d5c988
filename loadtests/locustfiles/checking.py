"""Receipts are checked, as they come or after the drain, in native threads.

Rule kept here: only a receipt that was checked makes a message accepted, and a replay's receipt must be, byte for byte,
the one that its original was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter
from typing import Any, Final

import gevent

from loadtests.adapters.base import Adapter, Message, ReceiptError
from loadtests.harness.records import Receipt, State
from loadtests.locustfiles.bank import Spool
from loadtests.locustfiles.post import Post
from loadtests.locustfiles.rows import Arrival
from loadtests.locustfiles.threads import Crew

_AT_ONCE: Final = 32
"""Receipts under way to the threads while the rest still lies in the spool."""
_LOOK_S: Final = 0.02
_PAUSE_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking one receipt.

    Args:
        receipt: A ``Receipt``.
        code: Why it does not hold.
        check_s: How long it took.
        at_s: When it was done, on the worker's counter.
    """

    receipt: Receipt
    code: str
    check_s: float
    at_s: float


def check(adapter: Adapter, message: Message, receipt: bytes) -> Checked:
    """Check one receipt; in a native thread."""
    begun_s = perf_counter()
    outcome, code = Receipt.GOOD, ""
    try:
        adapter.verify(message, receipt)
    except ReceiptError as error:
        outcome, code = Receipt.WRONG, error.code
    now_s = perf_counter()
    return Checked(outcome, code, now_s - begun_s, now_s)


class Checker:
    """Checks the receipts of one worker.

    Args:
        post: Of this worker.
        crew: Native threads.
        spool: For receipts that are checked after the drain; None to check them as they come.
        again: Gives the message of an arrival once more.
        originals: For each replay of this worker the arrival that it repeats.
    """

    def __init__(
        self,
        post: Post,
        crew: Crew,
        spool: Spool | None,
        *,
        again: Callable[[int], Message | None],
        originals: Mapping[int, int],
    ) -> None:
        self.left = 0
        self._post = post
        self._crew = crew
        self._spool = spool
        self._again = again
        self._originals = originals
        self._known = dict.fromkeys(originals.values(), b"")
        self._undecided: dict[int, tuple[Arrival, bytes]] = {}
        self._waiting: list[tuple[Arrival, tuple[int, int]]] = []
        self._under_way = 0

    def take(self, row: Arrival, message: Message, receipt: bytes) -> None:
        """A receipt has come for an arrival that was answered with success."""
        self.left += 1
        if row.number in self._known:
            self._known[row.number] = self._says(receipt)
        if self._spool is not None:
            self._waiting.append((row, self._spool.put(receipt)))
        else:
            self._check(row, message, receipt)

    def finish(self, until_s: float) -> None:
        """Check what is left; the hub goes on meanwhile.

        Args:
            until_s: On the worker's counter: leave the rest then.
        """
        for row, place in self._waiting:
            while self._under_way >= _AT_ONCE and perf_counter() < until_s:
                gevent.sleep(_PAUSE_S)
            if perf_counter() >= until_s:
                break
            message = self._again(row.number)
            if message is not None and self._spool is not None:
                self._check(row, message, self._spool.get(place))
        while self._under_way and perf_counter() < until_s:
            gevent.sleep(_LOOK_S)
        for row, fingerprint in self._undecided.values():
            self._decide(row, fingerprint)
        self._undecided.clear()
        if self._spool is not None:
            self._spool.close()

    def _check(self, row: Arrival, message: Message, receipt: bytes) -> None:
        self._under_way += 1
        fingerprint = self._says(receipt) if row.number in self._originals else b""

        def done(result: Any, error: Exception | None) -> None:
            self._under_way -= 1
            if error is not None:
                self._post.failed(f"checking the receipt of arrival {row.number}: {error!r}")
                return
            self.left -= 1
            self._completed(row, result, fingerprint)

        self._crew.later(done, check, self._post.adapter, message, receipt)

    def _completed(self, row: Arrival, result: Checked, fingerprint: bytes) -> None:
        row.receipt, row.check_s, row.checked_s = (
            result.receipt,
            result.check_s,
            result.at_s - self._post.zero_s,
        )
        if result.receipt is Receipt.GOOD:
            row.state = State.ACCEPTED
        else:
            row.code = result.code
        if not fingerprint or result.receipt is not Receipt.GOOD:
            self._tell(row)
        elif self._known.get(self._originals[row.number]):
            self._decide(row, fingerprint)
        else:
            self._undecided[row.number] = (row, fingerprint)

    def _says(self, receipt: bytes) -> bytes:
        """What a receipt says, in few bytes; of one that cannot be read, its bytes."""
        try:
            return self._post.adapter.statement(receipt)
        except Exception:  # it is not checked yet; that it does not hold is for the check to say
            return sha256(receipt).digest()

    def _decide(self, row: Arrival, fingerprint: bytes) -> None:
        """Compare a replay's receipt with its original's, where both are known."""
        given = self._known.get(self._originals[row.number])
        if given and given != fingerprint:
            row.receipt, row.code = Receipt.DIFFERS, "receipt-differs"
        self._tell(row)

    def _tell(self, row: Arrival) -> None:
        """Note a row whose check is over."""
        self._post.sheets.arrival(row)
        elapsed_s = row.checked_s - self._post.schedule.due_s[row.number]
        self._post.shown.add("receipt", elapsed_s if self._spool is None else row.check_s, 0, row.code)
