"""What anybody may know, and whether the exchange is well."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography import x509

from loadtests.endpoint.public_reads import CERTIFICATE, CRL
from loadtests.endpoint.store.base import Reading
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import POLICY
from loadtests.exchange.pki import to_der
from loadtests.exchange.registry import Registered
from loadtests.exchange.revocation import Revocations
from loadtests.exchange.strict import decode_base64url, encode_base64url
from loadtests.exchange.terms import Trusted
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import AT, issuing, leaf, root
from tests.unit.loadtests.endpoint import folders
from tests.unit.loadtests.endpoint.reading import NAME, SECOND, SENDER, THIRD, Exchange, code_of, run


def test_anybody_reads_who_takes_part(tmp_path: Path) -> None:
    """Senders must know whom they can address."""

    async def test(exchange: Exchange) -> None:
        changed = exchange.service.trusted.registry.suspend(THIRD, at=AT)
        exchange.service.trusted = type(exchange.service.trusted)(
            changed, exchanges.trusted().anchors, (), Revocations()
        )
        found = (await exchange.get("/v1/agencies")).json()["agencies"]
        assert [(one["code"], one["suspended"]) for one in found] == [
            (SENDER, False),
            (SECOND, False),
            (THIRD, True),
        ]
        assert found[0]["rights"] == ["receive", "send"]
        assert found[0]["name_vi"].startswith("Ủy ban")

    run(tmp_path, test)


def test_the_exchange_shows_its_certificate_with_the_chain_to_a_root(tmp_path: Path) -> None:
    """So that its evidence can be checked with the root alone."""

    async def test(exchange: Exchange) -> None:
        found = (await exchange.get("/v1/exchange")).json()
        assert (found["name"], found["policy"]) == (NAME, POLICY)
        own = to_der(folders.certificate())
        assert decode_base64url(found["certificate"]) == own
        chain = [own, to_der(issuing().certificate), to_der(root().certificate)]
        assert [decode_base64url(one) for one in found["chain"]] == chain
        assert found["limits"]["recipients_max"] == exchange.service.terms.limits.recipients_max
        assert found["limits"]["skew_s"] == exchange.service.terms.skew_s

    run(tmp_path, test)


def test_an_exchange_whose_chain_does_not_hold_shows_its_certificate_alone(tmp_path: Path) -> None:
    """Partners may trust that one certificate directly."""

    async def test(exchange: Exchange) -> None:
        trusted = exchange.service.trusted
        exchange.service.trusted = type(trusted)(trusted.registry, trusted.anchors, (), trusted.revocations)
        found = (await exchange.get("/v1/exchange")).json()
        assert found["chain"] == [found["certificate"]]

    run(tmp_path, test)


def test_what_is_trusted_can_be_read_and_is_enough_to_check_revocation(tmp_path: Path) -> None:
    """An evidence bundle takes the lists with it."""

    async def test(exchange: Exchange) -> None:
        found = (await exchange.get("/v1/trust")).json()
        assert [decode_base64url(one) for one in found["roots"]] == [to_der(root().certificate)]
        (between,) = [x509.load_der_x509_certificate(decode_base64url(one)) for one in found["intermediates"]]
        assert between == issuing().certificate
        lists = Revocations()
        for der in map(decode_base64url, found["crls"]):
            issuer = next(one for one in (root(), issuing()) if one.certificate.subject == _issuer(der))
            lists = lists.updated(der, issuer.certificate)
        assert len(lists.lists) == 2
        assert (await exchange.get("/v1/trust")).json() == found

    run(tmp_path, test)


def _issuer(der: bytes) -> x509.Name:
    return x509.load_der_x509_crl(der).issuer


def named(der: bytes) -> str:
    """What DER is called in a path."""
    return encode_base64url(hashlib.sha256(der).digest())


def test_every_certificate_that_evidence_may_name_is_given_by_its_thumbprint(tmp_path: Path) -> None:
    """Of agencies also those that count no more; of authorities and the exchange; what never changes says so."""

    async def test(exchange: Exchange) -> None:
        was = exchange.service.trusted
        old, new = leaf(SECOND, code=SECOND), leaf("new", code=SECOND)
        registered = Registered.of(new, added_at=AT)
        changed = was.registry.rotate(SECOND, registered, overlap_s=0).suspend(THIRD, at=AT)
        exchange.service.trusted = Trusted(changed, was.anchors, was.intermediates, was.revocations)
        own, third = folders.certificate(), leaf(THIRD, code=THIRD)
        for one in (old, new, third, issuing().certificate, root().certificate, own):
            answer = await exchange.get(f"/v1/trust/certificates/{named(to_der(one))}")
            assert (answer.status_code, answer.content) == (200, to_der(one))
            assert answer.headers["content-type"] == CERTIFICATE
            assert "immutable" in answer.headers["cache-control"]
        exchange.service.trusted = Trusted(was.registry, was.anchors, (), was.revocations)
        for one in (new, issuing().certificate):
            answer = await exchange.get(f"/v1/trust/certificates/{named(to_der(one))}")
            assert (answer.status_code, code_of(answer)) == (404, "not-found")

    run(tmp_path, test)


def test_every_list_that_was_in_place_is_given_by_its_digest(tmp_path: Path) -> None:
    """The newest and those before it, and one that was put into the folder by hand."""

    async def test(exchange: Exchange) -> None:
        folder = exchange.service.folder
        first = folders.crl(issuing(), at=AT - 3600)
        second, by_hand = folders.crl(issuing(), 2), folders.crl(root(), 3)
        assert (await exchange.get(f"/v1/trust/crls/{named(by_hand)}")).status_code == 404
        folder.write_crl(second)
        (folder.crls_path / "by-hand.crl").write_bytes(by_hand)
        await exchange.service.reload()
        for der in (first, second, by_hand):
            answer = await exchange.get(f"/v1/trust/crls/{named(der)}")
            assert (answer.status_code, answer.content) == (200, der)
            assert answer.headers["content-type"] == CRL
            assert "immutable" in answer.headers["cache-control"]

    run(tmp_path, test)


@pytest.mark.parametrize("kind", ["certificates", "crls"])
def test_what_no_digest_names_is_not_found(tmp_path: Path, kind: str) -> None:
    """Unknown, too short, padded, a path: never a fault, and nobody remembers the answer."""

    async def test(exchange: Exchange) -> None:
        for name in (
            named(b""),
            encode_base64url(bytes(31)),
            encode_base64url(bytes(300)),
            named(b"") + "=",
            "..%5Cname",
            "%00",
            "ă",
        ):
            answer = await exchange.get(f"/v1/trust/{kind}/{name}")
            assert (answer.status_code, code_of(answer)) == (404, "not-found")
            assert "cache-control" not in answer.headers

    run(tmp_path, test)


def test_alive_is_not_the_same_as_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose store is away, or that is stopping, lives on and wants no requests."""

    async def test(exchange: Exchange) -> None:
        assert (await exchange.get("/readyz")).json() == {"status": "ready"}

        def away(_: Reading) -> int:
            raise Refusal("store-unavailable", "gone")

        with monkeypatch.context() as patch:
            patch.setattr(type(exchange.service.store), "size", away)
            answer = await exchange.get("/readyz")
            assert (answer.status_code, code_of(answer)) == (503, "store-unavailable")
            assert (await exchange.get("/healthz")).json() == {"status": "alive"}
            assert (await exchange.get("/metrics")).status_code == 200

        def stopping() -> None:
            raise Refusal("not-ready", "stopping")

        monkeypatch.setattr(exchange.service, "require_ready", stopping)
        assert code_of(await exchange.get("/readyz")) == "not-ready"

    run(tmp_path, test)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/agencies",
        "/v1/exchange",
        "/v1/trust",
        "/v1/trust/certificates/" + "A" * 43,
        "/v1/trust/crls/" + "A" * 43,
    ],
)
def test_a_parameter_where_there_is_none_is_refused(tmp_path: Path, target: str) -> None:
    """Who asks for a part must not believe that the whole is it."""

    async def test(exchange: Exchange) -> None:
        assert code_of(await exchange.get(target + "?code=000.00.00.H41")) == "query-invalid"

    run(tmp_path, test)
