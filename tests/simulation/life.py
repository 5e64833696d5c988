"""The life of a program: what it does at the same time, and its end between any two steps.

Rule kept here: after the end nothing of the program acts any more; all it had in memory goes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

Doing = Generator[simpy.Event, Any, Any]


class Killed(BaseException):
    """The program ends here; no ``Exception``, because nothing of the program may catch it."""


class Life:
    """All that one run of a program does.

    Args:
        env: Time.
        steps: It is killed at this step; 0 for a life without end.
        at: Only steps of this name are counted; None for all.
        ended: Told when it was killed.
    """

    def __init__(self, env: simpy.Environment, steps: int, at: str | None, ended: Callable[[], None]) -> None:
        self._env = env
        self._at = at
        self._steps_left = steps
        self._ended = ended
        self._doing: dict[int, Doing] = {}
        self._count = 0
        self.alive = True

    def step(self, name: str) -> None:
        """One step more.

        Raises:
            Killed: It was the last one.
        """
        self._steps_left -= self._at in {None, name}
        if self._steps_left == 0 and self._at in {None, name}:
            raise Killed

    def do(self, doing: Doing) -> None:
        """Begin to do something beside all the rest."""
        self._count += 1
        self._env.process(self._run(self._count, doing))

    def _run(self, number: int, doing: Doing) -> Doing:
        if not self.alive:
            return
        self._doing[number] = doing
        try:
            event = next(doing)
            while True:
                value = yield event
                if not self.alive:
                    return
                event = doing.send(value)
        except StopIteration:
            return
        except Killed:
            self._doing.pop(number)
            self._end()
        finally:
            self._doing.pop(number, None)

    def _end(self) -> None:
        self.alive = False
        for doing in list(self._doing.values()):
            doing.close()
        self._ended()
