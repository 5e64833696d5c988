"""From recorded rows to the verdict: what is the server's, what is the generator's, what cannot be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtests.campaign.directory import RunFolder
from loadtests.campaign.summary import About, Concluded, summarise
from loadtests.harness.plan import Signing
from loadtests.harness.profiles import Profile
from loadtests.harness.records import AUDIT, DELIVERY, POLL, Receipt, Rows, State
from loadtests.harness.schedule import Schedule
from sim import runs
from tests.unit.loadtests.harness.runs import answered, delivered, plan, schedule

RATE_PER_S = 100.0
PROFILE = Profile.steady(RATE_PER_S, 20.0, "constant")
DUE_S = np.arange(2000) / RATE_PER_S
ABOUT = About("A run", ("congvan", "load", "run"), lambda number: f"id-{number}")
WORKER = {
    "worker": 0,
    "ended": True,
    "gap": False,
    "stalls": [],
    "drained": True,
    "receipts_left": 0,
    "skew_s": 0.0,
    "cpu_s": 5.0,
    "wall_s": 20.0,
    "bank_empty_s": None,
}


class Run:
    """A run of 2,000 messages that went well, to be spoilt before it is concluded."""

    def __init__(self, path: Path, **changes: object) -> None:
        self.folder = RunFolder(path)
        self.schedule: Schedule = schedule(DUE_S, fan_out=2)
        given: dict[str, object] = {
            "profile": PROFILE.to_json(),
            "objectives": ("submit p99 < 500 ms",),
            "schedule_sha256": self.schedule.digest,
            "warmup_s": 2.0,
        }
        self.plan = plan(20.0, **(given | changes))
        service_s = np.random.default_rng(7).exponential(0.02, len(DUE_S))
        self.arrivals: Rows = answered(DUE_S, service_s, late_s=0.0005)
        self.deliveries = delivered(self.schedule, absent_s=0.5, seen_s=1.5, accepted_s=1.6)
        self.audit: Rows | None = np.zeros(len(self.deliveries), dtype=AUDIT)
        for name in ("number", "recipient", "copies"):
            self.audit[name] = self.deliveries[name]
        self.workers: list[dict[str, Any]] = [dict(WORKER)]
        self.lost: list[int] = []
        self.faults: list[dict[str, Any]] = []

    def concluded(self) -> Concluded:
        """Write it down and summarise it."""
        self.folder.write_plan(self.plan, self.schedule)
        for name, rows in (
            ("arrivals", self.arrivals),
            ("deliveries", self.deliveries),
            ("polls", np.zeros(0, POLL)),
        ):
            np.save(self.folder.raw / f"{name}.npy", rows)
        audited = {
            "audited": False,
            "text": "broke off",
            "foreign": 0,
            "foreign_expected": 0,
            "demanded": True,
        }
        if self.audit is not None:
            np.save(self.folder.raw / "audit.npy", self.audit)
            audited |= {"audited": True}
        self.folder.write_raw("audit.json", audited)
        self.folder.write_raw("workers.json", {"workers": self.workers, "lost": self.lost, "versions": {}})
        self.folder.write_raw("faults.json", self.faults)
        return summarise(self.folder, ABOUT)

    def outcome(self) -> tuple[str, list[str]]:
        """Verdict and the codes of its reasons."""
        verdict = self.concluded().summary["verdict"]
        return verdict["outcome"], [one["code"] for one in verdict["reasons"]]


def test_a_run_in_which_all_went_well_passes(tmp_path: Path) -> None:
    """Verdict, counts and steps of a clean run; the summary is JSON without infinities."""
    found = Run(tmp_path).concluded().summary
    assert found["verdict"]["outcome"] == "PASS"
    assert found["verdict"]["exit_code"] == 0
    assert found["completed"] == 2000
    assert found["completed_per_s"] == pytest.approx(RATE_PER_S, rel=0.01)
    assert found["deliveries_seen"] == found["acknowledged"] == 4000
    assert {"submit", "receipt", "available", "accepted", "acknowledged", "journey"} <= set(found["steps"])
    assert found["ledger"]["findings"] == []
    assert found["ledger"]["audited"]
    assert [one["what"] for one in found["capacity"]] == ["submissions", "deliveries", "MB"]
    assert json.loads(runs.dump_json(found))["schema"] == 1


def test_the_same_directory_gives_the_same_summary(tmp_path: Path) -> None:
    """Bootstraps draw from the plan's seed."""
    run = Run(tmp_path)
    assert runs.dump_json(run.concluded().summary) == runs.dump_json(run.concluded().summary)


