"""One document's life: tokens that walk through compiled steps.

Rule kept here: a token is at one step at a time. ``World.advance`` lets it enter step after step until one
takes it (work begins or waits for a person, a journey starts, the leg ends); the event that ends that step
calls ``advance`` again. A document has one token for its sender part, one per leg for the way to the recipient,
and one per branch of a fork.

To follow a document through the code: ``World.start`` → ``WorkStep.enter`` → ``Pool.offer`` →
``Person.begin`` → (time passes) → ``World.work_done`` → ``World.advance`` → … → ``Release.enter`` (a token per
leg) → ``Carriage.enter`` → (time passes) → ``World.carried`` → … → ``End.enter`` → ``World.close``.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from math import isnan
from struct import Struct
from typing import Any

from sim.engine.clock import Alarm, Clock
from sim.engine.staff import Equipment, Person, Pool
from sim.engine.transport import Carrier
from sim.observations import Outcome
from sim.scenario.steps import Mark

NAN = float("nan")
PRIORITIES = 4  # urgencies; the heap takes the smallest number first

# A step record: op number, document, leg, person, path; enabled, started, completed, work. Packed into bytes at
# once, which takes a third of the time of appending its nine numbers to arrays.
RECORD_INTS = Struct("=5i").pack
RECORD_TIMES = Struct("=4d").pack


class Token:
    """A document, a leg, or a branch of either, on its way through a list of steps.

    It is also the event that ends its present activity: ``callbacks`` and ``_ok`` are what SimPy reads.

    Args:
        doc: Document.
        leg: Leg, -1 in a sender part.
        ops: Compiled steps; the last one always takes the token.
        sender: Agency that posts.
        recipient: Agency that receives.
        prio: 0 for the most urgent.
    """

    __slots__ = (
        "branch", "callbacks", "doc", "enabled", "envelope", "index", "join", "leg", "op", "ops", "owners",
        "path", "pc", "person", "prio", "recipient", "relay", "sender", "sent", "signed", "started",
        "visits", "work_s",
    )  # fmt: skip

    _ok = True

    def __init__(self, doc: int, leg: int, ops: Sequence[Op], sender: int, recipient: int, prio: int) -> None:
        self.callbacks: list[Callable[[Any], None]] | None = None
        self.doc, self.leg, self.index = doc, leg, doc if leg < 0 else leg
        self.ops, self.pc = ops, -1
        self.sender, self.recipient, self.prio = sender, recipient, prio
        self.person: Person | None = None
        self.visits: dict[int, int] | None = None
        self.owners: dict[int, Person] | None = None
        self.path = 0
        self.relay = -1  # of a copier: procedure of the legs for which it makes copies
        self.signed = self.sent = NAN

    enabled: float
    started: float
    work_s: float
    op: WorkStep
    join: Join
    branch: str
    envelope: Envelope


class Op:
    """A compiled step.

    Args:
        world: The model's state.
        task: Index of its name.
        mask: Per document (sender part) or leg: 1 where the step applies; ``None``: everywhere.
        mark: Moment that its end marks.
    """

    __slots__ = ("mark", "mask", "number", "task", "world")

    def __init__(self, world: World, task: int, mask: bytes | None = None, mark: Mark | None = None) -> None:
        self.world, self.task, self.mask, self.mark = world, task, mask, mark
        self.number = -1

    def enter(self, token: Token) -> bool:
        """Let a token in; return False when it passes straight on to the next step."""
        raise NotImplementedError  # pragma: no cover - every step kind has its own


class WorkStep(Op):
    """Work by one person."""

    __slots__ = (
        "at_sender", "by_field", "carrier", "done", "draw", "equipment", "finish_off_shift", "first_times", "later_times",
        "owner", "pools",
    )  # fmt: skip

    def __init__(
        self, world: World, task: int, mask: bytes | None, mark: Mark | None, *,
        pools: Sequence[Sequence[Pool]], at_sender: bool, by_field: array[float] | None,
        draw: Callable[[int], array[float]], equipment: Sequence[Equipment] | None,
        finish_off_shift: bool, owner: int | None,
    ) -> None:  # fmt: skip
        super().__init__(world, task, mask, mark)
        self.pools, self.at_sender, self.by_field = pools, at_sender, by_field
        self.draw, self.equipment, self.finish_off_shift, self.owner = (
            draw,
            equipment,
            finish_off_shift,
            owner,
        )
        self.carrier: Carrier | None = None  # of the envelope, in an EnvelopeStep
        if owner is not None:
            world.owned = True
        self.first_times = draw(0)
        self.later_times: dict[int, array[float]] = {}
        self.done: list[Callable[[Any], None]] = [world.work_done]

    def enter(self, token: Token) -> bool:
        """Offer the work to the people who may do it."""
        index = token.index
        if self.mask is not None and not self.mask[index]:
            return False
        visits = token.visits
        if visits is None or not (visit := visits.get(self.task, 0)):
            token.work_s = self.first_times[index]
        else:
            times = self.later_times.get(visit)
            if times is None:
                times = self.later_times[visit] = self.draw(visit)
            token.work_s = times[index]
        token.op = self
        token.enabled = self.world.clock._now  # noqa: SLF001 - the property costs a call on the hottest path
        token.callbacks = self.done
        fields = self.pools[token.sender if self.at_sender else token.recipient]
        pool: Pool | None = None
        if self.owner is not None and token.owners is not None and self.owner in token.owners:
            pool = self._desk(token.owners[self.owner], fields[0])
        if pool is not None:
            pool.offer(token)
        elif self.by_field is None or len(fields) == 1:
            fields[0].offer(token)
        else:  # the whole role's pool comes first
            fields[1 + int(self.by_field[index] * (len(fields) - 1))].offer(token)
        return True

    def _desk(self, owner: Person, role: Pool) -> Pool | None:
        """Return the owner's own desk, or ``None`` when the owner is away for more than a working day."""
        now = self.world.clock.now
        office = self.world.office
        if owner.agency != role.members[0].agency:
            return None
        if office.elapsed(now, owner.duty.next_open(now)) > office.day_s:
            return None
        return self.world.desk(owner)


