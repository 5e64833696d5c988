"""The verdict: what goes before what, and that a server's fault is never called the generator's."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from loadtests.harness.ledger import Finding
from loadtests.harness.objectives import Judged, Objective, judge
from loadtests.harness.verdict import Generator, Outcome, Verdict, decide, lateness_bound_s

SOUND = Generator(
    lateness_s_p99=0.002,
    lateness_bound_s=0.010,
    planned=10_000,
    sent_or_shed=10_000,
    duration_s=100.0,
    warmup_stationary=True,
    warmup_text="no settling",
)
CLEAN = (
    Finding("lost", 0, True, "no receipt without a delivery"),
    Finding("duplicated", 0, False, "no second copy"),
)
LOST = Finding("lost", 3, True, "3 messages with a signed receipt are not there", ("a", "b", "c"))
ABSENT = Finding("undelivered", 2, False, "2 deliveries were not seen")


def objective(text: str, slow: float = 0.0, count: int = 2000) -> Judged:
    """An objective judged by a sample in which a share is slow."""
    values = np.where(np.random.default_rng(1).random(count) < slow, 5.0, 0.01)
    return judge(Objective.parse(text), values, np.arange(float(count)), rng=np.random.default_rng(2))


MET = objective("submit p99 < 500 ms")
MISSED = objective("submit p99 < 500 ms", 0.2)
OPEN = objective("submit p99 < 500 ms", count=288)


def generator(**changes: Any) -> Generator:
    """A sound generator but for what is named."""
    return replace(SOUND, **changes)


def codes(verdict: Verdict) -> list[str]:
    """Codes of its reasons."""
    return [one.code for one in verdict.reasons]


INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("late", {"lateness_s_p99": 0.0101}, "10.1 ms"),
    ("late", {"lateness_s_p99": math.nan}, "nothing was sent"),
    ("stalled", {"stalls": [(3.0, 1.2)], "duration_s": 1000.0}, "1.2 s"),
    ("stalled", {"stalls": [(3.0, 0.6), (7.0, 0.6)]}, "1.2 %"),
    ("worker-lost", {"workers": 2, "lost": [1]}, "1 of 2 workers"),
    ("report-lost", {"report_gaps": 1}, "reports are missing of 1"),
    ("strayed", {"sent_or_shed": 9_899, "not_sent": 101}, "1.01 %"),
    ("strayed", {"sent_or_shed": 10_101}, "1.01 %"),
    ("strayed", {"sheds_late": 101}, "101 shed while the generator was late"),
    ("strayed", {"rate_off_share": 0.011}, "1.1 %"),
    ("strayed", {"planned": 0, "sent_or_shed": 0}, "no arrival"),
    ("bank-empty", {"bank_empty_s": 41.3}, "41.3 s"),
    ("receipts-left", {"receipts_left": 7}, "7 receipts"),
    ("clock-skew", {"skew_s_max": 0.011}, "11 ms"),
    ("warm-up", {"warmup_stationary": False, "warmup_text": "2.0 times as slow"}, "2.0 times"),
    ("audit-missing", {"audit_available": False, "audit_demanded": True}, "could not be asked"),
]


@pytest.mark.parametrize(("code", "changes", "told"), INVALID)
def test_a_generator_that_did_not_do_its_part_makes_the_run_invalid(
    code: str, changes: dict[str, Any], told: str
) -> None:
    """Never FAIL, and never a pass; the text names the figure."""
    found = decide(generator(**changes), [MET], CLEAN)
    assert found.outcome is Outcome.INVALID
    assert codes(found) == [code]
    assert told in found.reasons[0].text
    assert decide(generator(**changes), [MISSED, OPEN], [ABSENT]).outcome is Outcome.INVALID


SERVERS_FAULTS: list[dict[str, Any]] = [
    {"sheds": 9_000},
    {"drained": False},
    {"sheds": 9_000, "drained": False},
    {"sheds": 10_000, "lateness_s_p99": math.inf},
]


@pytest.mark.parametrize("changes", SERVERS_FAULTS)
def test_an_overloaded_server_fails_and_is_never_invalid(changes: dict[str, Any]) -> None:
    """Sheds at the cap in time, and what is still under way at the end, are the server's misses."""
    found = decide(generator(**changes), [MISSED], CLEAN)
    assert found.outcome is Outcome.FAIL
    assert codes(found) == ["objective-missed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"lateness_s_p99": 0.010},
        {"stalls": [(3.0, 0.9)]},
        {"sent_or_shed": 9_900, "not_sent": 100},
        {"skew_s_max": 0.010},
        {"sheds_late": 100},
        {"warmup_stationary": None},
        {"audit_available": False},
    ],
)
def test_what_is_within_its_bound_holds(changes: dict[str, Any]) -> None:
    """Bounds are tolerated, only what is beyond is not; what cannot be told is not held against the run."""
    assert decide(generator(**changes), [MET], CLEAN).outcome is Outcome.PASS


