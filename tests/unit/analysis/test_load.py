from __future__ import annotations

import math

import pytest

from sim.analysis.load import bottleneck, group_loads, percent_vi, ratio, utilisation

from .builders import NAMES, pools

SHARED = {"group": 3, "on_duty_s": 100.0, "group_on_duty_s": 100.0}


def test_roles_that_share_people_are_one_group() -> None:
    """Load is all work offered to the group over the time of its people, each counted once."""
    table = pools(
        {**SHARED, "role": 0, "offered_s": 30.0, "busy_s": 20.0, "waiting_end": 1},
        {**SHARED, "role": 1, "offered_s": 60.0, "busy_s": 50.0, "waiting_end": 4, "people": 2},
    )
    (group,) = group_loads([table])
    assert (group.agency, group.role, group.roles, group.people) == (0, 1, (0, 1), 2)
    assert group.load == pytest.approx((0.9,))
    assert group.utilisation == pytest.approx((0.7,))
    assert group.waiting_end == (5.0,)


def test_groups_are_known_by_agency_and_role_not_by_number() -> None:
    """A group that one replication lacks has no load there, even if another group has its number."""
    first = pools({"agency": 1, "group": 0, "offered_s": 80.0}, {"agency": 2, "group": 1, "offered_s": 20.0})
    second = pools({"agency": 2, "group": 0, "offered_s": 40.0})
    loads = group_loads([first, second])
    assert [(group.agency, group.load_mean) for group in loads] == [(1, 0.8), (2, pytest.approx(0.3))]
    assert math.isnan(loads[0].load[1])
    assert loads[0].waiting_end == (0.0, 0.0)


def test_rows_by_level_and_role() -> None:
    """Rows of one level and role are added up; the highest is that of one agency."""
    table = pools(
        {"agency": 1, "group": 0, "busy_s": 20.0, "offered_s": 20.0},
        {
            "agency": 2,
            "group": 1,
            "busy_s": 60.0,
            "offered_s": 80.0,
            "on_duty_s": 300.0,
            "group_on_duty_s": 300.0,
        },
        {"agency": 2, "group": 2, "role": 1, "people": 3},
    )
    names = NAMES.__class__(
        **{
            **{name: getattr(NAMES, name) for name in NAMES.__dataclass_fields__},
            "levels": ("province", "commune", "commune"),
        }
    )
    tables = [table, table]
    groups = group_loads(tables)
    found = utilisation(tables, groups, names)
    clerk, officer = found["by_role"]
    assert (clerk["level"], clerk["role"], clerk["people"]) == ("commune", "clerk", 2)
    assert clerk["utilisation"] == {"estimate": 0.2, "half_width": 0.0, "confidence": 0.95, "replications": 2}
    assert clerk["offered_load"]["estimate"] == 0.25
    assert clerk["highest"] == pytest.approx(80 / 300)
    assert (officer["role"], officer["people"]) == ("officer", 3)
    assert [(row["agency"], row["role"]) for row in found["busiest"]] == [
        ("c", "officer"),
        ("c", "clerk"),
        ("d", "clerk"),
    ]
    assert found["busiest"][0]["agency_name"] == "Commune"


def test_work_without_anybody_on_duty() -> None:
    """A group with work and nobody on duty comes first, with no number that JSON lacks."""
    nobody = {"people": 0, "on_duty_s": 0.0, "group_on_duty_s": 0.0, "busy_s": 0.0}
    idle = {**nobody, "offered_s": 0.0, "agency": 1, "group": 1}
    tables = [pools({**nobody, "offered_s": 10.0}, idle, {"agency": 2, "group": 2})]
    groups = group_loads(tables)
    found = utilisation(tables, groups, NAMES)
    assert [group.agency for group in groups] == [0, 2, 1]
    assert found["busiest"][0]["offered_load"]["estimate"] is None
    assert [row["highest"] for row in found["by_role"]] == [None, None, 0.5]
    worst = bottleneck(groups, NAMES)
    assert worst is not None
    assert worst["offered_load"] is None
    assert "nobody" in worst["text"]["en"]


def test_bottleneck_in_words() -> None:
    """The bottleneck is the group with the highest load, told in both languages."""
    worst = bottleneck(group_loads([pools({"offered_s": 93.4}, {"agency": 1, "group": 1})]), NAMES)
    assert worst is not None
    assert (worst["level"], worst["role"], worst["agency_name"]) == ("province", "clerk", "Province")
    assert worst["offered_load"] == pytest.approx(0.934)
    assert "93.4 %" in worst["text"]["en"]
    assert "93,4 %" in worst["text"]["vi"]


def test_no_bottleneck_without_load() -> None:
    """Where nobody works and nothing is asked for, nothing is the bottleneck."""
    nothing = pools({"offered_s": 0.0, "on_duty_s": 0.0, "group_on_duty_s": 0.0})
    assert bottleneck(group_loads([nothing]), NAMES) is None
    assert bottleneck([], NAMES) is None


def test_ratios_and_shares() -> None:
    """Something over nothing is infinite, nothing over nothing unknown; Vietnamese has a decimal comma."""
    assert ratio(1.0, 2.0) == 0.5
    assert ratio(1.0, 0.0) == math.inf
    assert math.isnan(ratio(0.0, 0.0))
    assert percent_vi(1.0512) == "105,1 %"
