"""What a check of a store found, and how it is written down.

Rule kept here: a fault says where it is, what was found and what would be right; finding one never ends the check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from loadtests.endpoint.store.base import Reading
from loadtests.endpoint.store.blobs import Blobs
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer

FAILURES_MAX: Final = 100
"""How often the database may fail before the check gives up: a damaged page should not end it, a lost server should."""
_STORE_FAILS: Final = frozenset({"store-unavailable", "store-full"})
# What unreadable rows make the readers raise; anything else is a fault of this program.
_UNREADABLE: Final = (ValueError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Args:
        code: Stable name of the kind of fault.
        where: Leaf, message, recipient, document or checkpoint.
        found: What was found there.
        right: What would be right.
    """

    code: str
    where: str
    found: str
    right: str

    def __str__(self) -> str:
        return f"{self.code}: {self.where}: found {self.found}; right would be {self.right}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found.

    Args:
        leaves: Leaves of the log that were checked.
        messages: Messages among them.
        events: Events and hand-overs among them.
        documents: Documents whose bytes were read.
        checkpoints: Signed heads of the log that were compared with it.
        faults: What is wrong.
        remarks: What is worth knowing and breaks no promise, such as files that nothing refers to.
    """

    leaves: int
    messages: int
    events: int
    documents: int
    checkpoints: int
    faults: tuple[Fault, ...]
    remarks: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """True where nothing is wrong."""
        return not self.faults


@dataclass(slots=True)
class Check:
    """A check that is going on: what it looks at, and what it has found so far.

    Args:
        store: The store; a server may be writing into it.
        blobs: The documents that are files.
        issuer: The exchange whose store it is.
        told: Told each fault when it is found.
    """

    store: Reading
    blobs: Blobs
    issuer: Issuer
    told: Callable[[Fault], object]
    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    messages: int = 0
    events: int = 0
    documents: int = 0
    checkpoints: int = 0
    failures: int = 0

    def fault(self, code: str, where: str, found: str, right: str) -> None:
        """Write down a fault."""
        one = Fault(code, where, found, right)
        self.faults.append(one)
        self.told(one)

    def expect(self, code: str, where: str, what: str, found: object, right: object) -> bool:
        """Write down a fault unless both are equal; True where they are."""
        if found == right:
            return True
        self.fault(code, where, f"{what} {shown(found)}", shown(right))
        return False

    @contextmanager
    def judging(self, code: str, where: str, right: str) -> Iterator[None]:
        """Write down as a fault what is refused or cannot be read inside.

        Raises:
            Refusal: ``store-unavailable``, ``store-full``: the database has failed ``FAILURES_MAX`` times.
        """
        try:
            yield
        except Refusal as refusal:
            self.failures += refusal.code in _STORE_FAILS
            if self.failures >= FAILURES_MAX:
                raise
            self.fault(code, where, f"{refusal.code}, {refusal.message}", right)
        except _UNREADABLE as error:
            self.fault(code, where, f"what cannot be read ({type(error).__name__}: {error})"[:200], right)

    def findings(self, leaves: int) -> Findings:
        """All that was found."""
        counts = (leaves, self.messages, self.events, self.documents, self.checkpoints)
        return Findings(*counts, tuple(self.faults), tuple(self.remarks))


def silent(*_: object) -> None:
    """What is told to nobody."""


def shown(value: object) -> str:
    """A value as a fault shows it: digests in hexadecimal, the rest as it is, cut."""
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 32 else f"{len(value)} bytes"
    if isinstance(value, tuple | list):
        return f"({', '.join(shown(one) for one in value)})"[:400]
    return str(value)[:200]
