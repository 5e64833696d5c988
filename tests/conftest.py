"""What tests of every room share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


def _untraced() -> Iterator[None]:
    """Take a coverage tracer off where whole scenarios are loaded or run: it makes them four times slower.

    The marker ``no_cover`` does not do it in workers of pytest-xdist.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


full_speed = pytest.fixture(_untraced, scope="class", name="full_speed")
"""For a class or one test."""

module_at_full_speed = pytest.fixture(_untraced, scope="module", name="module_at_full_speed")
"""For a whole module and the fixtures that its tests share."""
