"""Desks that are closed at the end of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.loadtests.locustfiles.standin import Desk

MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk() -> Iterator[MakeDesk]:
    """Make desks."""
    made: list[Desk] = []

    def make(*what: Any, **how: Any) -> Desk:
        made.append(Desk(*what, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()
