"""Whether two runs can be paired: the same design, and the same documents where both have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import pytest

from sim.analysis.cohort import CohortLegs
from sim.comparing.opening import Deliveries, OpenRun
from sim.comparing.pairable import check_design, check_workload
from sim.errors import InputError
from tests.builders import WORK_WEEK, random_sections, scenario

HOUR_S = 3600.0
PERIOD = "{start: 2015-01-05, kind: steady, warm_up: 0 days, measure: 7 days, cool_down: 7 days}"
USUAL = random_sections(1) | {"id": "small", "period": PERIOD, "calendar": WORK_WEEK}


def opened(label: str, sections: Mapping[str, str] = MappingProxyType({}), seed: int = 1) -> OpenRun:
    """Return an open run of a small scenario, of which nothing but manifest and scenario is there."""
    return OpenRun(label, Path(label), {"seed": seed}, {}, scenario(**{**USUAL, **sections}))


def deliveries(*rows: dict[str, Any]) -> Deliveries:
    """Return deliveries of which nothing but the identity is there; what a row does not name is the default."""
    usual = {"leg": 0, "doc": 0, "flow": "letter", "sender": "a", "recipient": "b",
             "created_s": 9 * HOUR_S, "reply_doc": -1}  # fmt: skip
    none = np.empty(0)
    legs = CohortLegs(none, none, none, none, none, none)  # type: ignore[arg-type]
    table = pl.DataFrame(
        [usual | row for row in rows], schema={key: _KINDS.get(key, pl.Int32) for key in usual}
    )
    return Deliveries("any", 3, 1.0, legs, table)


_KINDS = {"flow": pl.String, "sender": pl.String, "recipient": pl.String, "created_s": pl.Float64}


def refusal(one: Deliveries, two: Deliveries) -> str:
    """Return why two sides cannot be paired, or nothing."""
    try:
        check_workload((opened("one"), opened("two")), (one, two))
    except InputError as error:
        return str(error)
    return ""


# --- design -------------------------------------------------------------------------------------------------


def test_runs_of_one_design_can_be_paired() -> None:
    """What the alternatives change, and what a holiday is called, is no part of the design."""
    calendar = '{hours: ["08:00-12:00", "13:00-17:00"], days_off: {2015-01-07: %s}}'
    check_design(*(opened("any", {"calendar": calendar % name}) for name in ("feast", "festival")))


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ({"id": "other"}, "scenario: small in one, other in two"),
        ({"period": PERIOD.replace("steady", "terminating")}, "period.kind: steady in one, terminating in two"),
        ({"period": PERIOD.replace("01-05", "01-12")}, "the first day: 2015-01-05 in one, 2015-01-12 in two"),
        ({"period": PERIOD.replace("warm_up: 0", "warm_up: 7")}, "start of measuring: 2015-01-05 00:00:00 in one"),
        ({"period": PERIOD.replace("measure: 7", "measure: 8")}, "end of measuring: 2015-01-12 00:00:00 in one"),
        ({"period": PERIOD.replace("down: 7", "down: 6")}, "latest end of the run: 2015-01-19 00:00:00 in one"),
    ],
)  # fmt: skip
def test_another_design_is_refused_with_its_difference(sections: dict[str, str], found: str) -> None:
    """The first of what differs is named, with what it is in either run."""
    with pytest.raises(InputError, match="E-NOT-PAIRED") as error:
        check_design(opened("one"), opened("two", sections))
    assert found in error.value.message
    assert error.value.hint


@pytest.mark.parametrize(
    ("calendar", "found"),
    [
        ('{hours: ["08:00-12:00", "13:00-17:00"], days_off: {2015-01-07: feast}}',
         "2015-01-07: an ordinary day in one, a day off in two"),
        ('{hours: ["08:00-12:00", "13:00-17:00"], make_up: {2015-01-10: worked}}',
         "2015-01-10: an ordinary day in one, a make-up day in two"),
        ('{hours: ["08:00-12:00", "13:00-18:00"]}', "a full day's working hours: 8.0 in one, 9.0 in two"),
        ('{hours: ["08:00-12:00", "14:00-18:00"]}',
         "the offices' opening 2: 2015-01-05 13:00:00 to 2015-01-05 17:00:00 in one, 2015-01-05 14:00:00"),
        ('{hours: ["08:00-12:00", "13:00-17:00"], weekdays: [mon, tue, wed, thu]}', "openings of the offices: "),
    ],
)  # fmt: skip
def test_another_calendar_is_refused_with_its_difference(calendar: str, found: str) -> None:
    """A holiday, a make-up day or other hours make other working time."""
    with pytest.raises(InputError, match="E-NOT-PAIRED") as error:
        check_design(opened("one"), opened("two", {"calendar": calendar}))
    assert found in error.value.message


def test_another_seed_is_refused() -> None:
    """Runs of other random numbers have other documents."""
    with pytest.raises(InputError, match="found seed: 1 in one, 2 in two"):
        check_design(opened("one"), opened("two", seed=2))


# --- documents ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"doc": 9}, "two has document 9 (letter) from a to b"),
        ({"flow": "report"}, "two has document 0 (report) from a to b"),
        ({"sender": "c"}, "two has document 0 (letter) from c to b"),
        ({"recipient": "c"}, "two has document 0 (letter) from a to c"),
        ({"created_s": 9 * HOUR_S + 60}, "asked for 2015-01-05 09:01:00"),
        ({"reply_doc": 8}, "to be answered by document 8"),
    ],
)  # fmt: skip
def test_another_document_under_the_same_number_is_refused(change: dict[str, Any], told: str) -> None:
    """The first delivery that is not the same in both runs is named, with what it is in either."""
    before = deliveries({"leg": 1}, {"leg": 4, "reply_doc": 7}, {"leg": 5})
    after = deliveries({"leg": 1}, {"leg": 4, "reply_doc": 7} | change, {"leg": 5} | change)
    message = refusal(before, after)
    assert "E-NOT-PAIRED: found different documents under delivery 4 of replication 3" in message
    assert "one has document 0 (letter) from a to b, asked for 2015-01-05 09:00:00" in message
    assert told in message


def test_rounding_and_what_only_one_has_are_no_obstacle() -> None:
    """Times are kept to the microsecond; deliveries that one lacks, and answers that one lacks, are let pass."""
    before = deliveries({"leg": 1, "created_s": 1.000001}, {"leg": 2}, {"leg": 3, "reply_doc": 5})
    after = deliveries({"leg": 1, "created_s": 1.000002}, {"leg": 3}, {"leg": 4, "doc": 1})
    assert not refusal(before, after)
    assert refusal(before, deliveries({"leg": 1, "created_s": 1.000004}))


def test_replies_may_be_asked_for_at_other_moments() -> None:
    """When a reply is asked for follows from the handling; who sends it to whom does not."""
    later = {"leg": 1, "created_s": 10 * HOUR_S}
    assert "delivery 1" in refusal(deliveries({"leg": 1}), deliveries(later))
    answer = {"flow": "answer"}
    assert not refusal(deliveries({"leg": 1} | answer), deliveries(later | answer))
    changed = later | answer | {"recipient": "c"}
    assert "delivery 1" in refusal(deliveries({"leg": 1} | answer), deliveries(changed))
