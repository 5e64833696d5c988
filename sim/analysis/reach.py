"""When documents reach their recipients: from asked for to registered, by flow and by the recipients' level.

Rule kept here: a recipient is reached when its clerk has registered the document. What is still open has not been
reached; a leg that was refused or recalled, even after it was registered, is left out, and so is a document
none of whose legs is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sim.analysis.cohort import by_document, segment, taken
from sim.analysis.quantiles import share_within
from sim.calendars import WorkingTime
from sim.observations import Bools, Floats, Legs, Names, Outcome

Path = tuple[str, ...]

# Shares are told for so many of the office's own working days. "Within a day" is within one of them: at most one
# working day of office time lies between the moment the document was asked for and its registration.
WITHIN_WORKING_DAYS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Reach:
    """Numbers on reaching recipients, each under its path in ``alternatives.<name>`` of summary.json.

    Args:
        samples: Samples in calendar seconds from asked for: ``registered_s`` per leg, ``last_registered_s`` per
            document until the last recipient (of that level) has registered it.
        shares: ``registered_within.<n>``, of the legs, and ``all_registered_within.<n>``, of the documents whose
            every recipient (of that level) had registered them within n working days; open is not within.
        counts: Legs of each flow and level, refused and recalled ones included.
    """

    samples: dict[Path, Floats] = field(default_factory=dict)
    shares: dict[Path, float] = field(default_factory=dict)
    counts: dict[Path, int] = field(default_factory=dict)


def reach(legs: Legs, names: Names, office: WorkingTime) -> Reach:
    """Return how soon the documents of each flow reach their recipients, all of them and by level.

    Args:
        legs: The measured legs.
        names: Names behind their indices; a level without name is that of an agency that is not there.
        office: Working time in which working days are counted.

    Returns:
        ``by_flow.<flow>`` per document and ``by_flow_level.<flow>.<level>`` per leg and per document; flows and
        levels without legs have empty samples.
    """
    found = Reach()
    gone = np.isin(legs.outcome, (Outcome.REFUSED, Outcome.RECALLED))
    reached_s = np.where(gone, np.nan, segment(legs, "created_s", "registered_s"))
    working_s = np.where(
        np.isfinite(reached_s), office.elapsed_many(legs.created_s, legs.registered_s), reached_s
    )
    within_s = np.array(WITHIN_WORKING_DAYS) * office.day_s
    for path, rows in _groups(legs, names):
        mine = taken(legs, rows)
        last_s = by_document(mine, reached_s[rows]).last_s
        last_working_s = by_document(mine, working_s[rows]).last_s
        found.samples[*path, "last_registered_s"] = last_s
        _note(found, (*path, "all_registered_within"), share_within(last_working_s, within_s))
        if path[0] == "by_flow_level":
            found.samples[*path, "registered_s"] = reached_s[rows]
            found.counts[*path, "n"] = int(np.count_nonzero(rows))
            _note(found, (*path, "registered_within"), share_within(working_s[rows], within_s))
    return found


def _groups(legs: Legs, names: Names) -> Iterator[tuple[Path, Bools]]:
    """Give path and legs of each flow, and of each flow and recipient level."""
    levels = list(dict.fromkeys(level for level in names.levels if level))
    number = np.array([levels.index(level) if level else -1 for level in names.levels] or [-1])
    level_of = number[legs.recipient]
    for index, flow in enumerate(names.flows):
        mine = legs.flow == index
        yield ("by_flow", flow), mine
        for at, level in enumerate(levels):
            yield ("by_flow_level", flow, level), mine & (level_of == at)


def _note(found: Reach, path: Path, shares: Floats) -> None:
    for days, share in zip(WITHIN_WORKING_DAYS, shares.tolist(), strict=True):
        found.shares[*path, str(days)] = share
