"""The bank of signed messages."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtests.adapters.base import Message, Request
from loadtests.locustfiles import bank as bank_module
from loadtests.locustfiles.bank import Bank, Deposit, Spool
from loadtests.locustfiles.wire import LARGE_BYTES, render

HOST = "exchange.test:80"


def message_of(number: int, *body: bytes, keep: bytes = b"") -> Message:
    """A message whose digest is its number's."""
    request = Request("POST", "/v1/messages", {"X-Message-Id": f"id-{number}"}, body)
    return Message(number, f"id-{number}", sha256(b"%d" % number).digest(), request, keep)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """A bank for 50 arrivals."""
    made = Bank(tmp_path / "bank", 50)
    yield made
    made.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.dictionaries(
        st.integers(0, 49),
        st.tuples(st.lists(st.binary(max_size=50), max_size=3), st.binary(max_size=20)),
        max_size=8,
    )
)
def test_what_is_taken_out_is_what_was_put_in(
    tmp_path: Path, given_messages: dict[int, tuple[list[bytes], bytes]]
) -> None:
    """Every message comes back with its own bytes as they go over the wire, and no other number has one."""
    bank = Bank(tmp_path / "again", 50)
    for number, (body, keep) in given_messages.items():
        bank.put(Deposit(message_of(number, *body, keep=keep), 0.25), HOST)
    assert bank.look() == len(given_messages)
    for number in range(50):
        found = bank.get(number)
        assert (found is not None) == (number in given_messages) == (number in bank)
        if found is not None:
            body, keep = given_messages[number]
            message = message_of(number, *body, keep=keep)
            assert found.sign_s == 0.25
            assert (found.message.id, found.message.digest, found.message.keep) == (
                message.id,
                message.digest,
                keep,
            )
            assert b"".join(found.message.request.wire) == b"".join(render(message.request, HOST))  # type: ignore[attr-defined]
            assert b"".join(found.message.request.body) == b"".join(body)
    bank.close()
    (tmp_path / "again").unlink()


def test_large_pieces_that_are_shared_are_kept_once(tmp_path: Path) -> None:
    """Twenty messages with one large block take little more than the first two of them."""
    bank = Bank(tmp_path / "bank", 20)
    block = bytes(range(256)) * (LARGE_BYTES // 256 * 4)
    for number in range(20):
        bank.put(Deposit(message_of(number, b"head", block, b"%d" % number), 0.0), HOST)
    bank.look()
    assert (tmp_path / "bank").stat().st_size < 2 * len(block) + 20 * 500
    for number in range(20):
        found = bank.get(number)
        assert found is not None
        assert b"".join(found.message.request.body) == b"head" + block + b"%d" % number
    bank.close()


def test_large_pieces_of_each_ones_own_do_not_fill_the_memory(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that never come again are forgotten, and every message still has its own."""
    monkeypatch.setattr(bank_module, "SHARED_BYTES", 3 * LARGE_BYTES)
    blocks = [bytes([number]) * LARGE_BYTES for number in range(20)]
    for number in range(40):
        bank.put(Deposit(message_of(number, blocks[number % 20]), 0.0), HOST)
    bank.look()
    for number in range(40):
        found = bank.get(number)
        assert found is not None
        assert found.message.request.body[-1] == blocks[number % 20]
    assert bank._seen._bytes <= 3 * LARGE_BYTES


def test_a_record_that_is_not_whole_is_not_seen(tmp_path: Path) -> None:
    """While another process writes, only what it has finished is there."""
    path = tmp_path / "bank"
    writing, reading = Bank(path, 0), Bank(path, 50)
    writing.put(Deposit(message_of(3, b"three"), 0.0), HOST)
    whole = path.read_bytes()
    assert reading.look() == 1
    with path.open("ab") as file:
        file.write(whole[:-1])
    assert reading.look() == 1
    with path.open("ab") as file:
        file.write(whole[-1:])
    assert reading.look() == 1  # the same message again
    writing.close()
    reading.close()


def test_a_damaged_file_is_not_read_on(bank: Bank, tmp_path: Path) -> None:
    """Whatever wrote into it, its bytes are sent to nobody."""
    (tmp_path / "bank").write_bytes(bytes(200))
    with pytest.raises(ValueError, match="damaged"):
        bank.look()


def test_a_digest_of_another_length_is_refused(bank: Bank) -> None:
    """It would shift all that follows."""
    with pytest.raises(ValueError, match="32 bytes"):
        bank.put(Deposit(Message(0, "id", b"short", Request("POST", "/")), 0.0), HOST)


def test_a_hidden_bank_is_still_a_bank(bank: Bank, tmp_path: Path) -> None:
    """Without its name the file is gone with the process, and can be used until then."""
    bank.hide()
    assert not list(tmp_path.iterdir())
    bank.put(Deposit(message_of(1, b"one"), 0.0), HOST)
    assert bank.look() == 1


def test_the_spool_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """Receipts lie where they were told to lie, in a file without a name."""
    spool = Spool(tmp_path / "receipts")
    places = [spool.put(b"receipt %d" % one) for one in range(5)]
    assert [spool.get(place) for place in places] == [b"receipt %d" % one for one in range(5)]
    assert not list(tmp_path.iterdir())
    spool.close()
