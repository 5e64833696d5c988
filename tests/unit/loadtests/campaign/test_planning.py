"""From options to a load: one source of arrivals, what cannot go together, and who takes part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.adapters.planning import Load
from loadtests.campaign.exchanges import agencies_of, check
from loadtests.campaign.planning import load_of
from loadtests.exchange.agencies import is_agency_code
from loadtests.harness.options import Options
from sim.errors import InputError

DEFAULT = Options()


def drawn(options: Options) -> Load:
    """The load of these options."""
    return load_of(options, lambda *_: None)


@pytest.mark.parametrize(
    "options",
    [
        replace(DEFAULT, rate="5/s", scenario="quang-ninh", day="2015-03-02"),
        replace(DEFAULT, scenario="quang-ninh"),
        replace(DEFAULT, scenario="quang-ninh", day="yesterday"),
        replace(DEFAULT, scenario="quang-ninh", day="2015-03-02", size="1 kB"),
        replace(DEFAULT, day="2015-03-02"),
        replace(DEFAULT, start="08:00"),
        replace(DEFAULT, days=2),
        replace(DEFAULT, speed=2.0),
    ],
)
def test_one_source_of_arrivals(options: Options) -> None:
    """Two sources, half a one, or options of another: each is refused, with what would be right."""
    with pytest.raises(InputError) as refused:
        drawn(options)
    assert refused.value.code == "E-OPTION"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (replace(DEFAULT, target="http://192.0.2.1"), "E-TARGET"),
        (replace(DEFAULT, adapter="as2"), "E-TARGET"),
        (replace(DEFAULT, adapter="refrence"), "E-ADAPTER"),
        (replace(DEFAULT, target="http://127.0.0.1:1", faults=("freeze 1s at 1s",)), "E-FAULT"),
        (replace(DEFAULT, target="http://127.0.0.1:1", faulty="lose=0.1"), "E-OPTION"),
        (replace(DEFAULT, target="http://127.0.0.1:1", preload=5), "E-OPTION"),
        (replace(DEFAULT, adapter="null", preload=5), "E-OPTION"),
        (replace(DEFAULT, faulty="eat=0.1"), "E-FAULTS"),
    ],
)
def test_what_cannot_go_together(options: Options, code: str) -> None:
    """Faults, faulty exchanges and filled stores are for exchanges of our own; another machine needs leave."""
    with pytest.raises(InputError) as refused:
        check(options)
    assert refused.value.code == code


def test_codes_of_agencies() -> None:
    """Agencies of no scenario have codes that an exchange takes, all different."""
    codes = [code for code, _ in agencies_of(drawn(replace(DEFAULT, agencies=300)))]
    assert len(set(codes)) == 300
    assert all(is_agency_code(one) for one in codes)


def test_more_agencies_than_codes() -> None:
    """Ten thousand have codes; one more is told, not given a code twice."""
    many = replace(DEFAULT, agencies=10_001, collect=False, rate="1/s", duration="1 s")
    with pytest.raises(InputError, match="10001 agencies") as refused:
        agencies_of(drawn(many))
    assert refused.value.code == "E-OPTION"
