"""The same from many at once: one message, one receipt, one event, whoever comes first."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtests.composing import Multipart, Prepared
from loadtests.exchange import events, jws
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.received import Sent
from tests.bench.exchange.hammer import as_request
from tests.integration.exchange.aftermath import require_sound
from tests.integration.exchange.crashing import PATIENCE_S, Place
from tests.integration.exchange.crowd import LARGE_BYTES, Ledger, at_work

pytestmark = pytest.mark.usefixtures("full_speed")

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes

    @property
    def code(self) -> str:
        """Of a problem document."""
        return str(json.loads(self.body)["code"])


def submission(prepared: Prepared) -> bytes:
    """The request that brings a message."""
    sizes_bytes = tuple(one.size_bytes for one in prepared.manifest.documents)
    body = Multipart(prepared.compact, prepared.documents, sizes_bytes)
    return as_request("/v1/messages", {"content-type": body.content_type}, b"".join(body))


def at_once(place: Place, requests: Sequence[bytes]) -> list[Answer]:
    """Send all of these at the same time, each over a connection of its own that is there already."""

    async def send() -> list[Answer]:
        async with asyncio.timeout(PATIENCE_S):
            opened = [await asyncio.open_connection("127.0.0.1", place.port) for _ in requests]
            for request, (_, writer) in zip(requests, opened, strict=True):
                writer.write(request)
            answers = await asyncio.gather(*(answer_of(reader) for reader, _ in opened))
            for _, writer in opened:
                writer.close()
                await writer.wait_closed()
            return answers

    return asyncio.run(send())


async def answer_of(reader: asyncio.StreamReader) -> Answer:
    """The next answer of a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return Answer(int(head.split()[1]), await reader.readexactly(int(length)))


def until_taken(place: Place, requests: Sequence[bytes]) -> list[Answer]:
    """The same, and who is told that it is being taken right now sends the same again."""
    answers = at_once(place, requests)
    while later := [number for number, answer in enumerate(answers) if answer.status == 409]:
        assert {answers[number].code for number in later} == {"message-in-flight"}
        time.sleep(0.05)  # a client would wait longer
        again = at_once(place, [requests[number] for number in later])
        for number, answer in zip(later, again, strict=True):
            answers[number] = answer
    return answers


@pytest.mark.parametrize("size_bytes", [4096, LARGE_BYTES], ids=["row", "file"])
def test_equal_submissions(database_url: str, tmp_path: Path, size_bytes: int) -> None:
    """A hundred equal submissions at once are one message with one receipt, to the byte."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        prepared = worker.letter(size_bytes)
        answers = until_taken(place, [submission(prepared)] * AT_ONCE)
        assert Counter(answer.status for answer in answers) == {201: 1, 200: AT_ONCE - 1}
        (receipt,) = {answer.body for answer in answers}
        assert worker.submit(prepared).receipt == receipt
        assert server.end() == 0
        found = require_sound(place, ledger)
        assert (found.leaves, found.remarks, place.arriving) == (1, (), [])


def test_equal_reports(database_url: str, tmp_path: Path) -> None:
    """A hundred equal reports at once are one event with one evidence, to the byte."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        sent = worker.submit(worker.letter(10))
        answers = until_taken(place, [report(place, sent, Action.ACCEPT)] * AT_ONCE)
        assert Counter(answer.status for answer in answers) == {201: 1, 200: AT_ONCE - 1}
        assert len({answer.body for answer in answers}) == 1
        assert server.end() == 0
        assert require_sound(place, ledger).leaves == 2


def test_reports_that_exclude_each_other(database_url: str, tmp_path: Path) -> None:
    """Of many answers to one message at once, each with an id of its own, exactly one is taken."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        sent = worker.submit(worker.letter(10))
        actions = [Action.ACCEPT, Action.REFUSE] * (AT_ONCE // 4)
        posts = [report(place, sent, action, f"event-{n:04d}") for n, action in enumerate(actions)]
        answers = at_once(place, posts)
        assert Counter(answer.status for answer in answers) == {201: 1, 409: len(posts) - 1}
        codes = {answer.code for answer in answers if answer.status == 409}
        assert codes <= {"event-out-of-order", "message-in-flight"}
        assert server.end() == 0
        assert require_sound(place, ledger).leaves == 2


def test_one_id_with_different_contents(database_url: str, tmp_path: Path) -> None:
    """Of many different messages with one id at once, one is taken; the others are told that the id is taken."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        first = worker.letter(10)
        others = [worker.again(first, f"subject {number}") for number in range(AT_ONCE // 2)]
        answers = until_taken(place, [submission(one) for one in others])
        assert Counter(answer.status for answer in answers) == {201: 1, 422: len(others) - 1}
        codes = {answer.code for answer in answers if answer.status == 422}
        assert codes == {"message-id-reused"}
        (taken,) = (one for one, answer in zip(others, answers, strict=True) if answer.status == 201)
        assert server.end() == 0
        with closing(place.open()) as store:
            key = MessageKey(first.manifest.sender, first.manifest.message_id)
            message = store.message(key)
            assert message is not None
            assert (message.compact, store.size()) == (taken.compact, 1)
            assert store.standing(EntryKey(key, first.manifest.recipients[0])) is not None


def report(place: Place, sent: Sent, action: Action, event_id: str = "the-event") -> bytes:
    """The request that brings a report of the first recipient."""
    recipient = next(one for one in place.agencies if one.code == sent.evidence.recipients[0])
    at = sent.evidence.event_at
    content = events.Report(
        event_id=event_id,
        message_id=sent.ref.message_id,
        sender=sent.ref.sender,
        recipient=recipient.code,
        action=action,
        reported_at=at,
        audience=place.issuer.name,
        reason="for a reason",
    )
    compact = jws.sign(
        events.render(content), recipient.key, recipient.certificate_sha256, at=at, typ=events.EVENT_TYPE
    )
    return as_request(f"/v1/messages/{sent.ref}/events", {"content-type": "application/jose"}, compact)
