"""Clients that do all that agencies do, at the same time, and write down what they were promised.

Rule kept here: a client sends the same bytes until it has its answer, and whatever it holds then is in the ledger; an
answer that differs from one that was given before is a fault at once.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from types import MappingProxyType, TracebackType
from typing import Final, Self

import httpx

from loadtests.attempts import Clock, Retries
from loadtests.client import Client, File, Letter, Prepared, Ref
from loadtests.exchange import jws
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.manifest import MessageKind, render
from loadtests.exchange.records import EntryKey, EventKey, MessageKey
from loadtests.received import Reported, Sent, SignedCheckpoint
from tests.integration.exchange.crashing import PATIENCE_S, PERSISTENT, Impatient, Place

LARGE_BYTES: Final = 70 * 1024
"""More than a server keeps in its database, see ``Settings.inline_bytes_max``."""
COMMON: Final = File(b"the same annex for everybody " * 4096, "annex.txt")
RECENT_MAX: Final = 32
INTERNAL: Final = (500, "internal-error")
STEPS: Final[Mapping[str, int]] = MappingProxyType(
    {"send": 50, "repeat": 20, "report": 18, "collect": 6, "recall": 3, "watch": 3}
)


@dataclass(slots=True)
class Ledger:
    """What the clients of one exchange hold together.

    Args:
        begun: Messages that were made.
        receipts: Their receipts, as far as there are any.
        evidence: Of the reports that were taken.
        heads: Heads of the log that anybody saw.
        problems: How often each problem was answered: status, code, and whether it may be tried again.
        replayed: Answers to what the exchange had taken before.
        recent: What was sent a moment ago, or is being sent.
        to_report: What recipients may report next; each is taken by one client.
        to_recall: Messages that nobody has reported on.
    """

    begun: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    receipts: dict[Ref, bytes] = field(default_factory=dict)
    evidence: dict[EventKey, bytes] = field(default_factory=dict)
    heads: list[SignedCheckpoint] = field(default_factory=list)
    problems: Counter[tuple[int, str, bool]] = field(default_factory=Counter)
    replayed: int = 0
    recent: deque[Prepared] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    to_report: deque[tuple[Ref, str, Action]] = field(default_factory=deque)
    to_recall: deque[Ref] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    @property
    def answers(self) -> set[tuple[int, str]]:
        """Status and code of all problems that were answered."""
        return {(status, code) for status, code, _ in self.problems}

    def begin(self, prepared: Prepared) -> Ref:
        """A message was made."""
        sent = prepared.manifest
        ref = Ref(sent.sender, sent.message_id)
        with self._lock:
            self.begun[ref] = sent.recipients
            if all(isinstance(one, bytes) for one in prepared.documents):  # no file of some hundred megabytes
                self.recent.append(prepared)
        return ref

    def receipted(self, sent: Sent) -> None:
        """A receipt was given."""
        with self._lock:
            self.replayed += sent.replayed
            known = self.receipts.setdefault(sent.ref, sent.receipt)
        assert known == sent.receipt, f"two receipts for {sent.ref}"

    def reported(self, key: EventKey, taken: Reported) -> None:
        """Evidence of a report was given."""
        with self._lock:
            self.replayed += taken.replayed
            self.evidence[key] = taken.evidence_bytes

    def refused(self, response: httpx.Response) -> None:
        """Note a problem; a hook of httpx."""
        if response.is_success:
            return
        response.read()
        said = response.json()
        with self._lock:
            self.problems[response.status_code, said["code"], said["retryable"]] += 1

    def a_recent(self, chance: random.Random) -> Prepared | None:
        """Something that was sent a moment ago, by anybody."""
        with self._lock:
            return chance.choice(self.recent) if self.recent else None


class Worker:
    """One client, who speaks for all agencies in turn.

    Args:
        place: The exchange.
        ledger: Where it writes.
        chance: Its decisions.
        http: Its connections.
        clock: Its time.
        folder: Where it downloads to.
    """

    def __init__(
        self,
        place: Place,
        ledger: Ledger,
        chance: random.Random,
        http: httpx.Client,
        clock: Clock,
        folder: Path,
    ) -> None:
        self._ledger = ledger
        self._chance = chance
        self._folder = folder
        self._codes = [one.code for one in place.agencies]
        self._agencies = {one.code: one for one in place.agencies}
        self._client = cache(partial(self._made, place, http, clock))

    def _made(
        self, place: Place, http: httpx.Client, clock: Clock, code: str, retries: Retries = PERSISTENT
    ) -> Client:
        return Client(
            place.url,
            self._agencies[code],
            http,
            clock=clock,
            random=os.urandom,
            exchange=place.issuer,
            retries=retries,
        )

    def letter(self, *documents: int | Path) -> Prepared:
        """A message of somebody to two others, with these files, or new documents of these sizes in bytes."""
        sender, *recipients = self._chance.sample(self._codes, 3)
        files = [
            File(one if isinstance(one, Path) else self._chance.randbytes(one), "some.bin")
            for one in documents
        ]
        return self._prepared(sender, tuple(recipients), files)

    def again(self, prepared: Prepared, subject: str) -> Prepared:
        """Another message under the same id."""
        content = replace(prepared.manifest, subject=subject)
        one = self._agencies[content.sender]
        at = content.created_at
        compact = jws.sign(render(content), one.key, one.certificate_sha256, at=at, typ=jws.MANIFEST_TYPE)
        return Prepared(compact, content, prepared.documents)

    def submit(self, prepared: Prepared, retries: Retries = PERSISTENT) -> Sent:
        """Send a message until its receipt is there."""
        ref = self._ledger.begin(prepared)
        sent = self._client(ref.sender, retries).submit(prepared.compact, prepared.documents)
        self._ledger.receipted(sent)
        return sent

    def send(self) -> None:
        """A new message."""
        sender, *recipients = self._chance.sample(self._codes, 3)
        ref = self.submit(self._prepared(sender, tuple(recipients), self._files())).ref
        if self._chance.random() < 0.1:
            self._ledger.to_recall.append(ref)
        else:
            action = self._chance.choice([Action.ACCEPT, Action.ACCEPT, Action.REFUSE])
            self._ledger.to_report.extend((ref, one, action) for one in recipients)

    def repeat(self) -> None:
        """What somebody else has sent a moment ago, or is sending now."""
        if (prepared := self._ledger.a_recent(self._chance)) is not None:
            self.submit(prepared)

    def report(self) -> None:
        """What a recipient did with a message, and perhaps what it does next."""
        with suppress(IndexError):
            ref, recipient, action = self._ledger.to_report.popleft()
            reason = "sent to the wrong office" if action in {Action.REFUSE, Action.REFUSE_RECALL} else None
            taken = self._client(recipient).report(ref, action, reason)
            entry = EntryKey(MessageKey(ref.sender, ref.message_id), recipient)
            self._ledger.reported(EventKey(entry, taken.event_id), taken)
            following = {Action.ACCEPT: Action.START, Action.START: Action.FINISH}.get(action)
            if following is not None and self._chance.random() < 0.5:
                self._ledger.to_report.append((ref, recipient, following))

    def recall(self) -> None:
        """The sender asks for a message back, and its recipients consent or not."""
        with suppress(IndexError):
            ref = self._ledger.to_recall.popleft()
            recipients = self._ledger.begun[ref]
            self.submit(self._prepared(ref.sender, recipients, self._files(), ref.message_id))
            action = self._chance.choice([Action.CONSENT_TO_RECALL, Action.REFUSE_RECALL])
            self._ledger.to_report.extend((ref, one, action) for one in recipients)

    def collect(self) -> None:
        """A recipient looks into its inbox, and reads a message."""
        recipient = self._chance.choice(self._codes)
        if arrived := self._client(recipient).inbox(limit=100).entries:
            self.read(recipient, self._chance.choice(arrived).ref)

    def read(self, agency: str, ref: Ref) -> None:
        """Read a message with all its documents, each of which the client checks."""
        client = self._client(agency)
        message = client.message(ref)
        for position in range(len(message.manifest.documents)):
            client.download(message, position, self._folder / "collected")

    def watch(self) -> None:
        """See that the log has only grown."""
        self._ledger.heads.append(self._client(self._codes[0]).checkpoint())

    def _prepared(
        self, sender: str, recipients: tuple[str, ...], files: list[File], recalls: str | None = None
    ) -> Prepared:
        letter = Letter(
            recipients,
            "Về việc thử độ bền của trục liên thông",
            "Công văn",
            str(self._chance.randrange(10**6)),
            "UBND-VP",
            kind=MessageKind.RECALL if recalls else MessageKind.NEW,
            refers_to=recalls,
        )
        return self._client(sender).prepare(letter, files)

    def _files(self) -> list[File]:
        chance = self._chance
        small = File(chance.randbytes(chance.randrange(1, 4000)), "small.bin")
        large = File(chance.randbytes(LARGE_BYTES + chance.randrange(100_000)), "large.bin")
        return chance.choice([[small], [small], [small], [small, COMMON], [large], [small, large]])


@contextmanager
def at_work(
    place: Place, ledger: Ledger, chance: random.Random | None = None, given_up: Event | None = None
) -> Iterator[Worker]:
    """A client with connections and a folder of its own."""
    clock = Impatient(given_up or Event())
    hooks = {"response": [ledger.refused]}
    with (
        TemporaryDirectory() as folder,
        httpx.Client(trust_env=False, timeout=PATIENCE_S, event_hooks=hooks) as http,
    ):
        yield Worker(place, ledger, chance or random.Random(), http, clock, Path(folder))


class Crowd:
    """Workers in threads, for as long as the context lasts; what goes wrong with one of them is raised in the end.

    Args:
        place: The exchange.
        ledger: Where they write.
        workers: How many.
        steps: What they do and how often in proportion, by the names of methods of ``Worker``.
        seed: Of their decisions.
        pause_s: How long each waits after each step.
    """

    def __init__(
        self,
        place: Place,
        ledger: Ledger,
        *,
        workers: int = 12,
        steps: Mapping[str, int] = STEPS,
        seed: object = 0,
        pause_s: float = 0.0,
    ) -> None:
        self._steps = steps
        self._place = place
        self._ledger = ledger
        self._pause_s = pause_s
        self._over = Event()
        self._given_up = Event()
        self._faults: list[BaseException] = []
        self._threads = [
            Thread(target=self._work, args=(random.Random(f"{seed} {number}"),)) for number in range(workers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if fault is not None:
            self._given_up.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_S)
        if fault is None:
            self.require_well()

    def require_well(self) -> None:
        """Raise what went wrong so far; a fault of the server is one, even where a client tries again."""
        if self._faults:
            raise self._faults[0]
        assert INTERNAL not in self._ledger.answers

    def receipts(self, more: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until the clients have so many receipts more."""
        wanted = len(self._ledger.receipts) + more
        deadline_s = time.monotonic() + patience_s
        while len(self._ledger.receipts) < wanted:
            self.require_well()
            assert time.monotonic() < deadline_s, f"{len(self._ledger.receipts)} receipts, not {wanted}"
            time.sleep(0.002)

    def _work(self, chance: random.Random) -> None:
        sys.settrace(None)  # what clients do under a coverage tracer is no load
        names, weights = list(self._steps), list(self._steps.values())
        try:
            with at_work(self._place, self._ledger, chance, self._given_up) as worker:
                while not self._over.is_set():
                    getattr(worker, chance.choices(names, weights)[0])()
                    self._over.wait(self._pause_s)
        except BaseException as fault:  # it is raised again where the crowd is waited for
            self._faults.append(fault)
