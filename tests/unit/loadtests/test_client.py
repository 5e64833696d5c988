"""What a client does when all goes well, when it does not, and when the exchange does not tell the truth."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from loadtests.answers import ANSWER_BYTES_MAX
from loadtests.attempts import Retries, problem_of
from loadtests.client import (
    AnswerRefused,
    Client,
    Credentials,
    CredentialsError,
    File,
    FileError,
    Letter,
    Problem,
    Ref,
    Unreachable,
)
from loadtests.exchange import jws
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.evidence import Event
from loadtests.exchange.lifecycle import Action, State
from loadtests.exchange.manifest import Urgency
from loadtests.exchange.pki import to_der
from loadtests.exchange.receipts import check_logged
from tests.unit.loadtests.answering import (
    URL,
    Answering,
    Fault,
    busy,
    changed,
    changed_json,
    credentials,
    cut,
    lost,
    named,
    problem,
    resigned,
    slow,
    unheard,
)
from tests.unit.loadtests.authorities import AT, issuing, key, leaf, root
from tests.unit.loadtests.exchanges import ISSUER, NAME, SECOND, SENDER, THIRD, crl

LETTER: Final = Letter((SECOND, THIRD), "Về việc gửi văn bản", "Công văn", "12", "UBND-VP", Urgency.URGENT)
FILES: Final = (File(b"%PDF-1.7 one", "một.pdf"), File(b"two", "hai.txt"))


def refused(call: Callable[[], object]) -> ExchangeError:
    """The error that a call ends with."""
    with pytest.raises(ExchangeError) as caught:
        call()
    return caught.value


def refusal_of_answer(call: Callable[[], object]) -> str:
    """The code of an answer that the client did not believe."""
    error = refused(call)
    assert isinstance(error, AnswerRefused), error
    return error.code


def posts(served: Answering) -> list[httpx.Request]:
    """The submissions that came."""
    return [one for one in served.requests if one.method == "POST"]


# --- sending ------------------------------------------------------------------------------------------------------


def test_a_message_is_sent_and_its_receipt_checked() -> None:
    """One request, and evidence about the very message."""
    served = Answering()
    sent = served.client().send(LETTER, FILES)
    assert (len(served.requests), sent.replayed) == (1, False)
    assert sent.evidence.event is Event.SUBMISSION_ACCEPTANCE
    assert sent.evidence.recipients == LETTER.recipients
    assert str(sent.ref) == f"{SENDER}:{sent.evidence.message_id}"
    assert served.exchange.store.messages[named(str(sent.ref))].receipt == sent.receipt


@pytest.mark.parametrize("fault", [lost, slow, cut])
def test_what_was_stored_but_not_answered_gives_the_same_receipt(fault: Fault) -> None:
    """The second attempt has the same bytes and is a replay; one message is stored."""
    served = Answering(fault)
    sent = served.client().send(LETTER, FILES)
    first, second = posts(served)
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert sent.replayed
    assert [unit.receipt for unit in served.exchange.store.units] == [sent.receipt]


@pytest.mark.parametrize("fault", [busy(), unheard])
def test_what_was_not_taken_is_sent_again(fault: Fault) -> None:
    """After a wait, as the same bytes."""
    served = Answering(fault)
    sent = served.client().send(LETTER, FILES)
    assert (sent.replayed, len(served.time.slept)) == (False, 1)
    assert len({one.content for one in posts(served)}) == 1


def test_a_prepared_message_is_one_message_however_often_it_is_submitted() -> None:
    """By another client too, which needs no key for it."""
    served = Answering()
    prepared = served.client().prepare(LETTER, FILES)
    assert served.requests == []
    first = served.client().submit(prepared.compact, prepared.documents)
    again = served.client(None).submit(prepared.compact, prepared.documents)
    assert (first.replayed, again.replayed, again.receipt) == (False, True, first.receipt)


def test_waits_grow_and_keep_to_what_the_exchange_asks_for() -> None:
    """Doubling with a part left to chance, up to the longest; Retry-After as seconds or as a date is honoured."""
    date = "Thu, 01 Jan 2026 00:01:40 GMT"
    faults = [busy()] * 5 + [
        busy(**{"Retry-After": "7"}),
        busy(**{"Retry-After": date}),
        busy(**{"Retry-After": "x"}),
    ]
    served = Answering(*faults)
    retries = Retries(attempts_max=9, first_wait_s=1, wait_s_max=4, total_s_max=1000)
    served.client(retries=retries).send(LETTER, FILES)
    slept = served.time.slept
    for wait_s, longest_s in zip(slept[:5], (1, 2, 4, 4, 4), strict=True):
        assert longest_s / 2 <= wait_s < longest_s
    assert slept[5] == 7
    assert sum(slept[:7]) == pytest.approx(100)  # the date is 100 s after the start
    assert 2 <= slept[7] < 4
    assert len(set(slept[2:5])) == 3


@pytest.mark.parametrize(
    ("retries", "attempts"),
    [
        (Retries(attempts_max=3), {3}),
        (Retries(attempts_max=1), {1}),
        (Retries(attempts_max=1100, first_wait_s=1, wait_s_max=1, total_s_max=10_000), {1100}),
        (Retries(attempts_max=100, first_wait_s=16, wait_s_max=16, total_s_max=20), {2, 3}),
    ],
)
def test_a_client_gives_up(retries: Retries, attempts: set[int]) -> None:
    """After so many attempts, or when the next would begin too late; the last fault is told."""
    served = Answering(*[busy()] * 1200)
    prepared = served.client().prepare(LETTER, FILES)
    error = refused(lambda: served.client(retries=retries).submit(prepared.compact, prepared.documents))
    assert isinstance(error, Problem)
    assert (error.code, error.status, error.retryable) == ("too-many-in-flight", 503, True)
    assert len(served.requests) in attempts
    assert served.time.at - AT <= retries.total_s_max


def test_a_wait_that_is_asked_for_beyond_the_time_is_not_begun() -> None:
    """The caller is told at once, with the wait."""
    served = Answering(busy(**{"Retry-After": "100000"}))
    error = refused(lambda: served.client().send(LETTER, FILES))
    assert isinstance(error, Problem)
    assert (error.retry_after_s, served.time.slept) == (100000, [])


def test_an_exchange_that_cannot_be_reached_is_told_in_one_line() -> None:
    """Whether the message arrived is not known, so what was prepared can be submitted later."""
    served = Answering(*[lost] * 3)
    client = served.client(retries=Retries(attempts_max=3))
    prepared = client.prepare(LETTER, FILES)
    error = refused(lambda: client.submit(prepared.compact, prepared.documents))
    assert isinstance(error, Unreachable)
    assert (error.code, len(served.requests)) == ("exchange-unreachable", 3)
    assert client.submit(prepared.compact, prepared.documents).replayed


def test_a_refusal_comes_with_its_checked_evidence() -> None:
    """It is not tried again, and can be asked for later."""
    served = Answering()
    client = served.client()
    error = refused(lambda: client.send(replace(LETTER, recipients=("000.00.99.H41",)), FILES))
    assert isinstance(error, Problem)
    assert (error.code, error.status, error.retryable) == ("recipient-unknown", 422, False)
    assert error.evidence == served.rejections[0]
    assert len(served.requests) == 1
    message_id = json.loads(jws.parse(served.rejections[0]).payload)["message_id"]
    (kept,) = client.rejections(Ref(SENDER, message_id))
    assert (kept.evidence_bytes, kept.evidence.event) == (error.evidence, Event.SUBMISSION_REJECTION)
    assert (
        refusal_of_answer(lambda: client.rejections(Ref(SENDER, "another-id"))) == "evidence-message-mismatch"
    )


def test_a_problem_survives_being_carried_between_processes() -> None:
    """With all that it says."""
    error = Problem("not-ready", "starting", "wait", 503, True, b"evidence", 2.0)
    for copy in (pickle.loads(pickle.dumps(error)), Problem(*error.args)):
        assert (copy.code, copy.message, copy.hint) == ("not-ready", "starting", "wait")
        assert (copy.status, copy.retryable, copy.evidence, copy.retry_after_s) == (
            503,
            True,
            b"evidence",
            2.0,
        )


@pytest.mark.parametrize(
    ("response", "code", "retryable"),
    [
        (httpx.Response(502, text="<html>Bad gateway</html>"), "http-502", True),
        (httpx.Response(429, json=["not", "an", "object"]), "http-429", True),
        (httpx.Response(403, content=b"\xff"), "http-403", False),
        (httpx.Response(302, headers={"location": "http://elsewhere.example"}), "http-302", False),
        (httpx.Response(500, json={"code": 7, "retryable": "yes", "detail": None}), "http-500", True),
        (httpx.Response(400, json={"code": "new-code", "retryable": False}), "new-code", False),
    ],
)
def test_an_answer_that_is_no_problem_document_is_told_by_its_status(
    response: httpx.Response, code: str, retryable: bool
) -> None:
    """As a proxy or a wrong address gives them; a code that is newer than the client is passed on."""
    found = problem_of(response, AT)
    assert (found.code, found.retryable, found.status) == (code, retryable, response.status_code)


def test_a_redirect_is_not_followed() -> None:
    """What was signed for one address is not sent to another."""
    served = Answering(lambda *_: httpx.Response(307, headers={"location": "http://elsewhere.example/"}))
    assert refused(lambda: served.client().inbox()).code == "http-307"
    assert len(served.requests) == 1


def other_receipt(body: bytes) -> bytes:
    """Signed by the exchange, about another manifest."""
    return resigned(body, key("exchange"), manifest_sha256="A" * 43)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (other_receipt, "evidence-message-mismatch"),
        (lambda body: resigned(body, key("exchange"), recipients=[SECOND]), "evidence-message-mismatch"),
        (lambda body: resigned(body, key("exchange"), issuer="other.example"), "issuer-mismatch"),
        (lambda body: resigned(body, key("stranger")), "signature-invalid"),
        (lambda body: body[:-4] + b"AAAA", "signature-invalid"),
        (lambda _: b"accepted", "jws-invalid"),
        (lambda _: b"", "jws-invalid"),
        (lambda body: body + b"A" * 10**6, "jws-too-large"),
    ],
)
def test_a_receipt_that_does_not_hold_is_not_a_receipt(change: Callable[[bytes], bytes], code: str) -> None:
    """It is not tried again either: nobody could say what it would prove."""
    served = Answering(changed(change))
    assert refusal_of_answer(lambda: served.client().send(LETTER, FILES)) == code
    assert len(served.requests) == 1


def test_the_receipt_of_another_message_is_not_ours() -> None:
    """Although the exchange signed it, and for us."""
    served = Answering()
    earlier = served.client().send(LETTER, FILES)
    served.faults.append(changed(lambda _: earlier.receipt))
    assert refusal_of_answer(lambda: served.client().send(LETTER, FILES)) == "evidence-message-mismatch"


def test_evidence_of_a_refusal_is_checked_as_well() -> None:
    """Another's signature, another's reason, an acceptance in its place."""
    served = Answering()
    sent = served.client().send(LETTER, FILES)

    def answered(values: dict[str, Any], **changes: Any) -> None:
        values["evidence"] = resigned(values["evidence"].encode(), key("exchange"), **changes).decode()

    unknown = replace(LETTER, recipients=("000.00.99.H41",))
    other = {"code": "manifest-expired", "message": "x"}
    for change, code in (
        (lambda values: values.update(evidence="a.b.c"), "base64-invalid"),
        (lambda values: values.update(evidence=sent.receipt.decode()), "evidence-event-mismatch"),
        (lambda values: answered(values, reason=other), "evidence-event-mismatch"),
        (lambda values: answered(values, manifest_sha256="A" * 43), "evidence-message-mismatch"),
    ):
        served.faults.append(changed_json(change))
        assert refusal_of_answer(lambda: served.client().send(unknown, FILES)) == code


def test_mistakes_of_the_user_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    """A wrong file, number of documents, reference, reason, address, key; no credentials."""
    served = Answering()
    client, http = served.client(), httpx.Client(transport=served.transport)
    prepared = client.prepare(LETTER, FILES)
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: client.send(LETTER, [File(tmp_path / "missing.pdf")]), "file-unreadable"),
        (lambda: client.send(LETTER, [File(b"")]), "manifest-invalid"),
        (lambda: client.submit(prepared.compact, prepared.documents[:1]), "documents-incomplete"),
        (lambda: client.submit(b"x", ()), "jws-invalid"),
        (lambda: client.message("../inbox"), "message-unknown"),
        (lambda: client.report(f"{SENDER}:message-0001", Action.REFUSE), "event-invalid"),
        (lambda: client.report(f"{SENDER}:message-0001", Action.EXPIRE), "event-invalid"),
        (lambda: served.client(None).inbox(), "credentials-missing"),
        (lambda: Credentials.of(SENDER, key(SECOND), leaf(SENDER)), "credentials-mismatch"),
    ]
    for url in ("exchange.example", "ftp://exchange.example", "http://", "http://a:b", "http://a/?b=c"):
        make = lambda url=url: Client(url, None, http, clock=served.time, random=served.random)  # noqa: E731
        cases.append((make, "url-invalid"))
    assert [refused(call).code for call, _ in cases] == [code for _, code in cases]
    assert served.requests == []


def test_a_file_that_changes_after_signing_is_not_sent_on(tmp_path: Path) -> None:
    """The mistake is told as the user's own, and nothing is accepted."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"signed")
    served = Answering()
    prepared = served.client().prepare(LETTER, [File(path)])
    path.write_bytes(b"changed since")
    error = refused(lambda: served.client().submit(prepared.compact, prepared.documents))
    assert isinstance(error, FileError)
    assert (error.code, served.exchange.store.units) == ("file-changed", [])


