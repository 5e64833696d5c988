"""What theory predicts of mixed networks and of copies ahead of paper: formulas in README.md.

Rule kept here: the truth comes from a formula, never from a run; intervals are at 99.9 % so that some dozens of
them may be asked together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

from sim.observations import Outcome
from tests.analytic.conftest import Once
from tests.analytic.through import Results, covers, ends, simulated
from tests.builders import scenario, simulate

CONFIDENCE = 0.999
Mixed: TypeAlias = Callable[[str], Results]

# --- a mixed network: ruled by its slowest leg -------------------------------------------------------------------

RECIPIENTS = 8
FAST_S, SLOW_S = 3600.0, 48 * 3600.0
HALF_GAIN = 1 - 2 ** (-1 / RECIPIENTS)
"""The share on the slow way at which half of the gain is reached: 8.3 %."""
SHARES = (1.0, 0.5, HALF_GAIN, 0.02, 0.0)


def _name(share: float) -> str:
    return f"slow-{round(100 * share)}"


def _simulated(takes: str) -> Results:
    """Simulate documents to many recipients, a share of whom is reached by the slow way only."""
    offices = ", ".join(f"{{id: b{at}, level: unit}}" for at in range(RECIPIENTS))
    shares = ", ".join(f"{_name(share)}: {{channels.slow.share: {share!r}}}" for share in SHARES)
    ways = ", ".join(
        f"{name}: {{kind: exchange, transit: {takes.format(mean=f'{mean_s} s')}}}"
        for name, mean_s in (("fast", FAST_S), ("slow", SLOW_S))
    )
    file = scenario(
        period="{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 28 days, cool_down: 70 days}",
        agencies=f"[{{id: a, level: office}}, {offices}]",
        staff="{office: {clerk: 1}, unit: {clerk: 1}}",
        flows="{letter: {from: {id: a}, to: {level: unit, all: true}, volume: 1 / h}}",
        channels="{slow: {procedure: by-slow, share: 1}, fast: {procedure: by-fast}}",
        transports=f"{{{ways}}}",
        procedures="""
            by-slow: {title: Slow, leg: [{transport: slow-way, via: slow}]}
            by-fast: {title: Fast, leg: [{transport: fast-way, via: fast}]}
            """,
        alternatives=f"{{{shares}}}",
    )
    return simulated(file, [_name(share) for share in SHARES], 12, 10)


@pytest.fixture
def mixed(once: Once) -> Mixed:
    """The results by how long the ways take."""
    return lambda takes: once(f"mixed-{KINDS[takes]}", lambda: _simulated(takes))


def _last_constant_s(share: float) -> float:
    """Return the mean time to the last of n recipients: slow as soon as one of them is."""
    return FAST_S + (SLOW_S - FAST_S) * (1 - (1 - share) ** RECIPIENTS)


def _last_exponential_s(share: float) -> float:
    """Return the mean of the greatest of n independent exponentials, each slow with probability ``share``.

    The integral of 1 - (1 - share exp(-t/slow) - (1 - share) exp(-t/fast))**n, expanded.
    """
    terms = []
    for slow, fast in itertools.product(range(RECIPIENTS + 1), repeat=2):
        if 0 < slow + fast <= RECIPIENTS:
            ways = math.comb(RECIPIENTS, slow) * math.comb(RECIPIENTS - slow, fast)
            weight = share**slow * (1 - share) ** fast
            terms.append(-ways * (-1) ** (slow + fast) * weight / (slow / SLOW_S + fast / FAST_S))
    return math.fsum(terms)


CONSTANT, EXPONENTIAL = "{mean}", "{{exponential: {{mean: {mean}}}}}"
KINDS = {CONSTANT: "constant", EXPONENTIAL: "exponential"}
LAST = {CONSTANT: _last_constant_s, EXPONENTIAL: _last_exponential_s}


@pytest.mark.parametrize("takes", LAST, ids=KINDS.get)
@pytest.mark.parametrize("share", SHARES, ids=_name)
def test_the_last_recipient_waits_for_the_slowest_leg(mixed: Mixed, share: float, takes: str) -> None:
    """The time to the last recipient is the expected maximum, that of one delivery the plain mean."""
    exact = LAST[takes]
    found = mixed(takes).summary(_name(share), CONFIDENCE)
    assert covers(found["turnaround_last_s"]["mean"], exact(share), 0.15 * exact(share))
    mean_s = share * SLOW_S + (1 - share) * FAST_S
    assert covers(found["turnaround_s"]["mean"], mean_s, 0.15 * mean_s)


@pytest.mark.parametrize("takes", LAST, ids=KINDS.get)
@pytest.mark.parametrize("share", [0.5, HALF_GAIN], ids=_name)
def test_the_last_recipient_gains_less_than_the_mean_delivery(mixed: Mixed, share: float, takes: str) -> None:
    """The mean delivery gains 1 - share of what there is to gain; the last recipient, in theory and here, less."""
    exact = LAST[takes]
    everything = mixed(takes).comparison(_name(0.0), CONFIDENCE)
    found = mixed(takes).comparison(_name(share), CONFIDENCE)
    last = found["turnaround_last_s.mean"]["difference"]
    assert covers(last, exact(share) - exact(1.0), 0.15 * exact(1.0))
    most_gained_s = -ends(last)[0]
    assert most_gained_s < -(1 - share) * ends(everything["turnaround_last_s.mean"]["difference"])[1]
    mean = found["turnaround_s.mean"]["difference"]
    assert covers(mean, -(1 - share) * (SLOW_S - FAST_S), 0.1 * SLOW_S)


def test_hardly_anything_is_gained_until_the_last_is_online(mixed: Mixed) -> None:
    """Of constant ways (1 - share)**n of the gain: 0.4 % with half of the recipients online, half at 8.3 %."""
    gain_s = _last_constant_s(0.0) - _last_constant_s(1.0)
    assert (_last_constant_s(0.5) - _last_constant_s(1.0)) / gain_s == pytest.approx(0.5**RECIPIENTS)
    assert (_last_constant_s(HALF_GAIN) - _last_constant_s(1.0)) / gain_s == pytest.approx(0.5)
    found = {share: mixed(CONSTANT).comparison(_name(share), CONFIDENCE) for share in SHARES[1:]}
    shares = {
        share: [end / gain_s for end in ends(entries["turnaround_last_s.mean"]["difference"])]
        for share, entries in found.items()
    }
    assert max(shares[0.5]) < 0.01
    assert min(shares[HALF_GAIN]) <= 0.5 <= max(shares[HALF_GAIN])
    assert shares[0.0] == pytest.approx([1.0, 1.0])


# --- an unsigned copy does not end the wait for paper ----------------------------------------------------------

MAIL_SPEEDS = ("1 s", "1 min", "4 h", "30 days")


def _copies(join: str) -> str:
    """Return the section of a procedure in which a copy goes by e-mail beside the paper."""
    return f"""
        paper: {{title: Paper, leg: [{{transport: by-post, via: post}}, {{work: register, by: clerk, takes: 4 min}}]}}
        both:
          title: E-mail and paper
          leg:
            - fork: ways
              join: {join}
              branches:
                copy: [{{transport: by-mail, via: mail}}]
                paper: [{{transport: by-post-too, via: post}}]
            - {{work: register, by: clerk, takes: 4 min}}
        """


def _finished_s(join: str) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return when each delivery is finished: on paper alone, and with a copy sent ahead, by the copy's speed."""
    speeds = ", ".join(
        f"mail-{at}: {{channels.every.procedure: both, transports.mail.transit: {speed}}}"
        for at, speed in enumerate(MAIL_SPEEDS)
    )
    file = scenario(
        calendar='{hours: ["08:00-12:00", "13:00-17:00"]}',
        period="{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 14 days, cool_down: 40 days}",
        flows="{letter: {from: {id: a}, to: {id: b}, volume: 40 / working day}}",
        channels="{every: {procedure: paper}}",
        transports='{post: {kind: post, pick_ups: ["10:30", "16:00"], rounds: ["09:00", "14:00"], '
        "transit: {lognormal: {mean: 30 h, p95: 60 h}}}, mail: {kind: exchange, transit: 1 s}}",
        procedures=_copies(join),
        alternatives=f"{{paper: {{}}, {speeds}}}",
    )
    out = {}
    for name in file.cases:
        legs = simulate(file, name, seed=13).legs
        assert np.all(legs.outcome[legs.measured] == Outcome.COMPLETED)
        out[name] = (legs.finished_s - legs.created_s)[legs.measured]
    return out


def test_an_unsigned_copy_ends_no_wait_whatever_its_speed() -> None:
    """Every single delivery is finished when it is on paper alone, be the copy there in a second or in a month."""
    found = _finished_s("paper")
    paper_s = found.pop("paper")
    assert paper_s.size > 300
    for finished_s in found.values():
        np.testing.assert_array_equal(finished_s, paper_s)


def test_a_valid_copy_does_end_it() -> None:
    """Where the first of the two counts, a quick copy ends the wait and one slower than the post does not."""
    found = _finished_s("first")
    means_s = [float(np.mean(one)) for one in found.values()]
    paper_s, seconds_s, minutes_s, hours_s, month_s = means_s
    assert seconds_s < minutes_s < hours_s < 0.5 * paper_s
    assert month_s == paper_s
