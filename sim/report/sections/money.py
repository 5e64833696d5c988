"""Cash by item and alternative, what is saved against the base, and freed staff time apart from both.

Rule kept here: cash and the value of staff time stand in tables of their own and are never added up; figures for a
year are shown only where the summary has them, and the reason is told where it has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.report.context import Alternative, Context
from sim.report.numbers import NONE, ONE, Unit
from sim.report.tables import View, alternative_row, body, column, row, table

_UNITS = (("vnd_billion", 1e9), ("vnd_million", 1e6), ("vnd_thousand", 1e3))
Part = tuple[Alternative, Mapping[str, Any], str]
"""An alternative, its numbers, and what they are against where that is not the base."""
_MILLION = 1e6
_YEARS = Unit("years", 1.0)
_HOURS = Unit("hours", 1.0)


def money(context: Context) -> View:
    """Return what the alternatives cost and save, in cash and, apart, in staff time."""
    told = context.summary.get("money")
    if not told:
        return {"lead": context.texts("money.none"), "figures": [], "tables": []}
    tables = [_items(context, told, "cash_items", "cash"), _items(context, told, "outlay_items", "outlay")]
    tables += [
        _totals(context),
        _saved(context),
        _hours(context),
        _freed(context),
        _arithmetic(context, told),
    ]
    return {
        "lead": context.texts("money.lead", year=str(told["price_year"]), currency=told["currency"]),
        "paragraphs": _paragraphs(context, told),
        "figures": [],
        "tables": [one for one in tables if one["bodies"]],
    }


def _paragraphs(context: Context, told: Mapping[str, Any]) -> list[str]:
    """Return what has to be known before the tables are read."""
    texts, plain = context.texts, context.numbers.plain
    annual = told["annual"]
    if annual["given"]:
        rate = f"{plain(100 * told['discount_rate'])}\u00a0%"
        first = texts("money.annual", rate=rate, years=plain(told["horizon_years"]))
    else:
        first = texts("money.no_annual", reason=texts.title(annual["reason"]))
    wage = texts(
        "money.wage", loaded=plain(told["loaded_wage"], 0), wage=plain(told["wage"], 0),
        overhead=plain(told["overhead"]),
    )  # fmt: skip
    return [first, wage]


def _cost(each: Alternative) -> Mapping[str, Any]:
    """Return an alternative's part about money."""
    part: Mapping[str, Any] = each.data.get("cost") or {}
    return part


def _against(context: Context, each: Alternative) -> Mapping[str, Any]:
    """Return what an alternative saves against the base."""
    part: Mapping[str, Any] = (_cost(each).get("against") or {}).get(context.design["base"]) or {}
    return part


def _pairs(context: Context) -> list[Part]:
    """Return what each alternative saves: against the base first, then against any other that it is compared with."""
    base = context.design["base"]
    found = [
        (each, part, "" if key == base else context.texts("money.against", title=context.title_of(key)))
        for each in context.alternatives
        for key, part in (_cost(each).get("against") or {}).items()
        if part
    ]
    return sorted(found, key=lambda one: bool(one[2]))


def _unit(values: Iterable[Mapping[str, Any] | None]) -> Unit:
    """Return the largest unit of money that the largest of the estimates fills."""
    known = [abs(one["estimate"]) for one in values if one and one.get("estimate") is not None]
    largest = max(known, default=0.0)
    return next((Unit(key, size) for key, size in _UNITS if largest >= size), Unit("vnd", 1.0))


def _cell(context: Context, value: Mapping[str, Any] | None, unit: Unit, *, sign: bool = False) -> str:
    """Return an estimate with its interval and, where there is one, the range over drawn assumptions."""
    shown = context.numbers.estimate(value, unit, sign=sign)
    spread = (value or {}).get("spread") or {}
    ends = [spread.get(end) for end in ("low", "high")]
    if None in ends:
        return shown
    low, high = (context.numbers.plain(end / unit.size, sign=sign) for end in ends if end is not None)
    return f"{shown} {context.texts('money.drawn', low=low, high=high)}"


def _amount(context: Context, amount: float) -> str:
    """Return an amount of money without interval, with its unit."""
    unit = _unit([{"estimate": amount}]) if amount >= _MILLION else Unit("vnd", 1.0)
    return f"{context.numbers.plain(amount / unit.size)} {context.numbers.unit(unit)}"


def _items(context: Context, told: Mapping[str, Any], key: str, total: str) -> View:
    """Return the table of items by alternative, with their sum; items that nobody pays for are left out."""
    texts, numbers = context.texts, context.numbers
    parts = [(each, _cost(each).get(key) or {}) for each in context.alternatives]
    unit = _unit(_cost(each).get(total) for each in context.alternatives)
    rows = []
    for item in told["items"]:
        name = item["id"]
        values = [part.get(name) for _, part in parts]
        if not any(value and value.get("estimate") for value in values):
            continue
        price = texts(
            "money.price", price=_amount(context, item["price"]), per=texts.name("per", item["per"]),
            grade=texts.name("grade", item["grade"]),
        )  # fmt: skip
        if item["every_years"]:
            price += texts("money.every", years=numbers.plain(item["every_years"]))
        cells = [_cell(context, value, unit) for value in values]
        rows.append(row(texts.title(item["title"], name), cells, note=price))
    if rows:
        sums = [_cell(context, _cost(each).get(total), unit) for each in context.alternatives]
        rows.append(row(texts("money.sum"), sums))
    heads = [column(context.label(each), numbers.unit(unit)) for each in context.alternatives]
    return table(
        texts(f"money.{total}_table"), [column(texts("money.item")), *heads], [body(rows)], even=True
    )