class EnvelopeStep(WorkStep):
    """Work done once for all documents that share an open envelope."""

    __slots__ = ()

    def enter(self, token: Token) -> bool:
        """Put the document into the open envelope, or make up a new one."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        world = self.world
        key = (id(self.carrier), token.sender, token.recipient)
        envelope = world.envelopes.get(key)
        if envelope is not None and not envelope.ready:
            token.op, token.enabled = self, world.clock.now
            envelope.joined.append(token)
            return True
        if envelope is not None and world.clock.now <= envelope.closes_s:
            if self.mark is not None:
                world.mark(token, self.mark)
            return False
        token.envelope = world.envelopes[key] = Envelope()
        return super().enter(token)


class Envelope:
    """An envelope that waits for the next pick-up; ``closes_s`` is known once it is made up."""

    __slots__ = ("closes_s", "joined", "ready")

    def __init__(self) -> None:
        self.ready = False
        self.closes_s = NAN
        self.joined: list[Token] = []


class Carriage(Op):
    """Transport to the recipient."""

    __slots__ = ("carrier", "done")

    def __init__(
        self, world: World, task: int, mask: bytes | None, mark: Mark | None, carrier: Carrier
    ) -> None:
        super().__init__(world, task, mask, mark)
        self.carrier = carrier
        self.done: list[Callable[[Any], None]] = [world.carried]

    def enter(self, token: Token) -> bool:
        """Send the document off; its event is its arrival."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        world = self.world
        now = world.clock.now
        left = self.carrier.leaves(now)
        token.op, token.enabled, token.started, token.work_s = self, now, left, 0.0  # type: ignore[assignment]
        token.callbacks = self.done
        if self.carrier.kind != "exchange":
            last_left, ends = self.carrier.last_left, (token.sender, token.recipient)
            if last_left.get(ends) != left and world.measure_start_s <= left < world.measure_end_s:
                world.envelopes_sent += 1
            last_left[ends] = left
        world.clock.at(self.carrier.arrives(left, token.leg), token)
        return True


class Pause(Op):
    """A wait for a clock time or a delay."""

    __slots__ = ("done", "draw", "until")

    def __init__(
        self, world: World, task: int, mask: bytes | None, mark: Mark | None,
        until: Callable[[float], float] | None, draw: Callable[[int], array[float]] | None,
    ) -> None:  # fmt: skip
        super().__init__(world, task, mask, mark)
        self.until, self.draw = until, draw
        self.done: list[Callable[[Any], None]] = [world.carried]

    def enter(self, token: Token) -> bool:
        """Wait; nobody is kept busy."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        now = self.world.clock.now
        if self.until is not None:
            ends = self.until(now)
        else:
            assert self.draw is not None
            visit = token.visits.get(self.task, 0) if token.visits else 0
            ends = now + self.draw(visit)[token.index]
        token.op, token.enabled, token.started, token.work_s = self, now, now, 0.0  # type: ignore[assignment]
        token.callbacks = self.done
        self.world.clock.at(ends, token)
        return True


class Choice(Op):
    """A decision by probability."""

    __slots__ = ("draw", "exits", "loops_max")

    def __init__(
        self, world: World, task: int, mask: bytes | None, mark: Mark | None,
        exits: Sequence[tuple[float, int | Outcome]], draw: Callable[[int], array[float]], loops_max: int,
    ) -> None:  # fmt: skip
        super().__init__(world, task, mask, mark)
        self.exits, self.draw, self.loops_max = exits, draw, loops_max

    def enter(self, token: Token) -> bool:
        """Go on, jump, or end the leg; a jump back counts a further visit of every step between; going on marks."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        visits = token.visits
        visit = visits.get(self.task, 0) if visits is not None else 0
        u = self.draw(visit)[token.index]
        for below, target in self.exits:
            if u >= below:
                continue
            if isinstance(target, Outcome):
                self.world.close(token, target)
                return True
            if target > token.pc:
                token.pc = target - 1
                return False
            if visit < self.loops_max:
                if visits is None:
                    visits = token.visits = {}
                for op in token.ops[target : token.pc + 1]:
                    visits[op.task] = visits.get(op.task, 0) + 1
                token.pc = target - 1
                return False
            break  # it has been back often enough
        if self.mark is not None:
            self.world.mark(token, self.mark)
        return False


