"""Each case of ``vectors/trust.yaml`` at a real server: the operator's files are refused, or the message is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from ruamel.yaml import YAML

from loadtests.endpoint.folder import Folder
from loadtests.exchange import jws, keys
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import CODES, ExchangeError, Refusal
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.registry import Registered
from loadtests.exchange.terms import Trusted
from tests.conformance.crooked import ASKED_AT, Workshop
from tests.conformance.hostile import MESSAGES, Siege, besieged, request, require_no_trace, require_problem
from tests.conformance.test_trust import AGENCIES, CASES, DAY_S, GOOD, certificates_of, registry_of
from tests.unit.loadtests.authorities import issuing, key, root
from tests.unit.loadtests.endpoint.servers import FORM, body_of
from tests.unit.loadtests.exchanges import SENDER, crl, manifest_bytes

DIFFERENT: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(
    (Path(__file__).parent / "vectors" / "trust_http.yaml").read_text(encoding="utf-8")
)
OPERATOR: Mapping[str, str] = DIFFERENT["operator"]
MESSAGE: Mapping[str, str] = DIFFERENT["message"]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """A server at the time of the cases, which begins each of them trusting nobody."""
    with besieged(tmp_path_factory.mktemp("trust") / "data", crl_age_s_max=30 * DAY_S) as made:
        made.exchange.clock.now = ASKED_AT
        yield made


@pytest.fixture(scope="module")
def usual(siege: Siege) -> Trusted:
    """What a server trusts where nothing is wrong, with lists of the time of the cases."""
    folder = siege.exchange.service.folder
    for authority in (root(), issuing()):
        folder.write_crl(crl(authority, number=2, at=ASKED_AT - 3600))
    return folder.trusted()


def trusted_of(case: Mapping[str, Any], workshop: Workshop, folder: Folder) -> Trusted:
    """What a server reads from the files that an operator with these certificates and lists would put in place.

    Raises:
        ExchangeError: The files are refused.
    """
    folder.make()
    roots, between = (case.get(part, GOOD[part]) for part in ("trusted", "present"))
    folder.write_authorities(map(workshop.certificate, roots), map(workshop.certificate, between))
    # A case that says nothing of lists has those of the authorities that are there.
    usual = [wanted for wanted in GOOD["lists"] if wanted["of"] in {*GOOD["trusted"], *between}]
    for number, wanted in enumerate(case.get("lists", usual)):
        (folder.crls_path / f"{number}.crl").write_bytes(workshop.crl(wanted))
    wanted = {**GOOD["registry"], **case.get("registry", {})}
    leaf = workshop.certificate(case.get("leaf", GOOD["leaf"]))
    folder.write_registry(registry_of(wanted, Registered.of(leaf, added_at=ASKED_AT - 10 * DAY_S)))
    return folder.trusted()


def signed(payload: bytes, leaf: x509.Certificate, private_key: PrivateKey) -> bytes:
    """The payload signed with this key; where no algorithm is for it, with another key that names the certificate."""
    try:
        keys.algorithm_of(private_key.public_key())
    except Refusal:
        private_key = key("somebody")
    return jws.sign(payload, private_key, thumbprint(leaf), at=ASKED_AT - 1, typ=jws.MANIFEST_TYPE)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(siege: Siege, usual: Trusted, case: Mapping[str, Any], tmp_path: Path) -> None:
    """The operator is told by the code of the case, or the sender is; else the message is taken."""
    workshop, service = Workshop(certificates_of(case)), siege.exchange.service
    if case["id"] in OPERATOR:
        with pytest.raises(ExchangeError) as caught:
            trusted_of(case, workshop, Folder(tmp_path))
        assert caught.value.code == OPERATOR[case["id"]]
        return
    sender = {**GOOD["registry"], **case.get("registry", {})}["sender"]
    times = {"created_at": ASKED_AT - 2, "expires_at": ASKED_AT + 3600}
    payload = manifest_bytes(
        message_id=f"trust-{case['id']}"[:64], sender=sender, recipients=[AGENCIES[1]], **times
    )
    name = case.get("leaf", GOOD["leaf"])
    body = body_of(signed(payload, workshop.certificate(name), workshop.key(name)))
    service.trusted = trusted_of(case, workshop, Folder(tmp_path))
    before = siege.trace()
    (answer,) = siege.say(request("POST", MESSAGES, [f"Content-Type: {FORM}"], body))
    service.trusted = usual
    expected = MESSAGE.get(case["id"], case["expected"])
    if expected == "accepted":
        assert answer.status == 201, answer
    else:
        require_problem(answer, expected, CODES[expected].status)
        # Who has no right to send is known all the same, and gets evidence.
        require_no_trace(siege, before, answer, evidence=expected == "not-permitted")
    siege.require_going_on()


def test_a_revocation_counts_from_the_next_message_on(siege: Siege, usual: Trusted) -> None:
    """A server that has taken messages of a certificate refuses the next one as soon as it has read the list."""
    service = siege.exchange.service
    service.trusted = usual
    siege.require_going_on()
    (sender,) = usual.registry.agencies[SENDER].certificates
    revoked = x509.load_der_x509_certificate(sender.certificate).serial_number
    later = usual.revocations.updated(
        crl(issuing(), revoked, number=3, at=ASKED_AT - 60), issuing().certificate
    )
    service.trusted = Trusted(usual.registry, usual.anchors, usual.intermediates, later)
    before = siege.trace()
    (answer,) = siege.say(siege.good())
    require_problem(answer, "certificate-revoked", 403)
    require_no_trace(siege, before, answer, evidence=False)
    service.trusted = usual
    siege.require_going_on()


def test_differences_are_of_cases() -> None:
    """Whatever is told of a case here is told of a case that there is."""
    named = {case["id"] for case in CASES}
    assert OPERATOR.keys() | MESSAGE.keys() <= named
    assert not OPERATOR.keys() & MESSAGE.keys()
