"""Places for requests in flight, and quotas of agencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadtests.endpoint.limits import Places, Postponed, Quotas
from tests.unit.loadtests.endpoint.servers import Clock

if TYPE_CHECKING:
    from collections.abc import Callable


def postponed(call: Callable[[], None]) -> Postponed:
    """What a call is refused with."""
    with pytest.raises(Postponed) as caught:
        call()
    return caught.value


def test_places_end() -> None:
    """Who comes when all places are taken is told when to come again; a place given back can be taken."""
    places = Places(2, retry_after_s=3)
    places.take()
    places.take()
    refusal = postponed(places.take)
    assert (refusal.code, refusal.retry_after_s) == ("too-many-in-flight", 3)
    places.leave()
    places.take()
    assert places.taken == 2


def test_quota_refills() -> None:
    """After a burst an agency goes on at its rate, and is told how long to wait."""
    clock = Clock(0)
    quotas = Quotas(per_s=0.5, burst=2, clock_s=clock)
    quotas.take("A")
    quotas.take("A")
    refusal = postponed(lambda: quotas.take("A"))
    assert (refusal.code, refusal.retry_after_s) == ("too-many-requests", 2)
    clock.now = 2
    quotas.take("A")
    postponed(lambda: quotas.take("A"))


def test_quota_is_ones_own() -> None:
    """One agency's quota does not cost another one anything."""
    quotas = Quotas(per_s=1, burst=1, clock_s=Clock(0))
    quotas.take("A")
    quotas.take("B")


def test_quota_does_not_grow_without_end() -> None:
    """Who sent nothing for a year may send one burst, not a year's worth."""
    clock = Clock(0)
    quotas = Quotas(per_s=1, burst=2, clock_s=clock)
    quotas.take("A")
    clock.now = 1e7
    quotas.take("A")
    quotas.take("A")
    postponed(lambda: quotas.take("A"))


def test_postponed_is_rebuilt_from_its_arguments() -> None:
    """A copy made from ``args`` still says when to come again."""
    refusal = Postponed("too-many-requests", "found", "hint", 7)
    assert type(refusal)(*refusal.args).retry_after_s == 7
