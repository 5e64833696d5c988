from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from loadtests.adapters.base import (
    NOT_TO_BE_HAD,
    AdapterError,
    Answer,
    Entry,
    Message,
    NoAnswer,
    Outcome,
    ReceiptError,
    Request,
    TargetError,
)
from loadtests.adapters.blocking_io import BlockingIo
from loadtests.adapters.reference import ReferenceAdapter
from loadtests.adapters.reference_asking import outcome_of, signed_read
from loadtests.adapters.reference_keys import CodeList
from loadtests.adapters.servers.making import Made
from loadtests.exchange import jws, manifest, requests
from loadtests.exchange.strict import render_object
from loadtests.harness.records import Poison
from loadtests.received import Ref
from tests.unit.loadtests.adapters.running import (
    AGENCIES,
    asking,
    context,
    make,
    schedule,
    serving,
    set_up,
    wait_ready,
)

POISON = {kind.value: kind for kind in Poison if kind not in {Poison.NONE, Poison.REPLAY}}
REPLAY, ORIGINAL, LARGE, ARRIVALS = 20, 8, 9, 24
SCHEDULE = schedule(ARRIVALS, poison=POISON, of={REPLAY: ORIGINAL}, sizes={LARGE: 150_000})
GOOD = [number for number in range(ARRIVALS) if SCHEDULE.poison[number] == Poison.NONE]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The data directory."""
    return make(tmp_path_factory.mktemp("exchange") / "data")


@pytest.fixture(scope="module")
def io(made: Made) -> Iterator[BlockingIo]:
    """Connections to a clean exchange (the faulty one without faults), which is ready."""
    with serving("faulty", "--data", str(made.data)) as (url, _), asking(url) as found:
        wait_ready(found)
        yield found


@pytest.fixture(scope="module")
def url(io: BlockingIo) -> str:
    """Its address."""
    return io.target


@pytest.fixture(scope="module")
def adapter(io: BlockingIo, url: str, made: Made) -> ReferenceAdapter:
    """The adapter, set up."""
    return set_up(io, context(url, made.options, SCHEDULE))


@pytest.fixture(scope="module")
def messages(adapter: ReferenceAdapter) -> list[Message]:
    """All arrivals, signed."""
    return [adapter.sign(adapter.make(number)) for number in range(ARRIVALS)]


@pytest.fixture(scope="module")
def outcomes(adapter: ReferenceAdapter, messages: list[Message], io: BlockingIo) -> list[Outcome]:
    """All arrivals, sent once in order."""
    return [adapter.submit(message, io) for message in messages]


def compact_of(message: Message) -> bytes:
    """The signed manifest in a message's request."""
    return message.request.body[0].partition(b"\r\n\r\n")[2].partition(b"\r\n")[0]


# --- making ------------------------------------------------------------------------------------------------------


def test_a_good_message_is_as_the_protocol_has_it(adapter: ReferenceAdapter, messages: list[Message]) -> None:
    """The manifest is what ``manifest.render`` writes, names schedule, document and id, and fits the digest."""
    for number in GOOD:
        message = messages[number]
        payload = jws.parse(compact_of(message)).payload
        content = manifest.parse(payload)
        assert manifest.render(content) == payload
        assert sha256(payload).digest() == message.digest
        assert content.message_id == message.id == adapter.id_of(number)
        assert content.sender == adapter.codes[SCHEDULE.sender[number]]
        assert list(content.recipients) == [adapter.codes[one] for one in SCHEDULE.recipients_of(number)]
        (document,) = content.documents
        assert document.size_bytes == SCHEDULE.size_bytes[number]
        assert document.sha256 == adapter.document_sha256(number)


def test_a_message_is_the_same_whoever_signs_it_and_when(
    adapter: ReferenceAdapter, messages: list[Message], io: BlockingIo, url: str, made: Made
) -> None:
    """Another process at another time of the same hour makes the same bytes; with ``created_at`` at any time."""
    created = {"created_at": str(manifest.parse(jws.parse(compact_of(messages[0])).payload).created_at)}
    at = replace(context(url, made.options | created, SCHEDULE), now=lambda: time.time() + 1800)
    other = set_up(io, at)
    for number in (ORIGINAL, LARGE, *POISON):
        assert other.sign(other.make(number)) == messages[number]
    assert adapter.sign(adapter.make(ORIGINAL)).request == adapter.sign(adapter.make(REPLAY)).request


def test_large_parts_are_shared_between_messages(messages: list[Message], adapter: ReferenceAdapter) -> None:
    """The pieces of a document are the same objects in every message that holds them."""
    again = adapter.sign(adapter.make(LARGE))
    assert all(
        a is b for a, b in zip(messages[LARGE].request.body[1:3], again.request.body[1:3], strict=True)
    )


