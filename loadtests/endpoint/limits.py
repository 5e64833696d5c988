"""How much is taken at a time, and from whom: the places for requests in flight, and each agency's quota.

Rule kept here: who is sent away because of load learns when to come again, and has cost nothing but that answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from loadtests.exchange.errors import Refusal


class Postponed(Refusal):
    """Not now: the same request may succeed later.

    Args:
        code: A retryable code.
        message: What was found.
        hint: What would be right.
        retry_after_s: When to come again, whole s, at least 1.
    """

    def __init__(self, code: str, message: str, hint: str, retry_after_s: int) -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, hint, retry_after_s)
        self.retry_after_s = retry_after_s


class Places:
    """Places for requests in flight; used on one event loop.

    Args:
        most: How many there are, at least 1.
        retry_after_s: When to come again where none is free.
    """

    __slots__ = ("_most", "_retry_after_s", "taken")

    def __init__(self, most: int, retry_after_s: int) -> None:
        self._most = most
        self._retry_after_s = retry_after_s
        self.taken = 0

    def take(self) -> None:
        """Take a place; whoever took one gives it back with ``leave``.

        Raises:
            Postponed: ``too-many-in-flight``.
        """
        if self.taken >= self._most:
            found = f"{self.taken} requests are being taken"
            raise Postponed("too-many-in-flight", found, "send it again later", self._retry_after_s)
        self.taken += 1

    def leave(self) -> None:
        """Give the place back."""
        self.taken -= 1


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Quotas:
    """A token bucket for each agency; asked only about registered ones, so that it holds no more than these.

    Args:
        per_s: Requests per second in the long run, above 0.
        burst: Requests at once, at least 1.
        clock_s: A clock that never goes back, s.
    """

    __slots__ = ("_buckets", "_burst", "_clock_s", "_per_s")

    def __init__(self, per_s: float, burst: int, clock_s: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock_s = clock_s
        self._buckets: dict[str, _Bucket] = {}

    def take(self, agency: str) -> None:
        """Count one request of this agency.

        Raises:
            Postponed: ``too-many-requests``; nothing was counted.
        """
        now_s = self._clock_s()
        bucket = self._buckets.get(agency)
        if bucket is None:
            bucket = self._buckets[agency] = _Bucket(self._burst, now_s)
        bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.at_s) * self._per_s)
        bucket.at_s = now_s
        if bucket.tokens < 1:
            after_s = max(1, math.ceil((1 - bucket.tokens) / self._per_s))
            found = f"{agency} sends more than {self._per_s:g} requests per second"
            raise Postponed("too-many-requests", found, f"send it again after {after_s} s", after_s)
        bucket.tokens -= 1
