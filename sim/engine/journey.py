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
from typing import TYPE_CHECKING, Any

from sim.engine.staff import Equipment, Person, Pool
from sim.engine.transport import Carrier
from sim.observations import Outcome
from sim.scenario.steps import Mark

if TYPE_CHECKING:
    from sim.engine.world import World

NAN = float("nan")


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
        "at_sender", "by_field", "carrier", "done", "draw", "equipment", "finish_off_shift", "first_times",
        "later_times", "owner", "pools",
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
        token.enabled = self.world.clock._now
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
