"""NIST's test suite for certification paths, from the package ``cryptography-vectors``, against chains and lists."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from ruamel.yaml import YAML

from loadtests.exchange import trust
from loadtests.exchange.certificates import Limits, parse_certificate
from loadtests.exchange.errors import Refusal
from loadtests.exchange.revocation import Freshness, Revocations

vectors = pytest.importorskip("cryptography_vectors", reason="the suite comes in cryptography-vectors")

SUITE = Path(vectors.__file__).parent / "x509" / "PKITS_data"
EXPECTED: Mapping[str, Any] = YAML(typ="safe").load(
    (Path(__file__).parent / "vectors" / "pkits.yaml").read_text(encoding="utf-8")
)
EXPECTED_REFUSED = {name: group["code"] for group in EXPECTED["refused"] for name in group["names"]}
ROOT = "TrustAnchorRootCertificate"
AT = 1_700_000_000  # in 2023: the suite's certificates are valid from 2010 to 2030
# All authorities of the suite are offered at once, and its lists are as old as the suite.
LIMITS = Limits(certificate_bytes=8192, intermediates=1000, depth=8)
FRESHNESS = Freshness(max_age_s=30 * 365 * 86_400, skew_s=0)
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


@cache
def authorities() -> list[x509.Certificate]:
    """Every authority of the suite that can be read."""
    found = []
    for path in sorted((SUITE / "certs").glob("*Cert.crt")):
        try:
            found.append(parse_certificate(path.read_bytes(), LIMITS))
        except Refusal:
            assert path.stem == "DSAParametersInheritedCACert"
    return found


@cache
def root() -> x509.Certificate:
    """The root of the suite."""
    return parse_certificate((SUITE / "certs" / f"{ROOT}.crt").read_bytes(), LIMITS)


@cache
def revocations() -> Revocations:
    """Every list of the suite that an authority of its name signed and that is taken here."""
    lists = Revocations()
    for path in sorted((SUITE / "crls").glob("*.crl")):
        der = path.read_bytes()
        for authority in (root(), *authorities()):
            with contextlib.suppress(Refusal):
                lists = lists.updated(der, authority)
    return lists


def code_of(name: str) -> str:
    """What the exchange says to one certificate of the suite."""
    try:
        leaf = parse_certificate((SUITE / "certs" / f"{name}.crt").read_bytes(), LIMITS)
        anchors = trust.Anchors.of([root()])
        chain = trust.validate(leaf, authorities(), anchors, at=AT, limits=LIMITS)
        revocations().status(chain.certificates, at=AT, freshness=FRESHNESS).require_good()
    except Refusal as refusal:
        return refusal.code
    return "accepted"


def names(prefix: str) -> list[str]:
    """The certificates to be judged whose names begin so; others depend on certificate policies asked for."""
    return sorted(path.stem for path in (SUITE / "certs").glob(f"{prefix}*EE.crt"))


def test_suite_is_whole() -> None:
    """All certificates of the suite are there, and every exception is one of them."""
    assert (len(names("Valid")), len(names("Invalid"))) == (88, 115)
    assert set(EXPECTED_REFUSED) <= set(names("Valid"))
    assert set(EXPECTED["accepted"]) <= set(names("Invalid"))
    assert len(authorities()) == 180


def test_invalid_is_refused() -> None:
    """What the suite calls invalid is refused, but for the exceptions named."""
    accepted = [name for name in names("Invalid") if code_of(name) == "accepted"]
    assert accepted == EXPECTED["accepted"]


def test_valid_is_accepted() -> None:
    """What the suite calls valid is accepted, but for the exceptions named, each with its code."""
    refused = {name: code for name in names("Valid") if (code := code_of(name)) != "accepted"}
    assert refused == EXPECTED_REFUSED
