"""The OpenAPI document: valid, complete, and true of what the server answers."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31

from loadtests.endpoint.openapi import OPERATIONS, document
from loadtests.exchange.errors import CODES
from loadtests.exchange.pki import to_der
from loadtests.exchange.strict import encode_base64url
from tests.unit.loadtests.authorities import AT, issuing
from tests.unit.loadtests.endpoint import folders
from tests.unit.loadtests.endpoint.reading import REF, SECOND, SENDER, Exchange, run

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SENT = {"/v1/messages", "/v1/messages/{ref}/events"}


def test_the_document_is_openapi_3_1() -> None:
    """By the published schema of the specification."""
    jsonschema_rs.validator_for(OPENAPI_31).validate(document())


def test_every_schema_is_one_and_every_reference_leads_somewhere() -> None:
    """A generator of clients would stumble otherwise."""
    found = document()
    for schema in found["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": DIALECT, **schema})
    for reference in re.findall(r"'#/([^']+)'", str(found)):
        place: Any = found
        for part in reference.split("/"):
            place = place[part]


def test_every_code_stands_under_its_status() -> None:
    """A client decides by the code; one that is not in the document would surprise it."""
    schemas = document()["components"]["schemas"]
    for code, kind in CODES.items():
        assert code in schemas["Problem"]["properties"]["code"]["enum"]
        for status in {kind.status for kind in CODES.values()}:
            listed = schemas[f"Problem{status}"]["allOf"][1]["properties"]["code"]["enum"]
            assert (code in listed) == (status == kind.status)


def test_every_served_path_is_described_and_every_described_path_is_served(tmp_path: Path) -> None:
    """Submissions and reports, which are taken elsewhere, apart."""

    async def test(exchange: Exchange) -> None:
        served = {route.path for route in exchange.app.routes}  # type: ignore[attr-defined]
        assert served | SENT == {operation.path for operation in OPERATIONS}
        assert document() == (await exchange.get("/openapi.json")).json()

    run(tmp_path, test)


def test_what_is_answered_is_what_is_described(tmp_path: Path) -> None:
    """Status, media type and shape, of answers and of refusals."""

    async def test(exchange: Exchange) -> None:
        await exchange.send()
        await exchange.refuse(2, recipients=["000.00.99.H41"])
        await exchange.tell(SECOND)
        await exchange.service.checkpoint()
        values = {"ref": REF, "position": "0", "index": "0"}
        query = {"/v1/log/inclusion": "?leaf=0&size=1", "/v1/log/consistency": "?first=1&second=1"}
        named = {"certificate": to_der(folders.certificate()), "crl": folders.crl(issuing(), at=AT - 3600)}
        for operation in OPERATIONS:
            if operation.path in SENT:
                continue
            values["sha256"] = encode_base64url(sha256(named.get(operation.name, b"")).digest())
            target = operation.path.format(**values) + query.get(operation.path, "")
            reader = (SENDER if operation.name == "rejections" else SECOND) if operation.signed else None
            answer = await exchange.get(target, reader)
            assert answer.status_code == 200, (target, answer.text)
            _check(operation.path, answer)
            wrong = await exchange.get(
                operation.path.format(ref="x", position="x", index="x", sha256="x") + "?x=1", reader
            )
            _check(operation.path, wrong)
            if operation.signed:
                unsigned = await exchange.get(target)
                assert unsigned.status_code == 401
                _check(operation.path, unsigned)
        rejected = await exchange.get(f"/v1/messages/{SENDER}:message-0002/rejections", SENDER)
        assert rejected.json()["rejections"]
        _check("/v1/messages/{ref}/rejections", rejected)

    run(tmp_path, test)


def _check(path: str, answer: httpx.Response) -> None:
    """Hold an answer against the document."""
    found = document()
    described = found["paths"][path]["get"]["responses"][str(answer.status_code)]
    if "$ref" in described:
        described = found["components"]["responses"][described["$ref"].rpartition("/")[2]]
    media_type = answer.headers["content-type"].partition(";")[0]
    content = described["content"]
    assert media_type in content or "*/*" in content
    if media_type.endswith("json"):
        schema = {**content[media_type]["schema"], "components": found["components"]}
        jsonschema_rs.validator_for({"$schema": DIALECT, **schema}).validate(answer.json())
