"""What holds for every log, every proof, every sequence of events and every stream of nonces."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import NEEDS_REASON, TERMINAL, Action, Entry, Event, Role, State, apply
from loadtests.exchange.nonces import Nonces, Window

EXAMPLES = 150
SIZE_MAX = 70
LEAVES = [f"entry {number}".encode() for number in range(SIZE_MAX)]
READ = merkle.nodes_over(lambda index: merkle.leaf_hash(LEAVES[index]))


def k_below(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return max(1 << power for power in range(size.bit_length()) if 1 << power < size)


@cache
def naive_root(first: int, end: int) -> bytes:
    """MTH(D[first:end]), word for word as RFC 9162 section 2.1.1 defines it."""
    if end - first == 0:
        return merkle.EMPTY_ROOT
    if end - first == 1:
        return merkle.leaf_hash(LEAVES[first])
    middle = first + k_below(end - first)
    return merkle.node_hash(naive_root(first, middle), naive_root(middle, end))


def naive_path(m: int, first: int, end: int) -> list[bytes]:
    """PATH(m, D[first:end]), word for word as RFC 9162 section 2.1.3.1 defines it; ``m`` counts from ``first``."""
    if end - first == 1:
        return []
    k = k_below(end - first)
    if m < k:
        return [*naive_path(m, first, first + k), naive_root(first + k, end)]
    return [*naive_path(m - k, first + k, end), naive_root(first, first + k)]


def naive_subproof(m: int, first: int, end: int, *, known: bool) -> list[bytes]:
    """SUBPROOF(m, D[first:end], known), word for word as RFC 9162 section 2.1.4.1 defines it."""
    if m == end - first:
        return [] if known else [naive_root(first, end)]
    k = k_below(end - first)
    if m <= k:
        return [*naive_subproof(m, first, first + k, known=known), naive_root(first + k, end)]
    return [*naive_subproof(m - k, first + k, end, known=False), naive_root(first, first + k)]


SIZES = st.integers(1, SIZE_MAX)


def within(size: int) -> st.SearchStrategy[tuple[int, int]]:
    """A leaf or a smaller size, with the size."""
    return st.tuples(st.integers(0, size - 1), st.just(size))


def test_every_root_grows_as_it_is_defined() -> None:
    """Leaf by leaf, from a store, and by the definition."""
    grown = merkle.Frontier()
    for size in range(SIZE_MAX + 1):
        assert grown.root() == merkle.root(size, READ) == naive_root(0, size)
        if size < SIZE_MAX:
            grown, _ = grown.append(merkle.leaf_hash(LEAVES[size]))


@settings(max_examples=EXAMPLES, deadline=None)
@given(SIZES.flatmap(within))
def test_every_inclusion_proof_is_the_one_defined_and_verifies(pair: tuple[int, int]) -> None:
    """For any leaf of any tree."""
    index, size = pair
    proof = merkle.inclusion_proof(index, size, READ)
    assert list(proof) == naive_path(index, 0, size)
    merkle.verify_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, proof, naive_root(0, size))


@settings(max_examples=EXAMPLES, deadline=None)
@given(SIZES.flatmap(within))
def test_every_consistency_proof_is_the_one_defined_and_verifies(pair: tuple[int, int]) -> None:
    """For any growth of any tree, none at all among them."""
    old, new = pair[0] + 1, pair[1]
    proof = merkle.consistency_proof(old, new, READ)
    assert list(proof) == naive_subproof(old, 0, new, known=True)
    merkle.verify_consistency(old, naive_root(0, old), new, naive_root(0, new), proof)


@st.composite
def changed(draw: st.DrawFn, proof: tuple[bytes, ...], spare: list[bytes]) -> tuple[bytes, ...]:
    """A proof that differs: a bit, a hash more or less, two hashes swapped."""
    nodes = list(proof)
    how = draw(st.sampled_from(["flip", "drop", "add", "swap"] if nodes else ["add"]))
    at = draw(st.integers(0, len(nodes) - 1)) if nodes else 0
    if how == "flip":
        bit = draw(st.integers(0, 255))
        nodes[at] = (int.from_bytes(nodes[at], "big") ^ (1 << bit)).to_bytes(32, "big")
    elif how == "drop":
        del nodes[at]
    elif how == "add":
        nodes.insert(draw(st.integers(0, len(nodes))), draw(st.sampled_from([*spare, b"", b"\x00" * 32])))
    else:
        nodes[at], nodes[-1 - at] = nodes[-1 - at], nodes[at]
    return tuple(nodes)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), SIZES.flatmap(within))
def test_a_changed_inclusion_proof_never_verifies(data: st.DataObject, pair: tuple[int, int]) -> None:
    """Nor the right one for another leaf, index or size."""
    index, size = pair
    leaf, root = merkle.leaf_hash(LEAVES[index]), naive_root(0, size)
    proof = merkle.inclusion_proof(index, size, READ)
    wrong = data.draw(changed(proof, [leaf, root]))
    if wrong != proof:
        with pytest.raises(Refusal):
            merkle.verify_inclusion(leaf, index, size, wrong, root)
    other = data.draw(st.integers(-2, size + 2).filter(lambda number: number != index))
    with pytest.raises(Refusal):
        merkle.verify_inclusion(leaf, other, size, proof, root)
    with pytest.raises(Refusal):
        merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), SIZES.flatmap(within))
def test_a_changed_consistency_proof_never_verifies(data: st.DataObject, pair: tuple[int, int]) -> None:
    """Nor the right one between other roots."""
    old, new = pair[0] + 1, pair[1]
    old_root, new_root = naive_root(0, old), naive_root(0, new)
    proof = merkle.consistency_proof(old, new, READ)
    wrong = data.draw(changed(proof, [old_root, new_root]))
    if wrong != proof:
        with pytest.raises(Refusal):
            merkle.verify_consistency(old, old_root, new, new_root, wrong)
    for first, second in ((merkle.EMPTY_ROOT, new_root), (old_root, merkle.EMPTY_ROOT)):
        with pytest.raises(Refusal):
            merkle.verify_consistency(old, first, new, second, proof)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.integers(-3, 2**64),
    st.integers(-3, 2**64),
    st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=40), max_size=70),
)
def test_invented_proofs_end_in_a_refusal(one: int, other: int, proof: list[bytes]) -> None:
    """Whatever the numbers and the hashes, never in another exception and never in a yes."""
    hash_of = merkle.leaf_hash(b"")
    with pytest.raises(Refusal):
        merkle.verify_inclusion(hash_of, one, other, proof, merkle.leaf_hash(b"root"))
    with pytest.raises(Refusal):
        merkle.verify_consistency(one, hash_of, other, merkle.leaf_hash(b"root"), proof)


EVENTS = st.tuples(st.sampled_from(Action), st.integers(0, 5), st.integers(0, 1), st.sampled_from(Role))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_a_lifecycle_keeps_its_promises_whatever_comes(
    happened: list[tuple[Action, int, int, Role]],
) -> None:
    """Refusals change nothing, replays change nothing, what is over stays so, and history explains the state."""
    entry = Entry("000.00.00.H49", "000.00.01.H49")
    for action, number, content, role in happened:
        event = Event(
            f"event-{number}", action, bytes([action_number(action), content]) * 16, reason_of(action)
        )
        known = {applied.event_id: applied for applied in entry.history}
        outcome = None
        with suppress(Refusal):
            outcome = apply(entry, event, frozenset({role}))
        if outcome is None:
            continue
        if outcome.replayed:
            assert outcome.entry is entry
            assert outcome.applied == known[event.event_id]
            continue
        assert event.event_id not in known
        assert entry.state not in TERMINAL
        assert outcome.entry.history == (*entry.history, outcome.applied)
        entry = outcome.entry
        assert apply(entry, event, frozenset({role})).replayed
    assert entry.state is (entry.history[-1].state if entry.history else State.AVAILABLE)


def action_number(action: Action) -> int:
    """Its place in the list of actions."""
    return list(Action).index(action)


def reason_of(action: Action) -> str:
    """A reason where one must be given."""
    return "wrong office" if action in NEEDS_REASON else ""


REQUESTS = st.tuples(st.integers(0, 7), st.integers(-12, 8), st.integers(-30, 30), st.booleans())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(REQUESTS, max_size=60))
def test_no_request_counts_twice_whatever_the_clock_does(
    requests: list[tuple[int, int, int, bool]],
) -> None:
    """Clocks jump both ways, clients' clocks differ, the server restarts: taken once, and memory stays bounded."""
    window = Window(lifetime_s=10, skew_s=3, per_agency_max=5)
    nonces, now, latest = Nonces(window, 0), 1_000, 1_000
    taken: set[tuple[str, int]] = set()
    for number, ahead, step, restart in requests:
        now += step
        latest = max(latest, now)
        if restart:
            nonces = Nonces(window, window.horizon_of_start(latest))
        request = (f"nonce-{number:020d}", now + ahead)
        counted = False
        with suppress(Refusal):
            nonces.take(
                "000.00.00.H49", request[0], created_at=request[1], expires_at=request[1] + 10, now=now
            )
            counted = True
        if counted:
            assert request not in taken
            assert now - 10 <= request[1] <= now + 3
            taken.add(request)
        assert nonces.remembered("000.00.00.H49") <= 5
