"""The two ranges of an answer in words: what each is, which of them rules, and where the sign of the answer holds.

Rule kept here: simulation noise and the spread over uncertain inputs are told apart and never added. Where inputs
were fixed it is said that there is no second range, and which command gives it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

from sim.report.context import Context
from sim.report.numbers import NONE, Unit
from sim.report.tables import View

_OPTION = ("--assumptions", "sampled")
_P_MIN = 0.001  # smaller p values are told as smaller than this


def drawn(context: Context) -> Mapping[str, Any] | None:
    """Return how the uncertain inputs were drawn (``draws``, ``varied``), nothing where they were fixed."""
    found = context.design.get("assumptions") or {}
    return found if found.get("mode") == "sampled" and found.get("draws") else None


def at_least(context: Context, share: float) -> str:
    """Return a share in percent, rounded down: it is told as a lower bound."""
    return f"{context.numbers.plain(math.floor(100 * share))}\u00a0%"


def p_value(context: Context, p: float) -> str:
    """Return a p value; a tiny one is told as smaller than a thousandth."""
    return context.numbers.plain(p, 3) if p >= _P_MIN else "<" + context.numbers.plain(_P_MIN, 3)


def varied(context: Context) -> str:
    """Return what was varied, such as ``the 50 uncertain inputs vary together over their ranges``."""
    count = int((drawn(context) or {}).get("varied", 0))
    return context.texts.count("ranges.varied", count, context.numbers.plain(count))


def draws(context: Context, spread: Mapping[str, Any]) -> str:
    """Return which part of how many draws a range holds."""
    texts, numbers = context.texts, context.numbers
    shown, central = numbers.plain(spread["draws"]), float(spread["central"])
    if central < 1:
        text = texts("ranges.central", n=shown, share=numbers.plain(100 * central))
    else:
        text = texts("ranges.every", n=shown)
    missing = spread.get("missing")
    return text + texts("ranges.missing", n=numbers.plain(missing)) if missing else text


def of_mean(context: Context, mean: Mapping[str, Any], unit: Unit) -> str:
    """Return the end of a sentence that states a mean: what its range is, or both its ranges."""
    spread = mean.get("spread")
    if spread is None or spread.get("low") is None:
        return context.texts("ranges.noise_only", confidence=context.confidence)
    told = f"{context.numbers.spread(spread, unit)} {context.numbers.unit(unit)}"
    return _both(context, told, spread)


def of_difference(context: Context, found: Mapping[str, Any], unit: Unit) -> str:
    """Return the end of a sentence that states a difference: what its range is, or both its ranges."""
    spread = found.get("spread")
    if spread is None or spread.get("low") is None:
        return context.texts("ranges.noise_only", confidence=context.confidence)
    low, high = spread["low"], spread["high"]
    kind = "sooner" if high <= 0 else "later" if low >= 0 else "across"
    ends = {"low": -high, "high": -low} if kind == "sooner" else {"low": low, "high": high}
    if kind == "across":
        shown = context.numbers.spread({"low": low, "high": high}, unit, sign=True)
    else:
        shown = context.numbers.spread(ends, unit)
    told = context.texts(f"ranges.{kind}", range=shown, unit=context.numbers.unit(unit))
    return _both(context, told, spread)


def _both(context: Context, told: str, spread: Mapping[str, Any]) -> str:
    return context.texts(
        "ranges.both",
        confidence=context.confidence,
        range=told,
        varied=varied(context),
        draws=draws(context, spread),
    )


def direction(context: Context, found: Mapping[str, Any]) -> str:
    """Return the sign of a difference as a word; of what is no time, more or less."""
    below = found["difference"]["estimate"] < 0
    if found.get("unit") == "s":
        return context.texts("ranges.is_sooner" if below else "ranges.is_later")
    return context.texts("ranges.is_less" if below else "ranges.is_more")


def rules(context: Context, found: Mapping[str, Any], unit: Unit) -> str:
    """Return the sentence on which of the two ranges rules a difference."""
    spread, texts = found["spread"], context.texts
    if spread["rules"] is None:
        return texts("ranges.rules_unknown")
    sd = context.numbers.plain(spread["sd_assumptions"] / unit.size, _decimals(spread, unit))
    half = context.numbers.parts(found["difference"], unit)[1] or "0"
    name = context.numbers.unit(unit)
    return texts(
        f"ranges.rules_{spread['rules']}", sd=sd, unit=name, half=half, confidence=context.confidence
    )


def _decimals(spread: Mapping[str, Any], unit: Unit) -> int:
    """Return decimals for a standard deviation: two digits of it."""
    value = spread["sd_assumptions"] / unit.size
    return min(3, max(0, 1 - math.floor(math.log10(value)))) if value > 0 else 0


def sign(context: Context, found: Mapping[str, Any]) -> list[str]:
    """Return the sentences on the part of the assumptions for which the sign of a difference holds."""
    texts, numbers, spread = context.texts, context.numbers, found["spread"]
    seen = spread["sign"]
    if seen is None:
        return [texts("ranges.sign_none")]
    every = seen["same"] == seen["draws"]
    lines = [
        texts(
            f"ranges.sign_{'all' if every else 'some'}",
            direction=direction(context, found),
            same=numbers.plain(seen["same"]),
            draws=numbers.plain(seen["draws"]),
            share=at_least(context, seen["share_low"]),
            confidence=context.confidence,
        )
    ]
    return lines if every else [*lines, where(context, found, "`")]


def where(context: Context, found: Mapping[str, Any], quote: str = "") -> str:
    """Return in which part of the strongest driver's range a sign holds that some draw loses.

    Args:
        context: The run.
        found: The comparison.
        quote: Stands on both sides of the name of an input.
    """
    texts, numbers, spread = context.texts, context.numbers, found["spread"]
    part, drivers = spread["holds_where"], spread["drivers"]
    if part is not None:
        count = numbers.plain(part["draws"])
        return texts(
            f"ranges.where_{part['side']}", name=f"{quote}{part['name']}{quote}", value=part["text"], n=count
        )
    if drivers:
        return texts("ranges.where_nowhere", name=f"{quote}{drivers[0]['name']}{quote}")
    count = numbers.plain((drawn(context) or {}).get("varied"))
    return texts("ranges.no_driver", draws=numbers.plain(spread["draws"]), n=count)


def overloaded(context: Context) -> str:
    """Return in how many draws somebody is asked for more work than there is time, by alternative."""
    texts, numbers = context.texts, context.numbers
    found = []
    for each in context.alternatives:
        count = each.data.get("draws") or {}
        if count.get("overloaded"):
            shown = {"n": numbers.plain(count["overloaded"]), "all": numbers.plain(count["count"])}
            found.append(texts("ranges.overloaded_one", name=each.title, **shown))
    return texts("ranges.overloaded", list="; ".join(found)) if found else ""


def fixed(context: Context) -> View | None:
    """Return what is said where the inputs were fixed: that the range is noise only, and the other command."""
    if drawn(context) is not None:
        return None
    if not any(each.get("range") for each in context.summary.get("assumptions", [])):
        return {"text": context.texts("ranges.fixed_none"), "code": ""}
    return {"text": context.texts("ranges.fixed"), "code": _command(context)}


def _command(context: Context) -> str:
    """Return the command of the run with drawn inputs; without its folder, which exists by now."""
    command = context.manifest.get("command") or ["congvan", "run", context.summary["scenario"].get("id", "")]
    words = shlex.split(command) if isinstance(command, str) else [str(part) for part in command]
    kept: list[str] = []
    for at, word in enumerate(words):
        if word == "--out" or word.startswith("--out=") or (at and words[at - 1] == "--out"):
            continue
        kept.append(word)
    return shlex.join([*kept, *_OPTION])


def precision(context: Context) -> tuple[str, str]:
    """Return the precision asked for and reached: as a fact, and as a sentence where it was not met."""
    found, texts, numbers = context.design.get("precision"), context.texts, context.numbers
    if not found:
        return "", ""
    reached = found.get("reached")
    fields = {
        "asked": f"{numbers.plain(100 * found['asked'])}\u00a0%",
        "reached": NONE if reached is None else f"{numbers.plain(100 * reached, 1)}\u00a0%",
        "which": context.title_of(found.get("which")),
        "bound": numbers.plain(found["replications_max"]),
        "n": numbers.plain(context.design["replications"]),
    }
    if found["met"]:
        return texts("ranges.precision_met", **fields), ""
    kind = "bound" if found["bound_hit"] else "missed"
    return texts(f"ranges.precision_{kind}", **fields), texts(f"ranges.precision_{kind}_line", **fields)


def lines(context: Context, found: Mapping[str, Any] | None, unit: Unit) -> list[str]:
    """Return the sentences under the answer: which range rules, where the sign holds, overloads, precision.

    Args:
        context: The run.
        found: The comparison that the answer tells, if it tells one.
        unit: Unit of the answer.
    """
    out = []
    if found is not None and found.get("spread"):
        out += [rules(context, found, unit), *sign(context, found)]
    return [line for line in (*out, overloaded(context), precision(context)[1]) if line]


def stated(context: Context, name: str, alternative: str) -> Mapping[str, Any]:
    """Return what the scenario states of an input (``value``, ``range``), nothing where it is not listed.

    Args:
        context: The run.
        name: Dotted path of the input.
        alternative: Whose own statement counts where the base case has none.
    """
    listed = {str(each["path"]): each for each in context.summary.get("assumptions", [])}
    tail = f".{name}"
    others = (path for path in listed if path.startswith("alternatives.") and path.endswith(tail))
    for path in (name, f"alternatives.{alternative}{tail}", *others):
        if path in listed:
            found: Mapping[str, Any] = listed[path]
            return found
    return {}
