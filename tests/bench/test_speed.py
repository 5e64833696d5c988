"""How many times as fast as plain SimPy and as Ciw the engine runs the same flow; no time is asserted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median

import pytest

from tests.bench import by_engine, by_hand
from tests.bench.flow import OFFICE_HOURS, ROUND_THE_CLOCK, TASKS, Run, Setting
from tests.bench.timing import disagreements, interleave, ratio

pytestmark = pytest.mark.bench

ROUNDS = 7
TARGETS = {  # from issue 2; None: no target was set, the number is for information
    (ROUND_THE_CLOCK.name, "plain SimPy"): None,
    (ROUND_THE_CLOCK.name, "Ciw"): 4.0,
    (OFFICE_HOURS.name, "plain SimPy"): 2.0,
    (OFFICE_HOURS.name, "Ciw"): 4.0,
}


@pytest.mark.parametrize("setting", [ROUND_THE_CLOCK, OFFICE_HOURS], ids=["clock", "office"])
def test_engine_against_plain_simpy_and_ciw(setting: Setting, tmp_path: Path) -> None:
    """Everybody finds the same mean waits by step and class; the table says how fast."""
    by_ciw = pytest.importorskip(
        "tests.bench.by_ciw", reason="Ciw is in the extra: pip install -e '.[bench]'"
    )
    file = by_engine.prepare(setting, tmp_path)
    contenders: dict[str, Callable[[int], Run]] = {
        "congvan": lambda seed: by_engine.run(setting, file, seed),
        "plain SimPy": lambda seed: by_hand.run(setting, seed),
        "Ciw": lambda seed: by_ciw.run(setting, seed),
    }
    runs = interleave(contenders, ROUNDS)
    _show(setting, runs)
    assert not disagreements(runs)


def _show(setting: Setting, runs: dict[str, list[Run]]) -> None:
    """Print the table."""
    documents = median(run.documents for run in runs["congvan"])
    lines = [
        "",
        f"Six steps, {setting.name}; one core, records on, {ROUNDS} rounds of {documents:,.0f} documents",
        f"{'':12} {'documents/s':>12} {'activities/s':>13} {'mean wait':>10}   times as fast is congvan",
    ]
    for name, those in runs.items():
        speed = median(run.documents / run.seconds for run in those)
        wait = fmean(fmean(step) for run in those for step in run.waits)
        line = f"{name:12} {speed:12,.0f} {speed * len(TASKS):13,.0f} {wait:8.1f} s"
        if name != "congvan":
            low, mid, high = ratio(those, runs["congvan"])
            target = TARGETS[setting.name, name]
            verdict = (
                "no target"
                if target is None
                else f"target {target:g}: {'met' if mid >= target else 'MISSED'}"
            )
            line += f"   {mid:.2f} ({low:.2f} to {high:.2f}); {verdict}"
        lines.append(line)
    print("\n".join(lines))  # noqa: T201 - the table is the point
