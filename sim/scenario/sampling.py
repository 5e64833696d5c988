"""The uncertain inputs of a scenario: which there are, how they are drawn together, and the scenario at a draw.

Rule kept here: a factor is one independent input. What is written once is one factor however often it is used,
and what an alternative states anew at the same path moves with what it stands for. Draws are keyed by the
factor's name, so that one more factor changes no draw of another; at the median of every factor the scenario
is the stated one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from sim import units
from sim.errors import Diagnostic, InputError
from sim.scenario import checks, documents
from sim.scenario.fitting import at_mean, at_parts, settled
from sim.scenario.leaves import Leaf, Names, Number, ranged, replaced
from sim.scenario.loading import Case, ScenarioFile
from sim.scenario.overlays import closest
from sim.scenario.params import DistParam, Grade, Param, at_value
from sim.streams import Streams

MEDIAN = 0.5  # the quantile of the stated value
CLOSE = 1e-6  # a quantile this close to the ends of a range stands for draws near them
PURPOSE = "assumption"  # of the random stream
WHOLE_FROM = 100  # numbers from here on are told without a fraction, smaller ones with three digits
HALF_STEP = 2.0**-54  # half the spacing of uniforms: keeps draws off the very ends


@dataclass(frozen=True, slots=True)
class Factor:
    """One independent uncertain input.

    Args:
        name: The first of its paths.
        paths: Dotted paths of all numbers that move with it, in the order of the file. Each moves within the
            range that it states itself, at the same quantile.
        text: As written at the first path.
        grade: How well it is known; ``None`` where the file does not say.
        range_text: Its range as written.
        low: Lowest credible value, base unit; of a distribution, of its mean.
        high: Highest credible value, base unit.
        value: As stated, base unit; of a distribution, its mean.
    """

    name: str
    paths: tuple[str, ...]
    text: str
    grade: Grade | None
    range_text: str
    low: float
    high: float
    value: float

    def at(self, u: float) -> float:
        """Return the value at a quantile of [0, 1], base unit; see :func:`at_quantile`."""
        return at_quantile(self.value, (self.low, self.high), u)

    def text_at(self, u: float) -> str:
        """Return the value at a quantile for people, in the unit of its range that fits: ``1.4 h``."""
        written = [text.lstrip("+-.0123456789_eE ") for text in self.range_text.split(" to ")]
        scales = {units.parse(f"1 {unit}").value: unit for unit in written if unit} or {1.0: ""}
        value = self.at(u)
        scale = max((one for one in scales if one <= value), default=min(scales))
        number = value / scale
        return f"{number:{'.0f' if number >= WHOLE_FROM else '.3g'}} {scales[scale]}".strip()


def at_quantile(value: float, limits: tuple[float, float], u: float) -> float:
    """Return the value at a quantile of the two-piece uniform whose median is the stated value.

    Half of the probability lies evenly between the lowest and the stated value, half between that and the
    highest: a range that a planner states says no more about a shape.

    Args:
        value: As stated; returned exactly at 0.5.
        limits: Lowest and highest credible value.
        u: Quantile in [0, 1].

    Returns:
        A value never outside the limits (or between a limit and the stated value).

    Raises:
        InputError: ``E-QUANTILE`` for a quantile outside [0, 1].
    """
    if not 0 <= u <= 1:
        raise InputError("E-QUANTILE", f"found quantile {u!r}", "write a number from 0 to 1")
    edge, part = (limits[0], 1 - 2 * u) if u < MEDIAN else (limits[1], 2 * u - 1)
    if part == 1:
        return edge
    return min(max(value + part * (edge - value), min(value, edge)), max(value, edge))


def factors(file: ScenarioFile, chosen: Collection[str] | None = None) -> tuple[Factor, ...]:
    """List the independent uncertain inputs of a scenario.

    Args:
        file: Checked.
        chosen: Alternatives that matter, default all; what none of them uses is left out.

    Returns:
        Every number with a range that some alternative uses, whatever its grade, in the order of the base case
        and then of what other alternatives add. Numbers with the same dotted path in several alternatives,
        and numbers that were written once and used through a YAML alias, are one factor; so are numbers that
        such ties join in a chain. The period, published figures and ranges without width are left out.
    """
    stated: dict[str, Number] = {}
    used: set[str] = set()
    for case in (file.cases[file.base], *file.cases.values()):
        for path, _, number in ranged(case.scenario):
            stated.setdefault(path, number)
            if chosen is None or case.name in chosen:
                used.add(path)
    groups = {path: [path] for path in stated}
    for tied in file.tied:
        first = groups[tied[0]]
        for path in tied:
            if groups[path] is not first:
                first += groups[path]
                groups.update(dict.fromkeys(groups[path], first))
    order = {path: number for number, path in enumerate(stated)}
    every = {id(group): sorted(group, key=order.__getitem__) for group in groups.values()}
    return tuple(
        _factor(tuple(paths), stated[paths[0]]) for paths in every.values() if not used.isdisjoint(paths)
    )


def _factor(paths: tuple[str, ...], number: Number) -> Factor:
    assert number.range is not None
    value = number.dist.mean if isinstance(number, DistParam) else number.value
    return Factor(paths[0], paths, number.text, number.grade, number.range_text, *number.range, value)


@dataclass(frozen=True, slots=True)
class Draws:
    """Quantiles of factors, drawn together.

    Args:
        factors: What varies.
        table: Quantile of each factor: one row per draw, one column per factor.
    """

    factors: tuple[Factor, ...]
    table: NDArray[np.float64]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors, in the order of the columns."""
        return tuple(one.name for one in self.factors)

    def of(self, draw: int) -> dict[str, float]:
        """Return the quantile of each factor in one draw.

        Args:
            draw: From 1 on.

        Raises:
            InputError: ``E-DRAWS`` for a draw that there is not.
        """
        if not 1 <= draw <= len(self.table):
            raise InputError("E-DRAWS", f"found draw {draw}", f"a whole number from 1 to {len(self.table)}")
        return dict(zip(self.names, self.table[draw - 1].tolist(), strict=True))


