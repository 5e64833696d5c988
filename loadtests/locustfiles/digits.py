"""Response times as Locust counts them: rounded to three significant digits.

Rule kept here: rounding costs at most half a per cent; Locust's own costs up to 4.8 %, which lets an objective
pass that was missed (reference/load-testing.md §0.5).
"""

from __future__ import annotations

import math
from typing import Final

DIGITS: Final = 3


def three_digits(response_time: float) -> float:
    """A response time in ms, rounded: in place of ``locust.stats.bucket_response_time``."""
    if response_time <= 0:
        return 0
    digits = DIGITS - 1 - math.floor(math.log10(response_time))
    return round(response_time, digits) if digits > 0 else int(round(response_time, digits))
