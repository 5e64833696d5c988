"""Numbers moved within their ranges, and made to fit together again.

Rule kept here: what is asked of numbers that belong together holds after they moved: shares of a whole add up
to one, odds to one at most, an absence can be reached by its spells, a distribution exists. What gives way
for that stays within its own range, but for an absence that drawn spells are too short to reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from sim.distributions import Constant
from sim.errors import InputError
from sim.scenario.checks.subject import SUM_TOLERANCE
from sim.scenario.params import DistParam, Param, at_value, in_seconds
from sim.scenario.schema import Absence, Flow
from sim.scenario.steps import DecideStep

HALVINGS = 20  # after so many, numbers inside a distribution are as stated for every purpose
K = TypeVar("K", bound=str)


def at_mean(param: DistParam, stated: float, mean: float) -> DistParam:
    """Return a distribution whose mean moved from ``stated`` to ``mean``, at the same shape.

    Args:
        param: The distribution; where numbers inside it were moved before, both moves come together.
        stated: Its mean as stated, base unit.
        mean: Base unit, 0 or more. What is moved to 0, or away from a stated 0, has no shape: it is constant.
    """
    dist = param.dist.scaled(mean / stated) if stated > 0 and mean > 0 else Constant(mean)
    return replace(param, dist=dist)


def at_parts(param: DistParam, values: Mapping[str, float]) -> DistParam:
    """Return a distribution with other numbers inside it.

    Numbers that contradict one another, such as a median above the 95th percentile, are all drawn back
    towards what is stated, by half of the way, again and again until the distribution exists.

    Args:
        param: As stated.
        values: Numbers in the base unit, by field such as ``lognormal.mean``.
    """
    assert param.spec is not None  # kept by the reader wherever a part has a range
    stated = {field: part.value for field, part in param.parts if field in values}
    for halving in range(HALVINGS):
        part = 0.5**halving
        drawn = {field: value + part * (values[field] - value) for field, value in stated.items()}
        try:
            dist = param.spec.built(drawn)
        except InputError:  # as stated it could be built
            continue
        moved = tuple((field, at_value(one, drawn.get(field, one.value))) for field, one in param.parts)
        return replace(param, dist=dist, parts=moved)
    return param


def balanced(shares: Mapping[K, Param], *, whole: bool, decided: Collection[str] = ()) -> dict[K, Param]:
    """Return shares that add up to one; if they need not be a ``whole``, to one at most.

    Shares of a whole without grade and range take what the others leave, in proportion: a planner who grades
    some shares means these to be the rest. Where there is no rest, every share with a range gives way in
    proportion to the room that it has left in its range, which is enough whenever the stated shares fit. (To
    scale all by one factor would take some out of their ranges.)

    Args:
        shares: Some of them moved within their ranges.
        whole: They must add up to one, not only to one at most.
        decided: Those that an alternative or the command line set: they are no rest.
    """
    total = math.fsum(one.value for one in shares.values())
    if abs(total - 1) <= SUM_TOLERANCE or (not whole and total < 1):
        return dict(shares)
    rest = [
        key for key, one in shares.items() if one.grade is None and one.range is None and key not in decided
    ]
    asked = math.fsum(shares[key].value for key in rest)
    left = 1 - (total - asked)
    if whole and asked > 0 and left > 0:
        return dict(shares) | {key: at_value(shares[key], shares[key].value * left / asked) for key in rest}
    room = {
        key: (one.range[1] if total < 1 else one.range[0]) - one.value
        for key, one in shares.items()
        if one.range is not None
    }
    part = min((1 - total) / (math.fsum(room.values()) or 1.0), 1.0)
    return dict(shares) | {key: at_value(shares[key], shares[key].value + part * room[key]) for key in room}


def settled(old: BaseModel, new: BaseModel, day_s: float, is_decided: Callable[[str], bool]) -> BaseModel:
    """Return a model, in which numbers were moved, with those that belong together made to fit.

    Args:
        old: As stated.
        new: With moved numbers.
        day_s: Length of an office's own working day, seconds.
        is_decided: Tells whether an alternative or the command line set what stands at a path below.
    """
    update: dict[str, object] = {}
    if isinstance(old, Flow) and isinstance(new, Flow):
        if new.asks is not old.asks:
            decided = [one for one in new.asks if is_decided(f"asks.{one}")]
            update["asks"] = balanced(new.asks, whole=True, decided=decided)
        if new.urgency is not old.urgency:
            known = [one for one in new.urgency if is_decided(f"urgency.{one}")]
            update["urgency"] = balanced(new.urgency, whole=True, decided=known)
    elif isinstance(old, DecideStep) and isinstance(new, DecideStep):
        if new.to is not old.to:
            update["to"] = balanced(new.to, whole=False)
    elif isinstance(new, Absence):
        spell_days = max(1.0, in_seconds(new.spell, day_s) / day_s) if new.spell is not None else 1.0
        update["away"] = at_value(new.away, min(new.away.value, reach(spell_days)))
    return new.model_copy(update=update) if update else new


def reach(spell_days: float) -> float:
    """Return the largest share of days away that spells of this mean length can make.

    With at least one day of presence between two spells it is m / (m + 1); see :mod:`sim.calendars.absence`.

    Args:
        spell_days: Mean length m of a spell, working days, 1 or more.
    """
    return spell_days / (spell_days + 1)
