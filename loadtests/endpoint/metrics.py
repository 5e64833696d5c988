"""What is counted and timed, as Prometheus reads it.

Rule kept here: labels have few values (codes of the protocol, names of routes, never ids, agencies or paths), so that
no sender can make the server remember more; units are seconds and bytes and stand in the name.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from loadtests.exchange.errors import Refusal

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""From a commit without a sync to a long poll and a gibibyte on a slow line."""
UNITS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Units of one group commit."""
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Endpoint = Callable[[Request], Awaitable[Response]]
Clock = Callable[[], float]


class Metrics:
    """The counters of one server; each has its own, so that two in one process do not add up."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self._submissions = Histogram(
            "congvan_submission_seconds",
            "From the first byte of a submission to its answer, by outcome: accepted, replayed or a code.",
            ["outcome"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "congvan_submissions_in_flight", "Submissions that are being taken.", registry=self.registry
        )
        self._group_units = Histogram(
            "congvan_commit_units",
            "Messages, events and hand-overs stored together.",
            buckets=UNITS,
            registry=self.registry,
        )
        self._group_seconds = Histogram(
            "congvan_commit_seconds",
            "Signing and storing one group.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._reads = Histogram(
            "congvan_read_seconds",
            "Until the answer to a read begins; the inbox may wait for up to 30 s.",
            ["route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._sent = Counter(
            "congvan_documents_sent_bytes", "Documents given out, as far as sent.", registry=self.registry
        )
        self._handovers = Counter(
            "congvan_handovers", "Complete hand-overs by result.", ["result"], registry=self.registry
        )
        self._log_leaves = Gauge("congvan_log_leaves", "Leaves of the log.", registry=self.registry)
        self._chains = Gauge(
            "congvan_verified_chains", "Certificate chains kept as valid.", registry=self.registry
        )

    def submitted(self, outcome: str, seconds: float) -> None:
        """A submission was answered.

        Args:
            outcome: ``accepted``, ``replayed``, or the code of the refusal.
            seconds: How long it took.
        """
        self._submissions.labels(outcome).observe(seconds)

    def in_flight(self, delta: int) -> None:
        """So many more (or fewer) submissions are being taken."""
        self._in_flight.inc(delta)

    def grouped(self, units: int, seconds: float) -> None:
        """A group of so many units was signed and stored."""
        self._group_units.observe(units)
        self._group_seconds.observe(seconds)

    def reads(self, route: str, status: int, seconds: float) -> None:
        """A read was answered, or its answer began."""
        self._reads.labels(route, str(status)).observe(seconds)

    def sent(self, size_bytes: int) -> None:
        """So much of a document was sent."""
        self._sent.inc(size_bytes)

    def handed_over(self, result: str) -> None:
        """All of a message was sent to a recipient.

        Args:
            result: ``sealed``, ``known`` (evidence was there already) or ``failed``.
        """
        self._handovers.labels(result).inc()

    def log_leaves(self, size: int) -> None:
        """The log has so many leaves."""
        self._log_leaves.set(size)

    def verified_chains(self, number: int) -> None:
        """So many certificate chains are kept as valid."""
        self._chains.set(number)

    def exposition(self) -> bytes:
        """All of it in the text format of Prometheus (``CONTENT_TYPE``)."""
        return generate_latest(self.registry)


def measured(metrics: Metrics, route: str, endpoint: Endpoint, clock: Clock = time.perf_counter) -> Endpoint:
    """The endpoint, timed until its answer begins; a refusal counts with its status, a fault of the program as 500.

    Args:
        metrics: Where it is counted.
        route: Name of the route, one of a fixed few.
        endpoint: What answers.
        clock: s from any beginning.
    """

    async def timed(request: Request) -> Response:
        began_at, status = clock(), 500
        try:
            response = await endpoint(request)
            status = response.status_code
        except Refusal as refusal:
            status = refusal.kind.status
            raise
        finally:
            metrics.reads(route, status, clock() - began_at)
        return response

    return timed
