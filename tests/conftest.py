"""What tests of every room share."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="class")
def full_speed() -> Iterator[None]:
    """Take a coverage tracer off where whole scenarios are loaded or run: it makes them four times slower.

    The marker ``no_cover`` does not do it in workers of pytest-xdist.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
