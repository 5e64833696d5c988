"""What named random streams promise."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.errors import InputError
from sim.streams import Streams


def test_same_key_gives_the_same_numbers() -> None:
    """Two objects with the same seed and replication serve identical numbers, in any order of asking."""
    first, second = Streams(7, 3), Streams(7, 3)
    second.uniforms(100, "absence")
    np.testing.assert_array_equal(
        first.uniforms(50, "service", "sign", 2), second.uniforms(50, "service", "sign", 2)
    )


@pytest.mark.parametrize("n", [0, 1, 7, 999])
def test_longer_request_extends_the_same_sequence(n: int) -> None:
    """The first n numbers do not depend on how many are asked for."""
    streams = Streams(7, 3)
    np.testing.assert_array_equal(streams.uniforms(n, "service"), streams.uniforms(1000, "service")[:n])


def _key(
    seed: int = 1, replication: int = 1, purpose: str = "a", name: str = "b", visit: int = 0
) -> NDArray[np.float64]:
    return Streams(seed, replication).uniforms(20, purpose, name, visit)


def test_every_part_of_the_key_matters() -> None:
    """Another seed, replication, purpose, name or visit gives other numbers."""
    arrays = [_key(), _key(seed=2), _key(replication=2), _key(purpose="c"), _key(name="c"), _key(visit=1)]
    firsts = np.concatenate(arrays)
    assert np.unique(firsts).size == firsts.size


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c", 0), ("a", "bc", 0)),
        (("a", "", 0), ("", "a", 0)),
        (("a", "b1", 2), ("a", "b", 12)),
        (('a","b', "", 0), ("a", 'b","', 0)),
        (("a,b", "c", 0), ("a", "b,c", 0)),
    ],
)
def test_keys_do_not_collide_by_concatenation(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    """Parts of a key are kept apart whatever characters they hold."""
    streams = Streams(1, 1)
    assert not np.array_equal(streams.uniforms(5, *one), streams.uniforms(5, *other))


def test_seed_and_replication_do_not_run_into_one_another() -> None:
    """Seed 1 in replication 12 is another stream than seed 11 in replication 2."""
    assert not np.array_equal(_key(seed=1, replication=12), _key(seed=11, replication=2))


def test_numbers_are_pinned() -> None:
    """The numbers of one key are these, on every platform and with every release of numpy."""
    pinned = [0.14535584566409776, 0.1442110075404308, 0.16500914172860093, 0.16341784245400182]
    np.testing.assert_array_equal(Streams(2015, 1).uniforms(4, "service", "ký số", 1), pinned)


def test_uniforms_lie_in_the_half_open_interval() -> None:
    """Every number is at least 0 and below 1, and a multiple of 2**-53."""
    u = Streams(0, 1).uniforms(100_000, "service")
    assert u.dtype == np.float64
    assert u.min() >= 0.0
    assert u.max() < 1.0
    np.testing.assert_array_equal(u * 2.0**53, np.floor(u * 2.0**53))


def test_uniforms_are_uniform() -> None:
    """A Kolmogorov-Smirnov test at a fixed seed finds nothing at the level of one in a thousand."""
    assert stats.kstest(Streams(42, 1).uniforms(50_000, "service"), "uniform").pvalue > 1e-3


def test_first_numbers_of_many_keys_are_uniform() -> None:
    """Across names, the numbers at one position fill the interval evenly (chi-square, 20 cells)."""
    firsts = [Streams(42, 1).uniforms(1, "service", f"task-{n}")[0] for n in range(4000)]
    counts, _ = np.histogram(firsts, bins=20, range=(0.0, 1.0))
    assert stats.chisquare(counts).pvalue > 1e-3


def test_neighbouring_keys_are_uncorrelated() -> None:
    """Streams of two visits, and of two replications, have a correlation within four standard errors of 0."""
    n = 20_000
    base = Streams(1, 1).uniforms(n, "service", "sign")
    for other in (
        Streams(1, 1).uniforms(n, "service", "sign", 1),
        Streams(1, 2).uniforms(n, "service", "sign"),
    ):
        assert abs(np.corrcoef(base, other)[0, 1]) < 4 / np.sqrt(n)


def test_generator_is_keyed_like_the_uniforms() -> None:
    """A whole generator is the same for the same key and another for another key."""
    streams = Streams(1, 1)
    draws = streams.generator("permutation", "x").integers(0, 2**40, 10)
    np.testing.assert_array_equal(draws, streams.generator("permutation", "x").integers(0, 2**40, 10))
    assert not np.array_equal(draws, streams.generator("permutation", "y").integers(0, 2**40, 10))


def test_streams_travel_to_worker_processes() -> None:
    """A pickled copy serves the same numbers."""
    streams = Streams(5, 2)
    copy = pickle.loads(pickle.dumps(streams))
    np.testing.assert_array_equal(copy.uniforms(10, "a"), streams.uniforms(10, "a"))


def test_numpy_integers_are_welcome() -> None:
    """A seed read from an array is the same seed."""
    seed: int = np.int64(5)  # type: ignore[assignment]
    np.testing.assert_array_equal(Streams(seed, 1).uniforms(3, "a"), Streams(5, 1).uniforms(3, "a"))


def test_seeds_may_be_large() -> None:
    """A seed beyond 64 bits is used whole."""
    assert not np.array_equal(Streams(2**200, 1).uniforms(3, "a"), Streams(2**200 + 1, 1).uniforms(3, "a"))


@pytest.mark.parametrize(
    ("seed", "replication", "named"),
    [
        (-1, 1, "seed"),
        (1.5, 1, "seed"),
        ("1", 1, "seed"),
        (None, 1, "seed"),
        (True, 1, "seed"),
        (1, 0, "replication"),
        (1, 2.0, "replication"),
    ],
)
def test_other_seeds_are_refused(seed: int, replication: int, named: str) -> None:
    """A seed is a whole number from 0, a replication one from 1; the error names the one that is not."""
    with pytest.raises(InputError, match=named) as caught:
        Streams(seed, replication)
    assert caught.value.code == "E-SEED"
