"""Whose request it is: signatures, trust, nonces, and what a restart costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from loadtests.endpoint.access import AHEAD_S_MAX, Access, horizon_of, target_of
from loadtests.exchange.errors import Refusal
from loadtests.exchange.registry import Suspension
from loadtests.exchange.revocation import Freshness
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import AT, key, leaf
from tests.unit.loadtests.endpoint.reading import SECOND, SENDER, THIRD, URL, Exchange, code_of, run

INBOX = "/v1/inbox"


def test_a_signed_request_counts_once(tmp_path: Path) -> None:
    """Who repeats it, such as somebody on the way, learns nothing."""

    async def test(exchange: Exchange) -> None:
        signed = exchange.signature(SECOND, INBOX)
        assert (await exchange.get(INBOX, headers=signed)).status_code == 200
        again = await exchange.get(INBOX, headers=signed)
        assert (again.status_code, code_of(again)) == (401, "nonce-replayed")

    run(tmp_path, test)


def test_a_request_without_a_signature_is_refused(tmp_path: Path) -> None:
    """Inboxes are nobody's business but their owner's."""

    async def test(exchange: Exchange) -> None:
        answer = await exchange.get(INBOX)
        assert (answer.status_code, code_of(answer)) == (401, "request-unsigned")

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("changes", "target", "method", "code"),
    [
        ({"url": URL + "/v1/inbox?after=1"}, INBOX, "GET", "request-signature-invalid"),
        ({"url": "https://another.test/v1/inbox"}, INBOX, "GET", "request-signature-invalid"),
        ({}, INBOX, "HEAD", "request-signature-invalid"),
        ({"at": AT - 61}, INBOX, "GET", "request-expired"),
        ({"lifetime_s": 1, "at": AT + 1}, INBOX, "GET", "request-expired"),
        ({"at": AT + 3 + AHEAD_S_MAX}, INBOX, "GET", "request-from-the-future"),
        ({"nonce": "short"}, INBOX, "GET", "nonce-invalid"),
    ],
)
def test_what_was_signed_for_something_else_or_another_time_is_refused(
    tmp_path: Path, changes: dict[str, Any], target: str, method: str, code: str
) -> None:
    """Method, whole URL and times belong to what was signed."""

    async def test(exchange: Exchange) -> None:
        signed = exchange.signature(SECOND, INBOX, **changes)
        answer = await exchange.client.request(method, target, headers=signed)
        assert answer.headers["content-type"] == "application/problem+json"
        if method == "GET":
            assert code_of(answer) == code
        assert answer.status_code in {400, 401}

    run(tmp_path, test)


def test_a_body_in_a_read_is_refused(tmp_path: Path) -> None:
    """It would mean nothing, and somebody may believe that it does."""

    async def test(exchange: Exchange) -> None:
        from loadtests.exchange.certificates import thumbprint
        from loadtests.exchange.requests import sign_request

        certificate = thumbprint(leaf(SECOND, code=SECOND))
        digest = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        signed = sign_request(
            "GET", URL + INBOX, digest, key(SECOND), certificate, at=exchange.clock.now, nonce="n" * 16
        )
        answer = await exchange.client.request("GET", INBOX, headers=signed, content=b"abc")
        assert code_of(answer) == "body-invalid"

    run(tmp_path, test)


def test_who_is_suspended_revoked_unknown_or_of_an_untrusted_chain_reads_nothing(tmp_path: Path) -> None:
    """Trust is asked in the same way as for a submission, and anew for every request."""

    async def test(exchange: Exchange) -> None:
        trusted = exchange.service.trusted
        assert (await exchange.get(INBOX, THIRD)).status_code == 200  # so the chain is known from now on
        suspended = replace(trusted.registry.agencies[THIRD], suspensions=(Suspension(AT),))
        stranger = [one for code, one in trusted.registry.agencies.items() if code != THIRD]
        for now, code in (
            (replace(trusted, registry=exchanges.with_agency(suspended)), "agency-suspended"),
            (replace(trusted, registry=type(trusted.registry).of(stranger)), "certificate-not-registered"),
            (
                replace(trusted, revocations=exchanges.revocations(leaf(THIRD, code=THIRD).serial_number)),
                "certificate-revoked",
            ),
            (replace(trusted, intermediates=()), "certificate-untrusted"),
        ):
            exchange.service.trusted = now
            answer = await exchange.get(INBOX, THIRD)
            assert (answer.status_code, code_of(answer)) == (403, code)
        exchange.service.trusted = trusted
        assert (await exchange.get(INBOX, THIRD)).status_code == 200

    run(tmp_path, test)


def test_an_old_revocation_list_lets_nobody_read(tmp_path: Path) -> None:
    """Whether the reader is revoked cannot be told from it."""

    async def test(exchange: Exchange) -> None:
        assert exchange.service.terms.freshness == Freshness(172_800, 300)
        exchange.clock.now += 3 * 86_400
        answer = await exchange.get(INBOX, SECOND)
        assert (answer.status_code, code_of(answer)) == (503, "crl-stale")

    run(tmp_path, test)


def test_another_agencys_key_does_not_count(tmp_path: Path) -> None:
    """Naming a registered certificate is no secret; holding its key is."""

    async def test(exchange: Exchange) -> None:
        from loadtests.exchange.certificates import thumbprint
        from loadtests.exchange.requests import sign_request

        foreign = thumbprint(leaf(SECOND, code=SECOND))
        signed = sign_request(
            "GET", URL + INBOX, None, key(THIRD), foreign, at=exchange.clock.now, nonce="n" * 16
        )
        answer = await exchange.get(INBOX, headers=signed)
        assert (answer.status_code, code_of(answer)) == (401, "request-signature-invalid")

    run(tmp_path, test)


def test_after_a_start_only_what_was_signed_since_is_taken_and_readiness_says_when(tmp_path: Path) -> None:
    """The server before may have taken it; a second later everything is as ever."""

    async def test(exchange: Exchange) -> None:
        exchange.clock.now = AT
        ready, answer = await exchange.get("/readyz"), await exchange.get(INBOX, SECOND)
        assert (ready.status_code, code_of(ready)) == (503, "not-ready")
        assert (answer.status_code, code_of(answer)) == (401, "request-expired")
        exchange.clock.now = AT + 1
        assert (await exchange.get("/readyz")).status_code == 200
        assert (await exchange.get(INBOX, SECOND)).status_code == 200

    run(tmp_path, test)


def test_where_the_clock_was_set_back_the_last_checkpoint_tells_what_was_taken(tmp_path: Path) -> None:
    """Else requests of the time in between would count twice."""

    async def test(exchange: Exchange) -> None:
        exchange.clock.now = AT + 100
        await exchange.service.checkpoint()
        exchange.clock.now = AT + 50
        assert horizon_of(exchange.service) == AT + 100

    run(tmp_path, test)


def test_a_request_from_ahead_of_our_clock_waits_until_then(tmp_path: Path) -> None:
    """So nothing is ever taken that a server started later could not tell from a replay."""

    async def test(exchange: Exchange) -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            exchange.clock.now += int(seconds)

        access = Access(exchange.service, AT, sleep)
        signed = exchange.signature(SECOND, INBOX, at=exchange.clock.now + 3)
        scope = _scope(signed)
        assert await access.reader(Request(scope)) == SECOND
        assert slept == [3]
        with pytest.raises(Refusal, match="nonce-replayed"):
            await access.reader(Request(scope))
        far = exchange.signature(SECOND, INBOX, at=exchange.clock.now + AHEAD_S_MAX + 1)
        with pytest.raises(Refusal, match="request-from-the-future"):
            await access.reader(Request(_scope(far)))
        assert slept == [3]

    run(tmp_path, test)


def test_where_the_address_is_known_no_other_host_counts(tmp_path: Path) -> None:
    """What was signed for another server cannot be brought here under its name."""

    async def test(exchange: Exchange) -> None:
        signed = exchange.signature(SECOND, INBOX, url="https://another.test" + INBOX)
        answer = await exchange.get(INBOX, headers={**signed, "host": "another.test"})
        assert code_of(answer) == "request-signature-invalid"
        hidden = await exchange.get(INBOX, SECOND, headers={"host": "127.0.0.1:8421"})
        assert hidden.status_code == 200

    run(tmp_path, test, public_url=URL + "/")


def test_the_target_is_the_url_as_it_came() -> None:
    """Not one letter of it is written anew: the client signed its own."""
    scope = _scope({}) | {"raw_path": b"/v1/messages/000.00.00.H41%3Aabc", "query_string": b"a=%20&a="}
    assert target_of(Request(scope), None) == URL + "/v1/messages/000.00.00.H41%3Aabc?a=%20&a="
    assert target_of(Request(scope), "http://x:1") == "http://x:1/v1/messages/000.00.00.H41%3Aabc?a=%20&a="


def _scope(headers: dict[str, str]) -> dict[str, object]:
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "method": "GET",
        "scheme": "https",
        "path": INBOX,
        "raw_path": INBOX.encode(),
        "query_string": b"",
        "headers": [(b"host", b"exchange.test"), *lines],
    }


def test_the_sender_is_known_by_its_own_certificate(tmp_path: Path) -> None:
    """A sender reads its own inbox, which is empty, with the chain that its submission was verified with."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        assert (await exchange.get(INBOX, SENDER)).json() == {"entries": [], "next": -1}

    run(tmp_path, test)
