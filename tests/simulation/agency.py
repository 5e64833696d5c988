"""An agency: it sends, sends again until it has an answer, collects, and reports what became of it.

Rule kept here: an agency believes answers only, and keeps every evidence that it was ever given, also one that came
after it had given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from random import Random
from typing import Any

import simpy

from loadtests.exchange.acceptance import Accepted, Rejected
from loadtests.exchange.errors import Refusal
from loadtests.exchange.events import REPORTABLE
from loadtests.exchange.lifecycle import Role, followers
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.exchange.reporting import Refused, Taken
from tests.simulation.clocks import Clock
from tests.simulation.ledger import Ledger, opened
from tests.simulation.letters import ACCEPTED, Letters, Parcel, Round, reported
from tests.simulation.life import Doing
from tests.simulation.network import AskHead, AskInbox, Collect, Network, Request, Submit, Tell
from tests.simulation.odds import STORM_S, Odds
from tests.simulation.parties import Signer
from tests.simulation.reads import Collected, Page
from tests.simulation.trace import Trace, require

PATIENCE_S = 4.0
"""So long an agency waits for an answer before it sends again, s; it waits longer from time to time."""
PAUSE_S = 0.5
"""So long it waits at most before it sends again what could not be taken, s; longer from time to time as well."""
PATIENCE_S_MAX = 40.0
COLLECT_S = 2.0
RIGHT_TO_HAPPEN = 0.85
"""Share of reports that can happen as far as the agency knows."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an agency acts in.

    Args:
        env: Time.
        network: The way to the exchange.
        ledger: Keeps what it is given.
        trace: Told what it does.
        odds: How much is worked on.
    """

    env: simpy.Environment
    network: Network
    ledger: Ledger
    trace: Trace
    odds: Odds


class Agency:
    """One agency.

    Args:
        around: What it acts in.
        code: Its code.
        others: The codes of the others.
        clock: Its own.
        rng: Its draws.
    """

    def __init__(self, around: Surroundings, code: str, others: list[str], clock: Clock, rng: Random) -> None:
        self._around = around
        self._rng = rng
        self._clock = clock
        self.code = code
        self.letters = Letters(code, others, rng, clock.now, around.odds.kind)
        self.parcels: list[Parcel] = []
        self.collected: dict[MessageKey, bytes] = {}
        self._cursor = -1
        self._events = 0

    # --- sending --------------------------------------------------------------------------------------------

    def write(self, letters: int) -> Doing:
        """Send so many rounds, spread over the storm."""
        for moment in sorted(self._rng.uniform(0, STORM_S) for _ in range(letters)):
            yield self._around.env.timeout(max(0.0, moment - self._around.env.now))
            self._around.env.process(self._play(self.letters.drawn()))

    def _play(self, one: Round) -> Doing:
        for parcel in (*one.parcels, *one.then):
            if ACCEPTED in parcel.may_end:
                self._around.ledger.may_be_accepted(parcel.compact)
        for parcels in (one.parcels, one.then):
            yield simpy.AllOf(
                self._around.env, [self._around.env.process(self._post(parcel)) for parcel in parcels]
            )

    def _post(self, parcel: Parcel) -> Doing:
        """Send a parcel until there is an answer that is final, or the patience for it is over."""
        self.parcels.append(parcel)
        tries, wait_s, pause_s = 0, PATIENCE_S, PAUSE_S
        while parcel.decided is None:
            if tries == parcel.patience:
                self._around.trace.note("given-up", self.code, parcel.label)
                return
            tries += 1
            came = self._around.env.event()
            request = Submit(parcel.compact, parcel.bodies) if parcel.key is None else Tell(parcel.compact)
            self._around.trace.note("send", self.code, parcel.label, tries, parcel.compact)
            self._around.network.send(request, partial(self._answered, parcel, came))
            yield came | self._around.env.timeout(wait_s * self._rng.uniform(0.7, 1.3))
            if parcel.decided is None:
                yield self._around.env.timeout(pause_s * self._rng.uniform(0.1, 1.0))
                wait_s, pause_s = (min(PATIENCE_S_MAX, one * 1.5) for one in (wait_s, pause_s))

    def _answered(self, parcel: Parcel, came: simpy.Event, answer: Any) -> None:
        """An answer, perhaps one of many, perhaps long after it was waited for."""
        verdict = self._kept(parcel, answer)
        self._around.trace.note("answer", self.code, parcel.label, verdict or "again")
        if verdict is not None and parcel.decided is None:
            parcel.decided = verdict
        if not came.triggered:
            came.succeed()

    def _kept(self, parcel: Parcel, answer: Any) -> str | None:
        """What the answer says, once and for all; None where it says to try again."""
        ledger = self._around.ledger
        match answer:
            case Accepted():
                ledger.receipt(parcel.compact, answer.receipt)
                return ACCEPTED
            case Taken():
                ledger.report(answer.key, parcel.compact, answer.evidence)
                return ACCEPTED
            case Rejected(refusal, evidence):
                if evidence is not None:
                    ledger.rejection(parcel.compact, evidence)
                return _final(refusal)
            case Refused(refusal) | (Refusal() as refusal):
                return _final(refusal)
        raise AssertionError(answer)

    # --- receiving ------------------------------------------------------------------------------------------

    def read(self) -> Doing:
        """Look into the inbox for ever, collect what is new, and ask for a checkpoint now and then."""
        env = self._around.env
        while True:
            yield env.timeout(self._rng.uniform(0.5, 1.5) * COLLECT_S * (1 if env.now < STORM_S else 5))
            page = yield from self._ask(AskInbox(self.code, self._cursor))
            if isinstance(page, Page):
                for leaf_index, key in page.lines:
                    if not (yield from self._collect(leaf_index, key)):
                        break
            if self._rng.random() < 0.3:
                head = yield from self._ask(AskHead())
                if isinstance(head, bytes):
                    self._around.ledger.head(head)

    def _collect(self, leaf_index: int, key: MessageKey) -> Doing:
        """Fetch one message, check it, and begin to work on it; False where it did not come."""
        found = yield from self._ask(Collect(EntryKey(key, self.code)))
        if not isinstance(found, Collected):
            return False
        _, said, _ = opened(found.compact)
        digests = [sha256(body).digest() if body is not None else None for body in found.bodies]
        right = [document.sha256 for document in said.documents]
        require(digests == right, "what is collected is what was sent", key)
        require(self.code in said.recipients, "a recipient gets what is for it", key)
        self._around.ledger.receipt(found.compact, found.receipt)
        self._cursor = leaf_index
        require(key not in self.collected, "it stands in an inbox once", key)
        self.collected[key] = found.compact
        self._around.trace.note("collected-by", self.code, key.sender, key.message_id)
        if self._rng.random() < self._around.odds.worked_on:
            self._around.env.process(self._work(EntryKey(key, self.code)))
        return True

    def _work(self, key: EntryKey) -> Doing:
        """Report what becomes of a message, in any order, some of it twice and some of it wrong."""
        for _ in range(self._rng.randint(1, 3)):
            yield self._around.env.timeout(self._rng.expovariate(1 / 8))
            found = yield from self._ask(Collect(key))
            if not isinstance(found, Collected):
                continue
            possible = followers(found.state, frozenset({Role.RECIPIENT}))
            if self._rng.random() >= RIGHT_TO_HAPPEN or not possible:
                possible = REPORTABLE
            self._events += 1
            event_id, action = f"event-{self._events:04d}", self._rng.choice(possible)
            first = reported(Signer(self.code), key, event_id, action, self._clock.now(), "")
            parcels = [first]
            if self._rng.random() < 0.2:
                now, action = self._clock.now(), self._rng.choice(possible)
                parcels.append(reported(Signer(self.code), key, event_id, action, now, "Something else"))
            yield from self._play(Round(parcels))

    def _ask(self, request: Request) -> Doing:
        """An answer to a question; None where it does not come in time."""
        came = self._around.env.event()

        def take(answer: Any) -> None:
            if not came.triggered:
                came.succeed(answer)

        self._around.network.send(request, take)
        yield came | self._around.env.timeout(PATIENCE_S)
        return came.value if came.triggered else None


def _final(refusal: Refusal) -> str | None:
    return None if refusal.kind.retryable else refusal.code
