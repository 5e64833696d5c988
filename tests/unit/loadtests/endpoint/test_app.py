"""The application: submissions and reports over HTTP, and how refusals are answered."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from loadtests.endpoint.app import MESSAGES
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.evidence import Event
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.receipts import check_evidence, check_receipt
from loadtests.exchange.records import MessageKey
from loadtests.exchange.strict import encode_base64url
from tests.unit.loadtests.authorities import leaf
from tests.unit.loadtests.endpoint.servers import (
    FORM,
    Answer,
    Exchange,
    ask,
    body_of,
    form,
    started,
    submit,
)
from tests.unit.loadtests.exchanges import (
    BODY,
    SECOND,
    SENDER,
    manifest_bytes,
    numbered,
    signed_report,
    submission,
)

KEY = MessageKey(SENDER, "message-0001")
PATH = f"{MESSAGES}/{SENDER}:message-0001"


def run(main: Any) -> Any:
    """Run it, within a deadline."""

    async def within() -> Any:
        async with asyncio.timeout(15):
            return await main

    return asyncio.run(within())


# --- submissions ------------------------------------------------------------------------------------------------


def test_a_submission_and_its_replay(tmp_path: Path) -> None:
    """A message is answered with its receipt, and once more with the very same bytes."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            payload = manifest_bytes(message_id=KEY.message_id)
            answer = await submit(exchange, body_of(submission(payload)))
            assert (answer.status, answer.headers["content-type"]) == (201, "application/jose")
            assert answer.headers["location"] == PATH
            signer = thumbprint(leaf(SENDER, code=SENDER))
            check_receipt(answer.body, payload, exchange.issuer, sender_certificate_sha256=signer)
            again = await submit(exchange, body_of(submission(payload)))
            assert (again.status, again.body) == (200, answer.body)
            assert exchange.store.size() == 1
            (entry,) = exchange.store.inbox(SECOND, -1, 10)
            assert entry.key == KEY

    run(main())


def test_an_id_used_twice(tmp_path: Path) -> None:
    """Other content under the same id is refused with evidence, and the first message stands."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            await submit(exchange, body_of(numbered(1)))
            answer = await submit(exchange, body_of(numbered(1, subject="Khác")))
            assert (answer.status, answer.code) == (422, "message-id-reused")
            said = check_evidence(answer.json()["evidence"].encode(), exchange.issuer)
            assert said.event is Event.SUBMISSION_REJECTION
            (kept,) = exchange.store.audit(SENDER, KEY.message_id)
            assert kept.evidence.decode() == answer.json()["evidence"]
            assert exchange.store.size() == 1

    run(main())


def test_many_equal_submissions_at_once(tmp_path: Path) -> None:
    """A hundred equal submissions at once give one message and one receipt; some are told to come again."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            body = body_of(numbered(1))
            answers = await asyncio.gather(*(submit(exchange, body) for _ in range(100)))
            assert sorted({one.status for one in answers}) in ([201, 409], [200, 201, 409])
            assert [one.status for one in answers].count(201) == 1
            assert len({one.body for one in answers if one.status < 300}) == 1
            assert all("retry-after" in one.headers for one in answers if one.status == 409)
            assert exchange.store.size() == 1

    run(main())


def test_who_is_not_known_gets_no_evidence(tmp_path: Path) -> None:
    """A message of a stranger is refused without evidence, and nothing is kept."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            answer = await submit(exchange, body_of(submission(signer="000.00.09.H41")))
            assert (answer.status, answer.code) == (403, "certificate-not-registered")
            assert "evidence" not in answer.json()
            assert not exchange.store.audit("000.00.09.H41", KEY.message_id)

    run(main())


def test_a_body_that_breaks_off(tmp_path: Path) -> None:
    """A sender that goes away leaves nothing, and may send the same again."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            body = body_of(numbered(1))
            answer = await submit(exchange, body[:-50], ends=False)
            assert (answer.status, answer.code) == (400, "request-incomplete")
            assert (await submit(exchange, body)).status == 201

    run(main())


def test_places_are_taken_before_the_body(tmp_path: Path) -> None:
    """Who comes when all places are taken is answered without a byte of the body being read."""

    async def main() -> None:
        async with started(tmp_path / "data", in_flight_max=1, retry_after_s=4) as exchange:
            exchange.service.places.take()
            pieces = [body_of(numbered(1))]
            headers = {"content-type": FORM, "content-length": str(len(pieces[0]))}
            answer = await ask(exchange.app, "POST", MESSAGES, pieces, headers=headers)
            assert (answer.status, answer.code) == (503, "too-many-in-flight")
            assert answer.headers["retry-after"] == "4"
            assert pieces
            exchange.service.places.leave()
            assert (await submit(exchange, body_of(numbered(1)))).status == 201
            assert exchange.service.places.taken == 0

    run(main())