def test_a_signed_read_is_what_the_library_makes(adapter: ReferenceAdapter) -> None:
    """The short way gives the very fields of ``requests.sign_request``."""
    reader = adapter._ready.keys.credentials[0]
    assert isinstance(reader.key, ec.EllipticCurvePrivateKey)
    url, at, nonce = "http://127.0.0.1:1/v1/inbox?after=-1&limit=3", 1_767_225_600, "bm9uY2UtbWFkZS1vbmNl-_"
    right = requests.sign_request("GET", url, None, reader.key, reader.certificate_sha256, at=at, nonce=nonce)
    assert signed_read(url, reader, at=at, nonce=nonce) == right


# --- sending -----------------------------------------------------------------------------------------------------


def test_good_messages_are_taken_and_their_receipts_hold(
    adapter: ReferenceAdapter, messages: list[Message], outcomes: list[Outcome]
) -> None:
    """201, and a receipt about this message and no other."""
    for number in GOOD:
        assert (outcomes[number].taken, outcomes[number].code) == (True, "")
        adapter.verify(messages[number], outcomes[number].receipt)
        with pytest.raises(ReceiptError, match="evidence-message-mismatch"):
            adapter.verify(messages[number], outcomes[ORIGINAL if number != ORIGINAL else LARGE].receipt)


def test_a_changed_receipt_does_not_hold(
    adapter: ReferenceAdapter, messages: list[Message], outcomes: list[Outcome]
) -> None:
    """Whatever is no receipt, or has another signature, is told."""
    receipt = outcomes[ORIGINAL].receipt
    letter = b"A" if receipt[-10:-9] != b"A" else b"B"
    for wrong in (b"", b"x", receipt[:-10] + letter + receipt[-9:], compact_of(messages[ORIGINAL])):
        with pytest.raises(ReceiptError):
            adapter.verify(messages[ORIGINAL], wrong)


def test_a_message_that_came_back_from_a_bank_can_be_verified(
    adapter: ReferenceAdapter, messages: list[Message], outcomes: list[Outcome]
) -> None:
    """A bank keeps the wire as one thing; what is checked stands in ``keep``, and there nothing else does."""
    message = replace(messages[LARGE], request=Request("POST", "/"))
    adapter.verify(message, outcomes[LARGE].receipt)
    assert message.keep[32:] == jws.parse(compact_of(messages[LARGE])).payload
    for keep in (b"", message.keep[:32], b"\0" + message.keep[1:]):
        with pytest.raises(ReceiptError):
            adapter.verify(replace(message, keep=keep), outcomes[LARGE].receipt)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Poison.TAMPERED, "signature-invalid"),
        (Poison.FOREIGN_KEY, "sender-certificate-mismatch"),
        (Poison.REVOKED, "certificate-revoked"),
        (Poison.WRONG_DIGEST, "document-mismatch"),
        (Poison.REPLAYED_NONCE, "request-unsigned"),
    ],
)
def test_poison_is_refused_for_what_is_wrong_with_it(
    kind: Poison, code: str, outcomes: list[Outcome]
) -> None:
    """Each kind is wrong in one thing, and for that it is refused for good."""
    outcome = outcomes[kind.value]
    assert (outcome.taken, outcome.code, outcome.again) == (False, code, False)


def test_a_replayed_read_is_refused(adapter: ReferenceAdapter, io: BlockingIo) -> None:
    """The same signed read a second time is no read."""
    for _ in range(AGENCIES + 1):
        outcome = adapter.poisoned_read(io)
        assert (outcome.taken, outcome.code) == (False, "nonce-replayed")


def test_a_read_whose_first_sending_fails_proves_nothing(adapter: ReferenceAdapter) -> None:
    """Where the first is refused already, the outcome is open."""

    class Refusing:
        def request(self, request: Request, timeout_s: float | None = None) -> Answer:
            assert request.method == "GET"
            assert timeout_s is None
            return Answer(401, {}, b"", 0.0, 0.0)

    assert adapter.poisoned_read(Refusing()).taken is None


def test_a_replay_is_given_the_same_receipt(outcomes: list[Outcome]) -> None:
    """The same message again: the same receipt to the byte."""
    again = outcomes[REPLAY]
    assert again.answer is not None
    assert again.answer.status == 200
    assert again.receipt == outcomes[ORIGINAL].receipt


