"""Profiles: rates and files are read or refused with their place; arrivals are what a seed and a plan make of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.harness.dispersion import exponential_gaps
from loadtests.harness.profiles import (
    Arrivals,
    Kind,
    Piece,
    Profile,
    generator,
    load,
    parse_duration,
    parse_rate,
    parse_yaml,
)
from sim.errors import InputError

HERE = Path("nowhere")
RATES = st.floats(0.0, 500.0)
PIECES = st.lists(
    st.builds(Piece, st.just("a"), st.floats(0.5, 20.0), RATES, RATES), min_size=1, max_size=5
).filter(lambda some: sum(one.expected for one in some) > 1.0)


def of(pieces: list[Piece], arrivals: Arrivals) -> Profile:
    """A profile of any pieces."""
    return Profile(Kind.STEP, arrivals, tuple(pieces))


def yaml(text: str, duration_s: float | None = None) -> Profile:
    """Read a profile from text."""
    return parse_yaml(text, "p.yaml", HERE, duration_s)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50/s", 50.0), ("300/min", 5.0), ("90 / h", 0.025), ("0.5/s", 0.5), ("1_000/s", 1000.0)],
)
def test_rates_are_read(text: str, rate: float) -> None:
    """A rate is told per second, minute or hour."""
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["50", "0/s", "-5/s", "fast", "50 s", "1e9/s", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate without a unit, of another dimension, of nothing or beyond all bounds is an error."""
    with pytest.raises(InputError) as found:
        parse_rate(text)
    assert found.value.code == "E-RATE"


