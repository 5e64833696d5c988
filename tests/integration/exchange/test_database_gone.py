"""PostgreSQL goes away under an exchange that is at work: a clear answer meanwhile, and no restart afterwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.integration.exchange.aftermath import require_growing, require_sound
from tests.integration.exchange.crashing import Place, until
from tests.integration.exchange.crowd import Crowd, Ledger, at_work
from tests.integration.exchange.databases import Postgres

pytestmark = pytest.mark.usefixtures("full_speed")

MEANWHILE = {(503, "store-unavailable", True)}
ALWAYS = {(409, "message-in-flight", True), (401, "request-expired", False)}


@pytest.mark.parametrize("how", [Postgres.stop, Postgres.kill], ids=["stopped", "crashed"])
def test_the_database_goes_and_comes_back(
    postgres: Postgres, tmp_path: Path, how: Callable[[Postgres], None]
) -> None:
    """Clients at work are told to come again, and have all their receipts from the same process afterwards."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", postgres.create()) as place:
        server = place.start().ready()
        with Crowd(place, ledger) as crowd:
            for _ in range(2):
                crowd.receipts(20)
                refused = ledger.problems.total()
                how(postgres)
                until(partial(more_are_refused, ledger, refused), "clients that are refused")
                postgres.start()
                crowd.receipts(20)
        assert set(ledger.problems) - ALWAYS == MEANWHILE
        require_growing(place, ledger)
        assert server.end() == 0
        require_sound(place, ledger)


def more_are_refused(ledger: Ledger, before: int) -> bool:
    """Whether clients have seen problems since."""
    return ledger.problems.total() > before + 20


def test_what_is_told_while_the_database_is_away(postgres: Postgres, tmp_path: Path) -> None:
    """Alive but not ready, every question that needs the database is refused as one that may be asked again."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", postgres.create()) as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        sent = worker.submit(worker.letter(10))
        with httpx.Client(base_url=place.url, trust_env=False) as http:
            until(lambda: http.get("/readyz").status_code == 200, "an exchange that is ready")
            postgres.stop()
            assert http.get("/healthz").status_code == 200
            for path in ("/readyz", "/v1/log/checkpoint", "/v1/log/leaves/0"):
                answer = http.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable"), path
                assert answer.json()["retryable"]
                assert int(answer.headers["retry-after"]) >= 1
            assert http.get("/v1/agencies").status_code == 200
            postgres.start()
            until(lambda: http.get("/readyz").status_code == 200, "an exchange that is ready again")
        assert worker.submit(worker.letter(10)).evidence.log != sent.evidence.log
        assert server.end() == 0
        require_sound(place, ledger)


def test_stopping_while_the_database_is_away(postgres: Postgres, tmp_path: Path) -> None:
    """An exchange whose database is away ends at SIGTERM as always; started again with it, nothing is missing."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", postgres.create()) as place:
        with Crowd(place, ledger) as crowd:
            server = place.start().ready()
            crowd.receipts(20)
            postgres.stop()
            assert server.end() == 0
            postgres.start()
            server = place.start().ready()
            crowd.receipts(20)
        assert server.end() == 0
        require_sound(place, ledger)
