"""A small TCP proxy on loopback, in a process of its own, that makes a network slow or cuts it when it is told to.

Rule kept here: bytes pass in order and unchanged; ``slow`` holds back what clients send, so that every request takes so
much longer; ``cut`` resets every connection and every new one until it is cleared. It ends with its standard input.

    python -m loadtests.campaign.proxy 127.0.0.1:8421      first line out: its own port
    lines in: ``slow 0.2``, ``cut``, ``clear``             line out for each: the time it took effect, s since the epoch
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from typing import Final

CHUNK_BYTES: Final = 256 * 1024
CHUNKS_MAX: Final = 1024
"""Pieces held back in one connection: memory is bounded, and 1024 pieces are far more than one request."""
BACKLOG: Final = 1024


class Proxy:
    """Passes connections on to one address.

    Args:
        host: Of the server.
        port: Of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._delay_s = 0.0
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()

    def obey(self, line: str) -> None:
        """Do what a line says.

        Raises:
            ValueError: It says something else than ``slow S``, ``cut`` or ``clear``.
        """
        match line.split():
            case ["slow", delay]:
                self._delay_s, self._is_cut = float(delay), False
            case ["cut"]:
                self._is_cut = True
                for one in tuple(self._open):
                    _reset(one)
            case ["clear"]:
                self._delay_s, self._is_cut = 0.0, False
            case _:
                raise ValueError(line)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until both sides have ended."""
        if self._is_cut:
            _reset(writer)
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._to)
        except OSError:
            _reset(writer)
            return
        both = (writer, to_writer)
        self._open.update(both)
        try:
            async with asyncio.TaskGroup() as tasks:
                for source, target, slowed in ((reader, to_writer, True), (to_reader, writer, False)):
                    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_MAX)
                    tasks.create_task(self._take(source, held, slowed=slowed))
                    tasks.create_task(_give(held, target))
        except* OSError:
            for one in both:
                _reset(one)
        finally:
            self._open.difference_update(both)
            for one in both:
                one.close()

    async def _take(
        self, reader: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes]], *, slowed: bool
    ) -> None:
        """Read to the end; each piece is to be held back as long as was told when it came."""
        loop, chunk = asyncio.get_running_loop(), b"-"
        while chunk:
            chunk = await reader.read(CHUNK_BYTES)
            await held.put((loop.time() + (self._delay_s if slowed else 0.0), chunk))


async def _give(held: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    """Write what was held back, each piece at its time, and the end after the last."""
    loop = asyncio.get_running_loop()
    while True:
        at_s, chunk = await held.get()
        if (wait_s := at_s - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        if not chunk:
            break
        writer.write(chunk)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection at once; what was not sent yet is lost."""
    writer.transport.abort()


async def run(host: str, port: int) -> None:
    """Listen on a free port of loopback and obey the lines of the standard input until it ends."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=BACKLOG)
    async with server:
        _tell(str(server.sockets[0].getsockname()[1]))
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            proxy.obey(line.decode())
            _tell(repr(time.time()))
        proxy.obey("cut")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _host, _, _port = sys.argv[1].rpartition(":")
    asyncio.run(run(_host, int(_port)))
