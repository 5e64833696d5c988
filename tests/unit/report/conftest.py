"""Pages rendered once for all tests of the report."""

from __future__ import annotations

import pytest

from sim.report import render
from tests.unit.report import fixtures
from tests.unit.report.pages import Page


@pytest.fixture(scope="session")
def english() -> Page:
    """The report of the made-up run in English."""
    return Page(render(fixtures.summary(), fixtures.manifest()))


@pytest.fixture(scope="session")
def vietnamese() -> Page:
    """The same in Vietnamese."""
    return Page(render(fixtures.summary(), fixtures.manifest(), language="vi"))
