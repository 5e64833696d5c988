from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from sim.analysis import queueing as q
from sim.errors import InputError


def test_mm1_by_hand() -> None:
    """At 4 arrivals and 5 services per second: wait 0.8 s, response 1 s, 4 present, 3.2 waiting."""
    queue = q.mm1(4.0, 0.2)
    assert queue.load == pytest.approx(0.8)
    assert (queue.wait_mean_s, queue.response_mean_s) == pytest.approx((0.8, 1.0))
    assert (queue.waiting_mean, queue.present_mean) == pytest.approx((3.2, 4.0))
    assert q.mm1_response_quantile_s(4.0, 0.2, 0.95) == pytest.approx(math.log(20))


def test_one_server_of_mmc_is_mm1() -> None:
    """M/M/c with one server is M/M/1."""
    several, one = q.mmc(4.0, 0.2, 1), q.mm1(4.0, 0.2)
    assert several.wait_mean_s == pytest.approx(one.wait_mean_s)
    assert several.load == pytest.approx(one.load)


def test_erlang_c_by_its_definition() -> None:
    """Two erlangs on three servers wait with probability 4/9; many servers do not overflow."""
    assert q.erlang_c(2.0, 3) == pytest.approx(4 / 9)
    assert q.erlang_c(0.0, 3) == 0.0
    offered, servers = 950.0, 1000
    logs = [n * math.log(offered) - math.lgamma(n + 1) for n in range(servers + 1)]
    top = math.exp(logs[servers] - logs[servers]) / (1 - offered / servers)
    below = sum(math.exp(value - logs[servers]) for value in logs[:servers])
    assert q.erlang_c(offered, servers) == pytest.approx(top / (below + top))


def test_mmc_textbook_example() -> None:
    """The clinic of Gross-Harris, chapter 2 (three servers, 6 an hour, 20 min each): wait 4/27 h."""
    queue = q.mmc(6 / 3600, 1200.0, 3)
    assert queue.wait_mean_s == pytest.approx(3600 * 4 / 27)
    assert queue.waiting_mean == pytest.approx(8 / 9)


def test_regular_service_halves_the_wait() -> None:
    """M/D/1 waits half as long as M/M/1, and M/G/1 with variation one is M/M/1."""
    assert q.md1(4.0, 0.2).wait_mean_s == pytest.approx(q.mm1(4.0, 0.2).wait_mean_s / 2)
    assert q.mg1(4.0, 0.2, 1.0).wait_mean_s == pytest.approx(q.mm1(4.0, 0.2).wait_mean_s)


def test_one_priority_class_is_no_priority() -> None:
    """With a single class, Cobham's formula is Pollaczek-Khinchine's."""
    (queue,) = q.mg1_priority([0.5], [1.2], [0.7])
    assert queue.wait_mean_s == pytest.approx(0.5 * 1.2**2 * 1.7 / 2 / (1 - 0.6))


def test_priorities_only_redistribute_the_wait() -> None:
    """Kleinrock's conservation law: the sum of load times wait does not depend on the order of classes."""
    arrivals, services, scvs = [0.1, 0.2, 0.15], [1.0, 2.0, 1.5], [1.0, 0.5, 0.0]
    rest_s = sum(a * s * s * (1 + v) / 2 for a, s, v in zip(arrivals, services, scvs, strict=True))
    load = sum(a * s for a, s in zip(arrivals, services, strict=True))
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        queues = q.mg1_priority(*([values[n] for n in order] for values in (arrivals, services, scvs)))
        conserved = sum(queue.load * queue.wait_mean_s for queue in queues)
        assert conserved == pytest.approx(load * rest_s / (1 - load))
        waits = [queue.wait_mean_s for queue in queues]
        assert waits == sorted(waits)


