"""What an answer is worth when its assumed inputs vary: the second of the two ranges.

Rule kept here: one value per draw of the assumptions, each from one replication; nothing is fitted. The spread of
the draws holds the simulation noise of a single replication as well, so what is told of the assumptions alone is
the variance beyond that noise. A driver is named only where Holm's correction over all inputs lets it stand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtr

from sim.analysis.intervals import CONFIDENCE, number, student
from sim.analysis.pairing import SIGNIFICANCE, holm
from sim.observations import Floats

CENTRAL = 0.90  # share of the draws between the two ends, where there are enough of them
CENTRAL_DRAWS_MIN = 20  # with fewer, one draw is more than 5 %: lowest and highest are told instead
DRIVERS_MAX = 5
DRIVER_DRAWS_MIN = 5  # fewer ranks cannot be significant in any test


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric over the draws of the assumptions.

    Args:
        low: Lower end, in the unit of the metric; NaN where no draw has a value.
        high: Upper end.
        median: Median of the draws.
        draws: Draws with a value.
        missing: Draws without one.
        central: Share of the draws between ``low`` and ``high``: 1 (lowest to highest) or :data:`CENTRAL`.
    """

    low: float
    high: float
    median: float
    draws: int
    missing: int
    central: float

    def to_json(self) -> dict[str, Any]:
        """Return the spread as JSON data; what is not known is ``None``."""
        return {
            "low": number(self.low), "high": number(self.high), "median": number(self.median),
            "draws": self.draws, "missing": self.missing, "central": self.central,
        }  # fmt: skip


def spread(values: Sequence[float] | Floats) -> Spread:
    """Return the range of a metric over draws of the assumptions.

    Args:
        values: One per draw; NaN or infinite where a draw has none.
    """
    every = np.asarray(values, dtype=np.float64)
    known = every[np.isfinite(every)]
    missing = int(every.size - known.size)
    if not known.size:
        return Spread(math.nan, math.nan, math.nan, 0, missing, 1.0)
    central = CENTRAL if known.size >= CENTRAL_DRAWS_MIN else 1.0
    low, median, high = np.quantile(known, [(1 - central) / 2, 0.5, (1 + central) / 2]).tolist()
    return Spread(low, high, median, int(known.size), missing, central)


def share_low(hits: int, draws: int, confidence: float = CONFIDENCE) -> float:
    """Return the lower bound of a share of which ``hits`` of ``draws`` were seen.

    Source: Clopper and Pearson (1934), one-sided. Draws of a Latin hypercube are spread more evenly than
    independent ones, for which the bound is exact.

    Args:
        hits: From 0 to ``draws``.
        draws: 1 or more.
        confidence: Above 0 and below 1.
    """
    return float(betaincinv(hits, draws - hits + 1, 1 - confidence)) if hits else 0.0


def assumption_sd(sampled: Floats, fixed: Floats) -> tuple[float, float]:
    """Return the standard deviation due to the assumptions alone, and that of one replication's noise.

    Args:
        sampled: One value per draw, each from one replication.
        fixed: One value per replication at the stated inputs.

    Returns:
        The root of the variance of ``sampled`` beyond that of ``fixed``, nought where it is not larger; both
        NaN where either has fewer than two values.
    """
    drawn, stated = sampled[np.isfinite(sampled)], fixed[np.isfinite(fixed)]
    if drawn.size < 2 or stated.size < 2:
        return math.nan, math.nan
    noise = float(np.var(stated, ddof=1))
    return math.sqrt(max(0.0, float(np.var(drawn, ddof=1)) - noise)), math.sqrt(noise)


