"""A run by hand."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from loadtests.adapters.planning import load_of_profile, plan_of
from loadtests.harness.options import Options
from loadtests.harness.plan import Plan, Signing
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.options import PLAN, RAW, add_options, asked, by_hand
from sim.errors import InputError
from tests.unit.loadtests.locustfiles import standin
from tests.unit.loadtests.locustfiles.standin import schedule_of

TARGET = "http://127.0.0.1:8080/"


def typed(*arguments: str) -> Namespace:
    """What stands on the command line."""
    parser = ArgumentParser()
    add_options(parser)
    return parser.parse_args(["--adapter", "null", "--size", "4 KiB", *arguments])


def test_a_plan_says_what_was_typed() -> None:
    """Rate, duration and the rest are in the plan, and the schedule is the plan's."""
    options = typed("--rate", "100/s", "--duration", "20 s", "--signing", "inline", "--option", "sign=true")
    plan, schedule = by_hand(options, 3, TARGET)
    assert (plan.target, plan.workers, plan.duration_s, plan.signing) == (
        "http://127.0.0.1:8080", 3, 20.0, Signing.INLINE,
    )  # fmt: skip
    assert plan.adapter_options == {"sign": "true"}
    assert plan.schedule_sha256 == schedule.digest
    assert len(schedule) == pytest.approx(2000, abs=5 * 2000**0.5)
    assert plan.warmup_s == 2.0


def test_the_same_command_is_the_same_load_with_ids_of_its_own() -> None:
    """Two starts send the same schedule, and no message id twice."""
    (one, first), (other, second) = (by_hand(typed(), 1, TARGET) for _ in range(2))
    assert first.digest == second.digest
    assert one.digest == other.digest
    assert one.nonce != other.nonce


def test_by_hand_and_congvan_load_run_send_the_same() -> None:
    """Where nothing is said, both have the same defaults: one schedule, and plans that may be compared."""
    parser = ArgumentParser()
    add_options(parser)
    plan, schedule = by_hand(parser.parse_args([]), 1, TARGET)
    options = Options(target=TARGET)
    load = load_of_profile(options)
    planned = plan_of(options, load, target=TARGET.rstrip("/"), nonce=plan.nonce, adapter_options={})
    assert schedule.digest == load.schedule.digest
    assert plan == planned
    assert schedule.poison.any()  # this machine may be sent what must be refused


def test_what_is_wrong_is_told_by_its_option() -> None:
    """The same codes as those of ``congvan load run``."""
    for arguments, code in (
        (["--poison", "70 %"], "E-OPTION"),
        (["--rate", "many"], "E-RATE"),
        (["--slo", "fast"], "E-OBJECTIVE"),
        (["--fan-out", "20"], "E-OPTION"),
    ):
        parser = ArgumentParser()
        add_options(parser)
        with pytest.raises(InputError) as refused:
            by_hand(parser.parse_args(arguments), 1, TARGET)
        assert refused.value.code == code


def test_another_machine_needs_leave() -> None:
    """Loopback is free; anything else wants to know by whom and until when."""
    with pytest.raises(InputError, match=r"exchange\.example"):
        by_hand(typed(), 1, "https://exchange.example")
    plan, _ = by_hand(typed("--authorised", "its owner, until May"), 1, "https://exchange.example")
    assert plan.authorised == "its owner, until May"


@pytest.mark.parametrize("target", ["", "exchange.example", "file:///etc/passwd"])
def test_what_is_no_target_is_refused(target: str) -> None:
    """A host that Locust was not given, or that is none."""
    with pytest.raises(InputError, match="--host"):
        by_hand(typed(), 1, target)


def test_an_option_without_a_value_is_refused() -> None:
    """It says what was found and what would be right."""
    with pytest.raises(InputError, match="keys"):
        by_hand(typed("--option", "keys"), 1, TARGET)


def test_options_of_the_web_form_come_in_lines() -> None:
    """Locust's form gives one text."""
    options = typed()
    options.option = "sign=true\n\n"
    assert by_hand(options, 1, TARGET)[0].adapter_options == {"sign": "true"}


def test_each_start_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first where it was asked for, the next a new one, each with the plan and schedule of its run."""
    monkeypatch.delenv(PLAN, raising=False)
    monkeypatch.chdir(tmp_path)
    options = typed("--out", str(tmp_path / "mine"), "--duration", "1 s")
    plan, schedule, raw = asked(options, 1, TARGET)
    assert raw == tmp_path / "mine" / "raw"
    assert Plan.from_json(json.loads((raw.parent / "plan.json").read_text())) == plan
    assert Schedule.from_bytes((raw.parent / "schedule.npz").read_bytes()).digest == schedule.digest
    assert asked(options, 1, TARGET)[2].parent.resolve().is_relative_to(tmp_path / "results" / "runs")


def test_a_run_that_was_planned_is_taken_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line does not matter then; a schedule of another plan is refused."""
    schedule = schedule_of([0.0, 1.0])
    plan = standin.plan_of(schedule)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    (tmp_path / "schedule.npz").write_bytes(schedule.to_bytes())
    monkeypatch.setenv(PLAN, str(tmp_path))
    monkeypatch.setenv(RAW, str(tmp_path / "elsewhere"))
    found, _, raw = asked(Namespace(), 1, None)
    assert (found, raw) == (plan, tmp_path / "elsewhere")
    (tmp_path / "schedule.npz").write_bytes(schedule_of([0.0]).to_bytes())
    with pytest.raises(InputError, match="not the schedule"):
        asked(Namespace(), 1, None)
