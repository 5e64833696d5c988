"""Exact results of queueing theory, for checking the simulator and for quick answers.

Rule kept here: only formulas that are exact for the system as named; every one says where it is from. Poisson
arrivals throughout, one calendar without breaks, first come first served inside a class. Rates are per
second, times in seconds, loads are shares of one.

Sources by short name:
    Kleinrock: L. Kleinrock, Queueing Systems, volume 1 (1975) and volume 2 (1976).
    Gross-Harris: D. Gross, J. Shortle, J. Thompson, C. Harris, Fundamentals of Queueing Theory, 4th ed.
    (2008).
    Cobham: A. Cobham, Priority assignment in waiting line problems, Operations Research 2 (1954).
    Kella-Yechiali: O. Kella, U. Yechiali, Waiting times in the non-preemptive priority M/M/c queue,
        Stochastic Models 1 (1985).
    Jackson: J. R. Jackson, Networks of waiting lines, Operations Research 5 (1957).
    Flatto-Hahn: L. Flatto, S. Hahn, Two parallel queues created by arrivals with two demands, SIAM Journal on
        Applied Mathematics 44 (1984); the mean in R. Nelson, A. Tantawi, Approximate analysis of fork/join
        synchronization in parallel queues, IEEE Transactions on Computers 37 (1988).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import InputError


@dataclass(frozen=True, slots=True)
class Queue:
    """Long-run means of one queue, or of one class in it.

    Args:
        arrivals_per_s: Arrivals per second.
        load: Share of its servers' time that it takes, below 1.
        wait_mean_s: Mean time from arrival to start of service.
        response_mean_s: Mean time from arrival to end of service.
    """

    arrivals_per_s: float
    load: float
    wait_mean_s: float
    response_mean_s: float

    @property
    def waiting_mean(self) -> float:
        """Mean number waiting, service not counted (Little's law)."""
        return self.arrivals_per_s * self.wait_mean_s

    @property
    def present_mean(self) -> float:
        """Mean number present, in service included (Little's law)."""
        return self.arrivals_per_s * self.response_mean_s


@dataclass(frozen=True, slots=True)
class Network:
    """Long-run means of an open network.

    Args:
        stations: Its stations, each with its total arrivals, feedback included.
        response_mean_s: Mean time from entering the network to leaving it, over all visits.
    """

    stations: tuple[Queue, ...]
    response_mean_s: float


def _rate(name: str, value: float, *, positive: bool = False) -> float:
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        least = "above 0" if positive else "0 or more"
        raise InputError("E-QUEUE", f"found {name} {value}", f"use a finite number, {least}")
    return value


def _servers(servers: int) -> int:
    if servers < 1:
        raise InputError("E-QUEUE", f"found {servers} servers", "use 1 or more")
    return servers


def _stable(load: float, what: str = "the queue") -> float:
    if load >= 1:
        raise InputError(
            "E-UNSTABLE",
            f"found a load of {load:.6g} at {what}",
            "the load must be below 1: fewer arrivals, shorter service or more servers",
        )
    return load


def mm1(arrivals_per_s: float, service_mean_s: float) -> Queue:
    """Return the means of M/M/1: one server, exponential service times.

    Source: Kleinrock vol. 1, chapter 3: W = rho / (mu (1 - rho)).

    Args:
        arrivals_per_s: Arrivals per second, 0 or more.
        service_mean_s: Mean service time in seconds, above 0.

    Raises:
        InputError: ``E-UNSTABLE`` the load is 1 or more, ``E-QUEUE`` an argument is out of range.
    """
    _rate("arrivals per second", arrivals_per_s)
    _rate("mean service time", service_mean_s, positive=True)
    load = _stable(arrivals_per_s * service_mean_s)
    wait_s = load * service_mean_s / (1 - load)
    return Queue(arrivals_per_s, load, wait_s, wait_s + service_mean_s)


def mm1_response_quantile_s(arrivals_per_s: float, service_mean_s: float, level: float) -> float:
    """Return a quantile of the response time of M/M/1 in seconds.

    Source: Kleinrock vol. 1, chapter 5: with service in order of arrival the response time is exponential.

    Args:
        arrivals_per_s: Arrivals per second, 0 or more.
        service_mean_s: Mean service time in seconds, above 0.
        level: Share, 0 or more and below 1.

    Raises:
        InputError: As :func:`mm1`; ``E-QUEUE`` also for the level.
    """
    if not 0 <= level < 1:
        raise InputError("E-QUEUE", f"found level {level}", "use a share, 0 or more and below 1")
    return -math.log1p(-level) * mm1(arrivals_per_s, service_mean_s).response_mean_s


def erlang_c(offered_erlangs: float, servers: int) -> float:
    """Return the probability that an arrival at M/M/c has to wait.

    Source: Gross-Harris, chapter 2, by the recursion of Erlang's B formula, which does not overflow.

    Args:
        offered_erlangs: Arrival rate times mean service time, 0 or more.
        servers: Number of servers, 1 or more.

    Raises:
        InputError: ``E-UNSTABLE`` as many erlangs as servers or more, ``E-QUEUE`` an argument is out of
            range.
    """
    _rate("offered load", offered_erlangs)
    load = _stable(offered_erlangs / _servers(servers))
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered_erlangs * blocked / (server + offered_erlangs * blocked)
    return blocked / (1 - load * (1 - blocked))


def mmc(arrivals_per_s: float, service_mean_s: float, servers: int) -> Queue:
    """Return the means of M/M/c: c equal servers, exponential service times.

    Source: Gross-Harris, chapter 2: W = C(c, a) / (c mu - lambda), with Erlang's C.

    Args:
        arrivals_per_s: Arrivals per second, 0 or more.
        service_mean_s: Mean service time in seconds, above 0.
        servers: Number of servers, 1 or more.

    Raises:
        InputError: ``E-UNSTABLE`` the load is 1 or more, ``E-QUEUE`` an argument is out of range.
    """
    _rate("arrivals per second", arrivals_per_s)
    _rate("mean service time", service_mean_s, positive=True)
    waits = erlang_c(arrivals_per_s * service_mean_s, servers)
    load = arrivals_per_s * service_mean_s / servers
    wait_s = waits * service_mean_s / (servers * (1 - load))
    return Queue(arrivals_per_s, load, wait_s, wait_s + service_mean_s)


def mg1(arrivals_per_s: float, service_mean_s: float, service_scv: float) -> Queue:
    """Return the means of M/G/1: one server, any independent service times.

    Source: Pollaczek-Khinchine mean value formula, Kleinrock vol. 1, chapter 5:
    W = rho (1 + scv) / (2 (1 - rho)) times the mean service time.

    Args:
        arrivals_per_s: Arrivals per second, 0 or more.
        service_mean_s: Mean service time in seconds, above 0.
        service_scv: Squared coefficient of variation of the service time, variance over squared mean.

    Raises:
        InputError: ``E-UNSTABLE`` the load is 1 or more, ``E-QUEUE`` an argument is out of range.
    """
    return mg1_priority([arrivals_per_s], [service_mean_s], [service_scv])[0]


def md1(arrivals_per_s: float, service_s: float) -> Queue:
    """Return the means of M/D/1: one server, every service takes ``service_s`` seconds.

    Source: as :func:`mg1`, without variance.

    Raises:
        InputError: ``E-UNSTABLE`` the load is 1 or more, ``E-QUEUE`` an argument is out of range.
    """
    return mg1(arrivals_per_s, service_s, 0.0)


def mg1_priority(
    arrivals_per_s: Sequence[float], service_means_s: Sequence[float], service_scvs: Sequence[float]
) -> tuple[Queue, ...]:
    """Return the means of each class of M/G/1 with non-preemptive priorities.

    Source: Cobham; Kleinrock vol. 2, chapter 3: W_k = W_0 / ((1 - s_{k-1}) (1 - s_k)), where s_k is the
    load of the first k classes and W_0 the mean rest of the service that an arrival finds.

    Args:
        arrivals_per_s: Arrivals per second by class, the most urgent class first.
        service_means_s: Mean service times in seconds, by class.
        service_scvs: Squared coefficients of variation of the service times, by class.

    Raises:
        InputError: ``E-UNSTABLE`` the load of all classes is 1 or more, ``E-QUEUE`` an argument is out of
            range or the lists differ in length.
    """
    if not len(arrivals_per_s) == len(service_means_s) == len(service_scvs):
        raise InputError("E-QUEUE", "found lists of different lengths", "give one number per class")
    classes = list(zip(arrivals_per_s, service_means_s, service_scvs, strict=True))
    rest_s = 0.0
    for arrivals, service_s, scv in classes:
        _rate("arrivals per second", arrivals)
        _rate("mean service time", service_s, positive=True)
        _rate("squared coefficient of variation", scv)
        rest_s += arrivals * service_s**2 * (1 + scv) / 2
    return _by_class(arrivals_per_s, service_means_s, 1, rest_s)


def mmc_priority(arrivals_per_s: Sequence[float], service_mean_s: float, servers: int) -> tuple[Queue, ...]:
    """Return the means of each class of M/M/c with non-preemptive priorities and one service rate.

    Source: Cobham; Kella-Yechiali: as :func:`mg1_priority` with W_0 = C(c, a) / (c mu).

    Args:
        arrivals_per_s: Arrivals per second by class, the most urgent class first.
        service_mean_s: Mean service time in seconds, the same for every class.
        servers: Number of servers, 1 or more.

    Raises:
        InputError: ``E-UNSTABLE`` the load of all classes is 1 or more, ``E-QUEUE`` an argument is out of
            range.
    """
    for arrivals in arrivals_per_s:
        _rate("arrivals per second", arrivals)
    _rate("mean service time", service_mean_s, positive=True)
    waits = erlang_c(sum(arrivals_per_s) * service_mean_s, servers)
    service_means_s = [service_mean_s] * len(arrivals_per_s)
    return _by_class(arrivals_per_s, service_means_s, servers, waits * service_mean_s / servers)


def _by_class(
    arrivals_per_s: Sequence[float], service_means_s: Sequence[float], servers: int, rest_s: float
) -> tuple[Queue, ...]:
    loads = [a * s / servers for a, s in zip(arrivals_per_s, service_means_s, strict=True)]
    _stable(sum(loads))
    queues, above = [], 0.0
    for arrivals, service_s, load in zip(arrivals_per_s, service_means_s, loads, strict=True):
        wait_s = rest_s / ((1 - above) * (1 - above - load))
        queues.append(Queue(arrivals, load, wait_s, wait_s + service_s))
        above += load
    return tuple(queues)


def jackson(
    external_per_s: Sequence[float],
    routing: Sequence[Sequence[float]],
    service_means_s: Sequence[float],
    servers: Sequence[int],
) -> Network:
    """Return the means of an open Jackson network; feedback is allowed.

    Source: Jackson; Kleinrock vol. 1, chapter 4. Total arrivals solve the traffic equations
    lambda = gamma + lambda P; every station then has the means of an M/M/c of its own.

    Args:
        external_per_s: Arrivals per second from outside, by station.
        routing: ``routing[i][j]``, the probability that what leaves station i goes to station j; what is
            missing to 1 leaves the network.
        service_means_s: Mean service time in seconds, by station.
        servers: Number of servers, by station.

    Raises:
        InputError: ``E-UNSTABLE`` the load of a station is 1 or more, ``E-QUEUE`` an argument is out of
            range, the sizes differ, nothing enters, or something never leaves.
    """
    size = len(external_per_s)
    outside = np.array([_rate("arrivals per second", value) for value in external_per_s])
    sizes = {len(routing), len(service_means_s), len(servers), *(len(row) for row in routing)}
    if sizes != {size}:
        raise InputError("E-QUEUE", "found arguments of different sizes", "give one number per station")
    to = np.array(routing, dtype=np.float64)
    if not np.all(to >= 0) or not np.all(np.sum(to, axis=1) <= 1 + 1e-12):
        raise InputError(
            "E-QUEUE", "found routing that is no probability", "rows of 0 or more, sum at most 1"
        )
    if not np.sum(outside) > 0:
        raise InputError("E-QUEUE", "found no arrivals from outside", "let something enter the network")
    if np.max(np.abs(np.linalg.eigvals(to))) >= 1 - 1e-12:
        raise InputError("E-QUEUE", "found routing without way out", "let every station lead out in the end")
    totals = np.linalg.solve(np.eye(size) - to.T, outside)
    stations = []
    for at, total in enumerate(totals.tolist()):
        _stable(max(total, 0.0) * service_means_s[at] / _servers(servers[at]), f"station {at}")
        stations.append(mmc(max(total, 0.0), service_means_s[at], servers[at]))
    present = sum(station.present_mean for station in stations)
    return Network(tuple(stations), present / float(np.sum(outside)))


def fork_join_mm1_pair_response_mean_s(arrivals_per_s: float, service_mean_s: float) -> float:
    """Return the mean time from fork to join of two equal M/M/1 queues fed by the same arrivals, in seconds.

    Source: Flatto-Hahn; the mean as in Nelson-Tantawi: (12 - rho) / 8 times the response time of M/M/1.

    Args:
        arrivals_per_s: Arrivals per second; each puts one task in each queue.
        service_mean_s: Mean service time of each task in seconds, above 0.

    Raises:
        InputError: ``E-UNSTABLE`` the load is 1 or more, ``E-QUEUE`` an argument is out of range.
    """
    single = mm1(arrivals_per_s, service_mean_s)
    return (12 - single.load) / 8 * single.response_mean_s
