"""Databases for the tests of the exchange: every test that asks for ``database_url`` runs over each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.endpoint.store.base import Store
from loadtests.endpoint.store.opening import open_store
from tests.integration.exchange.databases import Postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests of this process; who stops it starts it again."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Postgres]:
    """The PostgreSQL server, to be stopped and started at will; it runs again afterwards."""
    yield postgres_server
    if not postgres_server.running:
        postgres_server.start()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database for ``open_store``: a path, or ``postgresql://…``."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite3")
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store on each database."""
    opened = open_store(database_url)
    yield opened
    opened.close()