def test_a_quota_is_counted_after_the_signature(tmp_path: Path) -> None:
    """An agency that sends too much is told when to come again; what others sign in its name does not count."""

    async def main() -> None:
        async with started(tmp_path / "data", agency_per_s=0.001, agency_burst=1) as exchange:
            forged = numbered(2)[:-4] + b"AAAA"
            assert (await submit(exchange, body_of(forged))).code == "signature-invalid"
            assert (await submit(exchange, body_of(numbered(1)))).status == 201
            answer = await submit(exchange, body_of(numbered(2)))
            assert (answer.status, answer.code) == (429, "too-many-requests")
            assert 990 < int(answer.headers["retry-after"]) <= 1000

    run(main())


# --- bodies that nobody reads -----------------------------------------------------------------------------------


async def refused(
    exchange: Exchange, length: int | None, *rest: bytes, **headers: str
) -> tuple[Answer, list[bytes]]:
    """A submission that is refused for its header, with more of a body to come."""
    first = form(("manifest", "text/plain", b"a"))[:-20]
    pieces = [first, *rest]
    said = {"content-type": FORM, "content-encoding": "gzip"} | headers
    if length is not None:
        said["content-length"] = str(length + len(first))
    return await ask(exchange.app, "POST", MESSAGES, pieces, headers=said), pieces


def test_a_little_is_read_away_by_the_server(tmp_path: Path) -> None:
    """Where little of a refused body is left, the connection stays."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            answer, _ = await refused(exchange, 100, b"a" * 100)
            assert answer.code == "content-encoding-unsupported"
            assert "connection" not in answer.headers

    run(main())


@pytest.mark.parametrize("length", [None, 100_000])
def test_with_much_left_the_connection_is_closed(tmp_path: Path, length: int | None) -> None:
    """Where much is left, or nobody knows how much, the answer closes the connection after reading on for a moment."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            answer, pieces = await refused(exchange, length, *[b"a" * 1000] * 100)
            assert (answer.code, answer.headers["connection"]) == ("content-encoding-unsupported", "close")
            assert not pieces

    run(main())


def test_who_waits_to_be_asked_is_not_asked(tmp_path: Path) -> None:
    """Where a client waits for 100 Continue, a refusal does not make it send its body."""

    async def main() -> None:
        async with started(tmp_path / "data", in_flight_max=1) as exchange:
            exchange.service.places.take()
            pieces = [b"a"]
            headers = {"content-type": FORM, "content-length": "1", "expect": "100-continue"}
            answer = await ask(exchange.app, "POST", MESSAGES, pieces, headers=headers)
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            assert pieces
            exchange.service.places.leave()

    run(main())


def test_a_replay_is_read_to_its_end(tmp_path: Path) -> None:
    """Who sends a large message once more gets its receipt, on a connection that stays."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            large = b"a" * 300_000
            named = {
                "size_bytes": len(large),
                "sha256": encode_base64url(sha256(large).digest()),
                "name": "a.pdf",
            }
            sent = body_of(submission(documents=[named | {"media_type": "application/pdf"}]), large)
            assert (await submit(exchange, sent)).status == 201
            pieces = [sent[at : at + 10_000] for at in range(0, len(sent), 10_000)]
            answer = await submit(exchange, *pieces)
            assert answer.status == 200
            assert "connection" not in answer.headers

    run(main())


# --- reports ----------------------------------------------------------------------------------------------------


async def report(
    exchange: Exchange, compact: bytes, path: str = PATH, media_type: str = "application/jose"
) -> Answer:
    """One report."""
    headers = {"content-type": media_type, "content-length": str(len(compact))}
    return await ask(exchange.app, "POST", f"{path}/events", [compact], headers=headers)


def test_a_report_and_its_replay(tmp_path: Path) -> None:
    """A recipient's report is answered with its evidence, and once more with the very same bytes."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            await submit(exchange, body_of(numbered(1)))
            said = signed_report("event-0001", Action.ACCEPT, KEY)
            answer = await report(exchange, said)
            assert (answer.status, answer.headers["content-type"]) == (201, "application/jose")
            assert check_evidence(answer.body, exchange.issuer).event is Event.CONSIGNMENT_ACCEPTANCE
            again = await report(exchange, signed_report("event-0001", Action.ACCEPT, KEY))
            assert (again.status, again.body) == (200, answer.body)
            late = await report(exchange, signed_report("event-0002", Action.REFUSE, KEY))
            assert (late.status, late.code) == (409, "event-out-of-order")

    run(main())


