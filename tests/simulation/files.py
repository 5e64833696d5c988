"""Files on a disk that forgets: a file needs its bytes synced and its name synced to be there for good.

Rule kept here: a failed sync loses what it should have kept, for good; a later sync that succeeds proves nothing
about it (as Linux does it since 2018, and as it did before).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import simpy

from tests.simulation.database import DiskFull, StoreFault, Weather
from tests.simulation.trace import Trace


def blob(digest: bytes) -> str:
    """The name of the file with this digest."""
    return f"blobs/{digest.hex()}"


def digest_of(name: str) -> bytes:
    """The digest that a file is named after."""
    return bytes.fromhex(name.removeprefix("blobs/"))


@dataclass(slots=True, eq=False)
class _Inode:
    content: bytes
    written_at: int
    synced: bool = False
    lost: bool = False


class Files:
    """One folder of files; outlives the programs that use it.

    Args:
        env: Time.
        weather: What is wrong.
        trace: Told what fails.
    """

    def __init__(self, env: simpy.Environment, weather: Weather, trace: Trace) -> None:
        self._env = env
        self._weather = weather
        self._trace = trace
        self._seen: dict[str, _Inode] = {}
        self._durable: dict[str, _Inode] = {}
        self._asked = 0
        self._done = 0

    def write(self, name: str, content: bytes, at: int) -> None:
        """Make a file.

        Args:
            name: Its name.
            content: Its bytes.
            at: The time of day, for its age.

        Raises:
            DiskFull: There is no room.
        """
        if self._weather.full:
            self._trace.note("disk-full")
            raise DiskFull("no room for a file")
        self._seen[name] = _Inode(content, at)

    def sync(self, name: str) -> Generator[simpy.Event, Any, None]:
        """Make the bytes of a file durable.

        Raises:
            StoreFault: They are not, and never will be.
        """
        inode = self._seen[name]
        yield self._pause()
        if self._weather.strikes(self._weather.odds.sync_fails):
            self._trace.note("file-sync-failed", name)
            inode.lost = True
            raise StoreFault("the sync of a file failed")
        inode.synced = True

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in place of the file that has it."""
        self._seen[new] = self._seen.pop(old)

    def sync_folder(self) -> Generator[simpy.Event, Any, None]:
        """Make the names of all files durable.

        Raises:
            StoreFault: They are not.
        """
        names = dict(self._seen)
        self._asked += 1
        turn = self._asked
        yield self._pause()
        if self._weather.strikes(self._weather.odds.sync_fails):
            self._trace.note("folder-sync-failed")
            raise StoreFault("the sync of the folder failed")
        if turn > self._done:  # else one that was asked later has ended earlier, with more names
            self._durable, self._done = names, turn

    def unlink(self, name: str) -> None:
        """Remove a file, if it is there."""
        self._seen.pop(name, None)

    def read(self, name: str) -> bytes | None:
        """What a program sees in a file."""
        inode = self._seen.get(name)
        return inode.content if inode else None

    def durable(self, name: str) -> bytes | None:
        """What would be there if the power were cut now; None where that is not certain."""
        either = (self._durable.get(name), self._seen.get(name))
        contents = {inode.content if inode and inode.synced and not inode.lost else None for inode in either}
        return contents.pop() if len(contents) == 1 else None

    def names(self) -> Iterator[tuple[str, int]]:
        """All names, with the time of day of their writing."""
        yield from ((name, inode.written_at) for name, inode in sorted(self._seen.items()))

    def program_ended(self, *, power: bool) -> None:
        """The program is gone; with the power goes what was not synced, or a part of it, or nothing."""
        if not power:
            return
        rng, after = self._weather.rng, dict[str, _Inode]()
        for name in sorted(self._seen.keys() | self._durable.keys()):
            inode = rng.choice((self._seen.get(name), self._durable.get(name)))
            if inode is not None:
                after[name] = self._survived(inode)
        self._seen, self._durable = dict(after), after

    def _survived(self, inode: _Inode) -> _Inode:
        content = inode.content
        if inode.lost or not inode.synced:
            length = self._weather.rng.choice((0, len(content) // 2, len(content)))
            self._trace.note("file-torn", len(content), "to", length)
            content = content[:length]
        return _Inode(content, inode.written_at, synced=True)

    def _pause(self) -> simpy.Event:
        return self._env.timeout(self._weather.rng.expovariate(1 / self._weather.odds.sync_s_mean))
