"""Documents of any size that cost little: nearly all of a document is shared, and its digest with it.

Rule kept here: the same seed, nonce, number and size give the same bytes; no two arrivals have the same document, and
none can be compressed. Shared parts are one object each, held once and never copied.

A document is a number of shared blocks of 64 KiB, a shared piece below that in steps of 1 KiB, and a tail of its own
of at most 1 KiB and 32 bytes, which ends in 32 bytes that nothing else has. SHA-256 goes on from a copied state behind
the shared part, so that a large document costs as much as a small one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256, shake_128
from threading import Lock
from typing import TYPE_CHECKING, Final

from loadtests.adapters.base import AdapterError
from loadtests.adapters.ids import Ids

if TYPE_CHECKING:
    from hashlib import _Hash

HEAD: Final = b"%PDF-1.7\n"
UNIQUE_BYTES: Final = 32
SIZE_BYTES_MIN: Final = len(HEAD) + UNIQUE_BYTES
BLOCK_BYTES: Final = 64 * 1024
STEP_BYTES: Final = 1024
STATES_MAX: Final = 4096
"""Copied hash states that are kept: about 1 MB."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Args:
        pieces: Its bytes, one after another; all but the last are shared with other documents.
        sha256: Its digest, 32 bytes.
        size_bytes: Its size.
    """

    pieces: tuple[bytes, ...]
    sha256: bytes
    size_bytes: int

    def other(self) -> tuple[bytes, ...]:
        """The pieces of a document of the same size that differs in its last byte."""
        last = self.pieces[-1]
        return (*self.pieces[:-1], last[:-1] + bytes([last[-1] ^ 1]))


class Bodies:
    """Makes the documents of one run; may be asked from several threads.

    Args:
        seed: Of the shared parts.
        ids: Of the run: gives what is unique.
    """

    def __init__(self, seed: int, ids: Ids) -> None:
        self._seed = seed
        self._ids = ids
        self._lock = Lock()
        self._blocks: list[bytes] = []
        self._steps: dict[tuple[bool, int], bytes] = {}
        self._states: dict[tuple[int, int], _Hash] = {}
        # The fill comes behind the head: no document of one block or more begins with anything but the first block.
        self._small = self._random("small", BLOCK_BYTES)
        self._first = HEAD + self._small[len(HEAD) :]

    def document(self, number: int, size_bytes: int) -> Document:
        """The document of an arrival.

        Args:
            number: Of the arrival.
            size_bytes: Its size, at least ``SIZE_BYTES_MIN``.

        Raises:
            AdapterError: ``E-SIZE``: smaller than that.
        """
        if size_bytes < SIZE_BYTES_MIN:
            found = f"found a document of {size_bytes} bytes"
            raise AdapterError("E-SIZE", found, f"at least {SIZE_BYTES_MIN}: each holds bytes of its own")
        shared_bytes = size_bytes - UNIQUE_BYTES
        blocks, rest = divmod(shared_bytes, BLOCK_BYTES)
        steps, fill_bytes = divmod(rest, STEP_BYTES)
        source = self._small if blocks else self._first
        done = steps * STEP_BYTES
        tail = source[done : done + fill_bytes] + self._ids.unique(number)
        pieces, state = self._shared(blocks, steps)
        state.update(tail)
        return Document((*pieces, tail), state.digest(), size_bytes)

    def _shared(self, blocks: int, steps: int) -> tuple[tuple[bytes, ...], _Hash]:
        """The shared part, and a hash state of it that is the caller's own."""
        with self._lock:
            while len(self._blocks) < blocks:
                made = self._random(f"block {len(self._blocks)}", BLOCK_BYTES)
                self._blocks.append(made if self._blocks else HEAD + made[len(HEAD) :])
            pieces = tuple(self._blocks[:blocks])
            if steps:
                pieces += (self._step(blocks > 0, steps),)
            return pieces, self._state(blocks, steps).copy()

    def _step(self, behind_blocks: bool, steps: int) -> bytes:
        key = (behind_blocks, steps)
        if (found := self._steps.get(key)) is None:
            source = self._small if behind_blocks else self._first
            found = self._steps[key] = source[: steps * STEP_BYTES]
        return found

    def _state(self, blocks: int, steps: int) -> _Hash:
        """The state behind so many blocks and steps; from the nearest one that is known."""
        if (found := self._states.get((blocks, steps))) is not None:
            return found
        known = next((one for one in range(blocks, 0, -1) if (one, 0) in self._states), 0)
        state = self._states[known, 0].copy() if known else sha256()
        for block in self._blocks[known:blocks]:
            state.update(block)
        if steps:
            self._keep((blocks, 0), state.copy())
            state.update(self._step(blocks > 0, steps))
        self._keep((blocks, steps), state)
        return state

    def _keep(self, key: tuple[int, int], state: _Hash) -> None:
        while len(self._states) >= STATES_MAX:
            self._states.pop(next(iter(self._states)))
        self._states[key] = state

    def _random(self, name: str, size_bytes: int) -> bytes:
        """Bytes that cannot be compressed, the same for the same seed and name."""
        return shake_128(f"congvan load document {self._seed} {name}".encode()).digest(size_bytes)
