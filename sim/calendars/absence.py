"""Which working days a person is away.

The rule of this file: each day uses its own uniform number, so that a changed parameter changes as few days
as possible and never shifts the draw of another day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError


def away_days(
    present_days: Sequence[int], u: NDArray[np.float64], share: float, spell_days: float
) -> NDArray[np.bool_]:
    """Draw the days a person is away, as a two-state Markov chain over working days.

    Args:
        present_days: Day offsets on which the person would work, ascending.
        u: One uniform number in [0, 1) per entry of ``present_days``; the small ones mean away.
        share: Long-run share of working days away, in [0, 1).
        spell_days: Mean length of a spell of absence in working days, at least 1.

    Returns:
        One flag per entry of ``present_days``: true when away. The first day follows the stationary law.

    Raises:
        InputError: ``E-ABSENCE`` a parameter is out of range, or spells this short cannot fill this share.
        ValueError: There is not one uniform number per day.
    """
    if len(u) != len(present_days):
        raise ValueError(f"found {len(u)} uniform numbers for {len(present_days)} days")
    if not 0 <= share < 1:
        raise InputError("E-ABSENCE", f"found an away share of {share}", "use a share from 0 to below 1")
    if not 1 <= spell_days < np.inf:
        raise InputError(
            "E-ABSENCE", f"found spells of {spell_days} working days", "use 1 working day or more"
        )
    stay = 1 - 1 / spell_days
    leave = share / ((1 - share) * spell_days)
    # Half of the days in spells of one day is possible; its probability may come out one rounding above 1.
    if leave > 1 + 1e-9:
        raise InputError(
            "E-ABSENCE",
            f"found an away share of {share} in spells of {spell_days} working days, which cannot be reached",
            f"use spells of at least {share / (1 - share):.3g} working days, or a smaller share",
        )
    away = np.empty(len(u), dtype=np.bool_)
    chance = share
    for day, draw in enumerate(u.tolist()):
        away[day] = gone = draw < chance
        chance = stay if gone else leave
    return away
