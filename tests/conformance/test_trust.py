"""Each case of ``vectors/trust.yaml`` gets exactly the code it names, and the controls get none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from ruamel.yaml import YAML

from loadtests.exchange import errors, trust
from loadtests.exchange.certificates import Limits, parse_certificate
from loadtests.exchange.errors import Refusal
from loadtests.exchange.registry import Agency, Registered, Registry, Right
from loadtests.exchange.revocation import Freshness, Revocations
from tests.conformance.crooked import ASKED_AT, Workshop

VECTORS: Mapping[str, Any] = YAML(typ="safe").load(
    (Path(__file__).parent / "vectors" / "trust.yaml").read_text(encoding="utf-8")
)
GOOD: Mapping[str, Any] = VECTORS["good"]
CASES: list[Mapping[str, Any]] = VECTORS["cases"]
AGENCIES = ("000.00.00.H41", "000.00.00.H42")
DAY_S = 86_400
# Faults that no certificate built by the library shows, or that have nothing to do with a sender's certificate;
# tests/unit/loadtests has them.
ELSEWHERE = {
    "certificate-malformed",
    "crl-malformed",
    "crl-too-large",
    "registry-malformed",
    "recipient-unknown",
    "recipient-suspended",
    "recipient-not-permitted",
}


def certificates_of(case: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a case wants built: the good certificates, its changes, its own ones."""
    changes: Mapping[str, Mapping[str, Any]] = case.get("certificates", {})
    wanted: dict[str, dict[str, Any]] = {}
    for name in [*GOOD["certificates"], *changes]:
        change = changes.get(name, {})
        base = GOOD["certificates"].get(change.get("like", name), {})
        wanted[name] = {**base, **change}
    return wanted


def registry_of(wanted: Mapping[str, Any], leaf: Registered) -> Registry:
    """Two agencies, one of which the certificate may be registered for."""
    owner = wanted["owner"]
    rights = frozenset(Right(right) for right in wanted.get("rights", ("send", "receive")))
    registry = Registry.of(
        Agency(
            code,
            name_en=f"Agency {code}",
            name_vi=f"Cơ quan {code}",
            certificates=(leaf,) if code == owner else (),
            rights=rights,
        )
        for code in AGENCIES
    )
    if wanted.get("removed"):
        registry = registry.remove(owner, leaf.sha256, at=ASKED_AT - DAY_S)
    return registry.suspend(owner, at=ASKED_AT - DAY_S) if wanted.get("suspended") else registry


def play(case: Mapping[str, Any]) -> None:
    """Ask everything that is asked of a sender's certificate, in the order of a server."""
    workshop = Workshop(certificates_of(case))
    leaf = workshop.certificate(case.get("leaf", GOOD["leaf"]))
    present = [workshop.certificate(name) for name in case.get("present", GOOD["present"])]
    anchors = trust.Anchors.of(workshop.certificate(name) for name in case.get("trusted", GOOD["trusted"]))
    chain = trust.validate(leaf, present, anchors, at=ASKED_AT, limits=Limits())
    revocations = Revocations()
    for wanted in case.get("lists", GOOD["lists"]):
        issuer = workshop.certificate(wanted.get("brought_as", wanted["of"]))
        revocations = revocations.updated(workshop.crl(wanted), issuer)
    allowed = GOOD["freshness"]
    freshness = Freshness(allowed["max_age_days"] * DAY_S, allowed["skew_s"])
    revocations.status(chain.certificates, at=ASKED_AT, freshness=freshness).require_good()
    wanted = {**GOOD["registry"], **case.get("registry", {})}
    registered = Registered.of(leaf, added_at=ASKED_AT - 10 * DAY_S)
    registry_of(wanted, registered).sender(wanted["sender"], registered.sha256, ASKED_AT)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: Mapping[str, Any]) -> None:
    """The code that comes is the one that the case names."""
    if case["expected"] == "accepted":
        play(case)
        return
    with pytest.raises(Refusal) as caught:
        play(case)
    assert caught.value.code == case["expected"], str(caught.value)


def test_cases_cover_the_codes() -> None:
    """Every code about certificates has a case, and no case has a name twice or a code that does not exist."""
    identifiers = [case["id"] for case in CASES]
    assert len(set(identifiers)) == len(identifiers)
    expected = {case["expected"] for case in CASES} - {"accepted"}
    assert expected <= errors.CODES.keys()
    assert errors.SECTIONS["Trust"].keys() - expected == ELSEWHERE
    assert all(case["source"] and case["what"] for case in CASES)


def test_changed_byte_of_a_certificate() -> None:
    """No certificate with one bit changed anywhere passes: it cannot be read, or it is not trusted."""
    workshop = Workshop(certificates_of({}))
    der = workshop.certificate("leaf").public_bytes(Encoding.DER)
    anchors = trust.Anchors.of([workshop.certificate("root")])
    present = [workshop.certificate("issuing")]

    def validate_bytes(changed: bytes) -> None:
        leaf = parse_certificate(changed, Limits())
        trust.validate(leaf, present, anchors, at=ASKED_AT, limits=Limits())

    validate_bytes(der)
    for at in range(0, len(der), 7):
        changed = der[:at] + bytes([der[at] ^ 0x01]) + der[at + 1 :]
        with pytest.raises(Refusal):
            validate_bytes(changed)