def _slow(run: Run) -> None:
    run.arrivals["done_s"][::10] += 0.6


def _shed(run: Run) -> None:
    run.arrivals["state"][::10], run.arrivals["receipt"][::10] = State.SHED, Receipt.NONE
    run.arrivals["sent_s"][::10] = run.arrivals["done_s"][::10] = np.nan
    run.deliveries = run.deliveries[run.deliveries["number"] % 10 != 0]
    assert run.audit is not None
    run.audit = run.audit[run.audit["number"] % 10 != 0]


def _growing(run: Run) -> None:
    run.arrivals["done_s"] += DUE_S * 0.1


def _forged_receipt(run: Run) -> None:
    run.arrivals["receipt"][1000], run.arrivals["state"][1000] = Receipt.WRONG, State.ANSWERED


@pytest.mark.parametrize("spoil", [_slow, _shed, _growing, _forged_receipt])
def test_what_the_server_does_is_fail_and_never_invalid(tmp_path: Path, spoil: Callable[[Run], None]) -> None:
    """Slow answers, sheds while the generator is in time, a growing backlog, a wrong receipt."""
    run = Run(tmp_path)
    spoil(run)
    assert run.outcome()[0] == "FAIL"


def _late(run: Run) -> None:
    for name in ("sent_s", "done_s"):
        run.arrivals[name][::50] += 0.05


def _shed_late(run: Run) -> None:
    _shed(run)
    for name in ("sent_s", "done_s"):
        run.arrivals[name] += 0.05


def _lost_worker(run: Run) -> None:
    run.lost = [1]


def _no_last_word(run: Run) -> None:
    run.workers[0]["ended"] = False


def _gap(run: Run) -> None:
    run.workers[0]["gap"] = True


def _nobody(run: Run) -> None:
    run.workers = []


def _stalled(run: Run) -> None:
    run.workers[0]["stalls"] = [[5.0, 1.5]]


def _skewed(run: Run) -> None:
    run.workers[0]["skew_s"] = 0.5


def _empty_bank(run: Run) -> None:
    run.workers[0]["bank_empty_s"] = 12.0


def _unchecked(run: Run) -> None:
    run.workers[0]["receipts_left"] = 3


def _cut_short(run: Run) -> None:
    run.arrivals = run.arrivals[:1900]
    run.deliveries = run.deliveries[run.deliveries["number"] < 1900]
    assert run.audit is not None
    run.audit = run.audit[run.audit["number"] < 1900]


def _no_audit(run: Run) -> None:
    run.audit = None


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_late, "late"),
        (_shed_late, "late"),
        (_lost_worker, "worker-lost"),
        (_no_last_word, "worker-lost"),
        (_nobody, "worker-lost"),
        (_gap, "report-lost"),
        (_stalled, "stalled"),
        (_skewed, "clock-skew"),
        (_empty_bank, "bank-empty"),
        (_unchecked, "receipts-left"),
        (_cut_short, "strayed"),
        (_no_audit, "audit-missing"),
    ],
)
def test_what_the_generator_does_is_invalid_and_never_fail(
    tmp_path: Path, spoil: Callable[[Run], None], code: str
) -> None:
    """Late, stalled, lost, out of messages: nothing is said of the server."""
    run = Run(tmp_path)
    spoil(run)
    outcome, codes = run.outcome()
    assert outcome == "INVALID"
    assert code in codes


