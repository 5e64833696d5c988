"""Documents given out: whole and unchanged or not at all, and evidence of hand-over when the last one went out."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import MutableMapping
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadtests.endpoint import documents
from loadtests.endpoint.handovers import Handovers
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import Event
from loadtests.exchange.manifest import Document
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.exchange.requests import sign_request
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import key, leaf
from tests.unit.loadtests.endpoint.reading import BODY, REF, SECOND, SENDER, THIRD, Exchange, code_of, run
from tests.unit.loadtests.endpoint.servers import FORM, body_of, listening
from tests.unit.loadtests.endpoint.test_reads import opened
from tests.unit.loadtests.manifests import a_document

MESSAGE = f"/v1/messages/{REF}"
LARGE = bytes(range(256)) * 2560 + b"the end"  # more than two pieces, and no whole number of them
BOTH: dict[str, Any] = {"documents": [a_document(), a_document(name="Phụ lục.pdf")]}


def document(body: bytes, name: str = "large.bin") -> dict[str, Any]:
    """A document of a manifest."""
    digest = base64.urlsafe_b64encode(sha256(body).digest()).rstrip(b"=").decode()
    return a_document(name=name, size_bytes=len(body), sha256=digest)


def large(exchange: Exchange) -> dict[str, Any]:
    """A message with one document that is a file."""
    exchange.bodies["large.bin"] = LARGE
    return {"documents": [document(LARGE)]}


async def events(exchange: Exchange, recipient: str = SECOND) -> list[Event]:
    """What evidence of the log says about message 1 at a recipient."""
    found = (await exchange.get(MESSAGE + "/evidence", recipient)).json()["events"]
    return [opened(exchange, one["evidence"]).event for one in found]


# --- the bytes --------------------------------------------------------------------------------------------------


def test_a_document_comes_with_its_name_digest_and_tag_and_is_run_by_no_browser(tmp_path: Path) -> None:
    """Small ones come from the database."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        answer = await exchange.get(MESSAGE + "/documents/0", SECOND)
        assert answer.content == BODY
        header = answer.headers
        assert header["content-type"] == "application/pdf"
        assert header["content-length"] == "3"
        assert header["content-digest"] == "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"
        assert header["etag"] == f'"{sha256(BODY).hexdigest()}"'
        assert header["x-content-type-options"] == "nosniff"
        assert "sandbox" in header["content-security-policy"]
        assert header["content-disposition"] == (
            "attachment; filename=\"Quy_t __nh 12.pdf\"; filename*=UTF-8''Quy%E1%BA%BFt%20%C4%91%E1%BB%8Bnh%2012.pdf"
        )

    run(tmp_path, test)


def test_a_large_document_is_read_from_its_file_in_pieces(tmp_path: Path) -> None:
    """No document stands in memory as a whole."""

    async def test(exchange: Exchange) -> None:
        await exchange.send(**large(exchange))
        path = exchange.service.blobs.path(sha256(LARGE).digest())
        assert path.read_bytes() == LARGE
        answer = await exchange.get(MESSAGE + "/documents/0", SECOND)
        assert answer.content == LARGE
        sent = exchange.service.metrics.registry.get_sample_value("congvan_documents_sent_bytes_total")
        assert sent == len(LARGE)
        document = Document("large.bin", "application/pdf", len(LARGE), sha256(LARGE).digest())
        assert [len(piece) for piece in documents.pieces(path, document)] == [262_144, 262_144, 131_079]

    run(tmp_path, test)


def test_who_has_it_already_is_not_sent_it_again(tmp_path: Path) -> None:
    """The digest is the tag, so it is for good."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        tag = (await exchange.get(MESSAGE + "/documents/0", THIRD, "HEAD")).headers["etag"]
        for names in (tag, f'"other", W/{tag}', "*"):
            answer = await exchange.get(MESSAGE + "/documents/0", SECOND, headers={"if-none-match": names})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        other = await exchange.get(MESSAGE + "/documents/0", SECOND, headers={"if-none-match": '"other"'})
        assert other.content == BODY

    run(tmp_path, test)


@pytest.mark.parametrize("position", ["1", "-1", "99999999999999999999", "first", "01x"])
def test_a_document_that_the_message_does_not_have_is_not_found(tmp_path: Path, position: str) -> None:
    """Positions begin at 0."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        answer = await exchange.get(f"{MESSAGE}/documents/{position}", SECOND)
        assert (answer.status_code, code_of(answer)) == (404, "not-found")

    run(tmp_path, test)


