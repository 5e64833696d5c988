"""Traces: recorded times and counts are read as they are, or refused with their line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness.profiles import Kind, Profile, generator, load
from loadtests.harness.traces import Trace, read
from sim.errors import InputError

ARRIVALS = Path(__file__).parents[5] / "shared" / "data" / "arrivals"


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    """Write a trace file."""
    path = folder / name
    path.write_text(text)
    return path


def test_times_are_since_the_first_arrival(tmp_path: Path) -> None:
    """One time a line, out of order or not, is read in order, from the first one on."""
    trace = read(written(tmp_path, "1000.5\n1000.0\n\n1002.25\n"))
    assert trace.times_s(generator(1, "t")) == pytest.approx([0.0, 0.5, 2.25])
    assert (trace.arrivals, trace.bin_s, trace.name) == (3, 0.0, "t.csv")
    assert trace.length_s > 2.25


def test_a_column_of_times_is_found(tmp_path: Path) -> None:
    """A CSV column time_s is taken by its name, any other when asked for."""
    path = written(tmp_path, "sent,time_s\n7,0.0\n9,1.5\n")
    assert read(path).values == pytest.approx([0.0, 1.5])
    assert read(path, column="sent").values == pytest.approx([0.0, 2.0])


def test_counts_are_spread_over_their_own_bins(tmp_path: Path) -> None:
    """Each bin gets exactly its count, a minute that is left out gets none, and the seed decides where."""
    trace = read(written(tmp_path, "minute,requests\n10,4\n11,0\n13,50\n"))
    first, again, other = (trace.times_s(generator(seed, "t")) for seed in (1, 1, 2))
    assert np.histogram(first, bins=np.arange(5) * 60.0)[0].tolist() == [4, 0, 0, 50]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (np.diff(first) >= 0).all()


def test_counts_per_second_need_to_be_told(tmp_path: Path) -> None:
    """The same numbers are times, or counts per second where that is said."""
    path = written(tmp_path, "3\n0\n2\n")
    assert read(path).arrivals == 3
    counts = read(path, per="second")
    assert (counts.arrivals, counts.length_s) == (5, 3.0)


def test_gzip_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    """A compressed file holds the same arrivals; its digest is that of its own bytes."""
    plain = written(tmp_path, "\ufefftime\n0.5\n1.5\n")
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read(packed).values, read(plain).values)
    assert read(packed).sha256 != read(plain).sha256


@pytest.mark.parametrize(
    ("text", "told", "keys"),
    [
        ("0.5\nsoon\n", ":2: found 'soon'", {}),
        ("0.5\n-1\n", ":2: found '-1'", {}),
        ("0.5\nnan\n", ":2: found 'nan'", {}),
        ("minute,requests\n0,1\n1\n", ":3: found '1'", {}),
        ("minute,requests\n0,1\n0,2\n", ":3: found a minute", {}),
        ("minute,requests\n0,1.5\n", "found 1.5", {}),
        ("minute,a,b\n0,1,2\n", ":1: found the columns", {}),
        ("minute,a\n0,1\n", ":1: found minutes", {"per": "second"}),
        ("a,b\n0,1\n", ":1: found no column 'c'", {"column": "c"}),
        ("1\n2\n", ":1: found no header", {"column": "c"}),
        ("time_s\n", ":2: found no number", {}),
        ("\n\n", "found an empty file", {}),
        ("1\n", "found counts per 'day'", {"per": "day"}),
        ("0\n2.5\n", "found 2.5", {"per": "second"}),
    ],
)
def test_a_fault_has_its_line(tmp_path: Path, text: str, told: str, keys: dict[str, str]) -> None:
    """A line that does not hold is refused with file and line."""
    with pytest.raises(InputError) as found:
        read(written(tmp_path, text), **keys)
    assert found.value.code == "E-TRACE"
    assert told in found.value.message


@pytest.mark.parametrize("raw", [b"\x1f\x8bnonsense", b"\xff\xfe\x00", None])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, raw: bytes | None) -> None:
    """Broken gzip, no UTF-8 and no file at all are refused by name."""
    path = tmp_path / "t"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(InputError) as found:
        read(path)
    assert found.value.code == "E-TRACE-FILE"


@given(
    st.lists(st.floats(0.0, 100.0), min_size=2, max_size=50).map(sorted),
    st.floats(0.0, 50.0), st.floats(1.0, 50.0), st.sampled_from([0.5, 1.0, 4.0]),
)  # fmt: skip
def test_a_window_is_the_part_of_the_trace_in_other_time(
    times: list[float], start_s: float, length_s: float, speed: float
) -> None:
    """A window holds the trace's arrivals from its start on, for its length, in seconds of playing."""
    values = np.array(times) - times[0]
    trace = Trace("t", "", values)
    playing = [(one - start_s) / speed for one in values.tolist() if one >= start_s]
    inside = [one for one in playing if one < length_s]
    rng = generator(1, "t")
    if inside:
        assert trace.window_s(rng, start_s, length_s, speed) == pytest.approx(inside)
    else:
        with pytest.raises(InputError):
            trace.window_s(rng, start_s, length_s, speed)