@pytest.mark.parametrize(
    ("status", "code", "retryable", "right"),
    [
        (429, "too-many-requests", True, (False, True)),
        (503, "too-many-in-flight", True, (False, True)),
        (503, "store-unavailable", True, (None, True)),
        (500, "internal-error", True, (None, True)),
        (400, "request-incomplete", True, (False, True)),
        (422, "manifest-invalid", False, (False, False)),
        (502, None, None, (None, True)),
        (404, None, None, (False, False)),
        (302, None, None, (None, False)),
    ],
)
def test_what_an_answer_says(
    status: int, code: str | None, retryable: bool | None, right: tuple[bool | None, bool]
) -> None:
    """Refused or open, and whether it may be sent again."""
    body = b"<html>" if code is None else render_object({"code": code, "retryable": retryable})
    outcome = outcome_of(Answer(status, {}, body, 0.0, 0.0))
    assert (outcome.taken, outcome.again) == right
    assert outcome.code == (code or f"http-{status}")


# --- receiving ---------------------------------------------------------------------------------------------------


def expected(adapter: ReferenceAdapter, agency: int) -> list[str]:
    """The ids that an agency must have got."""
    return [adapter.id_of(number) for number in GOOD if agency in SCHEDULE.recipients_of(number)]


@pytest.mark.usefixtures("outcomes")
def test_inboxes_show_what_was_accepted(adapter: ReferenceAdapter, io: BlockingIo) -> None:
    """Each recipient sees each of its messages once, at a place and a time; afterwards nothing is new."""
    for agency in range(AGENCIES):
        polled = adapter.poll(agency, None, io)
        assert [one.id for one in polled.entries] == expected(adapter, agency)
        assert len({one.place for one in polled.entries}) == len(polled.entries)
        assert all(one.stamp_s is not None and abs(one.stamp_s - time.time()) < 600 for one in polled.entries)
        assert not polled.more
        assert adapter.poll(agency, polled.cursor, io).entries == ()
        assert [adapter.number_of(one.id) for one in polled.entries] == [
            number for number in GOOD if agency in SCHEDULE.recipients_of(number)
        ]


@pytest.mark.usefixtures("outcomes")
def test_a_message_is_fetched_checked_and_accepted(adapter: ReferenceAdapter, io: BlockingIo) -> None:
    """The report is taken once; after that the message is accepted already."""
    entry = adapter.poll(1, None, io).entries[-1]
    done = adapter.acknowledge(1, entry, io)
    assert (done.done, done.code, done.document, done.status) == (True, "", True, 201)
    assert done.sent_s < done.done_s
    again = adapter.acknowledge(1, entry, io)
    assert (again.done, again.code, again.document, again.status) == (False, "event-out-of-order", True, 409)


@pytest.mark.usefixtures("outcomes")
def test_what_is_not_there_is_not_accepted(adapter: ReferenceAdapter, io: BlockingIo) -> None:
    """A message that never was has no document."""
    entry = Entry("no-such-message", "1", None, adapter.codes[0])
    done = adapter.acknowledge(1, entry, io)
    assert (done.done, done.code, done.document) == (False, "message-unknown", None)


@pytest.mark.usefixtures("outcomes")
def test_the_audit_names_all_that_was_accepted_and_nothing_else(
    adapter: ReferenceAdapter, io: BlockingIo
) -> None:
    """Every recipient's every message, once; every document that was looked at is the right one."""
    records = list(adapter.audit(io))
    found = Counter((one.id, one.recipient) for one in records)
    right = {(one, agency) for agency in range(AGENCIES) for one in expected(adapter, agency)}
    assert found.keys() == right
    assert {one.copies for one in records} == {1}
    for one in records:
        number = adapter.number_of(one.id)
        assert number is not None
        assert one.digest == adapter.document_sha256(number)


