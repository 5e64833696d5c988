"""Exchanges that are broken on purpose, each in one way, to prove that the simulation would find it.

Rule kept here: each is the right program but for one method, or the right tables but for one check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from loadtests.exchange import checkpoint, evidence
from loadtests.exchange.errors import Refusal
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import EntryKey, Group, Item, Key, MessageKey, Stored
from loadtests.exchange.sequencer import Sequencer
from tests.simulation.database import StoreFault
from tests.simulation.files import blob
from tests.simulation.life import Doing, Life
from tests.simulation.parties import EXCHANGE_CERTIFICATE, EXCHANGE_KEY, NAME
from tests.simulation.program import Coming, Job, Program
from tests.simulation.site import Site
from tests.simulation.tables import MakeTables, Marked, Tables, Transaction
from tests.simulation.world import Build


class AnswersBeforeCommit(Program):
    """Gives receipts out when they are signed."""

    def commit(self, transaction: Transaction) -> Doing:
        if isinstance(transaction, Group):
            for job, unit in zip(self.sealing, transaction.units, strict=True):
                self.finish(job, unit.receipt)
        yield from super().commit(transaction)

    def finish(self, job: Job, result: Any) -> None:
        if not job.done.triggered:
            super().finish(job, result)


class SignsForEachAnswer(Program):
    """Stores the message, and signs a receipt whenever it is asked for one."""

    def find(self, key: MessageKey) -> Stored | None:
        found = super().find(key)
        if found is None:
            return None
        said = self.site.database.visible.messages[key].evidence
        return replace(found, receipt=self.sign(replace(said, event_at=self.site.clock.now())))


class ReservesNothing(Program):
    """Looks first and stores then, whoever else does the same meanwhile."""

    def reserve(self, key: Key) -> bool:
        self.reserved.add(key)
        return True


class ReservesNoEntries(Program):
    """Keeps messages apart, but not what happens to one message at a recipient."""

    def reserve(self, key: Key) -> bool:
        free = super().reserve(key)
        return free or isinstance(key, EntryKey)


class ForgetsToSyncCommits(Program):
    """Commits as databases do whose sync is turned off."""

    def store(self, transaction: Transaction) -> Doing:
        yield from self.site.database.commit(transaction, self.step, syncs=False)


class ForgetsToSyncFiles(Program):
    """Renames a file into its place without having synced its bytes."""

    def sync_file(self, name: str) -> Doing:
        yield self.pause()
        self.site.trace.note("not-synced", name)


class ForgetsToSyncTheFolder(Program):
    """Syncs the bytes of a file, but not its name."""

    def sync_folder(self) -> Doing:
        yield self.pause()


class IgnoresFailedSyncs(Program):
    """Goes on where a file could not be synced."""

    def sync_file(self, name: str) -> Doing:
        try:
            yield from super().sync_file(name)
        except StoreFault:
            self.site.trace.note("ignored", name)


class TrustsFilesThatAreThere(Program):
    """Does not store again what it sees in the folder, synced or not."""

    def keep_file(self, digest: bytes, body: bytes, coming: Coming) -> Doing:
        if self.site.files.read(blob(digest)) is None:
            yield from super().keep_file(digest, body, coming)


class CollectsByAgeAlone(Program):
    """Collects old files that no message has, also those that somebody is about to store."""

    def may_collect(self, name: str) -> bool:
        self.in_use.clear()
        return super().may_collect(name)


class LetsGoAtSeal(Program):
    """Stops waiting for the writer after a moment, as a server does that cancels with the connection."""

    def seal(self, item: Item, _coming: Coming | None) -> Doing:
        job = Job(self.env.event(), item)
        self.hand_in(job)
        yield job.done | self.pause()
        if not job.done.triggered:
            raise Refusal("request-incomplete", "the sender went away")
        if isinstance(job.done.value, Exception):
            raise job.done.value
        return job.done.value


class GivesUpCommits(Program):
    """Answers a failed commit while it may still be under way in the database."""

    def fence(self) -> Doing:
        yield self.env.timeout(0)


class ShowsWhatItFound(Program):
    """Serves after a crash what the program before it had written, without having synced it."""

    def open(self) -> Doing:
        yield from self.site.database.recover(syncs=False)


class KeepsItsHead(Program):
    """Remembers the log's head, whatever became of the commit that it stood for."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.last = Frontier()
        self.sequencer = Sequencer(NAME)

    def locate(self) -> Frontier:
        self.last = self.last if self.last.size else super().locate()
        return self.last