def test_an_answer_that_would_have_to_be_unpacked_is_not() -> None:
    """We ask for the bytes themselves, so that nobody sends us a little that becomes a lot."""
    packed = gzip.compress(b'{"entries":[],"next":-1}')
    served = Answering(
        lambda *_: httpx.Response(200, content=iter([packed]), headers={"content-encoding": "gzip"})
    )
    assert refusal_of_answer(lambda: served.client().inbox()) == "content-encoding-unsupported"
    assert served.requests[0].headers["accept-encoding"] == "identity"


class Long(httpx.SyncByteStream):
    """A gigabyte, of which it is known how much was read, and whether the rest was let go."""

    def __init__(self) -> None:
        self.pieces = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        piece = bytes(2**22)
        for self.pieces in range(1, 257):
            yield piece

    def close(self) -> None:
        """Let go."""
        self.closed = True


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    """It is given up when it is larger than any answer can be, and its connection let go."""
    body = Long()
    served = Answering(lambda *_: httpx.Response(200, stream=body))
    assert refusal_of_answer(lambda: served.client().inbox()) == "body-too-large"
    assert (body.pieces, body.closed) == (ANSWER_BYTES_MAX // 2**22 + 1, True)


def test_a_document_that_does_not_end_is_not_written_to_its_end(tmp_path: Path) -> None:
    """It is given up as soon as it is longer than the manifest says."""
    served, body = Answering(), Long()
    message = served.client(SECOND).message(served.client().send(LETTER, FILES).ref)
    served.faults.append(lambda *_: httpx.Response(200, stream=body))
    code = refusal_of_answer(lambda: served.client(SECOND).download(message, 0, tmp_path / "out"))
    assert (code, body.pieces, body.closed) == ("evidence-document-mismatch", 1, True)


# --- collecting ---------------------------------------------------------------------------------------------------


def test_a_recipient_collects_reports_and_both_sides_see_the_evidence(tmp_path: Path) -> None:
    """Inbox, message, documents, report, evidence, log: all the way through."""
    served = Answering()
    sender, recipient = served.client(), served.client(SECOND)
    sent = sender.send(LETTER, FILES)
    (arrival,) = recipient.inbox(wait_s=5).entries
    assert (arrival.ref, arrival.state, arrival.leaf_index) == (sent.ref, State.AVAILABLE, 0)
    assert recipient.inbox(after=0) == replace(recipient.inbox(after=0), entries=(), next=0)
    message = recipient.message(arrival.ref)
    assert (message.receipt, message.states) == (sent.receipt, {SECOND: State.AVAILABLE})
    assert message.manifest.subject == LETTER.subject
    for position, file in enumerate(FILES):
        out = tmp_path / message.manifest.documents[position].name
        assert recipient.download(message, position, out).read_bytes() == file.content
    reported = recipient.report(arrival.ref, Action.ACCEPT)
    assert (reported.evidence.event, reported.replayed) == (Event.CONSIGNMENT_ACCEPTANCE, False)
    assert sender.message(sent.ref).states == {SECOND: State.ACCEPTED, THIRD: State.AVAILABLE}
    evidence = sender.evidence(str(sent.ref))
    assert evidence.receipt.evidence_bytes == sent.receipt
    assert [one.evidence.recipients for one in evidence.consignments] == [(SECOND,), (THIRD,)]
    assert [one.evidence.event for one in evidence.events] == [
        Event.CONTENT_HANDOVER,
        Event.CONSIGNMENT_ACCEPTANCE,
    ]
    assert evidence.events[1].report is not None
    assert evidence.events[1].evidence_bytes == reported.evidence_bytes
    logged = sender.logged(reported.evidence_bytes)
    check_logged(reported.evidence_bytes, reported.evidence, logged.head.checkpoint, logged.proof)


def test_every_attempt_at_a_read_is_signed_anew() -> None:
    """Another nonce and the time of the attempt, so that no answer is lost to the memory of nonces."""
    served = Answering(lost, busy())
    served.client(SECOND).inbox()
    signatures = {one.headers["signature-input"] for one in served.requests}
    assert (len(served.requests), len(signatures)) == (3, 3)


def test_a_read_that_an_exchange_has_forgotten_is_signed_again() -> None:
    """After a restart requests created before it are refused; a new one is not."""
    forgotten = problem(Refusal("request-expired", "older than the memory"))
    served = Answering(lambda *_: forgotten)
    assert served.client(SECOND).inbox().entries == ()
    served.faults.append(lambda *_: forgotten)
    assert refused(lambda: served.client().send(LETTER, FILES)).code == "request-expired"


def test_a_long_poll_is_waited_for() -> None:
    """The connection is given the time that the exchange may take, and its own beside."""
    served = Answering()
    served.client(SECOND).inbox(wait_s=30)
    served.client(SECOND).inbox()
    waiting, plain = (one.extensions["timeout"] for one in served.requests)
    assert waiting == plain | {"read": plain["read"] + 30}


@pytest.mark.parametrize("fault", [lost, cut, slow, busy()])
def test_a_download_is_tried_again_from_the_start(tmp_path: Path, fault: Fault) -> None:
    """What was half there does not stay, and nothing else lies about."""
    served = Answering()
    ref = served.client().send(LETTER, FILES).ref
    message = served.client(SECOND).message(ref)
    served.faults.append(fault)
    out = tmp_path / "out.pdf"
    served.client(SECOND).download(message, 0, out)
    assert (out.read_bytes(), list(tmp_path.iterdir())) == (FILES[0].content, [out])


@pytest.mark.parametrize(
    "change", [lambda body: body[:-1] + b"?", lambda body: body[:-1], lambda body: body * 10**4]
)
def test_a_document_that_is_not_the_signed_one_never_appears(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    """Other bytes, fewer or more; what was there before stays."""
    served = Answering()
    ref = served.client().send(LETTER, FILES).ref
    message = served.client(SECOND).message(ref)
    out = tmp_path / "out.pdf"
    out.write_bytes(b"before")
    served.faults.append(changed(change))
    code = refusal_of_answer(lambda: served.client(SECOND).download(message, 0, out))
    assert (code, out.read_bytes(), list(tmp_path.iterdir())) == (
        "evidence-document-mismatch",
        b"before",
        [out],
    )


def test_a_download_to_nowhere_is_the_users_mistake(tmp_path: Path) -> None:
    """A folder that is missing, a position that the message does not have."""
    served = Answering()
    ref = served.client().send(LETTER, FILES).ref
    client = served.client(SECOND)
    assert refused(lambda: client.download(ref, 0, tmp_path / "no" / "out.pdf")).code == "file-unwritable"
    for position in (-1, 2):
        assert refused(lambda at=position: client.download(ref, at, tmp_path / "out")).code == "not-found"  # type: ignore[misc]
    assert list(tmp_path.iterdir()) == []


def other_report(text: str) -> str:
    """The same event at the same time, but with a remark that the exchange never saw."""
    return resigned(text.encode(), key(SECOND), reason="nhầm nơi nhận").decode()


Change = Callable[[Any], object]
MESSAGE: Final[list[tuple[Change, str]]] = [
    (lambda values: values.update(sender=THIRD), "evidence-message-mismatch"),
    (lambda values: values.update(message_id="message-9999"), "evidence-message-mismatch"),
    (lambda values: values.update(leaf_index=7), "evidence-message-mismatch"),
    (lambda values: values.update(accepted_at=AT + 1), "evidence-message-mismatch"),
    (lambda values: values.update(receipt=values["manifest"]), "signed-type-mismatch"),
    (lambda values: values.update(manifest=values["receipt"]), "signed-type-mismatch"),
    (lambda values: values.update(manifest="ă.b.c"), "base64-invalid"),
    (lambda values: values.update(entries=[]) or values.pop("receipt"), "body-invalid"),
    (lambda values: values["entries"][0].update(recipient="000.00.77.H41"), "evidence-message-mismatch"),
    (lambda values: values["entries"][0].update(state="lost"), "body-invalid"),
    (lambda values: values["entries"][0].update(status_code="06"), "body-invalid"),
]
INBOX: Final[list[tuple[Change, str]]] = [
    (lambda values: values.update(next=5), "body-invalid"),
    (lambda values: values["entries"].append(values["entries"][0]), "body-invalid"),
    (lambda values: values["entries"][0].update(leaf_index=-1), "body-invalid"),
    (lambda values: values["entries"][0].update(sender="../etc"), "body-invalid"),
    (lambda values: values["entries"][0].pop("state"), "body-invalid"),
    (lambda values: values.update(entries={}), "body-invalid"),
    (lambda values: values.update(next=0.5), "json-number"),
]
EVIDENCE: Final[list[tuple[Change, str]]] = [
    (lambda values: values.update(receipt=values["consignments"][0]["evidence"]), "evidence-event-mismatch"),
    (
        lambda values: values["consignments"][0].update(evidence=values["receipt"]),
        "evidence-message-mismatch",
    ),
    (lambda values: values["consignments"][0].update(recipient=THIRD), "evidence-message-mismatch"),
    (
        lambda values: values["consignments"].append(values["events"][0] | {"recipient": SECOND}),
        "evidence-event-mismatch",
    ),
    (lambda values: values["events"][0].update(leaf_index=0), "evidence-message-mismatch"),
    (lambda values: values["events"][0].update(event_id="event-9999"), "evidence-message-mismatch"),
    (lambda values: values["events"][0].update(report=values["receipt"]), "signed-type-mismatch"),
    (
        lambda values: values["events"][0].update(report=other_report(values["events"][0]["report"])),
        "evidence-message-mismatch",
    ),
]


@pytest.mark.parametrize(
    ("ask", "change", "code"),
    [
        *((lambda client, ref: client.message(ref), *case) for case in MESSAGE),
        *((lambda client, _: client.inbox(), *case) for case in INBOX),
        *((lambda client, ref: client.evidence(ref), *case) for case in EVIDENCE),
    ],
)
def test_an_answer_that_contradicts_itself_is_not_believed(
    ask: Callable[[Client, Ref], object], change: Change, code: str
) -> None:
    """What is not signed must agree with what is, and what is signed with what was asked for."""
    served = Answering()
    ref = served.client().send(LETTER, FILES).ref
    served.client(SECOND).report(ref, Action.ACCEPT)
    ask(served.client(SECOND), ref)
    served.faults.append(changed_json(change))
    assert refusal_of_answer(lambda: ask(served.client(SECOND), ref)) == code


def test_another_message_is_not_taken_for_this_one() -> None:
    """Although manifest and receipt fit each other, and the answer calls it by the name that was asked for."""
    served = Answering()
    client = served.client()
    first, second = (client.send(LETTER, FILES).ref for _ in range(2))
    served.faults.append(
        lambda request, _: changed_json(lambda values: values.update(message_id=first.message_id))(
            request, lambda: served.message(SENDER, str(second))
        )
    )
    assert refusal_of_answer(lambda: client.message(first)) == "evidence-message-mismatch"


def test_evidence_of_another_message_is_not_taken_for_this_one() -> None:
    """Although all of it is properly signed, and the rest of the answer fits."""
    served = Answering()
    client = served.client()
    first, second = (client.send(LETTER, FILES).ref for _ in range(2))
    other = client.evidence(second)
    served.faults.append(lambda *_: served.evidence(SENDER, str(second)))
    assert refusal_of_answer(lambda: client.evidence(first)) == "evidence-message-mismatch"

    def swapped(values: dict[str, Any]) -> None:
        values["consignments"][0]["evidence"] = other.consignments[0].evidence_bytes.decode()

    served.faults.append(changed_json(swapped))
    assert refusal_of_answer(lambda: client.evidence(first)) == "evidence-message-mismatch"
    served.faults.append(
        changed_json(lambda values: values.update(receipt=other.receipt.evidence_bytes.decode()))
    )
    assert refusal_of_answer(lambda: client.evidence(first)) == "evidence-message-mismatch"


def test_the_answer_to_a_report_is_evidence_of_this_report() -> None:
    """Not of an earlier one; and a report whose answer was lost is the same report again."""
    served = Answering()
    ref = served.client().send(LETTER, FILES).ref
    client = served.client(SECOND)
    served.faults.append(lost)
    accepted = client.report(ref, Action.ACCEPT)
    assert accepted.replayed
    assert len({one.content for one in posts(served)[1:]}) == 1
    served.faults.append(changed(lambda _: accepted.evidence_bytes))
    assert refusal_of_answer(lambda: client.report(ref, Action.START)) == "evidence-event-mismatch"
    error = refused(lambda: client.report(ref, Action.ACCEPT))
    assert isinstance(error, Problem)
    assert error.code == "event-out-of-order"


# --- what everybody may ask ---------------------------------------------------------------------------------------


def test_the_exchange_is_asked_who_it_is_once() -> None:
    """Where nobody said it before: then its own answer is believed from there on."""
    served = Answering()
    client = served.client(exchange=None)
    assert client.prepare(LETTER, FILES).manifest.audience == NAME
    assert client.issuer.certificate_sha256 == thumbprint(leaf("exchange"))
    assert [one.url.path for one in served.requests] == ["/v1/exchange"]


def test_another_exchange_than_the_one_that_is_known_is_told() -> None:
    """By its name or its certificate; one with a certificate that cannot be used too."""
    served = Answering()
    assert refusal_of_answer(served.client(exchange=ISSUER).exchange) == "issuer-mismatch"
    client = served.client(exchange=None)
    assert client.issuer == client.exchange().issuer
    served.faults.append(changed_json(lambda values: values.update(name="other.example")))
    assert refusal_of_answer(client.exchange) == "issuer-mismatch"
    served.faults.append(changed_json(lambda values: values.update(certificate="AAAA")))
    assert refusal_of_answer(client.exchange) == "certificate-malformed"


def test_agencies_and_trust_are_listed_without_a_key() -> None:
    """With their names, and as bytes."""
    served = Answering()
    client = served.client(None)
    agencies = client.agencies()
    assert [one.code for one in agencies] == [SENDER, SECOND, THIRD]
    assert (agencies[0].rights, agencies[0].suspended) == (("receive", "send"), False)
    trust = client.trust()
    assert (len(trust.roots), len(trust.intermediates), trust.crls) == (1, 1, ())
    assert all("signature" not in one.headers for one in served.requests)


def test_what_a_receipt_names_is_had_by_its_digest() -> None:
    """Certificates and revocation lists, without a key; the exchange says where it does not know one."""
    served = Answering()
    client = served.client(None)
    own = leaf(SECOND, code=SECOND)
    assert client.certificate(thumbprint(own)) == own
    der = crl(issuing())
    assert client.crl(sha256(der).digest()) == der
    for ask in (client.certificate, client.crl):
        error = refused(lambda ask=ask: ask(bytes(32)))  # type: ignore[misc]
        assert isinstance(error, Problem)
        assert error.code == "not-found"
    assert all("signature" not in one.headers for one in served.requests)


def test_another_certificate_or_list_than_the_one_asked_for_is_not_taken() -> None:
    """Although it is a good one: what a receipt names is that very one; and what is none is none."""
    served = Answering()
    client = served.client(None)
    own, der = leaf(SECOND, code=SECOND), crl(issuing())
    served.faults.append(changed(lambda _: to_der(leaf(THIRD, code=THIRD))))
    assert refusal_of_answer(lambda: client.certificate(thumbprint(own))) == "content-digest-mismatch"
    served.faults.append(changed(lambda _: crl(root())))
    assert refusal_of_answer(lambda: client.crl(sha256(der).digest())) == "content-digest-mismatch"
    served.faults.append(lambda *_: httpx.Response(200, content=b"none"))
    digest = sha256(b"none").digest()
    assert refusal_of_answer(lambda: client.certificate(digest)) == "certificate-malformed"


def test_the_log_only_grows_for_a_client_that_remembers() -> None:
    """Each head extends the last; one that forks or shrinks is told, and the last good one is kept."""
    served = Answering()
    client = served.client()
    assert client.checkpoint().checkpoint.size == 0
    for size in (1, 2, 3):
        served.time.at += 1
        client.send(LETTER, FILES)
        assert client.checkpoint().checkpoint.size == size
    kept = client.seen
    assert client.checkpoint().checkpoint.size == 3
    other = Answering()
    other.time.at = served.time.at + 10
    for size, code in ((0, "log-forked"), (3, "log-forked"), (4, "log-proof-invalid")):
        while other.exchange.store.head.size < size:
            other.client().send(LETTER, FILES)
        served.faults.append(changed(lambda _: other.head()))
        if size == 4:
            served.faults.append(lambda request, _: other.answer(request))
        assert refusal_of_answer(client.checkpoint) == code
    assert kept is not None
    assert client.seen is not None
    assert client.seen.checkpoint.size == kept.checkpoint.size
    assert client.checkpoint().checkpoint.size == 3


def test_a_proof_of_another_leaf_proves_nothing() -> None:
    """And evidence that the head does not cover yet is said to be so."""
    served = Answering()
    client = served.client()
    early = served.head()
    first, second = (client.send(LETTER, FILES) for _ in range(2))
    assert client.logged(second.receipt).head.checkpoint.size == 2
    served.faults.append(lambda request, _: served.answer(request))
    served.faults.append(changed_json(lambda values: values.update(hashes=["A" * 43])))
    assert refusal_of_answer(lambda: client.logged(first.receipt)) == "log-proof-invalid"
    served.faults.append(changed(lambda _: early))
    assert refusal_of_answer(lambda: served.client().logged(first.receipt)) == "evidence-log-mismatch"
    served.faults.append(changed_json(lambda values: values.update(leaf=1)))
    assert refusal_of_answer(lambda: client.inclusion(0, 2)) == "body-invalid"


def test_credentials_do_not_show_their_key() -> None:
    """Neither in a log nor in a traceback."""
    own = credentials()
    assert Credentials.of(SENDER, own.key, own.certificate) == own
    assert "PrivateKey" not in repr(own)
    assert isinstance(refused(lambda: Answering().client(None).inbox()), CredentialsError)
    assert URL.startswith("http://")
