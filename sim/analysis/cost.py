"""Cash and staff time of one replication of one alternative, and what an alternative saves against the base.

Rule kept here: cash and the value of staff time are never added up. Figures for a year are given only where whole
years were measured, because a quarter is no year (Tet falls into the first one); elsewhere they are NaN.

What stays on the books: an item without ``every`` is an outlay, paid at the start and in no period's cash; an item with
``every: n years`` costs 1/n of its price per year; both are standing items. The others grow with the documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from sim.analysis.cost_drivers import Counts
from sim.scenario.costs import STANDING, Costs

Path = tuple[str, ...]
ROOT = "cost"
YEAR_DAYS = 365.2425  # mean of the Gregorian calendar
YEAR_SLACK_DAYS = 7.0  # per year: 52 or 53 whole weeks count as a year

WhyNot = Literal["terminating", "too-short", "no-whole-years"]


def annual_refusal(measured_days: float, *, steady: bool) -> WhyNot | None:
    """Tell why a measured period gives no figures for a year; ``None`` where it does.

    Args:
        measured_days: Calendar days of the measured period.
        steady: The period is steady, not terminating.
    """
    if not steady:
        return "terminating"
    years = round(measured_days / YEAR_DAYS)
    if measured_days < YEAR_DAYS - YEAR_SLACK_DAYS:
        return "too-short"
    return "no-whole-years" if abs(measured_days - years * YEAR_DAYS) > years * YEAR_SLACK_DAYS else None


def annuity_years(discount_rate: float, horizon_years: float) -> float:
    """Return the present value of one a year, paid at the end of each year of the horizon.

    Source: the annuity factor of any textbook of finance, (1 - (1 + r)^-n) / r; n where r is 0.

    Args:
        discount_rate: A year, 0 or more.
        horizon_years: Above 0; parts of a year count in proportion of the same formula.
    """
    if discount_rate == 0:
        return horizon_years
    return -math.expm1(-horizon_years * math.log1p(discount_rate)) / discount_rate


def money(counts: Counts, costs: Costs) -> dict[Path, float]:
    """Return what one replication of one alternative costs, and the staff time it takes.

    Args:
        counts: Its counts.
        costs: Its prices.

    Returns:
        By path under ``cost``, in VND unless said otherwise:

        - ``counts.<item>``: how many of what the item is counted by are paid for (its share applied);
        - ``cash_items.<item>``: cash of the measured period; ``cash_items_per_year.<item>``, left out unless whole
          years were measured;
        - ``outlay_items.<item>``: paid once, for items without ``every``;
        - ``cash``, ``cash_per_working_day``, ``cash_per_year``, ``outlay``: sums of these;
        - ``cash_per_delivery``: of what grows with the documents; ``fixed_per_year``: of standing items, with
          the outlay spread over the horizon as an annuity;
        - ``staff_hours.<role>``: hours of work in the measured period; ``staff_hours_per_working_day`` and
          ``_per_year`` over all roles; ``staff_value_per_working_day`` and ``_per_year``: at the loaded wage;
        - ``annuity_years``: see :func:`annuity_years`.

        What is per year is NaN unless whole years were measured, but for ``fixed_per_year``, which rests on no count
        of documents.
    """
    years = counts.measured_days / YEAR_DAYS
    refused = annual_refusal(counts.measured_days, steady=counts.steady) is not None
    per_year = math.nan if refused or not years else 1 / years
    per_day = 1 / counts.working_days if counts.working_days else math.nan
    out: dict[Path, float] = {}
    cash = outlay = grows = running_per_year = 0.0
    for name, things in counts.things.items():
        item = costs.items[name]
        paid_for = things * (item.share.value if item.share else 1.0)
        price = paid_for * item.price.value
        out[ROOT, "counts", name] = paid_for
        if item.per in STANDING and item.every is None:
            out[ROOT, "outlay_items", name] = price
            outlay += price
            continue
        if item.every is not None:
            running_per_year += price / item.every.value
            price *= years / item.every.value
        else:
            grows += price
        out[ROOT, "cash_items", name] = price
        if not refused:
            out[ROOT, "cash_items_per_year", name] = price * per_year
        cash += price
    annuity = annuity_years(costs.discount_rate.value, costs.horizon.value)
    out[ROOT, "cash"] = cash
    out[ROOT, "cash_per_working_day"] = cash * per_day
    out[ROOT, "cash_per_year"] = cash * per_year
    out[ROOT, "outlay"] = outlay
    out[ROOT, "cash_per_delivery"] = grows / counts.deliveries if counts.deliveries else math.nan
    out[ROOT, "fixed_per_year"] = running_per_year + outlay / annuity
    out[ROOT, "annuity_years"] = annuity
    hours = 0.0
    for role, busy_h in counts.busy_h.items():
        out[ROOT, "staff_hours", role] = busy_h
        hours += busy_h
    value = hours * costs.wage.value * costs.overhead.value
    for name, amount in (("staff_hours", hours), ("staff_value", value)):
        out[ROOT, f"{name}_per_working_day"] = amount * per_day
        out[ROOT, f"{name}_per_year"] = amount * per_year
    return out


PAIRED = (
    "cash_saved_per_working_day", "cash_saved_per_year", "outlay_more", "payback_years", "npv",
    "hours_freed_per_working_day", "hours_freed_per_year", "value_freed_per_working_day",
    "value_freed_per_year", "break_even_deliveries_per_year",
)  # fmt: skip
"""What :func:`against` always gives, beside ``hours_freed.<role>``."""


def against(base: Mapping[Path, float], alternative: Mapping[Path, float]) -> dict[str, float]:
    """Return what an alternative saves against the base, from one replication of each of the same documents.

    Args:
        base: What :func:`money` gave for the base; other paths are passed over.
        alternative: What it gave for the alternative.

    Returns:
        By name; VND, and positive where the alternative is cheaper or frees time, unless said otherwise. Empty
        where either has no prices.

        - ``cash_saved_per_working_day``, ``cash_saved_per_year``;
        - ``outlay_more``: paid more at the start, negative where less;
        - ``payback_years``: simple pay-back, outlay / cash saved per year; infinite (never) where more is paid at
          the start and no cash saved; NaN where nothing more is paid at the start, as there is nothing to pay back;
        - ``npv``: net present value of cash alone over the horizon: the difference of outlays at the start, the yearly
          difference at the end of each year;
        - ``hours_freed.<role>``: hours of the measured period; ``hours_freed_per_working_day`` and ``_per_year``;
          ``value_freed_per_working_day`` and ``_per_year``: their value, no part of any other number;
        - ``break_even_deliveries_per_year``: deliveries a year at which both cost the same, where one has the
          higher fixed and the lower cost per delivery and is worth it above them; NaN where there are none.
    """

    def both(*path: str) -> tuple[float, float]:
        return base.get((ROOT, *path), math.nan), alternative.get((ROOT, *path), math.nan)

    def saved(*path: str) -> float:
        before, after = both(*path)
        return before - after

    if (ROOT, "cash") not in base or (ROOT, "cash") not in alternative:
        return {}
    per_year, outlay_more = saved("cash_per_year"), -saved("outlay")
    out = {
        "cash_saved_per_working_day": saved("cash_per_working_day"),
        "cash_saved_per_year": per_year,
        "outlay_more": outlay_more,
        "payback_years": payback_years(outlay_more, per_year),
        "npv": -outlay_more + alternative[ROOT, "annuity_years"] * per_year,
    }
    for unit in ("per_working_day", "per_year"):
        out[f"hours_freed_{unit}"] = saved(f"staff_hours_{unit}")
        out[f"value_freed_{unit}"] = saved(f"staff_value_{unit}")
    more_fixed = -saved("fixed_per_year")
    less_each = saved("cash_per_delivery")
    worth_it = more_fixed * less_each > 0
    out["break_even_deliveries_per_year"] = more_fixed / less_each if worth_it else math.nan
    roles = dict.fromkeys(
        path[2] for one in (base, alternative) for path in one if path[:2] == (ROOT, "staff_hours")
    )
    for role in roles:
        before, after = (one.get((ROOT, "staff_hours", role), 0.0) for one in (base, alternative))
        out[f"hours_freed.{role}"] = before - after
    return out


def payback_years(outlay_more: float, saved_per_year: float) -> float:
    """Return the simple pay-back: years until the cash saved has made up for what is paid more at the start.

    Args:
        outlay_more: What is paid more at the start, VND.
        saved_per_year: Cash saved a year, VND; NaN where it is not known.

    Returns:
        Years; infinite where nothing is saved; NaN where nothing more is paid at the start or the saving is not known.
    """
    if math.isnan(saved_per_year) or not outlay_more > 0:
        return math.nan
    return outlay_more / saved_per_year if saved_per_year > 0 else math.inf
