"""Numbers: digits follow the half-width, units never mix, and the page shows what the summary holds."""

from __future__ import annotations

import pytest

from sim.report import render
from sim.report.numbers import ONE, SHARE, Numbers, Unit, decimals_for
from sim.report.texts import Texts
from tests.unit.report import fixtures
from tests.unit.report.fixtures import CALENDAR_DAY_S, DAY_S, estimate
from tests.unit.report.pages import Page


@pytest.fixture
def numbers() -> Numbers:
    """Formats of an English report of five replications."""
    return Numbers(Texts("en"), DAY_S, 5)


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [
        (3.14159, 0.21, "3.1 ± 0.2"),
        (3.14159, 0.13, "3.14 ± 0.13"),
        (37.4, 2.4, "37 ± 2"),
        (12345.0, 2300.0, "12,000 ± 2,000"),
        (0.5, 0.00004, "0.500 ± <0.001"),
        (4.2, 0.0, "4.20 ± 0"),
        (0.0, 0.0, "0"),
        (-0.001, 0.3, "0.0 ± 0.3"),
        (-2.5, 0.3, "−2.5 ± 0.3"),
        (1.31, 3.1, "1.3 ± 3.1"),
        (0.4, 30.1, "0 ± 30"),
        (9.97, 0.0996, "9.97 ± 0.10"),
    ],
)
def test_half_width_sets_the_digits(numbers: Numbers, value: float, half: float, shown: str) -> None:
    """One digit of the half-width is shown, two where it starts with a 1, never more than three decimals."""
    assert shown == numbers.estimate(estimate(value, half)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (-2.4123, -1.1321, "−2.4 to −1.1"),
        (-2.4123, -0.0321, "−2.4 to −0.03"),
        (-2.4123, 0.00002, "−2.4 to 0.000"),
        (-1.8612, -1.8123, "−1.861 to −1.812"),
        (12340.0, 17340.0, "12,300 to 17,300"),
        (0.0, 0.0, "0 to 0"),
        (4.0, 4.0, "4.00 to 4.00"),
        (-0.7, 1.3, "−0.7 to +1.3"),
        (None, 1.3, "–"),
    ],
)
def test_a_range_has_two_digits_of_its_width(
    numbers: Numbers, low: float | None, high: float, shown: str
) -> None:
    """No end is rounded to nought as long as three decimals tell it from nought; a missing end is a dash."""
    assert shown == numbers.spread({"low": low, "high": high}, sign=low is not None and low < 0 < high)


def test_a_range_stands_below_its_estimate(numbers: Numbers) -> None:
    """On a line of its own, in the same unit; where there is none, the estimate stands alone."""
    assert numbers.beside("5 ± 1", {"low": 0.04, "high": 0.06}, SHARE, mark=" %") == "5 ± 1\n4.0 % to 6.0 %"
    assert numbers.beside("5 ± 1", {"low": None, "high": None}) == "5 ± 1"
    assert numbers.beside("5 ± 1", None) == "5 ± 1"
    assert Numbers(Texts("vi"), DAY_S, 5).spread({"low": 1.25, "high": 2.5}) == "1,2 đến 2,5"


def test_unknown_half_width_says_so(numbers: Numbers) -> None:
    """One replication has no interval; two of five say how many they are; none is a dash."""
    one = {"estimate": 4.2, "half_width": None, "confidence": 0.95, "replications": 1}
    assert numbers.estimate(one).replace("\u00a0", " ") == "4.20 ± unknown (one replication)"
    assert numbers.estimate(estimate(4.2, 0.3, 2)).replace("\u00a0", " ") == "4.2 ± 0.3 (2 of 5 replications)"
    assert numbers.estimate(estimate(None)) == "–"
    assert numbers.estimate(None) == "–"


def test_percent_names_its_unit_twice(numbers: Numbers) -> None:
    """Shares are parts of one, relative differences are in percent already."""
    assert numbers.percent(estimate(0.93, 0.03), SHARE).replace("\u00a0", " ") == "93 % ± 3 %"
    assert numbers.percent(estimate(-37.0, 2.1), ONE).replace("\u00a0", " ") == "−37 % ± 2 %"
    assert numbers.percent(estimate(0.0, 0.0)).replace("\u00a0", " ") == "0 %"
    assert numbers.percent(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "working", "key"),
    [
        (DAY_S, True, "working_days"),
        (DAY_S, False, "calendar_hours"),
        (DAY_S - 1, True, "working_hours"),
        (CALENDAR_DAY_S, False, "calendar_days"),
        (600, False, "calendar_minutes"),
        (5, True, "working_seconds"),
    ],
)
def test_a_unit_tells_working_from_calendar_time(
    numbers: Numbers, seconds: float, working: bool, key: str
) -> None:
    """A working day is the office's own day; a calendar day has 24 hours."""
    assert key == numbers.time_unit([None, seconds / 2, seconds], working=working).key