def test_sheds_are_the_generators_own_where_it_was_late_and_the_servers_after_a_mere_hiccup(
    tmp_path: Path,
) -> None:
    """A tenth shed while all else is 50 ms late strays from the schedule; three late messages in a second do not."""
    run = Run(tmp_path / "late")
    (tmp_path / "late").mkdir()
    _shed_late(run)
    assert "strayed" in run.outcome()[1]
    run = Run(tmp_path / "hiccup")
    (tmp_path / "hiccup").mkdir()
    _shed(run)
    for name in ("sent_s", "done_s"):
        run.arrivals[name][1001:1004] += 0.05
    assert run.outcome()[0] == "FAIL"


def test_a_loss_that_a_receipt_proves_is_fail_whatever_the_generator_did(tmp_path: Path) -> None:
    """Late and a proved loss: FAIL first, the lateness is told beside it."""
    run = Run(tmp_path)
    _late(run)
    assert run.audit is not None
    run.audit = run.audit[1:]
    outcome, codes = run.outcome()
    assert outcome == "FAIL"
    assert codes[0] == "lost"
    assert "late" in codes


def test_too_few_samples_are_inconclusive(tmp_path: Path) -> None:
    """Two thousand good ones cannot prove the 99.99th percentile."""
    run = Run(tmp_path, objectives=("submit p99.99 < 500 ms",))
    outcome, codes = run.outcome()
    assert outcome == "INCONCLUSIVE"
    assert codes == ["objective-open"]


def test_an_objective_about_what_the_run_does_not_have_is_open(tmp_path: Path) -> None:
    """Nobody signed while the load ran."""
    assert Run(tmp_path, objectives=("sign p99 < 5 s",)).outcome()[0] == "INCONCLUSIVE"


def test_the_bound_of_lateness_follows_the_tightest_objective(tmp_path: Path) -> None:
    """Half a millisecond late is too late for an objective of 2 ms."""
    run = Run(tmp_path, objectives=("submit p50 < 500 ms", "submit p99 < 2 ms"))
    assert "late" in run.outcome()[1]


def test_signing_at_the_intended_time_is_no_lateness(tmp_path: Path) -> None:
    """Half a second for each signature: slow where it is part of the journey, late where it was to be done before."""
    for signing, outcome in ((Signing.INLINE, "PASS"), (Signing.PRESIGNED, "INVALID")):
        run = Run(tmp_path / str(signing), signing=signing, objectives=("submit p99 < 2 s",))
        (tmp_path / str(signing)).mkdir()
        run.arrivals["sign_s"] = 0.5
        for name in ("sent_s", "done_s"):
            run.arrivals[name] += 0.5
        assert run.outcome()[0] == outcome


def test_a_fault_is_told_with_what_it_did(tmp_path: Path) -> None:
    """A freeze of two seconds: detected when the bound had passed, recovered when it ended."""
    run = Run(tmp_path)
    frozen = (DUE_S >= 8.0) & (DUE_S < 10.0)
    run.arrivals["done_s"][frozen] = 10.01
    run.faults = [
        {
            "kind": "freeze",
            "at_s": 8.0,
            "until_s": 10.0,
            "recorded_from_s": 8.0,
            "recorded_until_s": 10.0,
            "detail": "",
        }
    ]
    summary = run.concluded().summary
    (fault,) = summary["faults"]
    assert fault["detected_s"] == pytest.approx(0.5, abs=0.02)
    assert fault["recovered_s"] == pytest.approx(0.0, abs=0.02)
    assert summary["verdict"]["outcome"] != "PASS"


def test_without_rows_the_run_is_invalid(tmp_path: Path) -> None:
    """A generator that recorded nothing says nothing of the server."""
    run = Run(tmp_path)
    run.arrivals, run.deliveries, run.audit = run.arrivals[:0], np.zeros(0, DELIVERY), np.zeros(0, AUDIT)
    assert run.outcome()[0] == "INVALID"
