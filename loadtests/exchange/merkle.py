"""The Merkle tree of the transparency log, after RFC 9162 section 2.1, over SHA-256.

Rule kept here: hashes in, hashes out. Nothing is stored; a reader function hands over the hash of a complete
subtree, and every verification raises unless the RFC's algorithm ends exactly where it must.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from loadtests.exchange.errors import Refusal

HASH_BYTES: Final = 32
SIZE_MAX: Final = 2**53 - 1
"""Largest number of leaves: the largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""
EMPTY_ROOT: Final = sha256().digest()
"""Root of the tree without leaves: the hash of nothing (RFC 9162 section 2.1.1)."""

NodeReader = Callable[[int, int], bytes]
"""``read(level, index)``: hash of the complete subtree over leaves ``index * 2**level`` to
``(index + 1) * 2**level - 1``; level 0 is a leaf hash."""


def leaf_hash(data: bytes) -> bytes:
    """Hash one log entry, with the prefix 0x00 that parts leaves from nodes (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children into their parent, with the prefix 0x01 (RFC 9162 section 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def nodes_over(read_leaf_hash: Callable[[int], bytes]) -> NodeReader:
    """Make a node reader from leaf hashes alone; a node of level L then costs 2**L reads.

    Args:
        read_leaf_hash: Leaf hash by index from 0.
    """

    def read(level: int, index: int) -> bytes:
        if level == 0:
            return read_leaf_hash(index)
        return node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))

    return read


@dataclass(frozen=True, slots=True)
class Node:
    """The hash of one complete subtree, as a store may keep it for a ``NodeReader``."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """What is enough to go on appending: the complete subtrees a tree consists of, the largest first.

    Args:
        size: Number of leaves, 0 to ``SIZE_MAX``.
        peaks: One hash for each bit set in ``size``, from the highest bit down.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        _in_range(0 <= self.size <= SIZE_MAX, f"a log of {self.size} leaves")
        if len(self.peaks) != self.size.bit_count() or any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise ValueError(f"a tree of {self.size} leaves has {self.size.bit_count()} peaks of 32 bytes")

    def append(self, leaf: bytes) -> tuple[Frontier, tuple[Node, ...]]:
        """Add one leaf hash; costs as many hashes as low bits of ``size`` are set, one on average.

        Returns:
            The new frontier, and every complete subtree that came into being (the leaf first): what a store
            must keep so that proofs need O(log n) reads.

        Raises:
            Refusal: ``log-range-invalid`` when the log is full.
        """
        peaks, node = list(self.peaks), Node(0, self.size, leaf)
        made = [node]
        while (self.size >> node.level) & 1:
            node = Node(node.level + 1, node.index >> 1, node_hash(peaks.pop(), node.hash))
            made.append(node)
        return Frontier(self.size + 1, (*peaks, node.hash)), tuple(made)

    def root(self) -> bytes:
        """Root hash of the tree at this size (RFC 9162 section 2.1.1)."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def frontier(size: int, read: NodeReader) -> Frontier:
    """Read the frontier of the first ``size`` leaves back from a store, as after a restart.

    Raises:
        Refusal: ``log-range-invalid`` when ``size`` is below 0 or above ``SIZE_MAX``.
    """
    _in_range(0 <= size <= SIZE_MAX, f"a log of {size} leaves")
    peaks, first = [], 0
    for level in reversed(range(size.bit_length())):
        if (size >> level) & 1:
            peaks.append(read(level, first >> level))
            first += 1 << level
    return Frontier(size, tuple(peaks))


def root(size: int, read: NodeReader) -> bytes:
    """Root hash of the first ``size`` leaves, from O(log size) reads; raises as ``frontier`` does."""
    return frontier(size, read).root()


def inclusion_proof(index: int, size: int, read: NodeReader) -> tuple[bytes, ...]:
    """Prove that leaf ``index`` is in the tree of the first ``size`` leaves (RFC 9162 section 2.1.3.1).

    Returns:
        Sibling hashes from the leaf up; empty for a tree of one leaf.

    Raises:
        Refusal: ``log-range-invalid`` unless 0 <= index < size <= ``SIZE_MAX``.
    """
    _in_range(0 <= index < size <= SIZE_MAX, f"leaf {index} of a log of {size}")
    first, end, path = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_subtree(middle, end, read))
            end = middle
        else:
            path.append(_subtree(first, middle, read))
            first = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, read: NodeReader) -> tuple[bytes, ...]:
    """Prove that the tree of ``new`` leaves begins with the tree of ``old`` leaves (RFC 9162 section 2.1.4.1).

    Returns:
        Hashes from the bottom up; empty when the sizes are equal.

    Raises:
        Refusal: ``log-range-invalid`` unless 0 < old <= new <= ``SIZE_MAX``: every tree extends the empty one,
            so a proof from size 0 would say nothing.
    """
    _in_range(0 < old <= new <= SIZE_MAX, f"growth from {old} to {new} leaves")
    first, end, path = 0, new, []
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(_subtree(middle, end, read))
            end = middle
        else:
            path.append(_subtree(first, middle, read))
            first = middle
    if first:  # otherwise the old tree is one complete subtree, and its root is known to the verifier
        path.append(_subtree(first, end, read))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check an inclusion proof step by step as RFC 9162 section 2.1.3.2 says.

    Args:
        leaf: Leaf hash of the entry that should be in the log.
        index: Its index from 0.
        size: Size of the tree, at least 1.
        proof: Sibling hashes from the leaf up.
        root: Root hash of that tree, from a signed checkpoint.

    Raises:
        Refusal: ``log-range-invalid`` unless 0 <= index < size; ``log-proof-invalid`` when a hash has not 32
            bytes, or the proof is too short, too long, or leads to another root.
    """
    _in_range(0 <= index < size <= SIZE_MAX, f"leaf {index} of a log of {size}")
    _whole_hashes(leaf, root, *proof)
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        _proven(sn != 0, "the inclusion proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            fn, sn = _to_right_edge(fn, sn)
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    _proven(sn == 0, "the inclusion proof is too short")
    _proven(r == root, "the inclusion proof leads to another root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check a consistency proof step by step as RFC 9162 section 2.1.4.2 says.

    Equal sizes, which the RFC leaves out, ask for equal roots and an empty proof.

    Raises:
        Refusal: ``log-range-invalid`` unless 0 < old <= new (a proof from size 0 would say nothing);
            ``log-forked`` for equal sizes with different roots; ``log-proof-invalid`` when a hash has not 32
            bytes, or the proof is too short, too long, or leads to another root.
    """
    _in_range(0 < old <= new <= SIZE_MAX, f"growth from {old} to {new} leaves")
    _whole_hashes(old_root, new_root, *proof)
    if old == new:
        if old_root != new_root:
            raise Refusal("log-forked", f"two roots for one log of {old} leaves", _KEEP_BOTH)
        _proven(not proof, "the consistency proof is too long")
        return
    _proven(bool(proof), "the consistency proof is too short")
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        _proven(sn != 0, "the consistency proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            fn, sn = _to_right_edge(fn, sn)
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    _proven(sn == 0, "the consistency proof is too short")
    _proven(fr == old_root, "the consistency proof leads to another old root")
    _proven(sr == new_root, "the consistency proof leads to another new root")


_KEEP_BOTH: Final = "keep both signed checkpoints: together they prove that the log was rewritten"


def _split(size: int) -> int:
    """Largest power of two below ``size``, for ``size`` of at least 2 (``k`` in RFC 9162 section 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(first: int, end: int, read: NodeReader) -> bytes:
    """Hash of leaves ``first`` to ``end`` - 1, where ``first`` is a multiple of a power of two >= their number."""
    size = end - first
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return read(level, first >> level)
    middle = first + _split(size)
    return node_hash(_subtree(first, middle, read), _subtree(middle, end, read))


def _to_right_edge(fn: int, sn: int) -> tuple[int, int]:
    """Step 4.b.ii: climb from a node on the right edge to where it has a left sibling."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _in_range(holds: bool, what: str) -> None:
    if not holds:
        raise Refusal("log-range-invalid", f"found {what}", "ask for leaves and sizes a checkpoint covers")


def _whole_hashes(*hashes: bytes) -> None:
    _proven(all(len(h) == HASH_BYTES for h in hashes), "a hash of the proof has not 32 bytes")


def _proven(holds: bool, what: str) -> None:
    if not holds:
        raise Refusal("log-proof-invalid", what, "ask the log again; keep the answer if it stays so")