def ranked(values: Floats) -> Floats:
    """Return ranks from 1, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse].astype(np.float64)
    return ranks


def spearman(inputs: NDArray[np.float64], values: Floats) -> Floats:
    """Return Spearman's rank correlation of each input with the values.

    Args:
        inputs: One row per draw, one column per input.
        values: One per draw, finite.

    Returns:
        From -1 to 1 by input; nought for an input or values that do not vary.
    """
    rank = ranked(values)
    y = rank - np.mean(rank)
    x = np.apply_along_axis(ranked, 0, inputs) if inputs.size else inputs
    x = x - np.mean(x, axis=0)
    scale = np.sqrt(np.sum(x**2, axis=0) * np.sum(y**2))
    out: Floats = np.zeros(x.shape[1])
    np.divide(y @ x, scale, out=out, where=scale > 0)
    return np.clip(out, -1.0, 1.0)


def correlation_p(correlations: Floats, draws: int) -> Floats:
    """Return two-sided p values of rank correlations by Student's approximation.

    Source: Kendall and Stuart, The Advanced Theory of Statistics, volume 2, section 31.19. Of all orders of the
    draws two have a correlation of 1 or -1, so no p value is below two in n!.

    Args:
        correlations: From -1 to 1.
        draws: 3 or more.
    """
    square = np.minimum(correlations**2, 1 - 1e-15)
    t = np.abs(correlations) * np.sqrt((draws - 2) / (1 - square))
    p: Floats = np.maximum(2 * stdtr(draws - 2, -t), 2 / math.factorial(min(draws, 170)))
    return p


def drivers(names: Sequence[str], inputs: NDArray[np.float64], values: Floats) -> list[dict[str, Any]]:
    """Return the inputs that move a metric beyond doubt, strongest first.

    Args:
        names: Name of each input.
        inputs: Quantile of each input in its range: one row per draw, one column per input.
        values: The metric by draw; draws without a value are left out.

    Returns:
        ``name``, ``correlation`` (Spearman) and ``p_holm`` of at most :data:`DRIVERS_MAX` inputs whose p value
        stands after Holm's correction over all of them; empty with too few draws to tell.
    """
    known = np.isfinite(values)
    if np.count_nonzero(known) < DRIVER_DRAWS_MIN or not names:
        return []
    found = spearman(inputs[known], values[known])
    p_holm = holm(correlation_p(found, int(np.count_nonzero(known))).tolist())
    order = sorted(range(len(names)), key=lambda at: (p_holm[at], -abs(found[at])))
    return [
        {"name": names[at], "correlation": float(found[at]), "p_holm": p_holm[at]}
        for at in order[:DRIVERS_MAX]
        if p_holm[at] <= SIGNIFICANCE
    ]


def holds_where(inputs: Floats, holds: NDArray[np.bool_]) -> tuple[str, float, int] | None:
    """Return the largest part of one input's range in which every draw keeps the sign.

    Args:
        inputs: Quantile of one input by draw.
        holds: Whether the draw keeps the sign.

    Returns:
        ``above`` or ``below``, the quantile that bounds the part, and how many draws are in it; ``None`` where
        the outermost draws on both sides lose the sign.
    """
    order = np.argsort(inputs, kind="stable")
    kept = holds[order]
    lost = np.flatnonzero(~kept)
    if not lost.size:
        return None
    below, above = int(lost[0]), int(kept.size - 1 - lost[-1])
    if max(below, above) == 0:
        return None
    if below >= above:
        return "below", float(inputs[order[below - 1]]), below
    return "above", float(inputs[order[kept.size - above]]), above


def of_difference(
    names: Sequence[str],
    inputs: NDArray[np.float64],
    sampled: Floats,
    fixed: Floats,
    confidence: float = CONFIDENCE,
) -> dict[str, Any]:
    """Return the second range of a difference: how it spreads, which range rules, and where its sign holds.

    Args:
        names: Name of each varied input.
        inputs: Quantile of each input in its range: one row per draw, one column per input.
        sampled: The difference by draw, NaN where a draw has none.
        fixed: The difference by replication at the stated inputs.
        confidence: Of the interval and of the bound of the sign's share.

    Returns:
        The fields of :class:`Spread` and

        - ``sd_assumptions``, ``sd_noise``: see :func:`assumption_sd`;
        - ``rules``: ``assumptions`` where the central share of a normal spread of ``sd_assumptions`` is wider
          than the interval of the estimate, else ``noise``; ``None`` where either is not known;
        - ``sign``: draws of the estimate's sign (``same`` of ``draws``) and the lower bound of their share;
          ``None`` where there is no estimate or it is nought;
        - ``drivers``: see :func:`drivers`;
        - ``holds_where``: where the sign is lost in some draw, the part of the strongest driver's range in
          which all draws keep it; ``None`` without driver or part.
    """
    sd_assumptions, sd_noise = assumption_sd(sampled, fixed)
    estimate = student(fixed, confidence)
    half = float(ndtri((1 + confidence) / 2)) * sd_assumptions
    rules = None
    if math.isfinite(half) and math.isfinite(estimate.half_width):
        rules = "assumptions" if half > estimate.half_width else "noise"
    found = drivers(names, inputs, sampled)
    known = np.isfinite(sampled)
    sign, where = None, None
    if known.any() and math.isfinite(estimate.estimate) and estimate.estimate != 0:
        holds = np.sign(sampled[known]) == math.copysign(1.0, estimate.estimate)
        same, draws = int(np.count_nonzero(holds)), int(holds.size)
        sign = {"same": same, "draws": draws, "share_low": share_low(same, draws, confidence)}
        part = holds_where(inputs[known][:, names.index(found[0]["name"])], holds) if found else None
        if part is not None:
            where = {"name": found[0]["name"], "side": part[0], "quantile": part[1], "draws": part[2]}
    return {
        **spread(sampled).to_json(),
        "sd_assumptions": number(sd_assumptions),
        "sd_noise": number(sd_noise),
        "rules": rules,
        "sign": sign,
        "drivers": found,
        "holds_where": where,
    }