def hypercube(file: ScenarioFile, seed: int, draws: int, chosen: Collection[str] | None = None) -> Draws:
    """Draw the factors of a scenario jointly by Latin hypercube (McKay, Beckman and Conover 1979).

    Each factor has exactly one draw in each of ``draws`` equal parts of [0, 1], at a uniform place in it, and
    the order of the parts is a permutation of its own.

    Args:
        file: Checked.
        seed: Whole number, 0 or more.
        draws: Whole number, 1 or more; another number of draws is another hypercube.
        chosen: Alternatives that will be run, default all; a factor's draws are the same either way.

    Returns:
        Quantiles strictly between 0 and 1.

    Raises:
        InputError: ``E-SEED`` for another seed, ``E-DRAWS`` for another number of draws.
    """
    if draws < 1:
        raise InputError("E-DRAWS", f"found {draws!r} draws", "a whole number, 1 or more")
    streams = Streams(seed, 1)
    known = factors(file, chosen)
    table = np.empty((draws, len(known)))
    for column, one in enumerate(known):
        u = streams.uniforms(2 * draws, PURPOSE, one.name)
        rank = np.argsort(np.argsort(u[:draws], kind="stable"))
        table[:, column] = (rank + u[draws:] + HALF_STEP) / draws
    return Draws(known, table)


