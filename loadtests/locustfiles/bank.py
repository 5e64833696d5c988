"""The bank: messages that were signed ahead of time, in a file, each to be sent once.

Rule kept here: what is kept is what goes over the wire, byte for byte; taking a message out costs one read of a file
that the system has in memory, and no message is ever sent in place of another.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gevent.monkey import get_original

from loadtests.adapters.base import Message
from loadtests.locustfiles.wire import LARGE_BYTES, Rendered, render

_START: Final = struct.Struct("<4sQ")
"""Of each record: its kind, and how long it is."""
_MESSAGE: Final = struct.Struct("<4sQIHIHf32s")
"""Then: number, lengths of id and of what is kept, pieces of the wire, seconds that signing took, digest."""
_PIECE: Final = struct.Struct("<qQ")
"""Where a piece lies, or that it follows here; and its length."""
_A_MESSAGE: Final = b"mess"
_A_PIECE: Final = b"piec"
_ABSENT: Final = -1
_HERE: Final = -1
SHARED_BYTES: Final = 64 * 1024 * 1024
"""Of large pieces that are looked out for, by who puts, and that are kept in memory, by who gets."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """What is read back: the message, and how long signing it took, s."""

    message: Message
    sign_s: float


class _Pieces:
    """Large pieces that many messages may share, the last used ones; each is known by the object that it is."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._bytes = 0

    def place(self, piece: bytes) -> int | None:
        """Where a piece lies in the file; None for one that has not been seen lately."""
        found = self._kept.get(id(piece))
        if found is None:
            return None
        self._kept.move_to_end(id(piece))
        return found[1]

    def keep(self, piece: bytes, place: int) -> None:
        """Remember a piece."""
        self._bytes += 0 if id(piece) in self._kept else len(piece)
        self._kept[id(piece)] = (piece, place)
        while self._bytes > SHARED_BYTES:
            _, (gone, _) = self._kept.popitem(last=False)
            self._bytes -= len(gone)


class Bank:
    """Signed messages of one worker.

    A large piece that was seen before is written once and only named in each message, so that a million messages
    with documents out of a few blocks take a few hundred bytes each.

    Args:
        path: Of the file, which is made where there is none.
        count: Arrivals of the schedule.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._place = array("q", [_ABSENT]) * count
        self._size = array("Q", [0]) * count
        self._indexed = 0
        self._putting = get_original("_thread", "allocate_lock")()
        self._looking = get_original("_thread", "allocate_lock")()
        self._seen = _Pieces()
        self._shared: dict[int, bytes] = {}
        self._shared_bytes = 0
        self.held = 0

    def hide(self) -> None:
        """Take the file's name away: nobody else opens it any more, and it is gone with this process."""
        self._path.unlink()

    def put(self, deposit: Deposit, host: str) -> None:
        """Add a message, from any thread or process; it is found after the next ``look``.

        Args:
            deposit: The message, signed.
            host: For the head of its request.

        Raises:
            ValueError: Its digest is none of SHA-256, or a header has a line break.
            OSError: The file takes no more.
        """
        message = deposit.message
        if len(message.digest) != 32:
            raise ValueError("the digest of a message has 32 bytes")
        wire = render(message.request, host)
        name = message.id.encode()
        with self._putting:
            places = [self._place_of(piece) for piece in wire]
            here = [piece for piece, place in zip(wire, places, strict=True) if place == _HERE]
            table = [_PIECE.pack(place, len(piece)) for piece, place in zip(wire, places, strict=True)]
            rest = b"".join((name, message.keep, *table, *here))
            head = _MESSAGE.pack(
                _A_MESSAGE,
                _MESSAGE.size + len(rest),
                message.number,
                len(name),
                len(message.keep),
                len(wire),
                deposit.sign_s,
                message.digest,
            )
            self._append(head + rest)

    def look(self) -> int:
        """Index what has been added since, and tell how many messages are there now; from any thread."""
        with self._looking:
            end = os.fstat(self._file).st_size
            while end - self._indexed >= _MESSAGE.size:
                head = os.pread(self._file, _MESSAGE.size, self._indexed)
                kind, size = _START.unpack_from(head)
                if kind not in {_A_MESSAGE, _A_PIECE}:
                    raise ValueError("the bank's file is damaged")
                if self._indexed + size > end:
                    break
                if kind == _A_MESSAGE:
                    number = _MESSAGE.unpack(head)[2]
                    self.held += self._place[number] == _ABSENT
                    self._size[number] = size
                    self._place[number] = self._indexed
                self._indexed += size
            return self.held

    def __contains__(self, number: int) -> bool:
        return self._place[number] != _ABSENT

    def get(self, number: int) -> Deposit | None:
        """The message of an arrival; None where it has not been signed yet."""
        place = self._place[number]
        if place == _ABSENT:
            return None
        data = os.pread(self._file, self._size[number], place)
        _, _, _, name, keep, pieces, sign_s, digest = _MESSAGE.unpack_from(data)
        kept = _MESSAGE.size + name
        table = kept + keep
        at = table + pieces * _PIECE.size
        wire = []
        for one in range(pieces):
            where, length = _PIECE.unpack_from(data, table + one * _PIECE.size)
            if where == _HERE:
                wire.append(data[at : at + length])
                at += length
            else:
                wire.append(self._shared_piece(where, length))
        id_ = data[_MESSAGE.size : kept].decode()
        return Deposit(Message(number, id_, digest, Rendered(tuple(wire)), data[kept:table]), sign_s)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _place_of(self, piece: bytes) -> int:
        """Where a piece lies: in its message, or, from the second time that it is seen on, by itself."""
        if len(piece) < LARGE_BYTES:
            return _HERE
        place = self._seen.place(piece)
        if place is None:
            self._seen.keep(piece, _HERE)
            return _HERE
        if place == _HERE:
            place = self._append(_START.pack(_A_PIECE, _START.size + len(piece)) + piece) + _START.size
            self._seen.keep(piece, place)
        return place

    def _append(self, record: bytes) -> int:
        """Write a record behind the last and tell where it begins; one call, so that processes do not mix."""
        if os.write(self._file, record) != len(record):
            raise OSError(28, "the bank's file takes no more")
        return os.lseek(self._file, 0, os.SEEK_CUR) - len(record)

    def _shared_piece(self, place: int, length: int) -> bytes:
        found = self._shared.get(place)
        if found is None:
            found = os.pread(self._file, length, place)
            if self._shared_bytes > SHARED_BYTES:
                self._shared.clear()
                self._shared_bytes = 0
            self._shared[place] = found
            self._shared_bytes += length
        return found


class Spool:
    """Receipts that wait to be checked, in a file.

    Args:
        path: Of the file, which is made.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        path.unlink()  # it is gone with this process
        self._end = 0

    def put(self, data: bytes) -> tuple[int, int]:
        """Add some bytes and tell where they lie."""
        place = self._end
        os.write(self._file, data)
        self._end += len(data)
        return place, len(data)

    def get(self, place: tuple[int, int]) -> bytes:
        """Read them back."""
        return os.pread(self._file, place[1], place[0])

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
