"""What Locust itself shows: its statistics, fed with the response from the intended time.

Rule kept here: Locust's page and its exit summary tell the truth: a miss is a failure, and one without an answer counts
with at least the time-out in the percentiles, because leaving it out would make them better than they are.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

import locust.stats
import numpy as np
from locust.stats import RequestStats, StatsEntry, StatsError
from numpy.typing import NDArray

from loadtests.locustfiles.digits import three_digits


class Shown:
    """The statistics of one process, fed in batches: one call for each request would cost as much as the request.

    Args:
        stats: Locust's.
        method: What stands in its column "Type".
    """

    def __init__(self, stats: RequestStats, method: str) -> None:
        self._stats = stats
        self._method = method
        self._responses: dict[str, list[float]] = defaultdict(list)
        self._bytes: Counter[str] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()

    def add(self, step: str, response_s: float, size_bytes: int = 0, failure: str = "") -> None:
        """Count one request of a step.

        Args:
            step: Its name.
            response_s: From the intended time.
            size_bytes: Of the answer.
            failure: Why it is a miss; empty for none.
        """
        self._responses[step].append(response_s)
        self._bytes[step] += size_bytes
        if failure:
            self._failures[step, failure] += 1

    def flush(self) -> None:
        """Hand over what has been counted."""
        now_s = time.time()
        for step, responses_s in self._responses.items():
            failures = sum(count for (name, _), count in self._failures.items() if name == step)
            self._extend(step, np.array(responses_s) * 1000, failures, now_s)
        for (step, failure), count in self._failures.items():
            key = StatsError.create_key(self._method, step, failure)
            error = self._stats.errors.setdefault(key, StatsError(self._method, step, failure))
            for _ in range(count):
                error.occurred()
        self._responses.clear()
        self._bytes.clear()
        self._failures.clear()

    def _extend(
        self,
        step: str,
        responses_ms: NDArray[np.float64],
        failures: int,
        now_s: float,
    ) -> None:
        """Add one step's batch to its entry and to the total, as Locust's master adds a worker's report."""
        second = int(now_s)
        entry: Any = StatsEntry(
            self._stats, step, self._method
        )  # whose numbers Locust calls whole, and are not
        entry.num_requests = len(responses_ms)
        entry.num_failures = failures
        entry.total_response_time = float(responses_ms.sum())
        entry.min_response_time = float(responses_ms.min())
        entry.max_response_time = float(responses_ms.max())
        entry.total_content_length = self._bytes[step]
        entry.last_request_timestamp = now_s
        entry.num_reqs_per_sec[second] = len(responses_ms)
        if failures:
            entry.num_fail_per_sec[second] = failures
        entry.response_times = Counter(map(three_digits, responses_ms.tolist()))
        self._stats.total.extend(entry)
        self._stats.entries[step, self._method].extend(entry)


def use_three_digits() -> None:
    """Have Locust count response times with three digits, in this process."""
    module: Any = locust.stats
    module.bucket_response_time = three_digits
