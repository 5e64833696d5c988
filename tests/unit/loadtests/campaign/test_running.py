"""One run with a stand-in for the generator: what is waited for, recorded, ended and kept."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loadtests.adapters.base import Context, NoAnswer, ServerRecord
from loadtests.adapters.null import NullAdapter
from loadtests.adapters.planning import plan_of
from loadtests.campaign.auditing import audit
from loadtests.campaign.directory import RunFolder
from loadtests.campaign.faults import Timeline, timeline
from loadtests.campaign.generating import Bounds, Generator
from loadtests.campaign.planning import load_of
from loadtests.campaign.running import Job, execute
from loadtests.harness.options import Options
from loadtests.harness.plan import Plan
from loadtests.harness.records import UNPLANNED
from loadtests.harness.schedule import Schedule
from sim.errors import InputError, RunError
from tests.unit.loadtests.campaign.test_faults import Noted

WRITES = """
import json, os, sys, time
from pathlib import Path
raw = Path(os.environ["CONGVAN_LOAD_RAW"])
(raw / "part").write_text(json.dumps({"t0_unix": time.time() + 0.05}))
(raw / "part").replace(raw / "started.json")
"""
RECORDS = """
import numpy
numpy.save(raw / "arrivals.npy", numpy.zeros(3))
"""
NONCE = "00112233aabb"


class Asked(NullAdapter):
    """An adapter of an exchange that can be asked, and does not answer once."""

    answers: tuple[ServerRecord, ...] | None = None

    def audit(self, io: Any) -> tuple[ServerRecord, ...] | None:  # noqa: ARG002
        """What it was given."""
        return self.answers

    def metrics(self, io: Any) -> dict[str, float]:  # noqa: ARG002
        """A number, or nothing."""
        if not hasattr(self, "asked_before"):
            self.asked_before = True
            raise NoAnswer("timeout")
        return {"messages": 1.0}


def prepared(folder: Path, script: str, **more: Any) -> Job:
    """A job whose generator is a script."""
    options = Options(adapter="null", rate="20/s", duration="1 s", drain="1 s", timeout="1 s")
    load = load_of(options, lambda *_: None)
    plan = plan_of(options, load, target="http://127.0.0.1:1", nonce=NONCE, adapter_options={})
    place = RunFolder(folder)
    place.write_plan(plan, load.schedule)
    values: dict[str, Any] = {"faults": (), "victim": None, **more}
    return Job(
        folder=place,
        plan=plan,
        messages=len(load.schedule),
        adapter=adapter_of(plan, load.schedule),
        foreign_expected=7,
        audit_demanded=True,
        context={"title": "a test"},
        generator=lambda _: [sys.executable, "-c", script],
        **values,
    )


def adapter_of(plan: Plan, schedule: Schedule) -> Asked:
    """An adapter for a plan."""
    return Asked(Context(plan.target, {}, plan.seed, bytes.fromhex(plan.nonce), schedule, time.time))


def quiet(*_: object) -> None:
    """Nobody is told."""


def test_keeps_what_was_recorded_and_asks_afterwards(tmp_path: Path) -> None:
    """Context, metrics, faults and audit lie beside what the generator wrote."""
    victim = Noted()
    job = prepared(
        tmp_path,
        WRITES + "time.sleep(0.6)" + RECORDS,
        faults=timeline(["freeze 50ms at 100ms"], 1.0),
        victim=victim,
    )
    phases: list[str] = []
    assert not execute(job, lambda *told: phases.append(told[2]))
    assert job.folder.read_raw("context.json") == {"title": "a test"}
    assert victim.done == ["freeze", "thaw"]
    (fault,) = job.folder.read_raw("faults.json")
    assert 0.1 <= fault["recorded_from_s"] <= fault["recorded_until_s"]
    found = job.folder.read_raw("audit.json")
    assert (found["audited"], found["demanded"], found["foreign_expected"]) == (False, True, 7)
    assert phases[-1] == "asking the exchange what arrived"


def test_a_generator_that_ends_before_it_began(tmp_path: Path) -> None:
    """Its last words are in the error."""
    job = prepared(tmp_path, "raise SystemExit('no such adapter')")
    with pytest.raises(RunError, match="no such adapter") as failed:
        execute(job, quiet)
    assert failed.value.code == "E-GENERATOR"


def test_a_generator_that_says_why_not(tmp_path: Path) -> None:
    """What it leaves as error.json is the error, wrong input as such."""
    note = '{"code": "E-KEYS", "message": "found no keys", "hint": "name them", "exit_code": 2}'
    script = (
        f"import os, pathlib; pathlib.Path(os.environ['CONGVAN_LOAD_RAW'], 'error.json').write_text('{note}')"
    )
    with pytest.raises(InputError) as failed:
        execute(prepared(tmp_path, script), quiet)
    assert failed.value.code == "E-KEYS"


def test_a_generator_that_records_nothing(tmp_path: Path) -> None:
    """A run without rows is an error, not an empty success."""
    with pytest.raises(RunError, match="recorded nothing"):
        execute(prepared(tmp_path, WRITES), quiet)


def test_an_interruption_ends_the_generator_and_keeps_what_there_is(tmp_path: Path) -> None:
    """Ctrl-C asks the generator to end; what it then writes is kept, and the server goes on."""
    patient = WRITES + (
        "import signal\n"
        "def end(*_):\n"
        "    import numpy; numpy.save(raw / 'arrivals.npy', numpy.zeros(3)); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "(raw / 'listens').touch()\n"
        "time.sleep(60)"
    )
    victim = Noted()
    job = prepared(tmp_path, patient, faults=timeline(["freeze 900ms at 1ms"], 1.0), victim=victim)

    def progress(*told: Any) -> None:
        phase = told[2]
        if victim.done and (tmp_path / "raw" / "listens").exists() and phase == "sending":
            raise KeyboardInterrupt

    assert execute(job, progress)
    assert victim.done == ["freeze", "thaw"]
    assert (tmp_path / "raw" / "arrivals.npy").exists()


def test_ends_the_whole_group(tmp_path: Path) -> None:
    """Processes that a generator forked end with it."""
    script = (
        "import subprocess, sys, time, os, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "at = pathlib.Path(os.environ['CONGVAN_LOAD_RAW'], 'pid')\n"
        "(at.parent / 'part').write_text(str(child.pid)); (at.parent / 'part').replace(at)\n"
        "time.sleep(60)"
    )
    folder = RunFolder(tmp_path)
    folder.raw.mkdir()
    with Generator([sys.executable, "-c", script], folder) as generator:
        deadline_s = time.monotonic() + 20
        while not (tmp_path / "raw" / "pid").exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        pid = generator.pid
    child = Path(f"/proc/{(tmp_path / 'raw' / 'pid').read_text()}/stat")
    assert not Path(f"/proc/{pid}").exists()
    deadline_s = time.monotonic() + 20
    while child.exists() and child.read_text().split()[2] != "Z":  # nobody may be there to reap it
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_patience_has_an_end(tmp_path: Path) -> None:
    """A generator that is never ready is ended."""
    folder = RunFolder(tmp_path)
    folder.raw.mkdir()
    with (
        Generator([sys.executable, "-c", "import time; time.sleep(60)"], folder) as generator,
        pytest.raises(RunError, match="not ready"),
    ):
        generator.t0(0.0, quiet)


def test_bounds_cover_the_plan(tmp_path: Path) -> None:
    """A generator gets at least the schedule, the drain and a time-out."""
    plan = prepared(tmp_path, "").plan
    assert Bounds.of(plan, 10).run_s > plan.duration_s + plan.drain_s + plan.timeout_s


def test_the_audit_tells_own_planned_and_foreign_apart(tmp_path: Path) -> None:
    """Ids of the run are arrivals, or phantoms beyond the plan; all others are foreign, each counted once."""
    job = prepared(tmp_path, "")
    adapter = job.adapter
    assert isinstance(adapter, Asked)
    adapter.answers = (
        ServerRecord(adapter.id_of(3), 1, 2),
        ServerRecord(adapter.id_of(10_000), 0, 1),
        ServerRecord("somebody else's", 0, 1),
        ServerRecord("somebody else's", 1, 1),
    )
    found = audit(adapter, job.plan.target)
    assert found.rows is not None
    assert found.rows["number"].tolist() == [3, UNPLANNED]
    assert found.rows["copies"].tolist() == [2, 1]
    assert found.foreign == 1


def test_a_timeline_stopped_before_it_began_does_nothing() -> None:
    """Faults that are not due yet when the run ends are not done."""
    victim = Noted()
    made = Timeline(timeline(["freeze 1s at 1s"], 10.0), victim, time.time() + 60, time.time)
    made.start()
    made.stop()
    assert victim.done == []
    assert made.records == []