def test_unit_names_never_coincide() -> None:
    """No unit of working time has the name of a unit of calendar time, in any language."""
    for language in ("en", "vi"):
        names = [
            Texts(language)(f"units.{kind}_{size}")
            for kind in ("working", "calendar")
            for size in ("days", "hours", "minutes", "seconds")
        ]
        assert len(names) == len(set(names))


def test_durations_dates_and_vietnamese_marks() -> None:
    """A comma marks Vietnamese decimals, a dot groups thousands; dates are written as people do."""
    english, vietnamese = (Numbers(Texts(language), DAY_S, 5) for language in ("en", "vi"))
    assert english.duration(7 * CALENDAR_DAY_S, working=False) == "7 calendar days"
    assert vietnamese.duration(1.5 * DAY_S, working=True) == "1,5 ngày làm việc"
    assert english.duration(None, working=True) == "–"
    assert vietnamese.plain(12480) == "12.480"
    assert english.plain(float("nan")) == "–"
    assert (english.date("2015-01-12"), vietnamese.date("2015-01-12")) == ("12 Jan 2015", "12/01/2015")
    assert english.date("soon") == "soon"


def test_decimals_without_interval_are_three_digits() -> None:
    """Without an interval a number shows three digits, a nought none."""
    assert [decimals_for(x, None) for x in (123.4, 12.3, 1.23, 0.00123, 0.0)] == [0, 1, 2, 3, 0]


def _agrees(shown: str, value: float, size: float) -> bool:
    """Tell whether a cell holds the value, as far as its digits go."""
    number = shown.partition(" ± ")[0].replace(",", "").replace("−", "-")
    decimals = len(number.partition(".")[2])
    return abs(float(number) - value / size) <= 0.5 * 10.0**-decimals + 1e-9


@pytest.mark.parametrize(
    ("caption", "key", "size"),
    [
        ("Turnaround of a delivery, calendar time", "turnaround_s", CALENDAR_DAY_S),
        ("Turnaround of a delivery, office working time", "turnaround_working_s", DAY_S),
    ],
)
def test_the_page_shows_the_summary(english: Page, caption: str, key: str, size: float) -> None:
    """Every cell of the turnaround tables is the summary's number in the unit of its heading."""
    rows = english.rows(caption)
    for alternative in fixtures.summary()["alternatives"].values():
        title = alternative["title"]["en"] + ("" if alternative["stable"] else " not steady")
        *cells, count = rows[title]
        for cell, which in zip(cells, ("mean", "p50", "p90", "p95"), strict=True):
            assert _agrees(cell, alternative[key][which]["estimate"], size), (title, which, cell)
            half = cell.split(" ± ")[1]
            assert _agrees(half, alternative[key][which]["half_width"], size)
        assert f"{alternative[key]['n']:,}" == count


def test_counts_and_shares_are_the_summary(english: Page) -> None:
    """The balance shows exact counts; shares are the summary's in percent."""
    paper = fixtures.summary()["alternatives"]["paper"]
    order = ("created", "completed", "refused", "recalled", "open")
    counts = [f"{paper['counts'][name]:,}" for name in order]
    assert [*counts, "exact"] == english.rows("What became of the deliveries")["Paper"]
    shown = english.rows("Share of deliveries finished within")["Paper"]
    values = [*paper["within_working_days"].values(), paper["inside_deadline"]]
    for cell, value in zip(shown, values, strict=True):
        assert _agrees(cell, value["estimate"], 0.01)


def test_stages_and_published_figures_are_the_summary(english: Page) -> None:
    """Stage tables are in hours where stages are short; a published figure keeps its own unit."""
    paper = fixtures.summary()["alternatives"]["paper"]
    shown = english.rows("Stage by stage: mean calendar time per completed delivery, Paper")["signing"]
    assert _agrees(shown[-1], paper["stages"]["signing"]["total_s"]["estimate"], 3600)
    table = english.rows("Published and simulated")
    cells = next(cells for head, cells in table.items() if head.startswith("Paper from sender"))
    assert cells[:2] == ["2.5 days", "2.20 ± 0.10 calendar days"]
    cells = next(cells for head, cells in table.items() if head.startswith("Deliveries per unit"))
    assert cells[3] == "calibration: never confirms the model"
    assert next(cells for head, cells in table.items() if head.startswith("Time saved"))[1] == "–"


def test_one_replication_shows_unknown_everywhere() -> None:
    """With one replication no number poses as certain and no figure fails."""
    summary = fixtures.without_half_widths(fixtures.summary())
    summary["design"]["replications"] = 1
    page = Page(render(summary, {}))
    assert "20 measured working days, 1 replication" in page.text
    assert "working days sooner" in page.text
    assert page.text.count("± unknown (one replication)") > 100
    assert page.faults == []


def test_unit_names_a_size() -> None:
    """A unit scales what the summary holds in its base unit."""
    assert (
        Numbers(Texts("en"), DAY_S, 5)
        .estimate(estimate(7200.0, 0.0), Unit("calendar_hours", 3600.0))
        .replace("\u00a0", " ")
        == "2.00 ± 0"
    )
