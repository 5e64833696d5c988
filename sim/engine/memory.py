"""What the alternatives of one replication have in common, so that it is worked out once.

Rule kept here: what is remembered depends on its key alone; with a memory or without, results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from sim.calendars import WorkingTime
from sim.observations import Floats

BYTES_MAX = 256 * 2**20  # of drawn times; beyond it, in very long runs, they are drawn again


class Memory:
    """Drawn times and people's calendars of one replication of one workload.

    Args:
        bytes_max: Bytes of drawn times that are kept.
    """

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._left = bytes_max
        self._times: dict[Hashable, Floats] = {}
        self._duties: dict[Hashable, WorkingTime] = {}

    def times(self, key: Hashable, draw: Callable[[], Floats]) -> Floats:
        """Return drawn times; whoever gets them must not change them.

        Args:
            key: All that they depend on.
            draw: Draws them.
        """
        known = self._times.get(key)
        if known is None:
            known = draw()
            if known.nbytes <= self._left:
                self._left -= known.nbytes
                self._times[key] = known
        return known

    def duty(self, key: Hashable, make: Callable[[], WorkingTime]) -> WorkingTime:
        """Return when somebody is on duty.

        Args:
            key: All that it depends on.
            make: Works it out.
        """
        known = self._duties.get(key)
        if known is None:
            known = self._duties[key] = make()
        return known
