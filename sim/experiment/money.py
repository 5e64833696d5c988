"""What a summary says about money: prices, why there are figures for a year or not, and what alternatives save.

Rule kept here: savings are worked out replication by replication, from the same documents in both alternatives,
and become estimates afterwards; so does each draw of the assumptions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis import ReplicationNumbers, student
from sim.analysis.cost import WhyNot, against, annual_refusal
from sim.analysis.spread import of_difference
from sim.scenario import ScenarioFile
from sim.scenario.costs import CostItem
from sim.scenario.steps import Text
from sim.units import DAY_S

Finished = Sequence[Mapping[str, ReplicationNumbers]]
Varied = tuple[Finished, tuple[str, ...], NDArray[np.float64]]
Titled = Callable[[Text | str | None, str], dict[str, str]]

REASONS: Mapping[WhyNot, Mapping[str, str]] = {
    "terminating": {
        "en": "the period is terminating, and shows no year's usual course",
        "vi": "kỳ mô phỏng có điểm kết thúc, không phản ánh hoạt động thường xuyên của một năm",
    },
    "too-short": {
        "en": "less than a year was measured, and a part of a year is no year (Tet falls into the first quarter)",
        "vi": "thời gian đo chưa đủ một năm, và một phần của năm không thay được cả năm (Tết rơi vào quý I)",
    },
    "no-whole-years": {
        "en": "no whole number of years was measured, so that some season counts twice",
        "vi": "thời gian đo không tròn năm, nên có mùa bị tính hai lần",
    },
}


def told(file: ScenarioFile, alternatives: Mapping[str, Any], titled: Titled) -> dict[str, Any] | None:
    """Return ``money`` of the summary; nothing where the base case has no prices.

    Args:
        file: The scenario.
        alternatives: ``alternatives`` of the summary.
        titled: Gives a text in English and Vietnamese, with a default.
    """
    costs = file.scenario.costs
    if costs is None:
        return None
    horizon = file.horizon
    measured_days = (horizon.measure_end_s - horizon.measure_start_s) / DAY_S
    refused = annual_refusal(measured_days, steady=file.scenario.period.kind == "steady")
    listed: dict[str, CostItem] = {}
    for case in (file.cases[file.base], *(file.cases[one] for one in alternatives)):
        for name, item in case.scenario.costs.items.items() if case.scenario.costs else ():
            listed.setdefault(name, item)
    return {
        "currency": costs.currency,
        "price_year": costs.price_year,
        "annual": {
            "given": refused is None,
            "why_not": refused,
            "reason": dict(REASONS[refused]) if refused else None,
        },
        "wage": costs.wage.value,
        "overhead": costs.overhead.value,
        "loaded_wage": costs.wage.value * costs.overhead.value,
        "discount_rate": costs.discount_rate.value,
        "horizon_years": costs.horizon.value,
        "items": [
            {
                "id": name,
                "title": titled(item.title, name),
                "per": item.per,
                "price": item.price.value,
                "price_text": item.price.text,
                "share": item.share.value if item.share else None,
                "every_years": item.every.value if item.every else None,
                "grade": str(item.price.grade or "unstated"),
            }
            for name, item in listed.items()
        ],
        "arithmetic": [_arithmetic(file, name, alternatives, titled) for name in costs.arithmetic],
    }


def _arithmetic(
    file: ScenarioFile, name: str, alternatives: Mapping[str, Any], titled: Titled
) -> dict[str, Any]:
    """Return a published total beside a published count times a price, and the simulated cost of a year."""
    costs = file.scenario.costs
    assert costs is not None
    one = costs.arithmetic[name]
    price, published = costs.items[one.item].price.value, file.scenario.published[one.published]
    yearly = alternatives.get(one.alternative or "", {}).get("cost", {}).get("cash_items_per_year", {})
    return {
        "id": name,
        "title": titled(published.title, one.published),
        "count": one.count,
        "item": one.item,
        "price": price,
        "product": one.count * price,
        "published": published.value.value,
        "source": published.value.source,
        "alternative": one.alternative,
        "simulated_per_year": yearly.get(one.item),
    }


def saved(base: str, alternative: str, stated: Finished, varied: Varied | None = None) -> dict[str, Any]:
    """Return what an alternative saves against the base: an estimate by metric of :func:`~sim.analysis.cost.against`.

    Args:
        base: Name of the base.
        alternative: Name of the alternative.
        stated: Numbers by alternative, one per replication at the stated inputs.
        varied: The same, one per draw of the assumptions; the names of the drawn inputs, and their quantiles: one row
            per draw, one column per input.

    Returns:
        By metric an estimate; with draws its ``spread`` as well, see :func:`~sim.analysis.spread.of_difference`.
        ``payback_years`` has ``never``: the share of replications in which what is paid at the start never comes back;
        its estimate is ``None`` if that is above 0. Metrics that no replication has are ``None`` throughout.
        ``hours_freed`` is nested by role. Empty without prices.
    """
    fixed = [against(one[base].values, one[alternative].values) for one in stated]
    drawn, names, table = varied or ((), (), np.empty((0, 0)))
    others = [against(one[base].values, one[alternative].values) for one in drawn]
    out: dict[str, Any] = {}
    for metric in dict.fromkeys(name for one in fixed for name in one):
        values = np.array([one.get(metric, math.nan) for one in fixed])
        never = int(np.count_nonzero(np.isposinf(values)))
        shown = np.full(values.size, math.nan) if never else values
        told_as = student(shown).to_json()
        if metric == "payback_years":
            told_as["never"] = never / values.size
        if varied is not None:
            theirs = np.array([one.get(metric, math.nan) for one in others])
            told_as["spread"] = of_difference(names, table, theirs, shown)
            if metric == "payback_years":
                told_as["spread"]["never"] = float(np.mean(np.isposinf(theirs)))
        branch, _, role = metric.partition(".")
        if role:
            out.setdefault(branch, {})[role] = told_as
        else:
            out[metric] = told_as
    return out
