"""Inbox, messages, evidence and rejections: what each agency is shown."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtests.endpoint import reads
from loadtests.endpoint.arrivals import Arrivals
from loadtests.endpoint.store.base import Statement
from loadtests.exchange import evidence, issuer, jws
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import Event
from loadtests.exchange.lifecycle import State
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.endpoint.reading import (
    REF,
    SECOND,
    SENDER,
    THIRD,
    Exchange,
    code_of,
    run,
)

MESSAGE = f"/v1/messages/{REF}"


def opened(exchange: Exchange, compact: str) -> evidence.Evidence:
    """Evidence whose signature fits the exchange."""
    signed = issuer.opened(compact.encode(), exchange.issuer, jws.EVIDENCE_TYPE)
    return evidence.parse(signed.payload)


# --- inbox ------------------------------------------------------------------------------------------------------


def test_an_inbox_lists_its_own_messages_after_a_cursor(tmp_path: Path) -> None:
    """In the order of the log, so that nothing can come in before the cursor."""

    async def test(exchange: Exchange) -> None:
        for number in (1, 2, 3):
            await exchange.send(number, recipients=[SECOND] if number == 2 else [SECOND, THIRD])
        await exchange.tell(SECOND)
        found = (await exchange.get("/v1/inbox?limit=2", SECOND)).json()
        assert found["next"] == 1
        assert found["entries"][0] == {
            "leaf_index": 0,
            "sender": SENDER,
            "message_id": "message-0001",
            "accepted_at": AT + 2,
            "state": "accepted",
            "status_code": "03",
        }
        rest = (await exchange.get("/v1/inbox?after=1", SECOND)).json()
        assert [one["message_id"] for one in rest["entries"]] == ["message-0003"]
        third = (await exchange.get("/v1/inbox", THIRD)).json()
        assert [one["leaf_index"] for one in third["entries"]] == [0, 2]
        assert (await exchange.get("/v1/inbox?after=2", THIRD)).json() == {"entries": [], "next": 2}

    run(tmp_path, test)


def test_a_state_without_a_code_has_none(tmp_path: Path) -> None:
    """Expiry has no code in QCVN 102:2016, and none is made up."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        exchange.clock.now += exchange.service.settings.answer_s_max + 1
        assert await exchange.service.expire_overdue() == 2
        exchange.clock.now = AT + 3
        (entry,) = (await exchange.get("/v1/inbox", SECOND)).json()["entries"]
        assert (entry["state"], entry["status_code"]) == (State.EXPIRED.value, None)

    run(tmp_path, test)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "after=-2", "wait=31", "wait=1.5", "after=", "page=2", "limit=1&limit=2"],
)
def test_a_parameter_that_is_wrong_or_unknown_is_refused(tmp_path: Path, query: str) -> None:
    """What is passed over in silence answers another question than was asked."""

    async def test(exchange: Exchange) -> None:
        answer = await exchange.get(f"/v1/inbox?{query}", SECOND)
        assert (answer.status_code, code_of(answer)) == (400, "query-invalid")

    run(tmp_path, test)


def test_a_long_poll_ends_with_the_next_message_of_its_own_recipient(tmp_path: Path) -> None:
    """Not before, not at the end of its time, and not for a message to somebody else."""

    async def test(exchange: Exchange) -> None:
        began_s = time.monotonic()
        poll = asyncio.create_task(exchange.get("/v1/inbox?wait=30", THIRD))
        await _until(lambda: exchange.service.arrivals.watching(THIRD) == 1)
        await exchange.send(1, recipients=[SECOND])
        await asyncio.sleep(0.05)
        assert not poll.done()
        await exchange.send(2, recipients=[THIRD])
        found = (await poll).json()
        assert [one["message_id"] for one in found["entries"]] == ["message-0002"]
        assert time.monotonic() - began_s < 10
        assert exchange.service.arrivals.watching(THIRD) == 0

    run(tmp_path, test)


