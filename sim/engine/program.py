"""Procedures compiled into lists of ops that tokens walk through.

Rule kept here: the engine has no ``if paper``. Whatever differs between paper and signed documents is in the
steps; a condition on a document is a mask, a duration an array, a person's role a table of pools by agency.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.calendars import WorkingTime
from sim.engine import journey, transport
from sim.engine.journey import Op
from sim.engine.memory import Memory
from sim.engine.routing import Facts, Routes
from sim.engine.staff import Equipment, Pool
from sim.engine.transport import Carrier
from sim.engine.world import World
from sim.observations import Outcome, StepKind
from sim.scenario.params import DistParam, dist_in_seconds, in_seconds
from sim.scenario.procedures import inline, walk
from sim.scenario.schema import Scenario
from sim.scenario.steps import (
    DecideStep,
    EndStep,
    ForkStep,
    Mark,
    RelayStep,
    ReplyStep,
    Step,
    TransportStep,
    WaitStep,
    WorkStep,
    step_name,
)
from sim.streams import Streams
from sim.units import DAY_S

Floats = NDArray[np.float64]
_OUTCOMES = {"completed": Outcome.COMPLETED, "refused": Outcome.REFUSED, "recalled": Outcome.RECALLED}


@dataclass(frozen=True, slots=True)
class Release:
    """Stands in a document's program where the legs of one procedure set out."""

    procedure: int


