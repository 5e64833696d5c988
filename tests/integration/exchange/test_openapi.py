"""A running server against its own OpenAPI document: schemathesis asks everything in it, right and wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any, Final

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from loadtests.endpoint.app import MESSAGES
from loadtests.endpoint.openapi import OPERATIONS, document
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.records import MessageKey
from loadtests.exchange.requests import sign_request
from loadtests.exchange.strict import encode_base64url
from tests.unit.loadtests.authorities import key, leaf
from tests.unit.loadtests.endpoint.servers import FORM, Exchange, body_of, listening
from tests.unit.loadtests.exchanges import SECOND, SENDER, numbered, signed_report

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES: Final = 12
"""For each operation; enough to reach its parameters' ends and their wrong types."""
KNOWN: Final = {"ref": f"{SENDER}:message-0001", "position": 0, "index": 0}
"""Parameters of the path that lead somewhere."""
SCHEMA: Final = schemathesis.openapi.from_dict(document())
ASKED: Final[dict[str, Any]] = {
    operation.label: operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations())  # type: ignore[union-attr] # all are
}
NONCES: Final = map("nonce-of-a-generated-case-{:06d}".format, count())


@schemathesis.serializer("application/jose")
def _as_text(_: Any, value: Any) -> bytes:
    """Signed objects are sent as the text that they are, and so is whatever else is generated for one."""
    return str(value).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Asked:
    """A server that holds a message, an event and a checkpoint, and a session of requests to it."""

    url: str
    exchange: Exchange
    session: requests.Session

    def known(self, path: str) -> dict[str, Any]:
        """Parameters of this path that lead somewhere."""
        trusted = self.exchange.service.trusted
        if "certificates" in path:
            return {"sha256": encode_base64url(thumbprint(trusted.intermediates[0]))}
        if "crls" in path:
            (crl, *_) = self.exchange.service.folder.crls()
            return {"sha256": encode_base64url(sha256(crl).digest())}
        return KNOWN

    def signature(self, case: Any, agency: str) -> dict[str, str]:
        """The header with which an agency signs a generated request as it will be sent."""
        said = case.as_transport_kwargs(base_url=self.url)
        prepared = self.session.prepare_request(
            requests.Request(said["method"], said["url"], params=said.get("params"))
        )
        certificate = thumbprint(leaf(agency, code=agency))
        now = int(self.exchange.clock.now)
        url, nonce = str(prepared.url), next(NONCES)
        return sign_request(case.method, url, None, key(agency), certificate, at=now, nonce=nonce)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A server of which everything can be asked."""
    data = tmp_path_factory.mktemp("openapi") / "data"
    with listening(data, port=0, linger_s_max=0.1) as (url, exchange), requests.Session() as session:
        exchange.clock.now += 5
        sent = httpx.post(url + MESSAGES, content=body_of(numbered(1)), headers={"Content-Type": FORM})
        assert sent.status_code == 201
        report = signed_report("event-0001", Action.ACCEPT, MessageKey(SENDER, "message-0001"))
        target = f"{url}{MESSAGES}/{KNOWN['ref']}/events"
        told = httpx.post(target, content=report, headers={"Content-Type": "application/jose"})
        assert told.status_code == 201
        assert httpx.get(f"{url}/v1/log/checkpoint").status_code == 200
        yield Asked(url, exchange, session)


@pytest.mark.parametrize("label", ASKED)
def test_operation(asked: Asked, label: str) -> None:
    """Whatever is asked, the answer's status, media type and shape are those that the document promises."""
    operation = ASKED[label]
    right = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    statuses = set()

    @seed(4)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        right | wrong if _takes_something(label) else right,
        st.sampled_from(("", SENDER, SECOND)),
        st.booleans(),
    )
    def ask(case: Any, agency: str, known: bool) -> None:
        if known:
            there = asked.known(case.path)
            case.path_parameters.update(
                {name: there[name] for name in there.keys() & case.path_parameters.keys()}
            )
        case.query.pop("wait", None)  # nobody waits here
        headers = asked.signature(case, agency) if agency else {}
        answer = case.call(base_url=asked.url, session=asked.session, headers=headers)
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)

    ask()
    if case_of(label).method == "get":
        assert 200 in statuses  # or nothing but refusals was looked at
    assert not asked.exchange.told("internal-error")


def _takes_something(label: str) -> bool:
    """Whether there is anything that could be wrong."""
    operation = case_of(label)
    return bool(operation.parameters or operation.body)


def case_of(label: str) -> Any:
    """What the table says of an operation."""
    method, _, path = label.partition(" ")
    (found,) = (one for one in OPERATIONS if (one.method, one.path) == (method.lower(), path))
    return found


def test_all_operations_are_asked() -> None:
    """What the document leaves out would go unseen."""
    assert len(ASKED) == len(OPERATIONS)
