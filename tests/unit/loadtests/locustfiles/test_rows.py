"""Rows as they are packed and sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness.records import ARRIVAL, DELIVERY, KINDS, POLL
from loadtests.locustfiles.rows import CHUNK_BYTES, Arrival, Delivery, Sheets, chunks, packing

seconds = st.floats(-1e6, 1e6) | st.just(float("nan"))
words = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40)
short = st.integers(0, 65_535)


def read(sheets: Sheets, kind: str, record: np.dtype[Any]) -> Any:
    """The only row of a kind."""
    (row,) = np.frombuffer(sheets.take()[kind], record)
    return row


def same(row: Any, values: Any) -> bool:
    """Whether a record holds the attributes of an object, as far as its types can."""
    expected = np.zeros(1, row.dtype)
    for name in row.dtype.names:
        value = getattr(values, name)
        expected[name] = value.encode() if isinstance(value, str) else value
    return bool(expected[0].tobytes() == row.tobytes())


@given(
    st.builds(
        Arrival,
        number=st.integers(0, 2**32 - 1),
        worker=short,
        state=st.integers(0, 6),
        receipt=st.integers(0, 3),
        attempts=short,
        status=short,
        code=words,
        sent_s=seconds,
        done_s=seconds,
        sign_s=st.floats(0, 100, width=32),
        check_s=st.floats(0, 100, width=32),
        checked_s=seconds,
    )
)
def test_an_arrival_is_packed_as_its_record(row: Arrival) -> None:
    """What is packed byte by byte is what numpy reads back, field by field."""
    sheets = Sheets()
    sheets.arrival(row)
    assert same(read(sheets, "arrival", ARRIVAL), row)


@given(
    st.builds(
        Delivery,
        number=st.integers(0, 2**32 - 1),
        recipient=st.integers(-1, 2**31 - 1),
        worker=short,
        seen_s=seconds,
        copies=short,
        absent_s=seconds,
        stamp_s=seconds,
        status=short,
        code=words,
        document=st.integers(0, 3),
    )
)
def test_a_delivery_is_packed_as_its_record(row: Delivery) -> None:
    """What is packed byte by byte is what numpy reads back, field by field."""
    sheets = Sheets()
    sheets.delivery(row)
    assert same(read(sheets, "delivery", DELIVERY), row)


def test_a_poll_is_packed_as_its_record() -> None:
    """All seven of its fields come back."""
    sheets = Sheets()
    sheets.poll(-1, 2, 200, 7, 1.5, 1.6, 1.7)
    assert read(sheets, "poll", POLL).tolist() == (-1, 2, 200, 7, 1.5, 1.6, 1.7)


def test_what_was_taken_is_not_there_any_more() -> None:
    """Each row is reported once."""
    sheets = Sheets()
    sheets.poll(1, 1, 200, 0, 0.0, 0.0, 0.0)
    assert len(sheets.take()["poll"]) == POLL.itemsize
    assert not any(sheets.take().values())


@given(st.fixed_dictionaries({kind: st.integers(0, 20_000) for kind in KINDS}))
def test_portions_hold_whole_rows_and_all_of_them(counts: dict[str, int]) -> None:
    """No report is larger than a chunk, none cuts a row, and together they are what was there, in order."""
    rows = {
        kind: np.arange(count * KINDS[kind].itemsize, dtype=np.uint8).tobytes()
        for kind, count in counts.items()
    }
    portions = list(chunks(rows))
    assert portions
    for portion in portions:
        assert sum(map(len, portion.values())) <= CHUNK_BYTES
        assert all(len(data) % KINDS[kind].itemsize == 0 for kind, data in portion.items())
    for kind, data in rows.items():
        assert b"".join(portion.get(kind, b"") for portion in portions) == data


def test_records_that_cannot_be_packed_are_refused() -> None:
    """A record with gaps or other types would be read back wrong."""
    with pytest.raises(ValueError, match="gaps"):
        packing(np.dtype({"names": ["one", "two"], "formats": ["u1", "f8"], "offsets": [0, 8]}))
    with pytest.raises(ValueError, match="no row holds"):
        packing(np.dtype([("one", np.complex128)]))
