"""Clients that do all that agencies do, at the same time, and write down what they were promised.

Rule kept here: a client sends the same bytes until it has its answer, and whatever it holds then is in the ledger; an
answer that differs from one that was given before is a fault at once.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter, deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Final, Self

import httpx

from loadtests.attempts import Problem
from loadtests.client import Client, File, Letter, Prepared, Ref
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.manifest import MessageKind
from loadtests.exchange.records import EntryKey, EventKey, MessageKey
from loadtests.received import SignedCheckpoint
from tests.integration.exchange.crashing import PATIENCE_S, PERSISTENT, Impatient, Place

LARGE_BYTES: Final = 70 * 1024
"""More than a server keeps in its database, see ``Settings.inline_bytes_max``."""
COMMON: Final = File(b"the same annex for everybody " * 4096, "annex.txt")
RECENT_MAX: Final = 32
Answer = tuple[int, str, bool]
"""Status, code and ``retryable`` of a problem document."""
_STEPS: Final = {"send": 50, "repeat": 20, "report": 18, "collect": 6, "recall": 3, "watch": 3}


@dataclass(slots=True)
class Ledger:
    """What the clients of one exchange hold together.

    Args:
        begun: Messages that were made.
        receipts: Their receipts, as far as there are any.
        evidence: Of the reports that were taken.
        heads: Heads of the log that anybody saw.
        problems: How often each problem was answered.
        recent: What was sent a moment ago, or is being sent.
        to_report: What recipients may report next; each is taken by one client.
        to_recall: Messages that nobody has reported on.
    """

    begun: dict[Ref, tuple[str, ...]] = field(default_factory=dict)
    receipts: dict[Ref, bytes] = field(default_factory=dict)
    evidence: dict[EventKey, bytes] = field(default_factory=dict)
    heads: list[SignedCheckpoint] = field(default_factory=list)
    problems: Counter[Answer] = field(default_factory=Counter)
    recent: deque[Prepared] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    to_report: deque[tuple[Ref, str, Action]] = field(default_factory=deque)
    to_recall: deque[Ref] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, prepared: Prepared) -> Ref:
        """A message was made."""
        sent = prepared.manifest
        ref = Ref(sent.sender, sent.message_id)
        with self._lock:
            self.begun[ref] = sent.recipients
            self.recent.append(prepared)
        return ref

    def receipted(self, ref: Ref, receipt: bytes) -> bool:
        """A receipt was given; True where it is the first one in anybody's hands."""
        with self._lock:
            known = self.receipts.setdefault(ref, receipt)
            first = known is receipt
        assert known == receipt, f"two receipts for {ref}"
        return first

    def reported(self, key: EventKey, evidence: bytes) -> None:
        """Evidence of a report was given."""
        with self._lock:
            assert self.evidence.setdefault(key, evidence) == evidence

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
        folder: Where it downloads to.
    """

    def __init__(
        self, place: Place, ledger: Ledger, chance: random.Random, http: httpx.Client, folder: Path
    ) -> None:
        self._ledger = ledger
        self._chance = chance
        self._folder = folder
        self._codes = [one.code for one in place.agencies]
        self._clients = {
            one.code: Client(
                place.url,
                one,
                http,
                clock=Impatient(),
                random=os.urandom,
                exchange=place.issuer,
                retries=PERSISTENT,
            )
            for one in place.agencies
        }

    def step(self) -> None:
        """Do one thing."""
        (name,) = self._chance.choices(list(_STEPS), list(_STEPS.values()))
        getattr(self, name)()

    def send(self) -> None:
        """A new message."""
        sender, *recipients = self._chance.sample(self._codes, 3)
        ref = self._sent(self._prepared(sender, tuple(recipients)))
        if self._chance.random() < 0.1:
            self._ledger.to_recall.append(ref)
        else:
            action = self._chance.choice([Action.ACCEPT, Action.ACCEPT, Action.REFUSE])
            self._ledger.to_report.extend((ref, one, action) for one in recipients)

    def repeat(self) -> None:
        """What somebody else has sent a moment ago, or is sending now."""
        if (prepared := self._ledger.a_recent(self._chance)) is not None:
            self._sent(prepared)

    def report(self) -> None:
        """What a recipient did with a message, and perhaps what it does next."""
        with suppress(IndexError):
            ref, recipient, action = self._ledger.to_report.popleft()
            reason = "sent to the wrong office" if action in {Action.REFUSE, Action.REFUSE_RECALL} else None
            taken = self._clients[recipient].report(ref, action, reason)
            entry = EntryKey(MessageKey(ref.sender, ref.message_id), recipient)
            self._ledger.reported(EventKey(entry, taken.event_id), taken.evidence_bytes)
            following = {Action.ACCEPT: Action.START, Action.START: Action.FINISH}.get(action)
            if following is not None and self._chance.random() < 0.5:
                self._ledger.to_report.append((ref, recipient, following))

    def recall(self) -> None:
        """The sender asks for a message back, and its recipients consent or not."""
        with suppress(IndexError):
            ref = self._ledger.to_recall.popleft()
            recipients = self._ledger.begun[ref]
            self._sent(self._prepared(ref.sender, recipients, ref.message_id))
            action = self._chance.choice([Action.CONSENT_TO_RECALL, Action.REFUSE_RECALL])
            self._ledger.to_report.extend((ref, one, action) for one in recipients)

    def collect(self) -> None:
        """A recipient collects a message with all its documents, each of which the client checks."""
        client = self._clients[self._chance.choice(self._codes)]
        if arrived := client.inbox(limit=100).entries:
            message = client.message(self._chance.choice(arrived).ref)
            for position in range(len(message.manifest.documents)):
                client.download(message, position, self._folder / "collected")

    def watch(self) -> None:
        """See that the log has only grown."""
        self._ledger.heads.append(self._clients[self._codes[0]].checkpoint())

    def _prepared(self, sender: str, recipients: tuple[str, ...], recalls: str | None = None) -> Prepared:
        letter = Letter(
            recipients,
            "Về việc thử độ bền của trục liên thông",
            "Công văn",
            str(self._chance.randrange(10**6)),
            "UBND-VP",
            kind=MessageKind.RECALL if recalls else MessageKind.NEW,
            refers_to=recalls,
        )
        return self._clients[sender].prepare(letter, self._files())

    def _files(self) -> list[File]:
        chance = self._chance
        small = File(chance.randbytes(chance.randrange(1, 4000)), "small.bin")
        large = File(chance.randbytes(LARGE_BYTES + chance.randrange(100_000)), "large.bin")
        return chance.choice([[small], [small], [small], [small, COMMON], [large], [small, large]])

    def _sent(self, prepared: Prepared) -> Ref:
        ref = self._ledger.begin(prepared)
        sent = self._clients[ref.sender].submit(prepared.compact, prepared.documents)
        self._ledger.receipted(ref, sent.receipt)
        return ref


class Crowd:
    """Workers in threads, for as long as the context lasts; what goes wrong with one of them is raised in the end.

    Args:
        place: The exchange.
        ledger: Where they write.
        workers: How many.
        seed: Of their decisions.
        pause_s: How long each waits after each step.
    """

    def __init__(
        self, place: Place, ledger: Ledger, *, workers: int = 12, seed: object = 0, pause_s: float = 0.0
    ) -> None:
        self._place = place
        self._ledger = ledger
        self._pause_s = pause_s
        self._over = Event()
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
        for thread in self._threads:
            thread.join(2 * PATIENCE_S)
        if fault is None:
            self.require_well()

    def require_well(self) -> None:
        """Raise what went wrong so far."""
        if self._faults:
            raise self._faults[0]

    def receipts(self, more: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until the clients have so many receipts more."""
        wanted = len(self._ledger.receipts) + more
        deadline_s = time.monotonic() + patience_s
        while len(self._ledger.receipts) < wanted:
            self.require_well()
            assert time.monotonic() < deadline_s, f"{len(self._ledger.receipts)} receipts, not {wanted}"
            time.sleep(0.002)

    def _work(self, chance: random.Random) -> None:
        hooks = {"response": [self._ledger.refused]}
        try:
            with ExitStack() as stack:
                folder = stack.enter_context(TemporaryDirectory())
                http = stack.enter_context(httpx.Client(trust_env=False, timeout=PATIENCE_S, event_hooks=hooks))
                worker = Worker(self._place, self._ledger, chance, http, Path(folder))
                while not self._over.is_set():
                    worker.step()
                    self._over.wait(self._pause_s)
        except Problem as fault:
            fault.add_note(f"{fault.status} {fault.code}")
            self._faults.append(fault)
        except BaseException as fault:  # it is raised again where the crowd is waited for
            self._faults.append(fault)
