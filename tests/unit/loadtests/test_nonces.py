"""A signed request counts once: while its window lasts, after it, after a restart and when clocks jump."""

from __future__ import annotations

import pytest

from loadtests.exchange.errors import Refusal
from loadtests.exchange.nonces import NONCE_CHARS_MAX, NONCE_CHARS_MIN, Nonces, Window

WINDOW = Window(lifetime_s=300, skew_s=5, per_agency_max=3)
NOW = 1_000_000
AGENCY = "000.00.00.H49"
NEVER = 0


def nonce(number: int) -> str:
    """A nonce of the right length."""
    return f"nonce-{number:020d}"


def take(nonces: Nonces, number: int, created_at: int, now: int, agency: str = AGENCY) -> None:
    """Take a request that lasts as long as the window."""
    nonces.take(agency, nonce(number), created_at=created_at, expires_at=created_at + 300, now=now)


def refusal(nonces: Nonces, number: int, created_at: int, now: int, agency: str = AGENCY) -> str:
    """Code with which the request is refused."""
    with pytest.raises(Refusal) as caught:
        take(nonces, number, created_at, now, agency)
    return caught.value.code


def test_a_request_counts_once_as_long_as_it_could_be_used() -> None:
    """At once, and in the last second of its window."""
    nonces = Nonces(WINDOW, NEVER)
    take(nonces, 1, NOW, NOW)
    assert refusal(nonces, 1, NOW, NOW) == "nonce-replayed"
    assert refusal(nonces, 1, NOW, NOW + 299) == "nonce-replayed"
    assert refusal(nonces, 1, NOW, NOW + 300) == "request-expired"


def test_a_nonce_with_another_creation_time_is_the_same_nonce() -> None:
    """Whoever signs twice with one nonce is refused the second time."""
    nonces = Nonces(WINDOW, NEVER)
    take(nonces, 1, NOW, NOW)
    assert refusal(nonces, 1, NOW + 1, NOW + 1) == "nonce-replayed"


def test_agencies_do_not_share_nonces() -> None:
    """What one has used is free for another."""
    nonces = Nonces(WINDOW, NEVER)
    take(nonces, 1, NOW, NOW)
    take(nonces, 1, NOW, NOW, agency="000.00.01.H49")
    assert nonces.remembered(AGENCY) == nonces.remembered("000.00.01.H49") == 1
    assert nonces.remembered("000.00.02.H49") == 0


def test_times_outside_the_window_are_refused_at_their_edges() -> None:
    """Five seconds ahead are allowed, six are not; the age is bounded, and so is the request's own end."""
    nonces = Nonces(WINDOW, NEVER)
    take(nonces, 1, NOW + 5, NOW)
    assert refusal(nonces, 2, NOW + 6, NOW) == "request-from-the-future"
    nonces.take(AGENCY, nonce(3), created_at=NOW - 300, expires_at=NOW + 1, now=NOW)
    assert refusal(nonces, 4, NOW - 301, NOW) == "request-expired"
    with pytest.raises(Refusal) as caught:
        nonces.take(AGENCY, nonce(5), created_at=NOW - 1, expires_at=NOW, now=NOW)
    assert caught.value.code == "request-expired"


@pytest.mark.parametrize("length", [0, NONCE_CHARS_MIN - 1, NONCE_CHARS_MAX + 1])
def test_a_nonce_has_a_bounded_length(length: int) -> None:
    """Too short would be guessed, too long would fill the memory."""
    with pytest.raises(Refusal) as caught:
        Nonces(WINDOW, NEVER).take(AGENCY, "x" * length, created_at=NOW, expires_at=NOW + 300, now=NOW)
    assert caught.value.code == "nonce-invalid"


def test_a_full_memory_refuses_its_own_agency_until_requests_grow_old() -> None:
    """Nothing is forgotten to make room, and no other agency notices."""
    nonces = Nonces(WINDOW, NEVER)
    for number in range(3):
        take(nonces, number, NOW + number, NOW + number)
    assert refusal(nonces, 3, NOW + 3, NOW + 3) == "too-many-requests"
    assert nonces.remembered(AGENCY) == 3
    take(nonces, 3, NOW + 3, NOW + 3, agency="000.00.01.H49")
    assert refusal(nonces, 0, NOW, NOW + 3) == "nonce-replayed"
    take(nonces, 4, NOW + 301, NOW + 301)
    assert nonces.remembered(AGENCY) == 3


def test_what_was_refused_is_not_remembered() -> None:
    """The same request counts when it is in order."""
    nonces = Nonces(WINDOW, NEVER)
    assert refusal(nonces, 1, NOW + 6, NOW) == "request-from-the-future"
    take(nonces, 1, NOW + 6, NOW + 1)


def test_after_a_restart_nothing_created_before_counts() -> None:
    """Not even what a client with a fast clock signed just before: it may have been answered already."""
    before = Nonces(WINDOW, NEVER)
    take(before, 1, NOW + 5, NOW)
    after = Nonces(WINDOW, WINDOW.horizon_of_start(NOW))
    assert refusal(after, 1, NOW + 5, NOW) == "request-expired"
    assert refusal(after, 1, NOW + 5, NOW + 200) == "request-expired"
    assert refusal(after, 2, NOW - 1, NOW) == "request-expired"
    take(after, 2, NOW + 6, NOW + 1)


def test_a_clock_that_jumps_ahead_and_back_lets_no_replay_through() -> None:
    """What was forgotten during the jump stays refused, and new requests count."""
    nonces = Nonces(WINDOW, NEVER)
    take(nonces, 1, NOW, NOW)
    take(nonces, 2, NOW + 3600, NOW + 3600)
    assert nonces.remembered(AGENCY) == 1
    assert refusal(nonces, 1, NOW, NOW + 10) == "request-expired"
    take(nonces, 3, NOW + 10, NOW + 10)


@pytest.mark.parametrize(("lifetime_s", "skew_s", "per_agency_max"), [(0, 5, 1), (300, -1, 1), (300, 5, 0)])
def test_a_window_without_extent_is_a_fault_of_the_program(
    lifetime_s: int, skew_s: int, per_agency_max: int
) -> None:
    """It would refuse everything or remember nothing."""
    with pytest.raises(ValueError, match="no such window"):
        Window(lifetime_s, skew_s, per_agency_max)
