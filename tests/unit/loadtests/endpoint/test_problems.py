"""Problem documents."""

from __future__ import annotations

import json

import pytest

from loadtests.endpoint.limits import Postponed
from loadtests.endpoint.problems import problem
from loadtests.exchange.errors import CODES, Refusal


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code(code: str) -> None:
    """Each code gives a document with its status, title and whether trying again may help."""
    answer = problem(Refusal(code, "what was found", "what would be right"))
    assert json.loads(answer.body) == {
        "type": f"/problems#{code}",
        "title": CODES[code].title,
        "status": CODES[code].status,
        "detail": "what was found",
        "hint": "what would be right",
        "code": code,
        "retryable": CODES[code].retryable,
    }
    assert answer.status == CODES[code].status
    assert (b"content-length", b"%d" % len(answer.body)) in answer.all_headers


def test_when_to_come_again() -> None:
    """A refusal because of load says when to come again; its own time goes before the usual one."""
    own = problem(Postponed("too-many-requests", "", "", 9), retry_after_s=2)
    usual = problem(Refusal("store-unavailable", ""), retry_after_s=2)
    final = problem(Refusal("audience-mismatch", ""), retry_after_s=2)
    found = [dict(one.all_headers).get(b"retry-after") for one in (own, usual, final)]
    assert found == [b"9", b"2", None]


def test_evidence_and_request_id() -> None:
    """Evidence is in the document as the text that was signed, and an id where there is one."""
    values = json.loads(problem(Refusal("audience-mismatch", ""), evidence=b"a.b.c", request_id="r-1").body)
    assert (values["evidence"], values["request_id"]) == ("a.b.c", "r-1")


def test_unauthorised_names_a_scheme() -> None:
    """A 401 says how a request is authenticated."""
    answer = problem(Refusal("request-unsigned", ""))
    assert (b"www-authenticate", b"Signature") in answer.all_headers


def test_response_is_the_same() -> None:
    """As a response of Starlette it has the same status, header and body."""
    answer = problem(Refusal("not-found", "Không có gì"))
    response = answer.response()
    assert (response.status_code, response.raw_headers, response.body) == (
        404,
        answer.all_headers,
        answer.body,
    )
