"""What every section of the report needs: the run, its alternatives in order, the words and the numbers.

Rule kept here: reading only. The summary is taken as it is; a part that is missing is an empty section,
never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.report.numbers import NONE, Numbers, Unit
from sim.report.texts import Language, Texts

QUANTILES = ("p50", "p90", "p95")
DIST = ("mean", *QUANTILES)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One alternative as the report shows it.

    Args:
        key: Its name in the summary.
        title: Its title in the language of the report.
        index: Its place, from 0 for the base; fixes colour, dash and marker everywhere.
        stable: Whether it keeps up with its work.
        data: Its part of the summary.
    """

    key: str
    title: str
    index: int
    stable: bool
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """One run in one language.

    Args:
        summary: ``summary.json`` as a mapping.
        manifest: ``manifest.json`` as a mapping.
        texts: Words.
        numbers: Number formats.
        alternatives: The base first, then in the order of the manifest.
    """

    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    texts: Texts
    numbers: Numbers
    alternatives: tuple[Alternative, ...]

    @property
    def design(self) -> Mapping[str, Any]:
        """The design of the run."""
        design: Mapping[str, Any] = self.summary["design"]
        return design

    @property
    def confidence(self) -> str:
        """Confidence of the intervals in percent, such as ``95``."""
        return self.numbers.plain(100 * float(self.design.get("confidence", 0.95)))

    def alternative(self, key: object) -> Alternative | None:
        """Return the alternative of that name, if the run has it."""
        return next((a for a in self.alternatives if a.key == key), None)

    def title_of(self, key: object) -> str:
        """Return the title of an alternative, or the name as given."""
        found = self.alternative(key)
        return found.title if found else str(key)

    def label(self, alternative: Alternative) -> str:
        """Return the title, with a mark where the alternative is not steady."""
        if alternative.stable:
            return alternative.title
        return f"{alternative.title} ({self.texts('numbers.not_steady')})"

    def unit_of(self, values: list[Any], *, working: bool) -> Unit:
        """Return the time unit for estimates, or distributions by their means, that are shown together."""
        flat = [value.get("mean", value) if isinstance(value, Mapping) else value for value in values]
        seconds = [value.get("estimate") if isinstance(value, Mapping) else value for value in flat]
        return self.numbers.time_unit(seconds, working=working)

    def quantile(self, dist: Mapping[str, Any] | None, key: str, unit: Unit) -> str:
        """Return mean or quantile of a distribution; a quantile among open work is ``not reached``."""
        if not dist:
            return NONE
        value = dist.get(key)
        if key in QUANTILES and dist.get("n") and (value is None or value.get("estimate") is None):
            return self.texts("numbers.not_reached")
        return self.numbers.estimate(value, unit)


def context(summary: Mapping[str, Any], manifest: Mapping[str, Any], language: Language) -> Context:
    """Return the context of a run in a language."""
    texts = Texts(language)
    design = summary["design"]
    numbers = Numbers(texts, float(design["day_s"]), int(design["replications"]))
    found = summary["alternatives"]
    # JSON files are written with sorted keys: the base comes first, then the order of the manifest.
    named = [design.get("base"), *(manifest.get("alternatives") or []), *found]
    order = [key for key in dict.fromkeys(named) if key in found]
    alternatives = tuple(
        Alternative(
            key,
            texts.title(found[key].get("title"), key),
            index,
            bool(found[key].get("stable", True)),
            found[key],
        )
        for index, key in enumerate(order)
    )
    return Context(summary, manifest, texts, numbers, alternatives)
