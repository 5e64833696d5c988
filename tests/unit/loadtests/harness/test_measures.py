"""Response, service and lateness by step: from the intended time, misses included."""

from __future__ import annotations

import numpy as np
import pytest

from loadtests.harness.measures import lay_out, steps
from loadtests.harness.plan import Receipts
from loadtests.harness.records import POLL, Poison, Receipt, State
from tests.unit.loadtests.harness.runs import answered, delivered, no_polls, plan, schedule

DUE_S = np.arange(20) / 2.0


def test_response_is_lateness_plus_service() -> None:
    """A generator that was late adds to what a user waits, not to what the server took."""
    of = schedule(DUE_S)
    seen = lay_out(
        plan(),
        of,
        answered(DUE_S, np.full(20, 0.25), late_s=0.125),
        delivered(of, absent_s=0, seen_s=1, accepted_s=2),
    )
    step = steps(plan(collect=False), seen, no_polls())["submit"]
    assert step.response_s == pytest.approx(0.375)
    assert step.service_s == pytest.approx(0.25)
    assert step.lateness_s == pytest.approx(0.125)
    assert np.array_equal(step.due_s, DUE_S)


@pytest.mark.parametrize("state", [State.SHED, State.SENT, State.REJECTED, State.AMBIGUOUS])
def test_what_was_not_accepted_has_an_infinite_response(state: State) -> None:
    """Shed, open, refused, unanswered: each stays in the percentiles as a miss."""
    of, rows = schedule(DUE_S), answered(DUE_S, np.full(20, 0.25))
    rows["state"][3], rows["receipt"][3] = state, Receipt.NONE
    step = steps(
        plan(collect=False),
        lay_out(plan(), of, rows, delivered(of, absent_s=0, seen_s=1, accepted_s=2)),
        no_polls(),
    )["submit"]
    assert np.isinf(step.response_s[3])
    assert np.isfinite(np.delete(step.response_s, 3)).all()
    assert np.isnan(step.service_s[3])


def test_a_wrong_receipt_is_a_miss() -> None:
    """An answer that proves nothing is no success however fast it came."""
    of, rows = schedule(DUE_S), answered(DUE_S, np.full(20, 0.25))
    rows["state"][3], rows["receipt"][3] = State.ANSWERED, Receipt.WRONG
    seen = lay_out(plan(), of, rows, delivered(of, absent_s=0, seen_s=1, accepted_s=2))
    assert np.isinf(steps(plan(collect=False), seen, no_polls())["submit"].response_s[3])


def test_warm_up_poison_and_what_never_came_due_are_not_judged() -> None:
    """Ten arrivals before 5 s, one poisoned, one replay, one planned only: seven of twenty are left."""
    of, rows = schedule(DUE_S), answered(DUE_S, np.full(20, 0.25))
    of.poison[[12, 13]] = Poison.TAMPERED, Poison.REPLAY
    chosen = plan(warmup_s=5.0, collect=False)
    seen = lay_out(chosen, of, rows[rows["number"] != 19], delivered(of, absent_s=0, seen_s=1, accepted_s=2))
    assert np.flatnonzero(seen.judged).tolist() == [10, 11, 14, 15, 16, 17, 18]
    assert len(steps(chosen, seen, no_polls())["submit"].due_s) == 7


