"""What the state machines of the exchange ask of the world, and the few lines that drive a machine.

Rule kept here: a machine is a generator that yields effects and is sent their results; it does no I/O, has no clock
and waits for nothing itself, so that threads, asyncio and a simulation drive the same machine unchanged.

How to drive one (``drive`` does it for threads; with ``await``, or with ``yield`` in SimPy, it is the same loop):
perform the effect that was yielded; ``send`` its result, or ``throw`` what it failed with; until ``StopIteration``
brings the machine's own result. A driver has three duties:

- What an effect fails with is thrown in, always. What the sender may try again is a ``Refusal`` with a retryable code:
  ``store-unavailable``, ``store-full`` (a driver translates its errors into these), ``request-incomplete``. Any other
  exception is a fault of the program: the machine lets go of what it holds and the exception comes out again.
- Where a sender goes away, ``Receive`` fails with ``request-incomplete``. Every other effect is performed to its end,
  with or without a sender (in asyncio: shielded): who stopped waiting at ``Seal`` would release the key of a message
  that is still being committed.
- Reservations live in the memory of the one process that owns the store; they die with it, and machines too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from loadtests.exchange.evidence import Evidence
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import EntryKey, EventKey, Group, Item, Key, MessageKey, Standing, Stored
from loadtests.exchange.reporting_verification import AuthenticReport, authenticate_report
from loadtests.exchange.terms import Terms, View
from loadtests.exchange.verification import Authentic, Received, authenticate

T = TypeVar("T")


class Effect(Generic[T]):
    """Something that a machine asks for; ``T`` is what it is sent in return."""

    __slots__ = ()


Machine = Generator[Effect[Any], Any, T]
"""A state machine that ends with a ``T``."""


def ask(effect: Effect[T]) -> Machine[T]:
    """One effect as a machine that ends with its result; after ``yield from`` the result has its type."""
    result: T = yield effect
    return result


def drive(machine: Machine[T], perform: Callable[[Effect[Any]], Any]) -> T:
    """Run a machine to its end, in this thread.

    Args:
        machine: A machine that has not been started.
        perform: Does what an effect asks for and gives the result, or raises.

    Raises:
        Exception: What the machine ends with.
    """
    try:
        effect = next(machine)
        while True:
            try:
                result = perform(effect)
            except Exception as fault:  # whatever it is, the machine must let go of what it holds
                effect = machine.throw(fault)
            else:
                effect = machine.send(result)
    except StopIteration as end:
        ended: T = end.value
        return ended


# --- effects of submissions and reports -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look(Effect[View]):
    """The time, and what is trusted now. Cheap: a clock and a reference."""


@dataclass(frozen=True, slots=True)
class Verify(Effect[Authentic]):
    """``perform`` it, wherever there is a processor free: pure, and the costliest part of a submission.

    Args:
        compact: The signed manifest as it came.
        view: What it is judged by.
        terms: What this exchange takes.
    """

    compact: bytes
    view: View
    terms: Terms

    def perform(self) -> Authentic:
        """What ``verification.authenticate`` says; raises as it does."""
        return authenticate(self.compact, self.view, self.terms)


@dataclass(frozen=True, slots=True)
class VerifyReport(Effect[AuthenticReport]):
    """``perform`` it as ``Verify``.

    Args:
        compact: The signed report as it came.
        view: What it is judged by.
        terms: What this exchange takes.
    """

    compact: bytes
    view: View
    terms: Terms

    def perform(self) -> AuthenticReport:
        """What ``authenticate_report`` says; raises as it does."""
        return authenticate_report(self.compact, self.view, self.terms)


@dataclass(frozen=True, slots=True)
class Reserve(Effect[bool]):
    """Take the key for this machine alone; False where another machine has it. In memory, under a lock.

    A driver may refuse here with ``too-many-requests``: it is the first effect after the sender of a message, or the
    recipient that reports, is known. (A recall reserves entries later, for its sender.) For an entry, which nobody
    holds longer than one commit takes, a driver may wait a moment before it says no: a recipient that has just been
    given the last document reports at once.
    """

    key: Key


@dataclass(frozen=True, slots=True)
class Find(Effect[Stored | None]):
    """The accepted message of this key, or None. Must see every commit that returned before it was asked."""

    key: MessageKey


@dataclass(frozen=True, slots=True)
class FindEntry(Effect[Standing | None]):
    """The message at this recipient, or None. Must see every commit that returned before it was asked."""

    key: EntryKey


@dataclass(frozen=True, slots=True)
class FindEvent(Effect[bytes | None]):
    """The evidence of a lifecycle event that was taken, or None; sees what ``FindEntry`` sees."""

    key: EventKey


@dataclass(frozen=True, slots=True)
class Receive(Effect[tuple[Received, ...]]):
    """Read the documents, in the manifest's order, no further than the sizes that it names, hashing them.

    When this returns they are durable (file and directory synced), or they are at hand for ``Commit`` to store.
    """

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Seal(Effect[bytes]):
    """Hand the item to the sequencer; returns its evidence when it is committed, raises when it may not be."""

    item: Item


@dataclass(frozen=True, slots=True)
class Keep(Effect[None]):
    """Keep the evidence of a rejection in the audit table, outside message store and log; durable on return.

    The same evidence (by its id) may come again; it is kept once.
    """

    evidence: Evidence
    compact: bytes


@dataclass(frozen=True, slots=True)
class Release(Effect[None]):
    """Give the key back; cannot fail."""

    key: Key


def releasing(machine: Machine[T], held: list[Key]) -> Machine[T]:
    """A machine, and after its end the release of all that it holds, whatever its end is.

    Args:
        machine: What is done; it notes in ``held`` each key that it reserved.
        held: The keys, none of them yet.

    Raises:
        Exception: What the machine ends with.
    """
    # No ``finally``: a machine that is closed, as in a crash, must not ask for anything any more.
    try:
        result = yield from machine
    except Exception:
        yield from _release(held)
        raise
    yield from _release(held)
    return result


def _release(held: list[Key]) -> Machine[None]:
    for key in reversed(held):
        yield from ask(Release(key))


# --- effects of the sequencer -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Locate(Effect[Frontier]):
    """The log as it is durably stored."""


@dataclass(frozen=True, slots=True)
class Sign(Effect[tuple[bytes, ...]]):
    """Sign each of these as the exchange (``evidence.sign``), in order; pure, and may be spread over processors."""

    evidences: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Commit(Effect[None]):
    """Store all of the group in one transaction; on return it is durable.

    The store takes it only where its log is still ``group.before`` in size, holds none of the keys, and every entry
    that is changed still has the history that the change was made from. It checks that inside the transaction (a
    unique index on leaf indices and one on keys): an earlier attempt that was given up may still be on its way.
    Where this raises, nobody need know whether the group was stored; but until the attempt has ended, one way or the
    other, ``Find``, ``FindEntry`` and ``FindEvent`` must fail rather than say that something is not there.
    """

    group: Group