@pytest.mark.parametrize(
    "damaged",
    [None, LARGE[:-1], LARGE + b"x", b"X" + LARGE[1:], LARGE[:-1] + b"X"],
    ids=["missing", "cut", "longer", "first", "last"],
)
def test_a_damaged_file_is_never_given_out_as_a_whole_document(tmp_path: Path, damaged: bytes | None) -> None:
    """Missing, cut off, longer or changed: the last piece stays here, and the operator is told."""

    async def test(exchange: Exchange) -> None:
        await exchange.send(**large(exchange))
        path = exchange.service.blobs.path(sha256(LARGE).digest())
        path.unlink() if damaged is None else path.write_bytes(damaged)
        document = Document("large.bin", "application/pdf", len(LARGE), sha256(LARGE).digest())
        came = list[bytes]()
        with pytest.raises(Refusal, match="internal-error"):
            came.extend(documents.pieces(path, document))
        assert sum(map(len, came)) < len(LARGE)
        if damaged is None:
            assert code_of(await exchange.get(MESSAGE + "/documents/0", SECOND)) == "internal-error"
        else:
            with pytest.raises(AssertionError):  # how this transport says that an answer breaks off
                await exchange.get(MESSAGE + "/documents/0", SECOND)
        assert any("document-damaged" in line for line in exchange.lines)
        assert await events(exchange) == []

    run(tmp_path, test)


# --- hand-over --------------------------------------------------------------------------------------------------


def test_a_hand_over_is_sealed_once_when_a_recipient_was_sent_all_documents(tmp_path: Path) -> None:
    """Not for a part, not for the sender, not for a look at the header; each recipient has its own."""

    async def test(exchange: Exchange) -> None:
        await exchange.send(**BOTH)
        first, second = MESSAGE + "/documents/0", MESSAGE + "/documents/1"
        for target, agency, method in (
            (first, SECOND, "GET"),
            (first, SECOND, "GET"),
            (second, SECOND, "HEAD"),
            (first, SENDER, "GET"),
            (second, SENDER, "GET"),
            (second, THIRD, "GET"),
        ):
            assert (await exchange.get(target, agency, method)).status_code == 200
        assert await events(exchange) == []
        for _ in range(2):
            await exchange.get(second, SECOND)
            await exchange.get(first, SECOND)
        assert await events(exchange) == [Event.CONTENT_HANDOVER]
        assert await events(exchange, THIRD) == []
        results = exchange.service.metrics.registry.get_sample_value
        assert (
            results("congvan_handovers_total", {"result": "known"}) == 1
        )  # asked again for the second round only
        assert results("congvan_handovers_total", {"result": "failed"}) is None
        (event,) = (await exchange.get(MESSAGE + "/evidence", SENDER)).json()["events"]
        assert (event["recipient"], event["event_id"], event["report"]) == (SECOND, None, None)

    run(tmp_path, test)


def test_a_message_without_documents_is_handed_over_when_it_is_read(tmp_path: Path) -> None:
    """There is nothing else to collect."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        await exchange.send(2, kind=2, refers_to="message-0001", documents=[])
        target = f"/v1/messages/{SENDER}:message-0002"
        assert (await exchange.get(target, SENDER)).status_code == 200
        assert (await exchange.get(target, SECOND, "HEAD")).status_code == 200
        assert (await exchange.get(target + "/evidence", SECOND)).json()["events"] == []
        read = await exchange.get(target, SECOND)
        assert read.json()["documents"] == []
        assert len((await exchange.get(target + "/evidence", SECOND)).json()["events"]) == 1

    run(tmp_path, test)


def test_where_the_evidence_fails_the_recipient_has_its_document_and_the_next_request_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with the store is the operator's affair."""

    async def test(exchange: Exchange) -> None:
        await exchange.send(**BOTH)
        for fault in (Refusal("store-full", "no room"), RuntimeError("secret")):

            async def fail(*_: object, fault: Exception = fault) -> None:
                raise fault

            with monkeypatch.context() as patch:
                patch.setattr(exchange.service, "run", fail)
                for position in (0, 1):
                    answer = await exchange.get(f"{MESSAGE}/documents/{position}", SECOND)
                    assert answer.content == BODY
        told = [line for line in exchange.lines if "hand-over-failed" in line]
        assert "store-full" in told[0]
        assert not any("secret" in line for line in told)
        assert await events(exchange) == []
        await exchange.get(MESSAGE + "/documents/1", SECOND)
        assert await events(exchange) == [Event.CONTENT_HANDOVER]

    run(tmp_path, test)


