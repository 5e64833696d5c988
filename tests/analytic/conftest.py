"""Results that several tests of this folder look at, simulated once."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.analytic.through import Results, at_full_speed

Once: TypeAlias = Callable[[str, Callable[[], Results]], Results]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Return results by name, simulating them if nobody has; workers of one test run share them."""
    own: Path = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "analytic-results"
    folder.mkdir(exist_ok=True)
    known: dict[str, Results] = {}

    def of(name: str, simulate: Callable[[], Results]) -> Results:
        if name not in known:
            path = folder / f"{name}.pickle"
            if not path.exists():
                with at_full_speed():
                    found = simulate()
                part = path.with_suffix(f".{os.getpid()}")
                part.write_bytes(pickle.dumps(found))
                part.replace(path)
            known[name] = pickle.loads(path.read_bytes())
        return known[name]

    return of
