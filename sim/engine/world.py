"""The state of one replication of one alternative, and what happens in it as tokens end their steps.

Rule kept here: a step's end is noted first, then its token goes on, then the person who was busy with it takes
up what waits. Whatever has an outcome is closed once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from math import isnan
from struct import Struct
from typing import Any

from sim.engine.clock import Alarm, Clock
from sim.engine.journey import NAN, Envelope, Op, Token
from sim.engine.staff import Person, Pool
from sim.engine.transport import Carrier
from sim.observations import Outcome
from sim.scenario.steps import Mark

# A step record: op number, document, leg, person, path; enabled, started, completed, work. Packing them into
# bytes takes a third of the time of appending nine numbers to arrays.
RECORD_INTS = Struct("=5i").pack
RECORD_TIMES = Struct("=4d").pack


class World:
    """The state of one replication of one alternative, and what happens in it.

    Its attributes are filled by ``sim.engine.model``; see there.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.on_path = bytearray([1])
        self.path_parent = array("i", [-1])
        self.envelopes: dict[tuple[int, int, int], Envelope] = {}
        self.envelopes_sent = 0
        self.record_ints = bytearray()
        self.record_times = bytearray()
        self.desks: dict[int, Pool] = {}
        self.relay_paths: dict[int, int] = {}
        self.relaying: set[int] = set()
        self.withdrawn: set[int] = set()
        self.waiters: dict[int, Token] = {}
        self.cohort_open = 0
        self.owned = False  # whether some step is assigned to whoever did an earlier one

    # Filled by sim.engine.model
    office: Any
    measure_start_s: float
    measure_end_s: float
    created: array[float]
    signed: array[float]
    sent: array[float]
    registered: array[float]
    finished: array[float]
    closed: array[float]
    released: array[float]
    released_by: array[int]
    outcome: bytearray
    leg_start: array[int]
    leg_procedure: array[int]
    leg_origin: array[int]
    leg_recipient: array[int]
    leg_doc: array[int]
    leg_via: array[int]
    reply_doc: array[int]
    reply_to: array[int]
    legs_on: array[int]
    wants_reply: bytes
    doc_sender: array[int]
    doc_prio: array[int]
    doc_program: list[int]
    dependents: dict[int, list[int]]
    programs: dict[int, Sequence[Op]]
    leg_ops: list[Sequence[Op]]
    relay_ops: list[Sequence[Op]]
    has_owners: list[bool]
    leg_sends: list[bool]
    new_desk: Callable[[Person], Pool]

    # --- the walk ---------------------------------------------------------------------------------------------

    def advance(self, token: Token) -> None:
        """Let a token enter step after step until one takes it."""
        ops = token.ops
        while True:
            token.pc += 1
            if ops[token.pc].enter(token):
                return

    def start(self, doc: int) -> None:
        """A document is asked for."""
        now = self.clock.now
        self.created[doc] = now
        if not self.legs_on[doc]:
            return
        if self.measure_start_s <= now < self.measure_end_s:
            self.cohort_open += self.legs_on[doc]
        token = Token(
            doc, -1, self.programs[self.doc_program[doc]], self.doc_sender[doc], -1, self.doc_prio[doc]
        )
        if self.owned:
            token.owners = {}
        self.advance(token)

    def work_done(self, token: Token) -> None:
        """Somebody has finished a task: note it, let the token go on, then let the person take the next."""
        person, op = token.person, token.op
        assert person is not None
        now = self.clock._now
        self.record_ints += RECORD_INTS(op.number, token.doc, token.leg, person.index, token.path)
        self.record_times += RECORD_TIMES(token.enabled, token.started, now, token.work_s)
        token.person = None
        if token.owners is not None:
            token.owners[op.task] = person
        if op.mark is not None:
            self.mark(token, op.mark)
        back = op.equipment[person.agency].give_back() if op.equipment is not None else ()
        if op.carrier is not None:
            self._envelope_ready(token, op.carrier, person)
        self.advance(token)
        person.token = None
        for pool in back:
            pool.dispatch(now)
        if person.token is None:
            person.next_task(now)

    def _envelope_ready(self, token: Token, carrier: Carrier, person: Person) -> None:
        """The envelope is made up: whatever joined it goes on with it."""
        now, op = self.clock.now, token.op
        envelope = token.envelope
        envelope.ready, envelope.closes_s = True, carrier.leaves(now)
        for joined in envelope.joined:
            self.record_ints += RECORD_INTS(op.number, joined.doc, joined.leg, person.index, joined.path)
            self.record_times += RECORD_TIMES(joined.enabled, now, now, 0.0)
            if op.mark is not None:
                self.mark(joined, op.mark)
            self.advance(joined)

    def carried(self, token: Token) -> None:
        """A journey or a wait has ended."""
        op: Op = token.op
        self.record_ints += RECORD_INTS(op.number, token.doc, token.leg, -1, token.path)
        self.record_times += RECORD_TIMES(token.enabled, token.started, self.clock.now, 0.0)
        if op.mark is not None:
            self.mark(token, op.mark)
        self.advance(token)

    def mark(self, token: Token, mark: Mark) -> None:
        """Note a moment of a document's life; a leg's registration is that of the first valid copy."""
        now = self.clock.now
        leg = token.leg
        if leg < 0 or token.relay >= 0:  # said of legs that have not set out
            if mark is Mark.SIGNED:
                token.signed = now
            elif mark is Mark.SENT:
                token.sent = now
        elif mark is Mark.SIGNED:
            self.signed[leg] = now
        elif mark is Mark.SENT:
            if isnan(self.sent[leg]):
                self.sent[leg] = now
            self._issued(token.doc)
        elif mark is Mark.REGISTERED and isnan(self.registered[leg]):
            self.registered[leg] = now

    # --- setting out and ending -------------------------------------------------------------------------------

    def release(self, token: Token, procedure: int) -> None:
        """The sender part is done: its legs on this procedure set out."""
        doc = token.doc
        for leg in range(self.leg_start[doc], self.leg_start[doc + 1]):
            if self.leg_procedure[leg] == procedure and self.leg_via[leg] < 0:
                self._set_out(leg, token.signed, token.sent, -1)

    def relay(self, token: Token) -> None:
        """The recipient makes copies for the legs that depend on this one, once per procedure among them."""
        waiting = self.dependents.get(token.leg)
        if not waiting or token.leg in self.relaying:
            return
        self.relaying.add(token.leg)
        for procedure in dict.fromkeys(self.leg_procedure[leg] for leg in waiting):
            copier = Token(token.doc, token.leg, self.relay_ops[procedure], token.recipient, token.recipient,
                           token.prio)  # fmt: skip
            copier.path = self.new_path(0)  # beside the relaying leg's own way
            copier.relay = self.relay_paths[copier.path] = procedure
            if self.has_owners[procedure]:
                copier.owners = {}
            self.advance(copier)

    def release_dependents(self, leg: int, procedure: int, signed: float = NAN, sent: float = NAN) -> None:
        """Let the dependent legs of one procedure (-1: all) set out; copies may be signed and sent anew."""
        waiting = self.dependents.get(leg)
        if not waiting:
            return
        going = [one for one in waiting if procedure in (-1, self.leg_procedure[one])]
        self.dependents[leg] = [one for one in waiting if procedure not in (-1, self.leg_procedure[one])]
        for one in going:
            self._set_out(one, self.signed[leg] if isnan(signed) else signed, sent, leg)

    def _set_out(self, leg: int, signed: float, sent: float, by: int) -> None:
        """Start the token of a leg."""
        self.released[leg] = self.clock.now
        self.released_by[leg] = by
        self.signed[leg] = signed
        if by >= 0 and isnan(sent) and not self.leg_sends[self.leg_procedure[leg]]:
            sent = self.clock.now  # nothing on its own way would mark it
        self.sent[leg] = sent
        doc = self.leg_doc[leg]
        if not isnan(sent):
            self._issued(doc)
        token = Token(doc, leg, self.leg_ops[self.leg_procedure[leg]], self.leg_origin[leg],
                      self.leg_recipient[leg], self.doc_prio[doc])  # fmt: skip
        if self.has_owners[self.leg_procedure[leg]]:
            token.owners = {}
        self.advance(token)

    def ask_reply(self, token: Token) -> bool:
        """Start the linked reply of a leg that asks for one; return whether the leg waits for it."""
        reply = self.reply_doc[token.leg]
        if not self.wants_reply[token.doc] or reply < 0 or not self.legs_on[reply]:
            return False
        self.waiters[reply] = token
        self.start(reply)
        return True

    def _issued(self, doc: int) -> None:
        """A document has left its sender: if it is a reply, the leg it answers goes on."""
        if self.reply_to[doc] >= 0:
            waiting = self.waiters.pop(doc, None)
            if waiting is not None:
                self.advance(waiting)

    def close(self, token: Token, outcome: Outcome) -> None:
        """End what a token stands for: a leg; a document not yet sent; the making of copies."""
        leg = token.leg
        if token.relay >= 0:
            self.release_dependents(leg, token.relay, token.signed, token.sent)
        elif leg < 0:
            self._withdraw(token.doc, outcome)
        elif self.outcome[leg] == Outcome.OPEN:  # no other branch has ended it
            self._end(leg, outcome)
            if leg in self.dependents and leg not in self.relaying:  # ended before it was passed on
                self.release_dependents(leg, -1)

    def _end(self, leg: int, outcome: Outcome) -> None:
        """Note how and when a leg ended."""
        doc, now = self.leg_doc[leg], self.clock.now
        self.outcome[leg] = outcome
        self.closed[leg] = now
        if outcome is Outcome.COMPLETED:
            self.finished[leg] = now
        if self.measure_start_s <= self.created[doc] < self.measure_end_s:
            self.cohort_open -= 1
        self._issued(doc)

    def _withdraw(self, doc: int, outcome: Outcome) -> None:
        """A document ends in its sender part: so do all its legs that have not set out."""
        self.withdrawn.add(doc)
        for leg in range(self.leg_start[doc], self.leg_start[doc + 1]):
            via = self.leg_via[leg]
            waits = self.leg_procedure[leg] >= 0 and isnan(self.released[leg])
            if waits and self.outcome[leg] == Outcome.OPEN and (via < 0 or isnan(self.released[via])):
                self._end(leg, outcome)

    def over(self, token: Token) -> bool:
        """Tell whether what a token stands for has been ended elsewhere, in another branch."""
        if token.leg < 0:
            return token.doc in self.withdrawn
        return token.relay < 0 and self.outcome[token.leg] != Outcome.OPEN

    # --- small helpers ----------------------------------------------------------------------------------------

    def desk(self, person: Person) -> Pool:
        """Return the pool of one person's own work."""
        pool = self.desks.get(person.index)
        if pool is None:
            pool = self.desks[person.index] = self.new_desk(person)
        return pool

    def new_path(self, parent: int) -> int:
        """Return the number of a new side path; it counts once its branch decides a join."""
        self.on_path.append(0)
        self.path_parent.append(parent)
        return len(self.on_path) - 1


class Arrivals:
    """The event by which documents are asked for, one after another."""

    __slots__ = ("at", "docs", "event", "times", "world")

    def __init__(self, world: World, docs: Sequence[int], times: Sequence[float]) -> None:
        self.world, self.docs, self.times, self.at = world, docs, times, 0
        self.event = Alarm(self._next)
        if docs:
            world.clock.at(times[0], self.event)

    def _next(self, _: Alarm) -> None:
        doc = self.docs[self.at]
        self.at += 1
        if self.at < len(self.docs):
            self.event.callbacks = [self._next]
            self.world.clock.at(self.times[self.at], self.event)
        self.world.start(doc)
