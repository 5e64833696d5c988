"""What happened in a run, line by line, and the one error that says a promise was broken.

Rule kept here: the trace is a function of the seed alone, so that its digest tells whether two runs were the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import simpy

from loadtests.exchange.errors import Refusal


class Violation(AssertionError):  # noqa: N818 - what a run is for
    """A promise of the exchange was broken; the message says which, and where."""


class Trace:
    """Lines of what happened, in order.

    Args:
        env: Whose time stands before each line.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._lines: list[tuple[float, str, tuple[object, ...]]] = []
        self.counts: Counter[str] = Counter()

    def note(self, what: str, *about: object) -> None:
        """One line; ``what`` is counted."""
        self.counts[what] += 1
        self._lines.append((self._env.now, what, about))

    def text(self) -> str:
        """All lines: time in s, what, and about what."""
        return "\n".join(f"{at:10.4f} {what:22} {_told(about)}" for at, what, about in self._lines)

    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text().encode()).hexdigest()


def _told(about: tuple[object, ...]) -> str:
    return " ".join(sha256(one).hexdigest()[:12] if isinstance(one, bytes) else str(one) for one in about)


@contextmanager
def promised(promise: str, *about: object) -> Iterator[None]:
    """What is refused inside breaks a promise.

    Raises:
        Violation: Something was refused.
    """
    try:
        yield
    except Refusal as refusal:
        raise Violation(f"{promise}: {_told(about)}: {refusal}") from None


def require(holds: bool, promise: str, *about: object) -> None:
    """Return if a promise holds.

    Raises:
        Violation: It does not.
    """
    if not holds:
        raise Violation(f"{promise}: {_told(about)}")