def test_a_long_poll_ends_with_its_time_or_with_the_server(tmp_path: Path) -> None:
    """An answer comes in any case, an empty one."""

    async def test(exchange: Exchange) -> None:
        assert (await exchange.get("/v1/inbox?wait=1", SECOND)).json()["entries"] == []
        poll = asyncio.create_task(exchange.get("/v1/inbox?wait=30", SECOND))
        await _until(lambda: exchange.service.arrivals.watching(SECOND) == 1)
        exchange.service.arrivals.close()
        assert (await asyncio.wait_for(poll, 5)).json() == {"entries": [], "next": -1}

    run(tmp_path, test)


def test_what_comes_between_the_look_and_the_wait_is_not_missed() -> None:
    """The bell is there before the look, so it is rung already."""

    async def test() -> None:
        arrivals = Arrivals(watchers_max=1)
        with arrivals.watch(SECOND) as bell:
            arrivals.notify([THIRD])
            assert not await bell.wait(0.01)
            arrivals.notify([THIRD, SECOND])
            assert await bell.wait(5)
            assert not await bell.wait(0.01)
            with pytest.raises(Refusal, match="too-many-requests"), arrivals.watch(SECOND):
                pass
        with arrivals.watch(SECOND):
            assert arrivals.watching(SECOND) == 1
        assert arrivals.watching(SECOND) == 0

    asyncio.run(test())


# --- a message --------------------------------------------------------------------------------------------------


def test_sender_and_recipient_read_a_message_and_a_recipient_sees_only_its_own_entry(tmp_path: Path) -> None:
    """Where it stands at others is between the sender and them."""

    async def test(exchange: Exchange) -> None:
        receipt = await exchange.send()
        await exchange.tell(THIRD)
        sent, received = (
            (await exchange.get(MESSAGE, SENDER)).json(),
            (await exchange.get(MESSAGE, SECOND)).json(),
        )
        assert [(one["recipient"], one["state"]) for one in sent["entries"]] == [
            (SECOND, "available"),
            (THIRD, "accepted"),
        ]
        assert received.pop("entries") == [{"recipient": SECOND, "state": "available", "status_code": "01"}]
        del sent["entries"]
        assert sent == received
        assert received["receipt"].encode() == receipt
        content = jws.parse(received["manifest"].encode()).payload
        assert json.loads(content)["message_id"] == received["message_id"] == "message-0001"
        (document,) = received["documents"]
        assert document["name"] == "Quyết định 12.pdf"
        assert document["sha256"] == json.loads(content)["documents"][0]["sha256"]

    run(tmp_path, test)


@pytest.mark.parametrize("part", ["", "/documents/0", "/evidence", "/rejections"])
def test_a_message_of_others_is_answered_as_one_that_does_not_exist(tmp_path: Path, part: str) -> None:
    """Not even that it exists is told."""

    async def test(exchange: Exchange) -> None:
        await exchange.send(1, recipients=[SECOND])
        theirs = await exchange.get(f"/v1/messages/{REF}{part}", THIRD)
        nobodys = await exchange.get(f"/v1/messages/{SENDER}:message-9999{part}", THIRD)
        nonsense = await exchange.get(f"/v1/messages/nonsense{part}", THIRD)
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json() == nobodys.json() == nonsense.json()
        assert code_of(theirs) == "message-unknown"
        if part != "/rejections":
            unsent = await exchange.get(f"/v1/messages/{SENDER}:message-9999{part}", SENDER)
            assert code_of(unsent) == "message-unknown"

    run(tmp_path, test)


