"""The reference exchange as a load run starts it: the real server, its quotas for single agencies lifted.

Rule kept here: nothing but quotas differs from ``congvan serve``: a run measures the server, not what it allows one
agency, and a few agencies may stand for hundreds.

    python -m loadtests.adapters.servers.reference_server --data DIR --port 0 [--database URL]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from loadtests.adapters.servers.saying import end_with_stdin, open_many_files, say_ready
from loadtests.endpoint import server
from loadtests.endpoint.settings import Settings

UNBOUNDED: Final = 10**9


def options(description: str | None) -> argparse.ArgumentParser:
    """What every exchange of ours takes on its command line."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument(
        "--data", type=Path, required=True, help="data directory, as `making.make_exchange` makes it"
    )
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=0, help="0 for any that is free")
    made.add_argument("--database", help="postgresql://…; without it SQLite in the data directory")
    made.add_argument("--in-flight", type=int, default=256, help="submissions and reports at a time (503)")
    made.add_argument("--connections", type=int, default=4096, help="open connections")
    made.add_argument("--while-stdin", action="store_true", help="end with the standard input")
    return made


def settings_of(given: argparse.Namespace) -> Settings:
    """The settings of a server under load."""
    return Settings(
        data=given.data,
        database=given.database,
        host=given.host,
        port=given.port,
        in_flight_max=given.in_flight,
        connections_max=given.connections,
        agency_per_s=float(UNBOUNDED),
        agency_burst=UNBOUNDED,
        requests_per_agency_max=UNBOUNDED,
    )


def run(given: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    open_many_files()
    if given.while_stdin:
        end_with_stdin()
    server.serve(settings_of(given), say_ready)


def main() -> None:
    """Serve as the command line says."""
    run(options(__doc__).parse_args())


if __name__ == "__main__":
    main()
