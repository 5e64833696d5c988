"""What is counted: names, units, and labels that stay few."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response

from loadtests.endpoint.metrics import Metrics, measured
from loadtests.exchange.errors import Refusal
from tests.unit.loadtests.endpoint.reading import REF, SECOND, THIRD, Exchange, run


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample."""
    return metrics.registry.get_sample_value(name, labels)


def test_each_thing_is_counted_under_its_own_name() -> None:
    """A dashboard is built on these names."""
    metrics = Metrics()
    metrics.submitted("accepted", 0.02)
    metrics.submitted("manifest-expired", 0.01)
    metrics.in_flight(3)
    metrics.in_flight(-1)
    metrics.grouped(7, 0.004)
    metrics.reads("inbox", 200, 0.5)
    metrics.sent(1000)
    metrics.handed_over("sealed")
    metrics.log_leaves(42)
    metrics.verified_chains(5)
    assert value(metrics, "congvan_submission_seconds_count", outcome="accepted") == 1
    assert value(metrics, "congvan_submission_seconds_sum", outcome="manifest-expired") == 0.01
    assert value(metrics, "congvan_submissions_in_flight") == 2
    assert value(metrics, "congvan_commit_units_sum") == 7
    assert value(metrics, "congvan_commit_seconds_sum") == 0.004
    assert value(metrics, "congvan_read_seconds_count", route="inbox", status="200") == 1
    assert value(metrics, "congvan_documents_sent_bytes_total") == 1000
    assert value(metrics, "congvan_handovers_total", result="sealed") == 1
    assert value(metrics, "congvan_log_leaves") == 42
    assert value(metrics, "congvan_verified_chains") == 5


def test_two_servers_in_one_process_do_not_add_up() -> None:
    """As in tests and in a bench."""
    one, other = Metrics(), Metrics()
    one.grouped(3, 0.1)
    assert value(other, "congvan_commit_units_sum") == 0


@pytest.mark.parametrize(
    ("fault", "status"), [(Refusal("message-unknown", "no"), "404"), (RuntimeError("oh"), "500")]
)
def test_what_is_refused_or_fails_is_timed_as_well(fault: Exception, status: str) -> None:
    """A server that refuses quickly must not look like one that answers quickly."""
    metrics, times = Metrics(), iter([10.0, 12.5])

    async def endpoint(_: Request) -> Response:
        raise fault

    timed = measured(metrics, "message", endpoint, clock=lambda: next(times))

    async def ask() -> Response:
        return await timed(Request({"type": "http"}))

    with pytest.raises(type(fault)):
        asyncio.run(ask())
    assert value(metrics, "congvan_read_seconds_sum", route="message", status=status) == 2.5


def test_prometheus_reads_it_and_no_agency_or_message_is_a_label(tmp_path: Path) -> None:
    """Names of agencies in labels would tell who reads what, and grow without end."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        await exchange.get(f"/v1/messages/{REF}/documents/0", SECOND)
        await exchange.get(f"/v1/messages/{REF}/documents/7", THIRD)
        answer = await exchange.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        families = {one.name: one for one in text_string_to_metric_families(answer.text)}
        samples = [one for family in families.values() for one in family.samples]
        assert all(name.startswith("congvan_") for name in families)
        labels = {value for sample in samples for value in sample.labels.values()}
        assert not any(re.search(r"H41|message-0001", one) for one in labels)
        assert {"200", "404"} <= labels
        leaves = next(one.value for one in samples if one.name == "congvan_log_leaves")
        assert leaves == exchange.service.store.size() == 2
        chains = next(one.value for one in samples if one.name == "congvan_verified_chains")
        assert chains == 1

    run(tmp_path, test)
