"""Tree, proofs and verification against the published vectors of Certificate Transparency."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal

# The reference tree of the Certificate Transparency project (certificate-transparency, cpp/merkletree tests), as
# kept in transparency-dev/merkle, proof/verify_test.go: eight leaves, the roots of its first 0 to 8 leaves.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
# Same source; there leaves are counted from 1, here from 0.
INCLUSION = [
    (
        0,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
        ),
    ),
    (
        5,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        ),
    ),
    (2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    (
        1,
        5,
        (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
        ),
    ),
    (0, 1, ""),
]
CONSISTENCY = [
    (1, 1, ""),
    (
        1,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
        ),
    ),
    (
        6,
        8,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        ),
    ),
    (
        2,
        5,
        (
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
        ),
    ),
    (
        6,
        7,
        (
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        ),
    ),
]
SOME_HASH = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def hashes(text: str) -> tuple[bytes, ...]:
    """A proof from its hexadecimal digits."""
    raw = bytes.fromhex(text)
    return tuple(raw[at : at + 32] for at in range(0, len(raw), 32))


def read_leaf(index: int) -> bytes:
    """Leaf hash of the reference tree."""
    return merkle.leaf_hash(LEAVES[index])


READ = merkle.nodes_over(read_leaf)


def refused(code: str, call: Callable[[], object]) -> None:
    """Check that a call is refused with this code."""
    with pytest.raises(Refusal) as caught:
        call()
    assert caught.value.code == code


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_published(size: int) -> None:
    """Read from a store, and grown leaf by leaf."""
    assert merkle.root(size, READ) == ROOTS[size]
    grown = merkle.Frontier()
    for index in range(size):
        grown, _ = grown.append(read_leaf(index))
    assert grown.root() == ROOTS[size]
    assert grown == merkle.frontier(size, READ)


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_those_published(index: int, size: int, proof: str) -> None:
    """Made alike, and they verify."""
    assert merkle.inclusion_proof(index, size, READ) == hashes(proof)
    merkle.verify_inclusion(read_leaf(index), index, size, hashes(proof), ROOTS[size])


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_consistency_proofs_are_those_published(old: int, new: int, proof: str) -> None:
    """Made alike, and they verify."""
    assert merkle.consistency_proof(old, new, READ) == hashes(proof)
    merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], hashes(proof))


def _without_one(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    return [proof[:at] + proof[at + 1 :] for at in range(len(proof))]


def _with_one_more(proof: tuple[bytes, ...], *more: bytes) -> list[tuple[bytes, ...]]:
    return [(*proof[:at], one, *proof[at:]) for one in more for at in range(len(proof) + 1)]


def _with_a_flipped_bit(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    return [
        (*proof[:at], bytes([proof[at][0] ^ 8]) + proof[at][1:], *proof[at + 1 :]) for at in range(len(proof))
    ]


def _changed(proof: tuple[bytes, ...], *more: bytes) -> list[tuple[bytes, ...]]:
    return _without_one(proof) + _with_one_more(proof, b"", SOME_HASH, *more) + _with_a_flipped_bit(proof)


@pytest.mark.parametrize(("index", "size", "text"), INCLUSION)
def test_a_changed_inclusion_proof_never_verifies(index: int, size: int, text: str) -> None:
    """Whatever is changed, as the probes of the same source do: proof, leaf, index, size or root."""
    proof, leaf, root = hashes(text), read_leaf(index), ROOTS[size]
    probes = [(leaf, index, size, changed, root) for changed in _changed(proof, root, leaf)]
    probes += [(leaf, index + by, size, proof, root) for by in (-1, 1, 8, -8)]
    probes += [(leaf, index ^ 2, size, proof, root), (leaf, index, size * 2, proof, root)]
    probes += [(leaf, index, size // 2, proof, root), (leaf, index, 0, proof, root)]
    probes += [(wrong, index, size, proof, root) for wrong in (b"", SOME_HASH, merkle.EMPTY_ROOT)]
    probes += [(leaf, index, size, proof, wrong) for wrong in (b"", SOME_HASH, merkle.EMPTY_ROOT)]
    for probe in probes:
        with pytest.raises(Refusal) as caught:
            merkle.verify_inclusion(*probe)
        assert caught.value.code in {"log-proof-invalid", "log-range-invalid"}


@pytest.mark.parametrize(("old", "new", "text"), CONSISTENCY[1:])
def test_a_changed_consistency_proof_never_verifies(old: int, new: int, text: str) -> None:
    """Whatever is changed, as the probes of the same source do: proof, sizes or roots."""
    proof, first, second = hashes(text), ROOTS[old], ROOTS[new]
    empty: tuple[bytes, ...] = ()
    probes = [(old, first, new, changed, second) for changed in _changed(proof, first, second)]
    probes += [(old, first, new, empty, second), (old, second, new, proof, first)]
    probes += [(old + by, first, new, proof, second) for by in (-1, 1, 8, -8)]
    probes += [(old ^ 2, first, new, proof, second), (old, first, new * 2, proof, second)]
    probes += [(old, first, new // 2, proof, second), (0, merkle.EMPTY_ROOT, new, proof, second)]
    probes += [(old, wrong, new, proof, second) for wrong in (b"", SOME_HASH, merkle.EMPTY_ROOT)]
    probes += [(old, first, new, proof, wrong) for wrong in (b"", SOME_HASH, merkle.EMPTY_ROOT)]
    for size1, root1, size2, changed, root2 in probes:
        with pytest.raises(Refusal) as caught:
            merkle.verify_consistency(size1, root1, size2, root2, changed)
        allowed = {"log-forked"} if size1 == size2 else {"log-proof-invalid", "log-range-invalid"}
        assert caught.value.code in allowed


def test_nothing_is_proven_from_or_about_an_empty_log() -> None:
    """Every tree extends the empty one, so such a proof would be true of any root."""
    some, none = SOME_HASH, merkle.EMPTY_ROOT
    refused("log-range-invalid", lambda: merkle.verify_consistency(0, none, 8, ROOTS[8], ()))
    refused("log-range-invalid", lambda: merkle.verify_consistency(0, some, 8, ROOTS[8], ()))
    refused("log-range-invalid", lambda: merkle.verify_consistency(0, none, 0, none, ()))
    refused("log-range-invalid", lambda: merkle.verify_inclusion(none, 0, 0, (), none))
    refused("log-range-invalid", lambda: merkle.consistency_proof(0, 8, READ))
    refused("log-range-invalid", lambda: merkle.consistency_proof(0, 0, READ))
    refused("log-range-invalid", lambda: merkle.inclusion_proof(0, 0, READ))


def test_a_log_never_shrinks_and_has_no_leaf_beyond_its_size() -> None:
    """Index and sizes out of range are refused when made and when verified."""
    refused("log-range-invalid", lambda: merkle.inclusion_proof(8, 8, READ))
    refused("log-range-invalid", lambda: merkle.inclusion_proof(-1, 8, READ))
    refused("log-range-invalid", lambda: merkle.consistency_proof(8, 7, READ))
    refused("log-range-invalid", lambda: merkle.root(-1, READ))
    refused("log-range-invalid", lambda: merkle.root(merkle.SIZE_MAX + 1, READ))
    refused("log-range-invalid", lambda: merkle.verify_inclusion(SOME_HASH, 8, 8, (), SOME_HASH))
    refused("log-range-invalid", lambda: merkle.verify_consistency(8, ROOTS[8], 7, ROOTS[7], ()))
    beyond = merkle.SIZE_MAX + 1
    refused("log-range-invalid", lambda: merkle.verify_inclusion(SOME_HASH, 0, beyond, (), SOME_HASH))


def test_a_proof_of_a_larger_tree_does_not_count_for_smaller_sizes() -> None:
    """The hashes lead to the right roots, only the sizes are understated: a proof that is too long for them."""
    leaf, sibling = read_leaf(1), read_leaf(0)
    refused("log-proof-invalid", lambda: merkle.verify_inclusion(leaf, 0, 1, (sibling,), ROOTS[2]))
    proof = merkle.consistency_proof(7, 8, READ)
    merkle.verify_consistency(7, ROOTS[7], 8, ROOTS[8], proof)
    refused("log-proof-invalid", lambda: merkle.verify_consistency(3, ROOTS[7], 4, ROOTS[8], proof))


def test_a_proof_of_a_smaller_tree_does_not_count_for_larger_sizes() -> None:
    """The hashes lead to the right roots, only the sizes are overstated: a proof that is too short for them."""
    refused("log-proof-invalid", lambda: merkle.verify_inclusion(read_leaf(0), 0, 2, (), ROOTS[1]))
    proof = merkle.consistency_proof(3, 4, READ)
    refused("log-proof-invalid", lambda: merkle.verify_consistency(3, ROOTS[3], 8, ROOTS[4], proof))


def test_hashes_of_another_length_never_verify() -> None:
    """What is hashed is the same bytes, cut elsewhere: a hash of nothing beside one of twice the length."""
    both = read_leaf(0) + read_leaf(1)
    refused("log-proof-invalid", lambda: merkle.verify_inclusion(b"", 0, 2, (both,), ROOTS[2]))
    refused("log-proof-invalid", lambda: merkle.verify_consistency(1, b"", 2, ROOTS[2], (both,)))


def test_two_roots_for_one_size_are_a_fork() -> None:
    """And one root asks for an empty proof."""
    refused("log-forked", lambda: merkle.verify_consistency(8, ROOTS[8], 8, SOME_HASH, ()))
    refused("log-proof-invalid", lambda: merkle.verify_consistency(8, ROOTS[8], 8, ROOTS[8], (SOME_HASH,)))
    merkle.verify_consistency(8, ROOTS[8], 8, ROOTS[8], ())


def test_a_leaf_is_never_taken_for_a_node() -> None:
    """A log of one entry made of two hashes has another root than the log of the two entries (prefix 0x00, 0x01)."""
    two = read_leaf(0) + read_leaf(1)
    assert merkle.leaf_hash(two) != ROOTS[2]
    assert merkle.node_hash(read_leaf(0), read_leaf(1)) == ROOTS[2]


def test_a_store_of_the_nodes_that_append_makes_answers_every_proof() -> None:
    """Each complete subtree is told exactly once, when its last leaf comes."""
    stored: dict[tuple[int, int], bytes] = {}
    grown = merkle.Frontier()
    for index in range(8):
        grown, made = grown.append(read_leaf(index))
        for node in made:
            assert (node.level, node.index) not in stored
            stored[node.level, node.index] = node.hash
    assert len(stored) == 15

    def read(level: int, index: int) -> bytes:
        return stored[level, index]

    for size in range(1, 9):
        assert merkle.root(size, read) == ROOTS[size]
        for index in range(size):
            assert merkle.inclusion_proof(index, size, read) == merkle.inclusion_proof(index, size, READ)


def test_a_large_log_is_read_in_few_steps() -> None:
    """A proof from a store of nodes takes a number of reads that grows with the logarithm of the size only."""
    reads = 0

    def read(level: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return merkle.leaf_hash(f"{level}/{index}".encode())

    size = 2**40 - 1
    merkle.root(size, read)
    merkle.inclusion_proof(size // 3, size, read)
    merkle.consistency_proof(size // 3, size, read)
    assert reads <= 3 * 2 * 40


def test_a_frontier_has_one_peak_for_each_bit_of_its_size() -> None:
    """Another number of peaks is a fault of the program or a broken store, and never gives a root."""
    with pytest.raises(ValueError, match="2 peaks"):
        merkle.Frontier(3, (SOME_HASH,))
    with pytest.raises(ValueError, match="of 32 bytes"):
        merkle.Frontier(1, (b"short",))


def test_a_full_log_takes_nothing_more() -> None:
    """Its size could no longer be told in JSON."""
    full = merkle.Frontier(merkle.SIZE_MAX, (SOME_HASH,) * merkle.SIZE_MAX.bit_count())
    refused("log-range-invalid", lambda: full.append(SOME_HASH))