class BelievesItsClock(Program):
    """Dates a checkpoint as the clock says, also when that was set back."""

    def head(self) -> Marked:
        tables, at = self.readable(), self.site.clock.now()
        said = checkpoint.Checkpoint(NAME, tables.head.size, tables.head.root(), at)
        return Marked(said.size, at, checkpoint.sign(said, EXCHANGE_KEY, EXCHANGE_CERTIFICATE))


class KeepsNoRejections(Program):
    """Gives out evidence of rejections that it does not keep."""

    def keep(self, _evidence: evidence.Evidence, _compact: bytes) -> Doing:
        yield self.pause()


@dataclass(frozen=True, slots=True)
class Broken:
    """A broken exchange, and how one would notice.

    Args:
        build: The exchange.
        breaks: The promise that it breaks, as a regular expression over what the run says.
        odds: The weather in which one notices soon; all else is drawn.
    """

    build: Build
    breaks: str
    odds: Mapping[str, Any]


def _broken(
    program: Callable[[Site, Life], Program], breaks: str, *, tables: MakeTables = Tables, **odds: Any
) -> Broken:
    return Broken(Build(program, tables), breaks, MappingProxyType(odds))


_CALM: Final[dict[str, Any]] = {"loss": 0.0, "gone_share": 0.0, "full_share": 0.0, "crashes_max": 0}
_QUICK: Final[dict[str, Any]] = {"effect_s_mean": 0.001, "sync_s_mean": 0.001, "delay_s_mean": 0.01}
_DOCUMENTS: Final = "every document is stored|what is collected is what was sent"
_RECEIPTS: Final = "a receipted message is stored|evidence stands at its leaf"

BROKEN: Final[Mapping[str, Broken]] = MappingProxyType(
    {
        "answers before the commit": _broken(AnswersBeforeCommit, _RECEIPTS),
        "signs for each answer": _broken(SignsForEachAnswer, "one receipt|stored with its receipt"),
        "checks, then inserts": _broken(
            ReservesNothing, "one receipt|in every inbox once", tables=partial(Tables, unique=False)
        ),
        "forgets what the change was made from": _broken(
            ReservesNoEntries, "an entry stands where", tables=partial(Tables, remembers=False), worked_on=1.0
        ),
        "forgets to sync commits": _broken(ForgetsToSyncCommits, _RECEIPTS),
        "forgets to sync files": _broken(ForgetsToSyncFiles, _DOCUMENTS),
        "forgets to sync the folder": _broken(ForgetsToSyncTheFolder, _DOCUMENTS),
        "ignores failed syncs": _broken(IgnoresFailedSyncs, _DOCUMENTS, sync_fails=0.1),
        "trusts files that are there": _broken(TrustsFilesThatAreThere, _DOCUMENTS, sync_fails=0.1),
        "collects by age alone": _broken(CollectsByAgeAlone, _DOCUMENTS, orphan_age_s=1, effect_s_mean=0.05),
        "lets go at seal": _broken(LetsGoAtSeal, "each of them once"),
        "gives up commits": _broken(
            GivesUpCommits,
            "what was accepted is not rejected",
            kind="wrong document",
            worked_on=0.0,
            late=0.4,
            late_s_mean=0.5,
            **_CALM,
            **_QUICK,
        ),
        "shows what it found": _broken(
            ShowsWhatItFound, _RECEIPTS, power_cut=0.0, crash_at=("commit-written",), crashes_max=20
        ),
        "keeps its head": _broken(
            KeepsItsHead, "everybody has an answer", agencies=3, letters=6, answer_lost=0.2
        ),
        "believes its clock": _broken(BelievesItsClock, "extends the one before", clock_jumps=3),
        "keeps no rejections": _broken(KeepsNoRejections, "a rejection is kept"),
    }
)
"""By what is wrong."""