def _by_alternative(
    context: Context,
    name: str,
    shown: Sequence[tuple[str, Unit | None]],
    parts: Sequence[Part],
    notes: Sequence[str] = (),
    *,
    sign: bool = True,
) -> View:
    """Return a table with one row per alternative; ``None`` stands for a unit of money that fits the column."""
    texts = context.texts
    units = {
        key: unit or _unit(part.get(key) for _, part, _ in parts)
        for key, unit in shown
        if any(_is_known(part.get(key)) for _, part, _ in parts)
    }
    columns = [column(texts("answer.alternative"))]
    columns += [column(texts(f"money.{key}"), context.numbers.unit(unit)) for key, unit in units.items()]
    rows = []
    for each, part, note in parts:
        cells = [
            _payback(context, part.get(key)) if key == "payback_years"
            else _cell(context, part.get(key), unit, sign=sign and unit is not ONE)
            for key, unit in units.items()
        ]  # fmt: skip
        rows.append({**alternative_row(context, each, cells), "note": note})
    return table(texts(f"money.{name}"), columns, [body(rows)], notes=notes)


def _is_known(value: Mapping[str, Any] | None) -> bool:
    """Tell whether there is anything to show, if only ``never``."""
    return value is not None and (value["estimate"] is not None or bool(value.get("never")))


def _payback(context: Context, value: Mapping[str, Any] | None) -> str:
    """Return the pay-back; ``never`` where some replication never has its outlay back."""
    never = float((value or {}).get("never") or 0.0)
    if not never:
        return _cell(context, value, _YEARS)
    return context.texts("money.never") if never == 1 else context.texts(
        "money.never_in", share=f"{context.numbers.plain(100 * never, 0)}\u00a0%"
    )  # fmt: skip


def _totals(context: Context) -> View:
    """Return the cash of each alternative per working day and, where there is one, per year."""
    parts = [(each, _cost(each), "") for each in context.alternatives if _cost(each)]
    shown = (("cash_per_working_day", None), ("cash_per_year", None), ("outlay", None))
    return _by_alternative(context, "totals_table", shown, parts, sign=False)


def _saved(context: Context) -> View:
    """Return what each alternative saves in cash against the base, pay-back and net present value."""
    shown = (
        ("cash_saved_per_working_day", None), ("cash_saved_per_year", None), ("outlay_more", None),
        ("payback_years", _YEARS), ("npv", None), ("break_even_deliveries_per_year", ONE),
    )  # fmt: skip
    notes = [context.texts("money.saved_note"), context.texts("money.break_even_note")]
    return _by_alternative(context, "saved_table", shown, _pairs(context), notes)


def _hours(context: Context) -> View:
    """Return the hours of work in the base by role, and those that each other alternative frees."""
    texts, (base, *others) = context.texts, context.alternatives
    before = _cost(base).get("staff_hours") or {}
    freed = [_against(context, each).get("hours_freed") or {} for each in others]
    rows = []
    for role in dict.fromkeys([*before, *(role for part in freed for role in part)]):
        values = [before.get(role), *(part.get(role) for part in freed)]
        if any(value and value.get("estimate") for value in values):
            cells = [_cell(context, before.get(role), _HOURS)]
            cells += [_cell(context, part.get(role), _HOURS, sign=True) for part in freed]
            rows.append(row(texts.name("role", role), cells))
    name = context.numbers.unit(_HOURS)
    heads = [column(context.label(base), name)]
    heads += [column(texts("money.freed_by", title=context.label(each)), name) for each in others]
    return table(texts("money.hours_table"), [column(texts("money.role")), *heads], [body(rows)], even=True)


def _freed(context: Context) -> View:
    """Return the staff time that each alternative frees, and its value, which is no cash."""
    shown = (
        ("hours_freed_per_working_day", _HOURS), ("hours_freed_per_year", _HOURS),
        ("value_freed_per_working_day", None), ("value_freed_per_year", None),
    )  # fmt: skip
    return _by_alternative(
        context, "freed_table", shown, _pairs(context), [context.texts("money.freed_note")]
    )


def _arithmetic(context: Context, told: Mapping[str, Any]) -> View:
    """Return published totals beside published counts times a price: a check of arithmetic, no confirmation."""
    texts, numbers = context.texts, context.numbers
    rows = []
    for one in told["arithmetic"]:
        product, published = ({"estimate": one[key]} for key in ("product", "published"))
        unit = _unit([product, published])
        name = numbers.unit(unit)
        simulated = one.get("simulated_per_year")
        beside = NONE
        if simulated and simulated.get("estimate") is not None:
            beside = f"{_cell(context, simulated, unit)} {name} ({context.title_of(one['alternative'])})"
        cells = [
            f"{numbers.plain(one['count'])} × {numbers.plain(one['price'], 0)}",
            f"{numbers.plain(one['product'] / unit.size)} {name}",
            f"{numbers.plain(one['published'] / unit.size)} {name}",
            beside,
        ]
        rows.append(row(texts.title(one["title"], one["id"]), cells, note=str(one["source"])))
    heads = [column(texts(f"money.{key}")) for key in ("product_of", "product", "total", "simulated_year")]
    notes = [texts("money.arithmetic_note")]
    return table(
        texts("money.arithmetic_table"), [column(texts("money.figure")), *heads], [body(rows)], notes=notes
    )
