"""What the server tells its operator: one JSON object on a line for each thing that happened.

Rule kept here: a line has names, codes, times and numbers; it never has a key, a signature or the contents of a
document, and of an unexpected error it has the kind and the place, because nobody knows what its text quotes.
"""

from __future__ import annotations

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


def _kind(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name} {error.strerror}" if isinstance(error, OSError) and error.strerror else name


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    return " > ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames)