SAID = signed_report("event-0001", Action.ACCEPT, KEY)
OTHER = signed_report("event-0001", Action.ACCEPT, MessageKey(SENDER, "message-2"))
NOT_HIS = signed_report("event-0001", Action.ACCEPT, KEY, signer=SENDER)
REPORTS: dict[str, tuple[bytes, dict[str, str], str]] = {
    "another message": (OTHER, {}, "event-invalid"),
    "another type": (SAID, {"media_type": "text/plain"}, "body-invalid"),
    "no such path": (SAID, {"path": f"{MESSAGES}/x"}, "message-unknown"),
    "too large": (b"a" * 20_000, {}, "body-too-large"),
    "no report": (b"a.b.c", {}, "base64-invalid"),
    "not his": (NOT_HIS, {}, "event-not-permitted"),
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_no_report(tmp_path: Path, name: str) -> None:
    """Each way to report something else is refused with its code."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            await submit(exchange, body_of(numbered(1)))
            compact, changes, code = REPORTS[name]
            assert (await report(exchange, compact, **changes)).code == code
            assert exchange.store.size() == 1

    run(main())


# --- answers ----------------------------------------------------------------------------------------------------


def test_other_paths_and_methods(tmp_path: Path) -> None:
    """What is not there, and what does not fit, is answered by a problem document."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            app = exchange.app
            missing = await ask(app, "GET", "/nothing")
            assert (missing.status, missing.code) == (404, "not-found")
            assert missing.headers["content-type"] == "application/problem+json"
            slashed = await ask(app, "POST", f"{MESSAGES}/")
            assert slashed.status == 404
            wrong = await ask(app, "DELETE", MESSAGES)
            assert (wrong.status, wrong.code, wrong.headers["allow"]) == (405, "method-not-allowed", "POST")

    run(main())


@pytest.mark.parametrize("path", [MESSAGES, "/v1/agencies"])
def test_a_fault_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """An unexpected error is answered with an id that stands in the log, and nothing of what went wrong."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:

            def fails() -> Any:
                raise ZeroDivisionError("a secret")

            monkeypatch.setattr(exchange.service.driver, "run", lambda *_, **__: fails())
            app = exchange.app
            monkeypatch.setattr(type(exchange.service), "clock", lambda _: fails())
            pieces, headers = [body_of(numbered(1))], {"content-type": FORM}
            answer = await ask(app, "POST" if path == MESSAGES else "GET", path, pieces, headers=headers)
            monkeypatch.undo()
            assert (answer.status, answer.code) == (500, "internal-error")
            assert b"secret" not in answer.body
            (told,) = exchange.told("internal-error")
            assert told["request_id"] == answer.json()["request_id"]
            assert told["error"] == "ZeroDivisionError"
            assert "fails" in told["where"]
            assert "secret" not in json.dumps(told)
            assert exchange.service.places.taken == 0

    run(main())


def test_ready(tmp_path: Path) -> None:
    """The server is ready while its trust files can be read, and says so otherwise."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            app = exchange.app
            exchange.clock.now += 10
            assert (await ask(app, "GET", "/readyz")).status == 200
            exchange.service.folder.registry_path.write_bytes(b"{")
            await exchange.service.reload()
            answer = await ask(app, "GET", "/readyz")
            assert (answer.status, answer.code) == (503, "not-ready")
            assert (await ask(app, "GET", "/healthz")).status == 200

    run(main())


def test_the_log_has_names_and_no_contents(tmp_path: Path) -> None:
    """Each request is one line with who, what and how it ended, and nothing of what was signed or sent."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            compact = numbered(1)
            await submit(exchange, body_of(compact))
            await submit(exchange, body_of(numbered(2, audience="other.example")))
            await submit(exchange, b"nothing")
            accepted, rejected, unknown = exchange.told("submission")
            found = {name: accepted[name] for name in ("agency", "message_id", "code", "status")}
            assert found == {
                "agency": SENDER,
                "message_id": KEY.message_id,
                "code": "accepted",
                "status": 201,
            }
            assert accepted["seconds"] > 0
            assert (rejected["agency"], rejected["code"]) == (SENDER, "audience-mismatch")
            assert (unknown.get("agency"), unknown["code"]) == (None, "body-invalid")
            assert len({one["request_id"] for one in (accepted, rejected, unknown)}) == 3
            text = json.dumps(exchange.lines)
            assert not any(part.decode() in text for part in (*compact.split(b"."), BODY * 2))
            assert "eyJ" not in text

    run(main())


def test_submissions_are_counted(tmp_path: Path) -> None:
    """Outcomes, places and groups stand in the metrics."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            for body in (body_of(numbered(1)), body_of(numbered(1)), b"nothing"):
                await submit(exchange, body)
            text = (await ask(exchange.app, "GET", "/metrics")).body.decode()
            for outcome in ("accepted", "replayed", "body-invalid"):
                assert f'congvan_submission_seconds_count{{outcome="{outcome}"}} 1.0' in text
            assert "congvan_submissions_in_flight 0.0" in text
            assert "congvan_commit_units_count 1.0" in text

    run(main())
