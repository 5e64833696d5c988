"""Building schedules: who sends what to whom, poison, replays, polls and sizes are as asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.harness.profiles import Profile, generator
from loadtests.harness.records import MUST_BE_REFUSED, Poison
from loadtests.harness.schedule import Schedule
from loadtests.harness.schedule_building import Drawn, Given, build
from loadtests.harness.sizes import DISTINCT_MAX, PDF_DECILES_BYTES, parse, pdf, quantised
from sim.errors import InputError

SIZES = Path(__file__).parents[5] / "shared" / "data" / "payloads" / "govdocs1_sizes.csv"
DUE_S = Profile.steady(100.0, 60.0).due_s(1)


def drawn(fan_out: int = 3, agencies: int = 40, seed: int = 1, **more: object) -> Schedule:
    """A schedule of a minute at 100/s."""
    return build(DUE_S, Drawn(fan_out, pdf()), seed=seed, agencies=agencies, duration_s=60.0, **more)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.data())
def test_every_document_goes_to_so_many_others(agencies: int, data: st.DataObject) -> None:
    """Recipients of a document are distinct agencies, never its sender, as many as asked for."""
    fan_out = data.draw(st.integers(1, agencies - 1))
    whole = build(DUE_S[:300], Drawn(fan_out, parse("1 kB")), seed=3, agencies=agencies, duration_s=60.0)
    rows = whole.recipient.reshape(-1, fan_out)
    assert len(rows) == len(whole)
    assert np.diff(whole.recipient_start).tolist() == [fan_out] * len(whole)
    assert (np.diff(np.sort(rows, axis=1), axis=1) > 0).all()
    assert (rows != whole.sender[:, None]).all()
    assert ((whole.recipient >= 0) & (whole.recipient < agencies)).all()


def test_agencies_send_and_receive_alike() -> None:
    """Senders and recipients are uniform over agencies: chi-square beyond its 1 - 1e-6 quantile is a fault."""
    whole = drawn()
    for counts in (np.bincount(whole.sender, minlength=40), np.bincount(whole.recipient, minlength=40)):
        assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 100.0  # 39 degrees of freedom


@pytest.mark.parametrize(
    ("agencies", "fan_out", "code"), [(1, 1, "E-AGENCIES"), (5, 5, "E-FAN-OUT"), (5, 0, "E-FAN-OUT")]
)
def test_impossible_addressing_is_refused(agencies: int, fan_out: int, code: str) -> None:
    """Fewer than two agencies, or more recipients than there are others, is an error."""
    with pytest.raises(InputError) as found:
        drawn(fan_out, agencies)
    assert found.value.code == code


def test_poison_is_the_stated_share_of_all_kinds() -> None:
    """Kinds that the adapter can make come equally often, others and the unpoisoned never count as poison."""
    kinds = [Poison.TAMPERED, Poison.REVOKED, Poison.FOREIGN_KEY, Poison.NONE, Poison.REPLAY]
    whole = drawn(poisons=kinds, poison_share=0.05)
    counts = np.bincount(whole.poison, minlength=7)
    assert counts[1:].sum() == round(0.05 * len(DUE_S))
    assert {int(kind) for kind in np.flatnonzero(counts)} == {0, 1, 2, 3}
    assert counts[1:4].max() - counts[1:4].min() <= 1
    assert (whole.of == -1).all()


def test_a_small_share_poisons_one_at_least() -> None:
    """One message in a million of a short run is one message."""
    whole = drawn(poisons=MUST_BE_REFUSED, poison_share=1e-6, replay_share=1e-6)
    assert (whole.poison == Poison.REPLAY).sum() == 1
    assert np.isin(whole.poison, list(MUST_BE_REFUSED)).sum() == 1


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.2, 200.0), st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.integers(0, 10**6)
)  # fmt: skip
def test_replays_send_an_earlier_good_message_again(
    rate: float, share: float, poison: float, seed: int
) -> None:
    """A replay is word for word a message that is neither poison nor replay, 12 n places and 2 s or more before it."""
    due = Profile.steady(rate, 60.0).due_s(seed)
    whole = build(
        due, Drawn(2, pdf()), seed=seed, agencies=9, duration_s=60.0,
        poisons=MUST_BE_REFUSED, poison_share=poison, replay_share=share,
    )  # fmt: skip
    again = np.flatnonzero(whole.poison == Poison.REPLAY)
    assert again.tolist() == np.flatnonzero(whole.of >= 0).tolist()
    assert len(again) <= max(1, round(share * len(due)))
    original = whole.of[again]
    assert len(set(original.tolist())) == len(original)
    assert (whole.poison[original] == Poison.NONE).all()
    assert ((again - original) % 12 == 0).all()
    assert (due[again] - due[original] >= 2.0).all()
    for values in (whole.sender, whole.size_bytes, whole.urgency):
        assert np.array_equal(values[again], values[original])
    assert all(
        whole.recipients_of(a) == whole.recipients_of(b)
        for a, b in zip(again.tolist(), original.tolist(), strict=True)
    )


def test_enough_replays_are_found() -> None:
    """At 100/s the stated share of replays is reached beside poison."""
    whole = drawn(poisons=MUST_BE_REFUSED, poison_share=0.05, replay_share=0.05)
    assert (whole.poison == Poison.REPLAY).sum() == round(0.05 * len(DUE_S))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"poison_share": 0.1}, "E-POISON"),
        ({"poison_share": 0.1, "poisons": [Poison.REPLAY]}, "E-POISON"),
        ({"poison_share": 0.6, "poisons": [Poison.TAMPERED]}, "E-SHARE"),
        ({"replay_share": -0.1}, "E-SHARE"),
    ],
)
def test_impossible_shares_are_refused(more: dict[str, object], code: str) -> None:
    """A share of poison that the adapter cannot make, or beyond one half, is an error."""
    with pytest.raises(InputError) as found:
        drawn(**more)  # type: ignore[arg-type]
    assert found.value.code == code


def test_each_agency_polls_on_a_phase_of_its_own() -> None:
    """Each agency polls every 10 s from a first time of its own on, beyond the end of sending, in order of time."""
    whole = drawn(poll_s=10.0, tail_s=25.0)
    assert (np.diff(whole.poll_due_s) >= 0).all()
    firsts = set()
    for agency in range(40):
        own = whole.poll_due_s[whole.poll_agency == agency]
        assert 0.0 <= own[0] < 10.0
        assert np.diff(own) == pytest.approx(10.0)
        assert 75.0 <= own[-1] < 85.0
        firsts.add(round(float(own[0]), 6))
    assert len(firsts) == 40
    assert not len(drawn().poll_due_s)


def test_one_decision_moves_no_other() -> None:
    """Poison and polls change neither who sends what to whom, nor each other; the same seed gives the same schedule."""
    plain, full = drawn(), drawn(poisons=MUST_BE_REFUSED, poison_share=0.1, poll_s=5.0)
    for name in ("due_s", "sender", "recipient", "size_bytes"):
        assert np.array_equal(getattr(plain, name), getattr(full, name))
    with_replays = drawn(poisons=MUST_BE_REFUSED, poison_share=0.1, replay_share=0.1, poll_s=5.0)
    forged = np.isin(full.poison, list(MUST_BE_REFUSED))
    assert np.array_equal(forged, np.isin(with_replays.poison, list(MUST_BE_REFUSED)))
    assert np.array_equal(full.poll_due_s, with_replays.poll_due_s)
    assert drawn(replay_share=0.1).digest == drawn(replay_share=0.1).digest
    assert drawn(seed=2).digest != plain.digest


def test_what_is_given_is_sent() -> None:
    """Senders, recipients, urgency and sizes of a scenario's documents go into the schedule as they are."""
    given_ = Given(
        sender=np.array([2, 0, 1]), recipient_start=np.array([0, 1, 4, 6]), recipient=np.array([0, 1, 2, 3, 0, 3]),
        size_bytes=np.array([10.2, 20.0, 10.2]), urgency=np.array([0, 3, 1]),
    )  # fmt: skip
    whole = build(np.array([0.0, 0.1, 9.0]), given_, seed=1, agencies=4, duration_s=10.0, replay_share=0.3)
    assert (whole.of == -1).all()  # none comes 12 places after another
    assert [whole.recipients_of(at) for at in range(3)] == [[0], [1, 2, 3], [0, 3]]
    assert whole.sender.tolist() == [2, 0, 1]
    assert whole.size_bytes.tolist() == [10, 20, 10]
    assert whole.urgency.tolist() == [0, 3, 1]
    with pytest.raises(ValueError, match="ascending"):
        build(np.array([1.0, 0.5]), Drawn(1, pdf()), seed=1, agencies=4, duration_s=10.0)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4 KiB", 4096), ("246 kB", 246_000), ("1MB", 10**6), ("1.5 MiB", 1_572_864), ("300 B", 300)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    """A size is decimal or binary, and every document then has it."""
    found = parse(text)
    assert found.values_bytes == (size,)
    assert found.draw(5, generator(1, "s")).tolist() == [size] * 5


@pytest.mark.parametrize("text", ["4", "4 kib", "0 B", "3 GB", "-1 kB", "docx", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    """A size without a unit, of nothing, or of more than 2 GiB is an error."""
    with pytest.raises(InputError) as found:
        parse(text)
    assert found.value.code == "E-SIZE"


def test_pdf_sizes_have_the_stated_deciles() -> None:
    """Of many drawn sizes the deciles are those of real PDFs (to 8 %, from 64 sizes), and few different ones occur."""
    sizes = pdf().draw(100_000, generator(1, "s"))
    deciles = np.quantile(sizes, np.linspace(0.1, 0.9, 9))
    assert deciles == pytest.approx(PDF_DECILES_BYTES[1:-1], rel=0.08)
    assert len(set(sizes.tolist())) <= DISTINCT_MAX
    assert PDF_DECILES_BYTES[0] <= sizes.min() <= sizes.max() <= PDF_DECILES_BYTES[-1]
    assert sizes.mean() == pytest.approx(pdf().mean_bytes, rel=0.02)


@pytest.mark.skipif(not SIZES.is_file(), reason="the shared data is not beside this checkout")
def test_pdf_deciles_are_those_of_the_corpus() -> None:
    """The constants are the deciles of the shared table of real sizes."""
    sizes = [int(line.split(",")[0]) for line in SIZES.read_text().splitlines()]
    assert np.quantile(sizes, np.linspace(0, 1, 11)) == pytest.approx(PDF_DECILES_BYTES, abs=1.0)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=400))
def test_rounding_sizes_keeps_their_sum(sizes: list[int]) -> None:
    """At most 64 sizes are left, the sum is kept to half a byte a document, order and equal sizes stay."""
    rounded = quantised(np.array(sizes))
    assert len(set(rounded.tolist())) <= DISTINCT_MAX
    assert abs(int(rounded.sum()) - sum(sizes)) <= len(sizes)
    order = np.argsort(sizes, kind="stable")
    assert (np.diff(rounded[order]) >= 0).all()
    if len(set(sizes)) <= DISTINCT_MAX:
        assert rounded.tolist() == sizes