def test_a_loss_that_a_receipt_proves_fails_whatever_else() -> None:
    """Even a generator that did everything wrong has a signed receipt in its hand."""
    wrong: dict[str, Any] = {}
    for _, changes, _ in INVALID[:-1]:
        wrong |= changes
    found = decide(generator(**wrong), [OPEN, MISSED], [ABSENT, LOST])
    assert found.outcome is Outcome.FAIL
    assert codes(found)[0] == "lost"
    assert {"late", "undelivered", "objective-missed", "objective-open"} <= set(codes(found))


@pytest.mark.parametrize(
    ("proved", "invalid", "absent", "missed", "still_open"), list(product([False, True], repeat=5))
)
def test_the_order_holds_for_every_combination(
    proved: bool, invalid: bool, absent: bool, missed: bool, still_open: bool
) -> None:
    """Proved by receipt, then validity, then misses and absences, then what is open; every reason is told."""
    findings = [one for one, there in ((ABSENT, absent), (LOST, proved)) if there]
    objectives = [MET, *(one for one, there in ((OPEN, still_open), (MISSED, missed)) if there)]
    found = decide(generator(report_gaps=int(invalid)), objectives, findings)
    expected = (
        Outcome.FAIL if proved
        else Outcome.INVALID if invalid
        else Outcome.FAIL if absent or missed
        else Outcome.INCONCLUSIVE if still_open
        else Outcome.PASS
    )  # fmt: skip
    assert found.outcome is expected
    assert found.reasons[0].outcome is expected
    told = [one for one, there in (
        ("lost", proved), ("report-lost", invalid), ("undelivered", absent), ("objective-missed", missed),
        ("objective-open", still_open),
    ) if there]  # fmt: skip
    assert codes(found) == (told or ["held"])


def test_exit_codes_are_those_that_scripts_rely_on() -> None:
    """2 stays wrong input."""
    assert {one.name: one.exit_code for one in Outcome} == {
        "PASS": 0,
        "FAIL": 1,
        "INCONCLUSIVE": 4,
        "INVALID": 3,
    }


def test_every_check_is_told_passed_or_not() -> None:
    """A test report shows what was looked at, with figures and bounds."""
    found = decide(generator(sheds=5), [MET, MISSED, OPEN], [*CLEAN, ABSENT])
    by_name = {one.name: one for one in found.checks}
    assert by_name["generator: lateness"].passed
    assert by_name["generator: lateness"].text == "p99 of lateness is 2 ms; 10 ms is tolerated"
    assert by_name["ledger: lost"].passed
    assert by_name["ledger: undelivered"].passed is False
    assert [one.passed for one in found.checks if one.name.startswith("objective")] == [True, False, None]
    gates = [one for one in found.checks if one.name.startswith("generator")]
    assert len(gates) == 10
    assert all(one.text for one in found.checks)
    assert decide(SOUND, [MET], CLEAN).outcome is Outcome.PASS


def test_without_objectives_ledger_and_generator_decide_and_it_says_so() -> None:
    """A pass must not be read as fast enough."""
    found = decide(SOUND, [], CLEAN)
    assert found.outcome is Outcome.PASS
    assert "no objective was given" in found.reasons[0].text
    assert decide(SOUND, [], [ABSENT]).outcome is Outcome.FAIL


def test_a_short_run_is_inconclusive_and_says_how_many_samples_it_needs() -> None:
    """What MLPerf LoadGen calls invalid is about the sample here, not about the generator."""
    found = decide(SOUND, [OPEN], CLEAN)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "needs 171 more samples" in found.reasons[0].text


def test_reasons_and_checks_of_objectives_name_percentile_interval_and_share() -> None:
    """Whatever the kind of objective."""
    kinds = ["submit p99 < 500 ms", "submit max < 2 s", "failed < 1 %", "failed <= 0 %"]
    found = decide(SOUND, [objective(one) for one in kinds], CLEAN)
    texts = [one.text for one in found.checks if one.name.startswith("objective")]
    assert [text.split(":")[0] for text in texts] == kinds
    assert "p99 10 ms, between 10 ms and 10 ms" in texts[0]
    assert "maximum 10 ms" in texts[1]
    assert "never came" in texts[2]


@pytest.mark.parametrize(
    ("bounds_s", "late_s"),
    [((0.5, 0.02), 0.002), ((120.0,), 0.010), ((), 0.010), ((math.inf,), 0.010), ((math.inf, 0.05), 0.005)],
)
def test_the_generator_may_be_as_late_as_a_tenth_of_the_tightest_objective(
    bounds_s: tuple[float, ...], late_s: float
) -> None:
    """And never later than 10 ms."""
    assert lateness_bound_s(bounds_s) == pytest.approx(late_s)


def test_a_verdict_is_plain_json() -> None:
    """As the summary of a run holds it."""
    found = decide(generator(lateness_s_p99=math.nan), [MISSED], CLEAN).to_json()
    again = json.loads(json.dumps(found, allow_nan=False))
    assert (again["outcome"], again["exit_code"]) == ("INVALID", 3)
    assert again["reasons"][0]["outcome"] == "INVALID"
    assert {"name", "passed", "text"} == set(again["checks"][0])