@pytest.mark.usefixtures("outcomes")
def test_a_sample_of_documents_is_spread_evenly(io: BlockingIo, url: str, made: Made) -> None:
    """As many as were asked for, from the first to the last quarter."""
    asked = set_up(io, context(url, made.options | {"audit_documents": "4"}, SCHEDULE))
    records = list(asked.audit(io))
    looked = [place for place, one in enumerate(records) if one.digest]
    assert looked == [place * len(records) // 4 for place in range(4)]
    none = set_up(io, context(url, made.options | {"audit_documents": "0"}, SCHEDULE))
    assert not any(one.digest for one in none.audit(io))


def test_an_audit_that_is_refused_breaks_off(adapter: ReferenceAdapter) -> None:
    """An inbox that cannot be read is no empty inbox; nor is one whose answer is none."""

    class Io:
        def __init__(self, status: int) -> None:
            self.status = status

        def request(self, request: Request, timeout_s: float | None = None) -> Answer:
            assert (request.method, timeout_s) == ("GET", None)
            return Answer(self.status, {}, b"", 0.0, 0.0)

    with pytest.raises(TargetError, match="E-AUDIT"):
        list(adapter.audit(Io(429)))
    with pytest.raises(NoAnswer, match="malformed"):
        list(adapter.audit(Io(200)))
    assert adapter._digest(0, Ref(adapter.codes[1], "a-message"), Io(404)) == NOT_TO_BE_HAD
    assert adapter._digest(0, Ref(adapter.codes[1], "a-message"), Io(503)) == b""


@pytest.mark.usefixtures("outcomes")
def test_the_servers_numbers_are_flat(adapter: ReferenceAdapter, io: BlockingIo) -> None:
    """Counts by label, no buckets; the accepted ones are those that were sent."""
    found = adapter.metrics(io)
    assert found is not None
    assert found["congvan_submission_seconds_count[accepted]"] == len(GOOD)
    assert found["congvan_submission_seconds_sum[accepted]"] > 0
    assert found["congvan_log_leaves"] >= len(GOOD)
    assert not any("bucket" in name or "created" in name for name in found)


def test_it_says_who_it_is(adapter: ReferenceAdapter, io: BlockingIo) -> None:
    """Name and limits, for the report."""
    said = adapter.describe(io)
    assert said["name"] == "exchange.load.congvan"
    assert said["limits"]["lifetime_s_max"] == 7 * 86_400


# --- setting up --------------------------------------------------------------------------------------------------


def test_a_pin_is_kept(io: BlockingIo, url: str, made: Made, adapter: ReferenceAdapter) -> None:
    """The right certificate passes, another does not, and what is no digest is a slip."""
    right = adapter.describe(io)["certificate_sha256"]
    set_up(io, context(url, made.options | {"exchange": right}, SCHEDULE))
    with pytest.raises(TargetError, match="E-TARGET"):
        set_up(io, context(url, made.options | {"exchange": "0" * 64}, SCHEDULE))
    with pytest.raises(AdapterError, match="E-OPTION"):
        set_up(io, context(url, made.options | {"exchange": "x"}, SCHEDULE))


def test_poison_that_cannot_be_made_is_found_at_once(io: BlockingIo, url: str, made: Made) -> None:
    """Revoked messages need a revoked key, and one that the exchange knows to be revoked."""
    options = {name: value for name, value in made.options.items() if name != "revoked"}
    with pytest.raises(AdapterError, match="E-POISON"):
        set_up(io, context(url, options, SCHEDULE))
    good = str(made.keys / made.codes[0])
    with pytest.raises(AdapterError, match="no list"):
        set_up(io, context(url, options | {"revoked": good}, SCHEDULE))


def test_keys_that_do_not_fit_are_found_at_once(io: BlockingIo, url: str, made: Made, tmp_path: Path) -> None:
    """No keys, too few of them, or agencies that the exchange does not know."""
    for options, of in (
        ({}, SCHEDULE),
        ({"keys": str(tmp_path / "none")}, SCHEDULE),
        (made.options, schedule(1, agencies=AGENCIES + 1)),
        ({"keys": str(made.revoked.parent)}, schedule(1, agencies=2)),
    ):
        with pytest.raises(AdapterError, match="E-KEYS"):
            set_up(io, context(url, options, of))
    other = make(tmp_path / "other", AGENCIES + 2)
    with pytest.raises(AdapterError, match="takes nothing from"):
        set_up(io, context(url, {"keys": str(other.keys)}, schedule(1, agencies=AGENCIES + 2)))


def test_who_is_no_exchange_is_told(made: Made) -> None:
    """A null server is no reference exchange; nobody is none either."""
    with serving("null_server") as (url, _), asking(url) as io, pytest.raises(TargetError, match="E-TARGET"):
        set_up(io, context(url, made.options, SCHEDULE))
    with asking(url) as io, pytest.raises(TargetError, match="no answer"):
        set_up(io, context(url, made.options, SCHEDULE))


def test_the_order_is_that_of_the_file(made: Made, tmp_path: Path) -> None:
    """Sorted, or as the lines or the column of a file say; a code without keys, or twice, is refused."""
    order = tmp_path / "order.txt"
    order.write_text("\n".join(made.codes[::-1]), encoding="utf-8")
    assert list(CodeList.of(made.keys, None)) == sorted(made.codes)
    assert list(CodeList.of(made.keys, order)) == list(made.codes[::-1])
    found = CodeList.of(made.keys, made.agencies)
    assert list(found) == list(made.codes)
    assert [found.index_of(code) for code in made.codes] == list(range(AGENCIES))
    assert found.index_of("999.99.99.X99") is None
    for text in ("999.99.99.X99", f"{made.codes[0]}\n{made.codes[0]}"):
        order.write_text(text, encoding="utf-8")
        with pytest.raises(AdapterError, match="E-KEYS"):
            CodeList.of(made.keys, order)


def test_an_exchange_is_made_in_a_new_folder_only(made: Made) -> None:
    """What is there is not written over."""
    with pytest.raises(AdapterError, match="E-DATA"):
        make(made.data)
