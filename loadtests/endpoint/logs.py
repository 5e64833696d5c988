"""What the server tells its operator: one JSON object on a line for each thing that happened.

Rule kept here: a line has names, codes, times and numbers; it never has a key, a signature or the contents of a
document, and of an unexpected error it has the kind and the place, because nobody knows what its text quotes.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

Value = str | int | float | bool | None
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FRAMES_MAX: Final = 12
"""Of a traceback, the last calls: enough to find the fault, few enough for one line."""


class Log:
    """Writes lines.

    Args:
        write: Takes a whole line, with its end.
        clock: The time, s since the epoch, UTC.
    """

    __slots__ = ("_clock", "_write")

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._write = write
        self._clock = clock

    def tell(self, event: str, **values: Value) -> None:
        """Write that something happened; what is None is left out.

        Args:
            event: What happened, a slug.
            values: What is known about it.
        """
        line: dict[str, Value] = {"time": round(self._clock(), 3), "event": event}
        line |= {name: value for name, value in values.items() if value is not None}
        self._write(_ENCODE(line) + "\n")

    def fault(self, event: str, error: BaseException, **values: Value) -> None:
        """Write of an error that nobody expected: its kind and where it came from."""
        self.tell(event, error=_kind(error), where=_where(error), **values)


class Lines:
    """Collects lines for one turn of the event loop: writing each on its own costs more than making it.

    Args:
        write: Takes one or more whole lines.
    """

    __slots__ = ("_waiting", "_write")

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._waiting: list[str] = []

    def __call__(self, line: str) -> None:
        """Write the line soon; at once where no loop runs."""
        self._waiting.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            if len(self._waiting) == 1:
                loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is left; asked once more when the loop has ended."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._write("".join(waiting))


def _kind(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name} {error.strerror}" if isinstance(error, OSError) and error.strerror else name


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    return " > ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames)