def test_no_more_is_remembered_than_is_said(tmp_path: Path) -> None:
    """Who begins to collect without end fills no memory; what was forgotten is collected again."""

    async def test(exchange: Exchange) -> None:
        await exchange.send(**BOTH)
        handovers = Handovers(exchange.service, begun_max=1)
        mine, other = (EntryKey(MessageKey(SENDER, "message-0001"), one) for one in (SECOND, THIRD))
        await handovers.sent(mine, 0, 2)
        await handovers.sent(other, 0, 2)
        await handovers.sent(mine, 1, 2)
        assert await events(exchange) == []
        await handovers.sent(mine, 0, 2)
        assert await events(exchange) == [Event.CONTENT_HANDOVER]

    run(tmp_path, test)


@pytest.mark.parametrize("gone_after", [0, 1, 2])
def test_a_connection_that_breaks_before_the_last_piece_is_no_hand_over(gone_after: int) -> None:
    """The client sees that the answer is not whole, and so do we."""

    async def test() -> None:
        finished: list[bool] = []
        sent: list[bool] = []
        gone = asyncio.Event()
        if not gone_after:
            gone.set()

        async def receive() -> MutableMapping[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                sent.append(message["more_body"])
                if len(sent) == gone_after:
                    gone.set()

        await _delivery(finished)({"type": "http"}, receive, send)
        assert sent == [True] * gone_after
        assert finished == []

    asyncio.run(test())


def test_a_connection_that_stands_to_the_end_is_a_hand_over() -> None:
    """Whatever the server's transport says after the end of the answer."""

    async def test() -> None:
        finished: list[bool] = []
        sent: list[bytes] = []
        ended = asyncio.Event()

        async def receive() -> MutableMapping[str, Any]:
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message.get("body", b""))
            if message.get("more_body") is False:
                ended.set()
                await asyncio.sleep(0)

        await _delivery(finished)({"type": "http"}, receive, send)
        assert b"".join(sent) == LARGE
        assert finished == [True]

    asyncio.run(test())


def test_who_hangs_up_in_the_middle_of_a_real_connection_was_given_nothing(tmp_path: Path) -> None:
    """The operating system takes some bytes for a client that is gone; they do not count."""
    body = LARGE * 16
    with listening(tmp_path / "data") as (url, exchange), httpx.Client(base_url=url) as client:
        compact = exchanges.numbered(1, documents=[document(body)])
        sent = client.post("/v1/messages", content=body_of(compact, body), headers={"content-type": FORM})
        assert sent.status_code == 201, sent.text
        exchange.clock.now += 2

        nonces, signer = map("{:016d}".format, count()), thumbprint(leaf(SECOND, code=SECOND))

        def signed(target: str) -> dict[str, str]:
            at, nonce = int(exchange.clock.now), next(nonces)
            return sign_request("GET", url + target, None, key(SECOND), signer, at=at, nonce=nonce)

        def handed_over() -> int:
            target = MESSAGE + "/evidence"
            return len(client.get(target, headers=signed(target)).json()["events"])

        target = MESSAGE + "/documents/0"
        with client.stream("GET", target, headers=signed(target)) as answer:
            next(answer.iter_raw())
        assert client.get(target, headers=signed(target)).content == body
        until_s = time.monotonic() + 5
        while not handed_over():
            assert time.monotonic() < until_s
        told = exchange.service.metrics.registry.get_sample_value
        assert told("congvan_handovers_total", {"result": "sealed"}) == 1
        assert told("congvan_handovers_total", {"result": "known"}) is None  # the first was none


def _delivery(finished: list[bool]) -> documents.Delivery:
    described = Document("large.bin", "application/pdf", len(LARGE), sha256(LARGE).digest())
    rest = documents.pieces(LARGE, described)

    async def finish() -> None:
        finished.append(True)

    return documents.Delivery(
        next(rest),
        rest,
        documents.header_of(described),
        sent=lambda _: None,
        finished=finish,
        broken=lambda refusal: pytest.fail(str(refusal)),
    )
