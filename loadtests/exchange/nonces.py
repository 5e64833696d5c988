"""Which signed requests were seen before: a window of nonces per agency, bounded in time and in memory.

Rule kept here: a request that cannot be told from a replay is refused. What is forgotten, because it grew old
or because the server was started again, moves a horizon, and nothing created up to the horizon is taken.

Ask only after the request's signature was checked: then the agencies are those of the registry, and nobody
can fill another's memory. One thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from loadtests.exchange.errors import Refusal

NONCE_CHARS_MIN: Final = 16
"""Characters of a nonce: 96 random bits in base64url, so that two honest requests never share one."""
NONCE_CHARS_MAX: Final = 64
"""Characters of a nonce: bounds what one remembered request costs in memory."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long a signed request may be used.

    Args:
        lifetime_s: Seconds from its creation, at least 1.
        skew_s: Seconds by which a client's clock may be ahead of ours, at least 0.
        per_agency_max: Requests of one agency remembered at a time, at least 1; further ones are refused until
            earlier ones have grown old.
    """

    lifetime_s: int
    skew_s: int
    per_agency_max: int

    def __post_init__(self) -> None:
        if self.lifetime_s < 1 or self.skew_s < 0 or self.per_agency_max < 1:
            raise ValueError(f"no such window: {self}")

    def horizon_of_start(self, started_at: int) -> int:
        """The horizon of a server that starts and remembers nothing.

        A client whose clock is ahead may have been answered just before, by a server that ran until now, for a
        request created up to ``skew_s`` after now; so the horizon lies that much after the start.

        Args:
            started_at: The start; where the clock may have been set back, the latest time this server is known
                to have signed (that of its last checkpoint), if that is later.
        """
        return started_at + self.skew_s


@dataclass(slots=True)
class _Seen:
    """One agency's requests: ``times`` by nonce, ``oldest`` as a heap of the same pairs."""

    horizon: int
    times: dict[str, int] = field(default_factory=dict)
    oldest: list[tuple[int, str]] = field(default_factory=list)


class Nonces:
    """The requests that were taken and might come again.

    Args:
        window: How long requests may be used.
        horizon: Nothing created at or before this time is taken: ``Window.horizon_of_start`` after a start, or
            less (such as 0) where no earlier server can have taken any request.
    """

    __slots__ = ("_agencies", "_horizon", "_window")

    def __init__(self, window: Window, horizon: int) -> None:
        self._window = window
        self._horizon = horizon
        self._agencies: dict[str, _Seen] = {}

    def take(self, agency: str, nonce: str, *, created_at: int, expires_at: int, now: int) -> None:
        """Take a request once; whatever raises has changed nothing but what grew old.

        Args:
            agency: Code of the registered agency that signed the request.
            nonce: Made by the client, ``NONCE_CHARS_MIN`` to ``NONCE_CHARS_MAX`` characters.
            created_at: When it was signed, by the client's clock.
            expires_at: Until when (exclusive) the client wants it to count.
            now: Our clock. It may jump: what is forgotten after a jump ahead stays refused.

        Raises:
            Refusal: ``nonce-invalid`` for its length, ``request-from-the-future``, ``request-expired``,
                ``nonce-replayed``, ``too-many-requests`` when the agency's memory is full.
        """
        if not NONCE_CHARS_MIN <= len(nonce) <= NONCE_CHARS_MAX:
            raise Refusal(
                "nonce-invalid",
                f"found a nonce of {len(nonce)} characters",
                f"{NONCE_CHARS_MIN} to {NONCE_CHARS_MAX} random ones",
            )
        window = self._window
        if created_at > now + window.skew_s:
            raise Refusal(
                "request-from-the-future",
                f"the request was created {created_at - now} s ahead of our clock",
                f"set the clock; {window.skew_s} s are allowed",
            )
        seen = self._agencies.get(agency) or _Seen(self._horizon)
        _forget(seen, before=now - window.lifetime_s)
        if created_at < now - window.lifetime_s or expires_at <= now:
            raise Refusal(
                "request-expired",
                f"the request was created {now - created_at} s ago, its end is {expires_at - now} s from now",
                f"sign it again; it may be used for {window.lifetime_s} s",
            )
        if nonce in seen.times:
            raise Refusal("nonce-replayed", "this request was taken before", "sign every request anew")
        if created_at <= seen.horizon:
            raise Refusal(
                "request-expired",
                f"requests created up to {seen.horizon} are forgotten; this one was created at {created_at}",
                "sign it again, with a new creation time",
            )
        if len(seen.times) >= window.per_agency_max:
            raise Refusal(
                "too-many-requests",
                f"{len(seen.times)} requests of this agency are still in their window",
                f"send at most {window.per_agency_max} in {window.lifetime_s} s",
            )
        seen.times[nonce] = created_at
        heappush(seen.oldest, (created_at, nonce))
        self._agencies[agency] = seen

    def remembered(self, agency: str) -> int:
        """How many requests of an agency are remembered now, 0 to ``per_agency_max``."""
        seen = self._agencies.get(agency)
        return len(seen.times) if seen else 0


def _forget(seen: _Seen, *, before: int) -> None:
    while seen.oldest and seen.oldest[0][0] < before:
        created_at, nonce = heappop(seen.oldest)
        del seen.times[nonce]
        seen.horizon = created_at  # nothing at or below the horizon was ever taken, so it only rises