class Join:
    """What the branches of one fork come back to."""

    __slots__ = ("decided", "parent", "pending")

    def __init__(self, parent: Token, pending: int) -> None:
        self.parent, self.pending, self.decided = parent, pending, False


class Fork(Op):
    """Branches that run side by side, and the rule by which the token goes on."""

    __slots__ = ("branches", "rule")

    def __init__(
        self, world: World, task: int, mask: bytes | None, branches: dict[str, Sequence[Op]], rule: str
    ) -> None:
        super().__init__(world, task, mask)
        self.branches, self.rule = branches, rule

    def enter(self, token: Token) -> bool:
        """Start a token in each branch."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        world = self.world
        join = Join(token, len(self.branches))
        for name, ops in self.branches.items():
            child = Token(token.doc, token.leg, ops, token.sender, token.recipient, token.prio)
            child.index, child.owners, child.relay = token.index, token.owners, token.relay
            if token.visits is not None and (again := token.visits.get(self.task)):
                child.visits = {op.task: again for op in ops}  # a loop led back to this fork
            child.join, child.branch = join, name
            child.path = world.new_path(token.path)
            world.advance(child)
        return True


class BranchEnd(Op):
    """The end of a branch."""

    __slots__ = ("rule",)

    def __init__(self, world: World, rule: str) -> None:
        super().__init__(world, -1)
        self.rule = rule

    def enter(self, token: Token) -> bool:
        """Let the fork's token go on if this branch decides its join."""
        join, parent, world = token.join, token.join.parent, self.world
        join.pending -= 1
        if join.decided or world.over(token):
            return True
        if not isnan(token.signed):
            parent.signed = token.signed
        if not isnan(token.sent):
            parent.sent = token.sent
        if not join.pending if self.rule == "all" else self.rule in ("first", token.branch):
            join.decided = True
            world.on_path[token.path] = 1
            world.advance(parent)
        return True


class Release(Op):
    """The end of a procedure's sender part: the document's legs on it set out."""

    __slots__ = ("procedure",)

    def __init__(self, world: World, procedure: int) -> None:
        super().__init__(world, -1)
        self.procedure = procedure

    def enter(self, token: Token) -> bool:
        """Start a token for every leg of this procedure that the sender itself sends."""
        self.world.release(token, self.procedure)
        return False


class RelayStart(Op):
    """Where the recipient passes copies on to those who depend on it."""

    __slots__ = ()

    def enter(self, token: Token) -> bool:
        """Start the copying; the token's own handling goes on meanwhile."""
        if self.mask is None or self.mask[token.index]:
            self.world.relay(token)
        return False


class RelayEnd(Op):
    """The copies are made: the legs that depend on this one set out."""

    __slots__ = ("procedure",)

    def __init__(self, world: World, procedure: int) -> None:
        super().__init__(world, -1)
        self.procedure = procedure

    def enter(self, token: Token) -> bool:
        """Start a token for every dependent leg of this procedure."""
        self.world.release_dependents(token.leg, self.procedure, token.signed, token.sent)
        return True


class Reply(Op):
    """Where a leg that asks for a reply waits until the linked reply is issued."""

    __slots__ = ()

    def enter(self, token: Token) -> bool:
        """Ask for the reply; the leg goes on when it has been sent."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        return self.world.ask_reply(token)


class End(Op):
    """The end of a leg, or of a sender part (no outcome)."""

    __slots__ = ("outcome",)

    def __init__(self, world: World, outcome: Outcome | None, mask: bytes | None = None) -> None:
        super().__init__(world, -1, mask)
        self.outcome = outcome

    def enter(self, token: Token) -> bool:
        """Close the leg."""
        if self.mask is not None and not self.mask[token.index]:
            return False
        if self.outcome is not None:
            self.world.close(token, self.outcome)
        return True


class World:
    """The state of one replication of one alternative, and what happens in it.

    Its attributes are filled by ``model.build``; see there.
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

    # Filled by model.build
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
    leg_start: list[int]
    leg_procedure: list[int]
    leg_origin: list[int]
    leg_recipient: list[int]
    leg_doc: list[int]
    leg_via: list[int]
    reply_doc: list[int]
    reply_to: list[int]
    legs_on: list[int]
    wants_reply: bytes
    doc_sender: list[int]
    doc_prio: list[int]
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
        now = self.clock._now  # noqa: SLF001 - the property costs a call on the hottest path
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
            if self.sent[leg] != self.sent[leg]:
                self.sent[leg] = now
            self._issued(token.doc)
        elif mark is Mark.REGISTERED and self.registered[leg] != self.registered[leg]:
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
        self.dependents[leg] = [one for one in waiting if one not in set(going)]
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
        if sent == sent:
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
