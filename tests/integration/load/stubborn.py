"""A server for the generator's tests: it counts what comes, and answers at once, late, or never."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from types import TracebackType
from typing import Self

_ID = re.compile(rb"\r\nx-message-id: *([^\r]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Stubborn:
    """A null server in a thread of the test's own process.

    Args:
        silent: Take messages and answer none of them.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self.ids: Counter[str] = Counter()
        self._silent = silent
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._port = 0
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(await self._answer(head))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes) -> bytes:
        found = _ID.search(head)
        if found is None:
            total = {"requests": self.ids.total(), "unique": len(self.ids)}
            return _http(b"200 OK", json.dumps(total).encode())
        self.ids[found[1].decode()] += 1
        if self._silent:
            await self._over.wait()
        return _http(b"201 Created", b'{"accepted":"%s"}' % found[1])


def _http(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)