def sampled(file: ScenarioFile, quantiles: Mapping[str, float]) -> ScenarioFile:
    """Return a scenario with its factors at other values.

    Numbers that must fit together are made to fit, see :mod:`sim.scenario.fitting`. Texts, grades, ranges and
    whatever the loader derived (times, holidays, digest) stay as they are; so do shares of channels that
    compete for a leg and add up to more than one: the engine gives the leg to the earlier channel.

    Args:
        file: Checked.
        quantiles: For each factor by name, its quantile in [0, 1]; factors without one stay as stated.

    Returns:
        Cases in which something moved are new, the rest is shared. With every quantile at 0.5 nothing moved.

    Raises:
        InputError: ``E-FACTOR`` for a name that is no factor, ``E-QUANTILE`` for a quantile outside [0, 1].
    """
    known = {one.name: one for one in factors(file)}
    for name in quantiles:
        if name not in known:
            raise InputError("E-FACTOR", f"found no factor {name!r}", closest(name, list(known)))
    by_path = {path: u for name, u in quantiles.items() if u != MEDIAN for path in known[name].paths}
    if not by_path:
        return file
    return replace(
        file, cases={name: _drawn(case, by_path, file.office.day_s) for name, case in file.cases.items()}
    )


def _drawn(case: Case, quantiles: Mapping[str, float], day_s: float) -> Case:
    """Return a case with the numbers at the given paths moved."""

    def moved(leaf: Leaf) -> Number:
        return _moved(leaf.value, ".".join(leaf.names), quantiles)

    def fitted(names: Names, old: BaseModel, new: BaseModel) -> BaseModel:
        def is_decided(below: str) -> bool:
            path = ".".join((*names, below, ""))
            return any(path.startswith(f"{changed}.") for changed in case.overlay)

        return settled(old, new, day_s, is_decided)

    scenario = replaced(case.scenario, moved, fitted)
    return case if scenario is case.scenario else replace(case, scenario=scenario)


def _moved(number: Number, path: str, quantiles: Mapping[str, float]) -> Number:
    """Return a number at its quantile; the same object where it has none."""
    limits = number.range if path in quantiles else None
    if isinstance(number, Param):
        return at_value(number, at_quantile(number.value, limits, quantiles[path])) if limits else number
    inner = {
        field: at_quantile(part.value, part.range, quantiles[f"{path}.{field}"])
        for field, part in number.parts
        if part.range is not None and f"{path}.{field}" in quantiles
    }
    shaped = at_parts(number, inner) if inner else number
    if limits is None:
        return shaped
    stated = number.dist.mean
    return at_mean(shaped, stated, at_quantile(stated, limits, quantiles[path]))


def check_ranges(file: ScenarioFile) -> None:
    """Refuse ranges that make a case which the checks would refuse, had it been written so.

    Every case is examined with all factors close to their lowest, and to their highest values: there a share
    that is stated as 0 is above it, or one that is stated as 1 below.

    Args:
        file: Checked as stated.

    Raises:
        ScenarioError: What the checks find there and do not find in the stated case; and ``E-RANGE`` for a
            channel that is stated to take nothing and may take something, for whether the numbers of its
            procedure are used cannot depend on a draw.
    """
    found: dict[tuple[str, str], Diagnostic] = {}
    known = factors(file)
    before = {name: {(one.code, one.field) for one in _findings(case)} for name, case in file.cases.items()}
    for u, where in ((CLOSE, "lowest"), (1 - CLOSE, "highest")):
        moved = sampled(file, {one.name: u for one in known})
        for name, case in moved.cases.items():
            for one in _findings(case):
                if (one.code, one.field) not in before[name] and not one.is_warning:
                    message = f"{one.message}, where ranges are at their {where} ({name})"
                    told = replace(one, message=message, file=str(file.path))
                    found.setdefault((one.code, one.field), told)
    for case in file.cases.values():
        for name, channel in case.scenario.channels.items():
            share = channel.share
            if share is not None and share.value == 0 and share.range is not None and share.range[1] > 0:
                field = f"channels.{name}.share"
                message, hint = f"found {share.text!r} in a range above it", "state a share above 0"
                told = Diagnostic("E-RANGE", message, hint, str(file.path), field=field)
                found.setdefault(("E-RANGE", field), told)
    if found:
        raise documents.refusal(tuple(found.values()), str(file.path))


def _findings(case: Case) -> list[Diagnostic]:
    return checks.check(case.scenario, documents.Document({}), case.agencies)
