"""From options to plan and schedule: defaults that work, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadtests.adapters.planning import Load, load_of_profile, plan_of
from loadtests.harness.options import Options
from loadtests.harness.plan import Plan
from loadtests.harness.records import Poison
from sim.errors import InputError

DEFAULT = Options()


def drawn(options: Options) -> Load:
    """The load of these options."""
    return load_of_profile(options)


def planned(options: Options) -> Plan:
    """Their plan, for this machine."""
    return plan_of(options, drawn(options), target="http://127.0.0.1:1", nonce="0" * 12, adapter_options={})


def test_nothing_said_is_a_load() -> None:
    """Without options there is a minute of PDF sizes with poison, replays, polls and an objective."""
    load, plan = drawn(DEFAULT), planned(DEFAULT)
    kinds = set(load.schedule.poison.tolist())
    assert kinds == set(Poison)
    assert plan.duration_s == 60.0
    assert plan.warmup_s == pytest.approx(6.0)
    assert load.extra["size"] == "pdf"
    assert plan.objectives == ("submit p99 < 500 ms",)
    assert len(load.schedule.poll_due_s)
    assert abs(len(load.schedule) - 1200) < 6 * np.sqrt(1200)  # Poisson: 6 standard deviations


def test_the_plan_belongs_to_its_schedule() -> None:
    """The same options give the same schedule and digest, another seed another one."""
    assert planned(DEFAULT).digest == planned(DEFAULT).digest
    assert planned(DEFAULT).digest != planned(replace(DEFAULT, seed=2)).digest
    assert planned(DEFAULT).schedule_sha256 == drawn(DEFAULT).schedule.digest


def test_a_long_load_warms_up_for_ten_seconds() -> None:
    """A tenth of the load, and no more than ten seconds."""
    assert planned(replace(DEFAULT, duration="10 min", rate="1/s")).warmup_s == 10.0


def test_a_profile_file_says_when(tmp_path: Path) -> None:
    """A file of stages is read, and names the run."""
    path = tmp_path / "rising.yaml"
    path.write_text("kind: ramp\nfrom: 1/s\nto: 9/s\nduration: 20 s\n", encoding="utf-8")
    load = drawn(replace(DEFAULT, profile=path))
    assert (load.name, load.duration_s) == ("rising", 20.0)


def test_another_machine_gets_no_poison_unless_asked_for() -> None:
    """Neither poison nor replays go to a target that is not this machine by default."""
    there = replace(DEFAULT, target="http://192.0.2.1", authorised="the owner, today")
    assert not drawn(there).schedule.poison.any()
    assert drawn(replace(there, poison="2 %")).schedule.poison.any()


def test_no_key_no_revoked_message() -> None:
    """A target whose revoked agency we have no key of gets the other kinds only."""
    here = replace(DEFAULT, target="http://127.0.0.1:1", rate="100/s")
    assert Poison.REVOKED not in drawn(here).schedule.poison
    assert Poison.REVOKED in drawn(replace(here, adapter_options=("revoked=x",))).schedule.poison


def test_an_adapter_without_poison_is_loaded_without() -> None:
    """The null adapter neither collects nor poisons."""
    null = replace(DEFAULT, adapter="null")
    assert not drawn(null).schedule.poison.any()
    assert not planned(null).collect
    with pytest.raises(InputError, match="E-POISON"):
        drawn(replace(null, poison="1 %"))


@pytest.mark.parametrize(
    "options",
    [
        replace(DEFAULT, agencies=0),
        replace(DEFAULT, agencies=1),
        replace(DEFAULT, in_flight=0),
        replace(DEFAULT, attempts=0),
        replace(DEFAULT, workers=0),
        replace(DEFAULT, duration="0 s"),
        replace(DEFAULT, duration="soon"),
        replace(DEFAULT, fan_out="20"),
        replace(DEFAULT, fan_out="0"),
        replace(DEFAULT, poison="70 %"),
        replace(DEFAULT, poll="0 s"),
        replace(DEFAULT, warmup="60 s"),
        replace(DEFAULT, signing="by hand"),
        replace(DEFAULT, receipts="never"),
    ],
)
def test_wrong_options(options: Options) -> None:
    """Each is refused as an option, with what would be right."""
    with pytest.raises(InputError) as refused:
        planned(options)
    assert refused.value.code == "E-OPTION"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (replace(DEFAULT, rate="many"), "E-RATE"),
        (replace(DEFAULT, arrivals="sometimes"), "E-ARRIVALS"),
        (replace(DEFAULT, size="large"), "E-SIZE"),
        (replace(DEFAULT, objectives=("fast",)), "E-OBJECTIVE"),
        (replace(DEFAULT, adapter="pigeon"), "E-ADAPTER"),
    ],
)
def test_other_wrong_options(options: Options, code: str) -> None:
    """What the harness itself reads is refused with its own codes."""
    with pytest.raises(InputError) as refused:
        planned(options)
    assert refused.value.code == code


def test_polls_go_on_while_the_run_waits_for_what_is_open() -> None:
    """The last planned poll is within one period of the drain's end, so that what was sent last is found, too."""
    load = drawn(replace(DEFAULT, duration="20 s", drain="15 s", poll="4 s"))
    assert 31.0 <= float(load.schedule.poll_due_s.max()) <= 35.0