def test_mmc_priority_agrees_with_its_limits() -> None:
    """One server agrees with M/G/1 by class, one class with M/M/c, and the mean wait is that of M/M/c."""
    one = q.mmc_priority([0.2, 0.3], 1.5, 1)
    same = q.mg1_priority([0.2, 0.3], [1.5, 1.5], [1.0, 1.0])
    assert [x.wait_mean_s for x in one] == pytest.approx([x.wait_mean_s for x in same])
    assert q.mmc_priority([1.5], 1.0, 2)[0].wait_mean_s == pytest.approx(q.mmc(1.5, 1.0, 2).wait_mean_s)
    queues = q.mmc_priority([0.5, 1.0], 1.0, 2)
    assert sum(x.waiting_mean for x in queues) == pytest.approx(q.mmc(1.5, 1.0, 2).waiting_mean)


def test_feedback_to_the_same_station() -> None:
    """A station that sends a quarter back has 4/3 of the arrivals; the response is over all visits."""
    network = q.jackson([0.3], [[0.25]], [1.0], [1])
    assert network.stations[0].arrivals_per_s == pytest.approx(0.4)
    assert network.response_mean_s == pytest.approx(1 / 0.6 * 4 / 3)


def test_tandem_with_rework_and_several_servers() -> None:
    """Traffic equations by hand: the second station returns a fifth to the first."""
    network = q.jackson([1.0, 0.0], [[0.0, 1.0], [0.2, 0.0]], [0.4, 1.2], [1, 2])
    assert [s.arrivals_per_s for s in network.stations] == pytest.approx([1.25, 1.25])
    present = q.mm1(1.25, 0.4).present_mean + q.mmc(1.25, 1.2, 2).present_mean
    assert network.response_mean_s == pytest.approx(present)


def test_fork_join_of_two() -> None:
    """Without load the join waits for the longer of two exponentials (3/2); at half load 11.5/8."""
    assert q.fork_join_mm1_pair_response_mean_s(0.0, 2.0) == pytest.approx(3.0)
    assert q.fork_join_mm1_pair_response_mean_s(0.5, 1.0) == pytest.approx(11.5 / 8 * 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: q.mm1(1.0, 1.0),
        lambda: q.mm1_response_quantile_s(2.0, 1.0, 0.5),
        lambda: q.erlang_c(3.0, 3),
        lambda: q.mmc(3.0, 1.0, 3),
        lambda: q.md1(1.0, 2.0),
        lambda: q.mg1_priority([0.5, 0.5], [1.0, 1.0], [0.0, 0.0]),
        lambda: q.mmc_priority([1.0, 1.0], 1.0, 2),
        lambda: q.jackson([0.5, 0.5], [[0.0, 0.5], [0.0, 0.0]], [1.0, 1.5], [1, 1]),
        lambda: q.fork_join_mm1_pair_response_mean_s(1.0, 1.0),
    ],
)
def test_full_load_has_no_mean(call: Callable[[], object]) -> None:
    """At a load of one or more there is no mean, and the error says why."""
    with pytest.raises(InputError, match="E-UNSTABLE"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: q.mm1(-1.0, 1.0),
        lambda: q.mm1(0.1, 0.0),
        lambda: q.mm1(math.nan, 1.0),
        lambda: q.mm1_response_quantile_s(0.1, 1.0, 1.0),
        lambda: q.mmc(0.1, 1.0, 0),
        lambda: q.mg1(0.1, 1.0, -1.0),
        lambda: q.mg1_priority([0.1], [1.0, 1.0], [1.0]),
        lambda: q.mmc_priority([-0.1], 1.0, 1),
        lambda: q.jackson([0.1], [[0.0, 0.0]], [1.0], [1]),
        lambda: q.jackson([0.1], [[1.5]], [1.0], [1]),
        lambda: q.jackson([0.0], [[0.0]], [1.0], [1]),
        lambda: q.jackson([0.1, 0.0], [[0.0, 1.0], [1.0, 0.0]], [1.0, 1.0], [1, 1]),
    ],
)
def test_arguments_out_of_range(call: Callable[[], object]) -> None:
    """What cannot be a queue is the caller's error."""
    with pytest.raises(InputError, match="E-QUEUE"):
        call()