@pytest.mark.parametrize("text", ["0 s", "-1 s", "5", "100 d", "1/s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A duration has a unit, and lies between nothing and a month."""
    with pytest.raises(InputError) as found:
        parse_duration(text)
    assert found.value.code == "E-DURATION"


def test_even_arrivals_have_even_gaps() -> None:
    """At 50/s one arrival comes every 20 ms from 0 on, and none at the end."""
    due = Profile.steady(50.0, 4.0, "constant").due_s(1)
    assert due == pytest.approx(np.arange(200) / 50.0, abs=1e-12)


def test_poisson_arrivals_pass_a_test_of_exponential_gaps() -> None:
    """Gaps of 20 seeds are exponential by Kolmogorov and Smirnov's test (false alarm: one in a million each)."""
    for seed in range(20):
        due = Profile.steady(100.0, 60.0).due_s(seed)
        assert exponential_gaps(due * 100.0).p_value > 1e-6
        assert len(due) == pytest.approx(6000, abs=5 * 6000**0.5)


@pytest.mark.parametrize(
    "text",
    [
        "kind: ramp\nfrom: 10/s\nto: 300/s\nduration: 40 s\n",
        "kind: ramp\nfrom: 200/s\nto: 0/s\nduration: 40 s\n",
        "kind: spike\nrate: 40/s\nspike: 900/s\nfrom: 20 s\nuntil: 25 s\nduration: 40 s\n",
        "kind: step\nstages: [{rate: 50/s, duration: 20 s}, {rate: 0/s, duration: 5 s}, {rate: 90/s, duration: 20 s}]",
    ],
)
def test_changing_rates_are_poisson_in_their_own_time(text: str) -> None:
    """Seen through the integral of the planned rate, arrivals have rate 1 (false alarm 1e-6 each)."""
    profile = yaml(text)
    for seed in range(5):
        assert exponential_gaps(profile.expected(profile.due_s(seed))).p_value > 1e-6


def test_stages_have_the_arrivals_that_they_plan() -> None:
    """Counts by stage lie within 5.5 standard deviations of the plan (false alarm below 1e-7 each)."""
    profile = yaml("kind: spike\nrate: 40/s\nspike: 900/s\nfrom: 20 s\nuntil: 25 s\nduration: 40 s\n")
    assert [(one.name, one.start_s, one.end_s, one.rate_per_s) for one in profile.stages] == [
        ("before", 0.0, 20.0, 40.0), ("spike", 20.0, 25.0, 900.0), ("after", 25.0, 40.0, 40.0),
    ]  # fmt: skip
    due = profile.due_s(7)
    for stage in profile.stages:
        planned = stage.rate_per_s * (stage.end_s - stage.start_s)
        found = np.count_nonzero((due >= stage.start_s) & (due < stage.end_s))
        assert found == pytest.approx(planned, abs=5.5 * planned**0.5)


@settings(max_examples=40, deadline=None)
@given(PIECES, st.sampled_from([Arrivals.EVEN, Arrivals.POISSON]), st.integers(0, 2**40))
def test_arrivals_ascend_within_the_profile(pieces: list[Piece], arrivals: Arrivals, seed: int) -> None:
    """Any profile's arrivals are ascending, inside it, the same for the same seed, and none where the rate is 0."""
    profile = of(pieces, arrivals)
    due = profile.due_s(seed)
    assert (np.diff(due) >= 0).all()
    assert due.dtype == np.float64
    assert not len(due) or (due[0] >= 0 and due[-1] < profile.duration_s)
    assert np.array_equal(due, profile.due_s(seed))
    for stage in profile.stages:
        if stage.rate_per_s == 0:
            assert not ((due > stage.start_s + 1e-6) & (due < stage.end_s - 1e-6)).any()


@settings(max_examples=40, deadline=None)
@given(PIECES)
def test_even_arrivals_come_whenever_the_plan_reaches_one_more(pieces: list[Piece]) -> None:
    """The integral of the rate up to even arrival k is k, to a millionth of the total."""
    profile = of(pieces, Arrivals.EVEN)
    due = profile.due_s(0)
    total = sum(piece.expected for piece in pieces)
    assert np.abs(profile.expected(due) - np.arange(len(due))).max() <= 1e-6 * max(total, 1.0)
    assert len(due) in {int(total), int(total) + 1}


@settings(max_examples=40, deadline=None)
@given(PIECES, st.floats(1.0, 400.0), st.integers(0, 1000))
def test_another_rate_is_the_same_load_with_more_or_less_of_it(
    pieces: list[Piece], rate: float, seed: int
) -> None:
    """After at_rate the mean rate is the one asked for, and arrivals come at the same planned numbers."""
    profile = of(pieces, Arrivals.POISSON)
    other = profile.at_rate(rate)
    assert other.rate_per_s == pytest.approx(rate)
    assert other.duration_s == pytest.approx(profile.duration_s)
    here, there = profile.expected(profile.due_s(seed)), other.expected(other.due_s(seed))
    both = min(len(here), len(there))
    assert here[:both] == pytest.approx(there[:both], rel=1e-6, abs=1e-6)


def test_rates_share_their_random_numbers() -> None:
    """At twice the rate the same arrivals come in half the time; a longer run begins as a shorter one."""
    slow, fast = Profile.steady(50.0, 60.0).due_s(3), Profile.steady(100.0, 60.0).due_s(3)
    assert fast[: len(slow)] * 2 == pytest.approx(slow[: len(fast)], rel=1e-12)
    assert len(fast) > 1.8 * len(slow)
    longer = Profile.steady(50.0, 600.0).due_s(3)
    assert np.array_equal(longer[: len(slow)], slow)


def test_seeds_and_purposes_are_independent() -> None:
    """Another seed, or another purpose, gives other numbers; a negative seed is refused."""
    assert not np.array_equal(
        Profile.steady(50.0, 10.0).due_s(1)[:9], Profile.steady(50.0, 10.0).due_s(2)[:9]
    )
    assert generator(1, "a").random() != generator(1, "b").random()
    with pytest.raises(InputError) as found:
        Profile.steady(50.0, 10.0).due_s(-1)
    assert found.value.code == "E-SEED"


@pytest.mark.parametrize(
    "text",
    [
        "kind: poisson\nrate: 300/min\nduration: 20 s\n",
        "kind: constant\nrate: 5/s\nduration: 20 s\n",
        "kind: soak\nrate: 5/s\nduration: 2 h\n",
        "kind: ramp\nfrom: 0/s\nto: 30/s\nduration: 20 s\narrivals: even\n",
        "kind: step\nstages:\n- {name: low, rate: 5/s, duration: 20 s}\n- {rate: 9/s, duration: 20 s}\n",
    ],
)
def test_profiles_go_through_json(text: str) -> None:
    """A profile read back from its JSON is the same, and has the same arrivals."""
    profile = yaml(text)
    again = Profile.from_json(profile.to_json())
    assert again == profile
    assert np.array_equal(again.due_s(5), profile.due_s(5))


def test_json_that_does_not_hold_is_refused() -> None:
    """A missing member or an unknown kind is an error of its own, not a traceback."""
    good = Profile.steady(5.0, 5.0).to_json()
    for bad in ({**good, "kind": "waltz"}, {key: good[key] for key in good if key != "pieces"}):
        with pytest.raises(InputError) as found:
            Profile.from_json(bad)
        assert found.value.code == "E-PROFILE"


def test_a_kind_means_what_it_says() -> None:
    """Constant is even, soak and poisson are Poisson; the command line's duration is taken where a file has none."""
    kinds = {kind: yaml(f"kind: {kind}\nrate: 5/s\n", 30.0) for kind in ("constant", "poisson", "soak")}
    assert [kinds[one].arrivals for one in kinds] == [Arrivals.EVEN, Arrivals.POISSON, Arrivals.POISSON]
    assert [kinds[one].kind for one in kinds] == [Kind.CONSTANT, Kind.POISSON, Kind.SOAK]
    assert all(one.duration_s == 30.0 for one in kinds.values())
    assert yaml("kind: soak\nrate: 5/s\nduration: 9 s\n", 30.0).duration_s == 9.0


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("kind: poisson\nrat: 5/s\nduration: 5 s\n", "p.yaml:2: rat:", "rate"),
        ("kind: poison\n", "p.yaml:1: kind:", "poisson"),
        ("rate: 5/s\n", "p.yaml:1:", "kind"),
        ("kind: poisson\nrate: 5\nduration: 5 s\n", "p.yaml:2: rate:", "/s"),
        ("kind: poisson\n\nrate: 5/s\n", "p.yaml:1:", "duration"),
        ("kind: poisson\nrate: [5]\nduration: 5 s\n", "p.yaml:2: rate:", "number"),
        ("kind: poisson\nrate: yes\nrate: 6/s\n", "p.yaml:3:", "YAML"),
        ("kind: step\nstages:\n- {rate: 5/s,\n   durations: 5 s}\n", "p.yaml:4: stages.1.durations:", "'duration'"),
        ("kind: step\nstages: 7\n", "p.yaml:2: stages:", "list"),
        ("kind: step\nstages:\n- 7\n", "p.yaml:3: stages.1:", "mapping"),
        ("kind: ramp\nfrom: 0/s\nto: 0/s\nduration: 5 s\n", "p.yaml:1:", "more than none"),
        ("kind: spike\nrate: 5/s\nspike: 9/s\nfrom: 5 s\nuntil: 4 s\nduration: 9 s", "p.yaml:5: until:", "within"),
        ("- kind: poisson\n", "p.yaml:1:", "mapping"),
        ("kind: [poisson\n", "p.yaml:", "YAML"),
        ("kind: constant\nrate: 5/s\narrivals: even\n", "p.yaml:3: arrivals:", "known here"),
        ("kind: trace\nfile: nix.csv\n", "p.yaml:2: file:", "can be read"),
    ],
)  # fmt: skip
def test_a_fault_of_a_file_has_its_place(text: str, place: str, hint: str) -> None:
    """What does not hold is refused with file, line, field and a hint."""
    with pytest.raises(InputError) as found:
        yaml(text)
    assert found.value.code == "E-PROFILE"
    assert found.value.message.startswith(place)
    assert hint in found.value.hint


def test_files_are_read_beside_their_traces(tmp_path: Path) -> None:
    """A profile file names its trace by a path that starts at its own folder; a missing file is told as such."""
    (tmp_path / "t.txt").write_text("0.0\n1.0\n3.0\n")
    (tmp_path / "p.yaml").write_text("kind: trace\nfile: t.txt\nspeed: 2\n")
    assert load(tmp_path / "p.yaml").due_s(1) == pytest.approx([0.0, 0.5, 1.5])
    with pytest.raises(InputError) as found:
        load(tmp_path / "nix.yaml")
    assert found.value.code == "E-PROFILE"


@given(st.lists(st.floats(0.5, 9.0), min_size=1, max_size=6))
def test_stages_follow_one_another(lengths: list[float]) -> None:
    """The first stage starts at 0, each next where the last ended, and the last ends with the profile."""
    profile = of([Piece(str(at), one, 5.0, 9.0) for at, one in enumerate(lengths)], Arrivals.EVEN)
    stages = profile.stages
    assert stages[0].start_s == pytest.approx(0.0, abs=1e-9)
    assert all(after.start_s == pytest.approx(before.end_s) for before, after in pairwise(stages))
    assert stages[-1].end_s == pytest.approx(profile.duration_s)
