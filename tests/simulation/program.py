"""The exchange's program in the simulation: it drives the state machines of ``loadtests.exchange`` unchanged.

Rule kept here: the duties of a driver (``loadtests.exchange.effects``): what an effect fails with is thrown in,
faults of disk and database as retryable refusals; every effect but ``Receive`` is performed to its end; reservations
and machines live in this object and die with it.

Each method that a broken exchange gets wrong stands alone, so that ``broken`` can replace it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NoReturn, TypeVar

import simpy

from loadtests.exchange import checkpoint, evidence
from loadtests.exchange.acceptance import accept
from loadtests.exchange.effects import (
    Commit,
    Effect,
    Find,
    FindEntry,
    FindEvent,
    Keep,
    Locate,
    Look,
    Machine,
    Receive,
    Release,
    Reserve,
    Seal,
    Sign,
    Verify,
    VerifyReport,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import Item, Key, MessageKey, Stored
from loadtests.exchange.reporting import report
from loadtests.exchange.reporting_verification import AuthenticReport
from loadtests.exchange.sequencer import Sequencer
from loadtests.exchange.terms import Known, View
from loadtests.exchange.verification import Received
from tests.simulation import background, reads
from tests.simulation.database import DiskFull, StoreFault
from tests.simulation.files import blob, digest_of
from tests.simulation.life import Doing, Life
from tests.simulation.network import AskHead, AskInbox, Collect, Reply, Request, Submit, Tell
from tests.simulation.parties import EXCHANGE_CERTIFICATE, EXCHANGE_KEY, NAME, TERMS
from tests.simulation.site import Site
from tests.simulation.tables import Kept, Marked, Tables, Transaction

INLINE_BYTES_MAX = 64
"""Documents up to this size are stored in the database, larger ones in files, bytes."""
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job:
    """Something for the writer: an item to be sealed, evidence to be kept, or a checkpoint to be made."""

    done: simpy.Event
    what: Item | Kept | None


@dataclass(slots=True, eq=False)
class Coming:
    """A request that is being served: its documents, and the files that it has made and nobody may collect."""

    request: Request
    files: list[str] = field(default_factory=list)


class Program:
    """One run of the program.

    Args:
        site: Machine, disk and surroundings, which outlive it.
        life: Its life.
    """

    def __init__(self, site: Site, life: Life) -> None:
        self.site = site
        self.env = site.env
        self.life = life
        self.rng = site.rng
        self.ready = False
        self.reserved: set[Key] = set()
        self.known: dict[bytes, Known] = {}
        self.sequencer = Sequencer(NAME)
        self.queue: list[Job] = []
        self.sealing: list[Job] = []
        self.in_use: Counter[str] = Counter()
        self.wake = self.env.event()
        self.files_made = 0
        life.do(self.main())

    # --- the driver -----------------------------------------------------------------------------------------

    def drive(self, machine: Machine[T], coming: Coming | None = None) -> Generator[simpy.Event, Any, T]:
        """Run a machine to its end; between any two of its effects the program may be killed."""
        try:
            effect = next(machine)
            while True:
                self.step(type(effect).__name__)
                try:
                    result = yield from self.perform(effect, coming)
                except Exception as fault:  # the machine must let go of what it holds
                    effect = machine.throw(fault)
                else:
                    effect = machine.send(result)
        except StopIteration as end:
            ended: T = end.value
            return ended
        finally:
            machine.close()

    def perform(self, effect: Effect[Any], coming: Coming | None) -> Doing:  # noqa: PLR0911, PLR0912 - one each
        """Do what is asked for; others do other things meanwhile."""
        yield self.pause()
        match effect:
            case Look():
                return View(self.site.clock.now(), self.site.trusted(), self.known)
            case Verify() | VerifyReport():
                authentic = effect.perform()
                known = authentic.origin.known if isinstance(authentic, AuthenticReport) else authentic.known
                self.known[known.thumbprints[0]] = known
                return authentic
            case Reserve(key):
                return self.reserve(key)
            case Release(key):
                return self.reserved.discard(key)
            case Find(key):
                return self.find(key)
            case FindEntry(key):
                return self.readable().standing(key)
            case FindEvent(key):
                return self.readable().event(key)
            case Receive(manifest):
                return (yield from self.receive(manifest, coming))
            case Seal(item):
                return (yield from self.seal(item, coming))
            case Keep(statement, compact):
                return (yield from self.keep(statement, compact))
            case Locate():
                return self.locate()
            case Sign(statements):
                return tuple(self.sign(one) for one in statements)
            case Commit(group):
                return (yield from self.commit(group))
        raise AssertionError(effect)

    def step(self, name: str) -> None:
        """The program goes on, or is killed here."""
        self.site.trace.note(name)
        self.life.step(name)

    def pause(self) -> simpy.Event:
        """The time that an effect takes."""
        return self.env.timeout(self.rng.expovariate(1 / self.site.odds.effect_s_mean))

    # --- effects --------------------------------------------------------------------------------------------

    def reserve(self, key: Key) -> bool:
        """Take a key, unless somebody has it."""
        free = key not in self.reserved
        self.reserved.add(key)
        return free

    def readable(self) -> Tables:
        """The tables, where the database can be reached.

        Raises:
            Refusal: It cannot.
        """
        try:
            self.site.database.check_reachable()
        except StoreFault as fault:
            refuse(fault)
        return self.site.database.visible

    def find(self, key: MessageKey) -> Stored | None:
        """An accepted message."""
        return self.readable().find(key)

    def locate(self) -> Frontier:
        """The log's head."""
        return self.readable().head

    def sign(self, statement: evidence.Evidence) -> bytes:
        """Evidence, signed by the exchange."""
        compact = evidence.sign(statement, EXCHANGE_KEY, EXCHANGE_CERTIFICATE)
        self.site.ledger.signed(compact)
        return compact

    def receive(
        self, manifest: Manifest, coming: Coming | None
    ) -> Generator[simpy.Event, Any, tuple[Received, ...]]:
        """The documents as they come; what is too large for the database is a durable file when this returns."""
        if coming is None or not isinstance(coming.request, Submit):
            raise AssertionError("only a submission has documents")
        received = list[Received]()
        for position, body in enumerate(coming.request.bodies[: len(manifest.documents) + 1]):
            if position == coming.request.cut:
                break
            yield self.pause()
            digest, place = sha256(body).digest(), body if len(body) <= INLINE_BYTES_MAX else None
            if place is None:
                yield from self.keep_file(digest, body, coming)
            received.append(Received(digest, len(body), place))
        if coming.request.cut is not None:
            raise Refusal("request-incomplete", "the connection broke")
        return tuple(received)

    def keep_file(self, digest: bytes, body: bytes, coming: Coming) -> Doing:
        """A durable file under its digest, which nobody collects while it is in use here."""
        files, name = self.site.files, blob(digest)
        self.files_made += 1
        incoming = f"incoming/{self.files_made}"
        self.in_use[name] += 1
        coming.files.append(name)
        try:
            files.write(incoming, body, self.site.clock.now())
            self.step("file-written")
            yield from self.sync_file(incoming)
            self.step("file-synced")
            files.rename(incoming, name)
            self.step("file-renamed")
            yield from self.sync_folder()
        except StoreFault as fault:
            files.unlink(incoming)
            refuse(fault)

    def sync_file(self, name: str) -> Doing:
        """Make a file's bytes durable."""
        yield from self.site.files.sync(name)

    def sync_folder(self) -> Doing:
        """Make the names of files durable."""
        yield from self.site.files.sync_folder()

    def seal(self, item: Item, _coming: Coming | None) -> Doing:
        """Wait, however long it takes, until the item is committed, or may not be."""
        return (yield from self.write(Job(self.env.event(), item)))

    def head(self) -> Marked:
        """A checkpoint of the log as it is stored, whose time is not before the last one's; the writer makes it."""
        tables = self.readable()
        last_at = max((one.issued_at for one in tables.checkpoints), default=0)
        at = max(self.site.clock.now(), last_at)
        said = checkpoint.Checkpoint(NAME, tables.head.size, tables.head.root(), at)
        return Marked(said.size, at, checkpoint.sign(said, EXCHANGE_KEY, EXCHANGE_CERTIFICATE))

    def keep(self, statement: evidence.Evidence, compact: bytes) -> Doing:
        """Keep evidence of a rejection for good."""
        yield from self.write(Job(self.env.event(), Kept(statement, compact)))

    def checkpoint(self) -> Doing:
        """The last checkpoint, or a new one where the log went on."""
        tables = self.readable()
        if tables.checkpoints and tables.checkpoints[-1].size == tables.head.size:
            return tables.checkpoints[-1].compact
        return (yield from self.write(Job(self.env.event(), None))).compact

    def write(self, job: Job) -> Doing:
        """Hand a job to the writer, and wait for its end."""
        self.hand_in(job)
        result = yield job.done
        if isinstance(result, Exception):
            raise result
        return result

    def hand_in(self, job: Job) -> None:
        """Put a job into the writer's queue."""
        self.queue.append(job)
        if not self.wake.triggered:
            self.wake.succeed()

    def finish(self, job: Job, result: Any) -> None:
        """Tell who waits for a job what became of it."""
        job.done.succeed(result)

    def commit(self, transaction: Transaction) -> Doing:
        """Store a transaction; where that fails, wait until nothing of it can happen later."""
        try:
            yield from self.store(transaction)
        except StoreFault as fault:
            yield from self.fence()
            refuse(fault)

    def store(self, transaction: Transaction) -> Doing:
        """The database's commit."""
        yield from self.site.database.commit(transaction, self.step)

    def fence(self) -> Doing:
        """Wait until a commit that was given up has come to its end, one way or the other."""
        yield from self.site.database.settled()

    def may_collect(self, name: str) -> bool:
        """True for a file that no message has and nobody is about to store."""
        return not self.in_use[name] and digest_of(name) not in self.site.database.visible.files

    # --- the program ----------------------------------------------------------------------------------------

    def main(self) -> Doing:
        """Open the database, then serve."""
        self.step("start")
        yield from self.fence()
        yield from self.open()
        self.step("opened")
        self.ready = True
        for doing in (background.writer(self), background.sweeper(self), background.collector(self)):
            self.life.do(doing)

    def open(self) -> Doing:
        """Read what the program before this one left, and make sure of it."""
        yield from self.site.database.recover()

    def serve(self, request: Request, reply: Reply) -> None:
        """Begin to serve a request."""
        if self.ready:
            self.life.do(self.served(Coming(request), reply))
        else:
            reply(Refusal("not-ready", "the exchange is starting"))

    def served(self, coming: Coming, reply: Reply) -> Doing:
        """Serve a request to its end."""
        match coming.request:
            case Submit(compact):
                outcome: Any = yield from self.drive(accept(compact, TERMS), coming)
            case Tell(compact):
                outcome = yield from self.drive(report(compact, TERMS))
            case AskInbox() | Collect() | AskHead():
                outcome = yield from reads.answered(self, coming.request)
        for name in coming.files:
            self.in_use[name] -= 1
        self.step("answer")
        taken = reply(outcome)
        if taken and isinstance(coming.request, Collect) and not isinstance(outcome, Refusal):
            yield from reads.handed_over(self, coming.request.key)


def refuse(fault: StoreFault) -> NoReturn:
    """What disk and database failed with, as the sender learns it.

    Raises:
        Refusal: ``store-full``, ``store-unavailable``.
    """
    raise Refusal("store-full" if isinstance(fault, DiskFull) else "store-unavailable", str(fault)) from None
