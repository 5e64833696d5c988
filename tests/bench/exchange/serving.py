"""The exchange as the bench runs it: the real server in a process of its own, perhaps with a slower disk.

python -m tests.bench.exchange.serving --data DIR --port 8901 [--database URL] [--sync-s 0.001] [--profile OUT]
"""

from __future__ import annotations

import argparse
import cProfile
import time
from pathlib import Path
from typing import Any

from loadtests.endpoint import server
from loadtests.endpoint.settings import Settings
from loadtests.endpoint.store import opening
from loadtests.endpoint.store.base import Store
from loadtests.exchange.records import Group


def slower(store: Store, sync_s: float) -> Store:
    """The store with commits that take so much longer: a disk that takes longer to sync."""
    commit = store.commit

    def later(group: Group) -> None:
        commit(group)
        time.sleep(sync_s)

    store.commit = later  # type: ignore[method-assign] # only here, and only to wait
    return store


def main() -> None:
    """Serve until SIGTERM."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--database")
    options.add_argument("--sync-s", type=float, default=0.0)
    options.add_argument("--verifiers", type=int, default=0)
    options.add_argument("--profile", type=Path)
    given = options.parse_args()
    if given.sync_s:
        opened = opening.open_store

        def open_slower(*arguments: Any, **named: Any) -> Store:
            return slower(opened(*arguments, **named), given.sync_s)

        vars(server)["open_store"] = open_slower
    settings = Settings(
        data=given.data,
        database=given.database,
        port=given.port,
        verifiers=given.verifiers,
        agency_per_s=1e9,  # the bench measures the server, not its quotas
        agency_burst=10**9,
    )
    if given.profile is None:
        server.serve(settings)
        return
    profile = cProfile.Profile()
    profile.runcall(server.serve, settings)
    profile.dump_stats(given.profile)


if __name__ == "__main__":
    main()