def test_what_was_accepted_is_read_although_the_limits_became_narrower(tmp_path: Path) -> None:
    """A receipt does not lapse when the operator changes a setting."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        terms = exchange.service.terms
        narrow = replace(terms, limits=replace(terms.limits, recipients_max=1, manifest_bytes_max=10))
        exchange.service.__dict__["terms"] = narrow
        assert (await exchange.get(MESSAGE, SECOND)).status_code == 200

    run(tmp_path, test)


# --- evidence ---------------------------------------------------------------------------------------------------


def test_evidence_holds_receipt_consignments_and_events_each_for_whom_it_concerns(tmp_path: Path) -> None:
    """A recipient gets its own only; the bytes stay the same for good."""

    async def test(exchange: Exchange) -> None:
        receipt = await exchange.send()
        taken = await exchange.tell(THIRD)
        sent = (await exchange.get(MESSAGE + "/evidence", SENDER)).json()
        assert sent["receipt"].encode() == receipt
        assert [one["recipient"] for one in sent["consignments"]] == [SECOND, THIRD]
        for one in sent["consignments"]:
            said = opened(exchange, one["evidence"])
            assert (said.event, said.recipients) == (Event.CONTENT_CONSIGNMENT, (one["recipient"],))
        (event,) = sent["events"]
        assert (event["leaf_index"], event["recipient"], event["event_id"]) == (1, THIRD, "event-0001")
        assert event["evidence"].encode() == taken
        assert jws.parse(event["report"].encode()).typ == "edoc-event+jws"
        exchange.clock.now += 10
        received = (await exchange.get(MESSAGE + "/evidence", SECOND)).json()
        assert received == {**sent, "consignments": sent["consignments"][:1], "events": []}

    run(tmp_path, test)


def test_a_consignment_is_never_older_than_the_acceptance(tmp_path: Path) -> None:
    """Although the clock was set back in between."""

    async def test(exchange: Exchange) -> None:
        exchange.clock.now = AT + 50
        await exchange.send()
        exchange.clock.now = AT + 10
        found = (await exchange.get(MESSAGE + "/evidence", SECOND)).json()
        assert opened(exchange, found["consignments"][0]["evidence"]).event_at == AT + 50

    run(tmp_path, test)


def test_many_who_ask_at_once_for_evidence_get_the_same_bytes(tmp_path: Path) -> None:
    """Two statements about one fact would be one too many."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        answers = await asyncio.gather(*(exchange.get(MESSAGE + "/evidence", SENDER) for _ in range(5)))
        assert len({answer.content for answer in answers}) == 1

    run(tmp_path, test)


def test_statements_are_made_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message to a thousand recipients does not keep the writer from all others."""

    async def test(exchange: Exchange) -> None:
        writer = exchange.service.writer
        state, waiting, most = writer.state, 0, 0

        async def counted(statement: Statement) -> bytes:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            kept = await state(statement)
            waiting -= 1
            return kept

        monkeypatch.setattr(writer, "state", counted)
        monkeypatch.setattr(reads, "STATEMENTS_AT_ONCE", 1)
        await exchange.send()
        found = (await exchange.get(MESSAGE + "/evidence", SENDER)).json()
        assert [one["recipient"] for one in found["consignments"]] == [SECOND, THIRD]
        assert most == 1

    run(tmp_path, test)


def test_the_sender_finds_evidence_of_rejections_under_its_own_ids_only(tmp_path: Path) -> None:
    """Also where no message of this id was ever accepted."""

    async def test(exchange: Exchange) -> None:
        await exchange.refuse(recipients=["000.00.99.H41"])
        (one,) = (await exchange.get(MESSAGE + "/rejections", SENDER)).json()["rejections"]
        assert one["kept_at"] == AT + 2
        said = opened(exchange, one["evidence"])
        assert said.event is Event.SUBMISSION_REJECTION
        assert said.reason is not None
        assert said.reason.code == "recipient-unknown"
        other = await exchange.get(f"/v1/messages/{SENDER}:message-0002/rejections", SENDER)
        assert other.json() == {"rejections": []}

    run(tmp_path, test)


def test_private_answers_are_kept_by_no_cache(tmp_path: Path) -> None:
    """A shared cache on the way would hand them to the next."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        for target in ("/v1/inbox", MESSAGE, MESSAGE + "/evidence"):
            assert (await exchange.get(target, SECOND)).headers["cache-control"] == "no-store"

    run(tmp_path, test)


async def _until(holds: Any) -> None:
    """Wait until it holds, five seconds at most."""
    until_s = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until_s
        await asyncio.sleep(0.005)
