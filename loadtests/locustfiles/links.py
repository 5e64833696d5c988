"""Connections: without TLS and with it, which both send pieces and receive bytes while the hub goes on.

Rule kept here: no connection waits for anything but in the hub; with TLS, the certificate is always checked.
"""

from __future__ import annotations

import errno
import select
import ssl
from typing import Any, Final

import gevent
import gevent.socket
import gevent.ssl
from gevent.monkey import get_original

_BLOCK_BYTES: Final = 65_536
_PIECES_AT_ONCE: Final = 64
_READ: Final = 1
_WRITE: Final = 2
_native_socket: Final = get_original("socket", "socket")


class PlainLink:
    """A connection without TLS: a native socket that never blocks, and the hub waits for it."""

    __slots__ = ("_hub", "_read", "_socket", "_write", "idle_since_s")

    def __init__(self, family: int, address: Any) -> None:
        self.idle_since_s = 0.0
        self._hub = gevent.get_hub()
        self._socket = _native_socket(family, gevent.socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._read = self._hub.loop.io(self._socket.fileno(), _READ)
        self._write = self._hub.loop.io(self._socket.fileno(), _WRITE)
        try:
            self._socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            self._connect(address)
        except BaseException:
            self.close()
            raise

    def _connect(self, address: Any) -> None:
        code = self._socket.connect_ex(address)
        if code == errno.EINPROGRESS:
            self._hub.wait(self._write)
            code = self._socket.getsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_ERROR)
        if code:
            raise OSError(code, "no connection")

    def send(self, wire: tuple[bytes, ...]) -> None:
        """Hand over all of it."""
        if len(wire) == 1:
            try:
                sent = self._socket.send(wire[0])
            except BlockingIOError:
                sent = 0
            if sent == len(wire[0]):
                return
            wire = (wire[0][sent:],)
        rest = [memoryview(piece) for piece in wire]
        while rest:
            try:
                sent = self._socket.sendmsg(rest[:_PIECES_AT_ONCE])
            except BlockingIOError:
                self._hub.wait(self._write)
                continue
            while rest and sent >= len(rest[0]):
                sent -= len(rest.pop(0))
            if sent:
                rest[0] = rest[0][sent:]

    def receive(self) -> bytes:
        """Wait for some bytes; empty at the end."""
        while True:
            self._hub.wait(self._read)
            try:
                data: bytes = self._socket.recv(_BLOCK_BYTES)
            except BlockingIOError:
                continue
            return data

    @property
    def quiet(self) -> bool:
        """Neither closed from the other side nor with bytes that nobody asked for."""
        try:
            self._socket.recv(1, gevent.socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Take it down."""
        self._read.close()
        self._write.close()
        self._socket.close()


class SecureLink:
    """A connection with TLS; the certificate is always checked."""

    __slots__ = ("_socket", "idle_since_s")

    def __init__(self, family: int, address: Any, context: ssl.SSLContext, host: str) -> None:
        self.idle_since_s = 0.0
        bare = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
        try:
            bare.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            bare.connect(address)
            self._socket = context.wrap_socket(bare, server_hostname=host)
        except BaseException:
            bare.close()
            raise

    def send(self, wire: tuple[bytes, ...]) -> None:
        """Hand over all of it."""
        for piece in wire:
            self._socket.sendall(piece)

    def receive(self) -> bytes:
        """Wait for some bytes; empty at the end."""
        return self._socket.recv(_BLOCK_BYTES)

    @property
    def quiet(self) -> bool:
        """Neither closed from the other side nor with bytes that nobody asked for."""
        return _is_quiet(self._socket)

    def close(self) -> None:
        """Take it down."""
        self._socket.close()


def _is_quiet(socket: Any) -> bool:
    watched = get_original("select", "poll")()
    watched.register(socket.fileno(), select.POLLIN)
    return not watched.poll(0)