@dataclass(slots=True)
class Compiler:
    """Turns steps into ops.

    Args:
        world: The model's state.
        scenario: The alternative.
        facts: Documents, their attributes, levels of agencies.
        routes: Procedure of every leg.
        pools: By role: by agency: a pool per field.
        equipment: By name: by agency.
        carriers: By transport.
        office: Office hours.
        streams: The replication's random streams.
        days: Days that the calendars cover.
        memory: Of the replication.
    """

    world: World
    scenario: Scenario
    facts: Facts
    routes: Routes
    pools: Mapping[str, Sequence[Sequence[Pool]]]
    equipment: Mapping[str, Sequence[Equipment]]
    carriers: Mapping[str, Carrier]
    office: WorkingTime
    streams: Streams
    days: int
    memory: Memory = field(default_factory=Memory)
    tasks: dict[str, int] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    kinds: list[tuple[int, StepKind, str]] = field(default_factory=list)
    _numbers: dict[tuple[int, StepKind, str], int] = field(default_factory=dict)
    _arrays: dict[tuple[object, ...], array[float]] = field(default_factory=dict)

    # --- programs ---------------------------------------------------------------------------------------------

    def sender_program(self, procedures: Sequence[int]) -> list[Op]:
        """Compile the sender part of a document with legs on these procedures, in this order.

        A step that has been done for an earlier procedure is not done again for a later one.
        """
        items: list[Step | Release] = []
        seen: set[str] = set()
        for procedure in procedures:
            steps = self._steps(procedure, "sender")
            items += [step for step in steps if step_name(step) not in seen]
            seen.update(step_name(step) for step in steps)
            items.append(Release(procedure))
        ops = self._compile(items, procedures[-1], per_leg=False, stage="sender")
        return [*ops, journey.End(self.world, None)]

    def leg_program(self, procedure: int) -> list[Op]:
        """Compile the leg part of a procedure."""
        ops = self._compile(self._steps(procedure, "leg"), procedure, per_leg=True, stage="recipient")
        return [*ops, journey.End(self.world, Outcome.COMPLETED)]

    def relay_program(self, procedure: int) -> list[Op]:
        """Compile the relay part of a procedure."""
        ops = self._compile(self._steps(procedure, "relay"), procedure, per_leg=True, stage="relay")
        return [*ops, journey.RelayEnd(self.world, procedure)]

    def has_owners(self, procedure: int) -> bool:
        """Tell whether the leg or the relay part has work that belongs to whoever did an earlier step."""
        steps = [*self._steps(procedure, "leg"), *self._steps(procedure, "relay")]
        return any(isinstance(step, WorkStep) and step.owner is not None for step in walk(steps))

    def leg_sends(self, procedure: int) -> bool:
        """Tell whether a step of the leg part marks the moment of sending."""
        return any(step.marks is Mark.SENT for step in walk(self._steps(procedure, "leg")))

    def _steps(self, procedure: int, part: str) -> list[Step]:
        spec = self.scenario.procedures[self.routes.procedures[procedure]]
        return inline(getattr(spec, part), self.scenario.fragments)

    def _compile(
        self, items: Sequence[Step | Release], procedure: int, *, per_leg: bool, stage: str
    ) -> list[Op]:
        """Compile a list in which every item becomes one op, so that names are positions."""
        position = {step_name(item): at for at, item in enumerate(items) if not isinstance(item, Release)}
        ops: list[Op] = []
        at_procedure = procedure
        remaining = [item.procedure for item in items if isinstance(item, Release)]
        for item in items:
            if isinstance(item, Release):
                ops.append(journey.Release(self.world, item.procedure))
                remaining.pop(0)
            else:
                at_procedure = remaining[0] if remaining else procedure
                ops.append(self._op(item, at_procedure, position, per_leg=per_leg, stage=stage))
        return ops

    def _op(
        self, step: Step, procedure: int, position: Mapping[str, int], *, per_leg: bool, stage: str
    ) -> Op:
        """Compile one step."""
        world, mask = self.world, self._mask(step, per_leg=per_leg)
        task = self._task(step, stage)
        op: Op
        if isinstance(step, WorkStep):
            op = self._work(step, task, mask, procedure, per_leg=per_leg)
            self._number(op, task, StepKind.WORK, step.by)
        elif isinstance(step, TransportStep):
            op = journey.Carriage(world, task, mask, step.marks, self.carriers[step.via])
            self._number(op, task, StepKind.TRANSPORT, "")
        elif isinstance(step, WaitStep):
            op = journey.Pause(
                world, task, mask, step.marks, self._until(step), self._delay(step, per_leg=per_leg)
            )
            self._number(op, task, StepKind.WAIT, "")
        elif isinstance(step, DecideStep):
            op = self._choice(step, task, mask, position, per_leg=per_leg)
        elif isinstance(step, ForkStep):
            branches: dict[str, Sequence[Op]] = {
                name: [*self._compile(inner, procedure, per_leg=per_leg, stage=stage),
                       journey.BranchEnd(world, step.join)]
                for name, inner in step.branches.items()
            }  # fmt: skip
            op = journey.Fork(world, task, mask, branches, step.join)
        elif isinstance(step, RelayStep):
            op = journey.RelayStart(world, task, mask)
        elif isinstance(step, ReplyStep):
            op = journey.Reply(world, task, mask)
        elif isinstance(step, EndStep):
            op = journey.End(world, _OUTCOMES[step.end], mask)
            op.task = task
        else:  # pragma: no cover - ``use`` is inlined before
            raise TypeError(step)
        return op

    def _task(self, step: Step, stage: str) -> int:
        """Return the index of a step's name; the first step of a name gives it its stage."""
        name = step_name(step)
        if name not in self.tasks:
            self.tasks[name] = len(self.tasks)
            self.stages.append(step.stage or stage)
        return self.tasks[name]

    def _number(self, op: Op, task: int, kind: StepKind, role: str) -> None:
        """Number what records of this op say: task, kind and role."""
        key = (task, kind, role)
        if key not in self._numbers:
            self._numbers[key] = len(self.kinds)
            self.kinds.append(key)
        op.number = self._numbers[key]

    # --- conditions and durations -----------------------------------------------------------------------------

    def _mask(self, step: Step, *, per_leg: bool) -> bytes | None:
        """Return where a step applies."""
        holds = self.facts.holds(step.when, per_leg=per_leg)
        if step.share is not None:
            needed = self._uniforms("share", step_name(step), 0, per_leg=per_leg) < step.share.value
            holds = needed if holds is None else holds & needed
        if holds is None or bool(holds.all()):
            return None
        return holds.astype(np.uint8).tobytes()

    def _uniforms(self, purpose: str, name: str, visit: int, *, per_leg: bool) -> Floats:
        """Return the uniforms of a task: per document in a sender part, per leg elsewhere."""
        workload = self.facts.workload
        n, scope = (workload.legs, "leg") if per_leg else (workload.documents, "document")
        return self.streams.uniforms(n, f"{purpose} per {scope}", name, visit)

    def _times(self, name: str, param: DistParam, visit: int, day_s: float, *, per_leg: bool) -> Floats:
        """Return a task's times at a visit, in seconds; read only."""
        dist = dist_in_seconds(param, day_s)

        def drawn() -> Floats:
            return dist.ppf(self._uniforms("service", name, visit, per_leg=per_leg))

        return self.memory.times((name, visit, per_leg, dist), drawn)

    def _draw(
        self, name: str, parts: Mapping[str, DistParam], extra: Floats | None, day_s: float, *, per_leg: bool
    ) -> Callable[[int], array[float]]:
        """Return the function that gives a task's durations at a visit, in seconds, per document or leg."""

        def draw(visit: int) -> array[float]:
            key = (
                name,
                visit,
                per_leg,
                *(id(part) for part in parts.values()),
                id(extra) if extra is not None else 0,
            )
            known = self._arrays.get(key)
            if known is None:
                workload = self.facts.workload
                total = np.zeros(workload.legs if per_leg else workload.documents)
                for part, param in parts.items():
                    total += self._times(
                        f"{name}/{part}" if part else name, param, visit, day_s, per_leg=per_leg
                    )
                if extra is not None:
                    total += extra
                known = self._arrays[key] = array("d", total.tobytes())
            return known

        return draw

    def _extra(self, step: WorkStep, procedure: int, *, per_leg: bool) -> Floats | None:
        """Return the working time added per recipient and per page, seconds."""
        if step.per_recipient is None and step.per_page is None:
            return None
        workload, day_s = self.facts.workload, self.office.day_s
        total = np.zeros(workload.legs if per_leg else workload.documents)
        if step.per_recipient is not None:
            counts: Floats | float = 1.0
            if not per_leg:
                counts = self.routes.own_legs[:, procedure].astype(np.float64)
            elif self.routes.relayed_legs is not None:
                counts = np.maximum(self.routes.relayed_legs[:, procedure], 1).astype(np.float64)
            total += counts * in_seconds(step.per_recipient, day_s)
        if step.per_page is not None:
            pages = self.facts.view.pages
            total += (pages[workload.doc_of] if per_leg else pages) * in_seconds(step.per_page, day_s)
        return total

    # --- kinds of steps ---------------------------------------------------------------------------------------

    def _work(
        self, step: WorkStep, task: int, mask: bytes | None, procedure: int, *, per_leg: bool
    ) -> journey.WorkStep:
        """Compile work."""
        parts = {"": step.takes} if step.takes is not None else dict(step.parts or {})
        extra = self._extra(step, procedure, per_leg=per_leg)
        by_field: array[float] | None = None
        if step.assign in ("field", "owner"):  # the owner-to-be is one of the document's field
            by_field = array("d", self._uniforms("field", "", 0, per_leg=per_leg).tobytes())
        if step.owner is not None:
            self.tasks.setdefault(step.owner, len(self.tasks))
            if len(self.stages) < len(self.tasks):
                self.stages.append(step.stage or "sender")
        kind = journey.EnvelopeStep if step.per == "envelope" else journey.WorkStep
        op = kind(
            self.world, task, mask, step.marks,
            pools=self.pools.get(step.by, ()),
            at_sender=(step.at or ("recipient" if per_leg else "sender")) == "sender",
            by_field=by_field,
            draw=self._draw(step.work, parts, extra, self.office.day_s, per_leg=per_leg),
            equipment=self.equipment[step.uses] if step.uses is not None else None,
            finish_off_shift=step.off_shift == "finish",
            owner=self.tasks[step.owner] if step.owner is not None else None,
        )  # fmt: skip
        if isinstance(op, journey.EnvelopeStep):
            op.carrier = self.carriers[str(step.via)]
        return op

    def _until(self, step: WaitStep) -> Callable[[float], float] | None:
        """Return the function that tells when a wait for a clock time ends."""
        if step.until is None:
            return None
        if step.until == "opening":
            return self.office.next_open
        if step.until == "next-morning":
            return lambda t: self.office.next_open((t // DAY_S + 1) * DAY_S)
        times = transport.clock_times(step.until, self.office, self.days)
        return lambda t: transport.next_of(times, t)

    def _delay(self, step: WaitStep, *, per_leg: bool) -> Callable[[int], array[float]] | None:
        """Return the durations of a wait for a delay, in calendar time."""
        if step.takes is None:
            return None
        return self._draw(step.wait, {"": step.takes}, None, DAY_S, per_leg=per_leg)

    def _choice(
        self, step: DecideStep, task: int, mask: bytes | None, position: Mapping[str, int], *, per_leg: bool
    ) -> journey.Choice:
        """Compile a decision."""
        exits: list[tuple[float, int | Outcome]] = []
        below = 0.0
        for target, share in step.to.items():
            below += share.value
            exits.append((below, _OUTCOMES[target] if target in _OUTCOMES else position[target]))
        known: dict[int, array[float]] = {}

        def draw(visit: int) -> array[float]:
            if visit not in known:
                known[visit] = array(
                    "d", self._uniforms("decide", step.decide, visit, per_leg=per_leg).tobytes()
                )
            return known[visit]

        return journey.Choice(self.world, task, mask, step.marks, exits, draw, step.loops_max)