def test_a_trace_is_a_profile() -> None:
    """A played trace has the trace's mean rate, and at twice that rate it takes half the time."""
    trace = Trace("t", "abc", np.full(100, 5.0), 1.0)
    profile = Profile.of_trace(trace, duration_s=50.0)
    assert (profile.kind, profile.rate_per_s, profile.duration_s) == (Kind.TRACE, 5.0, 50.0)
    assert len(profile.due_s(1)) == 250
    double = profile.at_rate(10.0)
    assert double.duration_s == 25.0
    assert double.due_s(1) * 2 == pytest.approx(profile.due_s(1))
    with pytest.raises(InputError) as found:
        Profile.of_trace(trace, from_s=60.0, duration_s=50.0)
    assert found.value.code == "E-TRACE-WINDOW"


def test_json_names_a_trace_and_does_not_hold_it() -> None:
    """A profile's JSON has the digest; read back it has stages, and arrivals only together with that very trace."""
    trace = Trace("t", "abc", np.full(10, 5.0), 1.0)
    profile = Profile.of_trace(trace, speed=2.0)
    told = profile.to_json()
    assert told["about"]["sha256"] == "abc"
    assert np.array_equal(Profile.from_json(told, trace).due_s(1), profile.due_s(1))
    bare = Profile.from_json(told)
    assert bare.stages == profile.stages
    assert bare.to_json() == told
    for action in (
        lambda: bare.due_s(1),
        lambda: Profile.from_json(told, Trace("u", "def", trace.values, 1.0)),
    ):
        with pytest.raises(InputError) as found:
            action()
        assert found.value.code == "E-PROFILE"


@pytest.mark.skipif(not ARRIVALS.is_dir(), reason="the shared data is not beside this checkout")
def test_real_arrivals_are_replayed(tmp_path: Path) -> None:
    """A web server's busiest hour, by seconds, and a month of it, by minutes, keep their counts."""
    hour = read(ARRIVALS / "nasa_peakhour_per_second.txt", per="second")
    assert hour.length_s == 3600.0
    due = Profile.of_trace(hour).due_s(1)
    assert len(due) == hour.arrivals
    assert np.histogram(due, bins=np.arange(3601))[0].tolist() == hour.values.tolist()
    month = ARRIVALS / "nasa_http_first31d_per_minute.csv.gz"
    (tmp_path / "p.yaml").write_text(f"kind: trace\nfile: {month}\nfrom: 1 d\nspeed: 60\nduration: 2 min\n")
    played = load(tmp_path / "p.yaml")
    assert played.played is not None
    assert len(played.due_s(1)) == played.played.trace.values[1440:1560].sum()