class TestDelivery:
    """What recipients saw, within the bounds that polling puts on it."""

    def test_bounds_are_the_last_poll_without_and_the_first_with_it(self) -> None:
        """Not there 1 s after, there 3 s after: available between the two."""
        of = schedule(DUE_S, fan_out=2)
        seen = lay_out(
            plan(), of, answered(DUE_S, np.full(20, 0.25)), delivered(of, absent_s=1, seen_s=3, accepted_s=4)
        )
        step = steps(plan(), seen, no_polls())["available"]
        assert len(step.response_s) == 40
        assert step.response_s == pytest.approx(3.0)
        assert step.lower_s == pytest.approx(1.0)

    def test_the_servers_stamp_narrows_them(self) -> None:
        """Handed over in the second that begins 1.5 s after: between 1.5 s and 2.5 s."""
        of = schedule(DUE_S)
        rows = delivered(of, absent_s=1, seen_s=3, accepted_s=4)
        rows["stamp_s"] = DUE_S + 1.5
        step = steps(plan(), lay_out(plan(), of, answered(DUE_S, np.full(20, 0.25)), rows), no_polls())[
            "available"
        ]
        assert step.response_s == pytest.approx(2.5)
        assert step.lower_s == pytest.approx(1.5)

    def test_the_journey_ends_with_the_last_recipient(self) -> None:
        """Two recipients, one a second later: the later one counts; one who never accepts makes it a miss."""
        of = schedule(DUE_S, fan_out=2)
        rows = delivered(of, absent_s=1, seen_s=3, accepted_s=4)
        rows["acknowledged_s"][1] += 1.0
        rows["acknowledged_s"][2] = np.nan
        step = steps(plan(), lay_out(plan(), of, answered(DUE_S, np.full(20, 0.25)), rows), no_polls())[
            "journey"
        ]
        assert step.response_s[0] == pytest.approx(5.001)
        assert np.isinf(step.response_s[1])
        assert step.response_s[2:] == pytest.approx(4.001)

    def test_a_delivery_that_was_never_seen_is_a_miss_and_accepting_it_is_none(self) -> None:
        """What was not found cannot be accepted late."""
        of = schedule(DUE_S)
        rows = delivered(of, absent_s=1, seen_s=3, accepted_s=4)[1:]
        found = steps(plan(), lay_out(plan(), of, answered(DUE_S, np.full(20, 0.25)), rows), no_polls())
        assert np.isinf(found["available"].response_s[0])
        assert len(found["accepted"].due_s) == 19
        assert found["accepted"].response_s == pytest.approx(1.0)
        assert found["acknowledged"].response_s == pytest.approx(1.001)
        assert np.isinf(found["journey"].response_s[0])

    def test_what_was_not_accepted_has_no_delivery(self) -> None:
        """Its miss is the submission's."""
        of, sent = schedule(DUE_S), answered(DUE_S, np.full(20, 0.25))
        sent["state"][0] = State.SHED
        found = steps(
            plan(), lay_out(plan(), of, sent, delivered(of, absent_s=1, seen_s=3, accepted_s=4)), no_polls()
        )
        assert len(found["available"].due_s) == 19
        assert np.isinf(found["journey"].response_s[0])


def test_receipts_checked_as_they_come_are_timed_from_the_intended_time_others_by_what_the_check_took() -> (
    None
):
    """A check after the drain has no place in the journey."""
    of, rows = schedule(DUE_S), answered(DUE_S, np.full(20, 0.25))
    nothing = delivered(of, absent_s=1, seen_s=3, accepted_s=4)
    for receipts, expected in ((Receipts.LIVE, 0.252), (Receipts.AFTER, 0.001)):
        chosen = plan(receipts=receipts, collect=False)
        step = steps(chosen, lay_out(chosen, of, rows, nothing), no_polls())["receipt"]
        assert step.response_s == pytest.approx(expected)


def test_polls_are_judged_from_their_own_schedule() -> None:
    """An answered poll by its due time, one without answer as a miss; those of the drain not at all."""
    polls = np.zeros(3, dtype=POLL)
    polls["due_s"], polls["sent_s"], polls["done_s"] = [1, 2, 11], [1.5, 2, 11], [2, np.nan, 12]
    polls["status"] = [200, 0, 200]
    of = schedule(DUE_S)
    seen = lay_out(
        plan(), of, answered(DUE_S, np.full(20, 0.25)), delivered(of, absent_s=1, seen_s=3, accepted_s=4)
    )
    step = steps(plan(), seen, polls)["poll"]
    assert step.response_s.tolist() == [1.0, np.inf]
