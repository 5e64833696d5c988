"""Each numbered step of a report's verification holds for what is right, and refuses what is wrong by its code."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.exchange import events, jws, reporting_verification
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import CODES, Refusal
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.reporting_verification import AuthenticReport, authenticate_report
from loadtests.exchange.revocation import Revocations
from loadtests.exchange.terms import View
from tests.unit.loadtests.authorities import AT, DAY_S, key, leaf
from tests.unit.loadtests.exchanges import (
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    registered_leaf,
    registry,
    revocations,
    signed_report,
    submission,
    trusted,
)
from tests.unit.loadtests.journeys import KEY, reported

VIEW = View(AT, trusted())
GOOD = reported(Action.ACCEPT, 1)


def code_of(compact: bytes, view: View = VIEW) -> str:
    """Code with which a report is refused."""
    with pytest.raises(Refusal) as caught:
        authenticate_report(compact, view, TERMS)
    return caught.value.code


def signed(payload: bytes, typ: str = events.EVENT_TYPE, signer: str = SECOND, by: str = SECOND) -> bytes:
    """These bytes under the certificate of one agency, signed with the key of one."""
    return jws.sign(payload, key(by), thumbprint(leaf(signer, code=signer)), at=AT - 10, typ=typ)


def seen(at: int = AT, **changes: object) -> View:
    """A view with something else trusted."""
    return View(at, replace(trusted(), **changes))  # type: ignore[arg-type] # a test names existing fields


def test_what_is_right_is_established() -> None:
    """Every part of the result comes from the bytes, the registry and the lists."""
    found = authenticate_report(GOOD, VIEW, TERMS)
    payload = jws.parse(GOOD).payload
    assert found == AuthenticReport(jws.parse(GOOD), events.parse(payload), found.origin)
    assert found.origin.agency == registry().agencies[SECOND]
    assert found.origin.registered == registered_leaf(SECOND)
    assert found.origin.known.chain.leaf == leaf(SECOND, code=SECOND)
    assert [one.number for one in found.origin.snapshots] == [1, 1]
    assert (found.event.event_id, found.event.action) == ("event-0001", Action.ACCEPT)
    assert found.event.content_sha256 == sha256(payload).digest()


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (b"", "jws-invalid"),
        (GOOD[:-1], "base64-invalid"),
        (signed(b"x" * (events.LIMITS.payload_bytes_max + 1)), "jws-too-large"),
        (signed(jws.parse(GOOD).payload, typ=jws.MANIFEST_TYPE), "signed-type-mismatch"),
        (submission(signer=SECOND, sender=SECOND), "signed-type-mismatch"),
        (signed(jws.parse(GOOD).payload, signer="000.01.15.H41"), "certificate-not-registered"),
        (signed(jws.parse(GOOD).payload, by=THIRD), "signature-invalid"),
        (signed(b"{}"), "event-invalid"),
        (signed(b'{"action":"accept","action":"refuse"}'), "json-duplicate-key"),
        (reported(Action.ACCEPT, 1, signer=THIRD), "event-not-permitted"),
        (reported(Action.ACCEPT, 1, signer=SENDER), "event-not-permitted"),
        (reported(Action.ACCEPT, 1, audience="other.example"), "audience-mismatch"),
        (reported(Action.ACCEPT, 1, at=AT, reported_at=AT - 301), "signed-time-mismatch"),
        (reported(Action.ACCEPT, 1, at=AT - 301, reported_at=AT), "signed-time-mismatch"),
        (reported(Action.ACCEPT, 1, at=AT + 301), "event-from-the-future"),
        (reported(Action.ACCEPT, 1, at=AT + 300, reported_at=AT + 301), "event-from-the-future"),
        (reported(Action.ACCEPT, 1, at=AT + 301, reported_at=AT + 300), "event-from-the-future"),
    ],
)
def test_what_is_not_authentic_is_refused(compact: bytes, code: str) -> None:
    """Form, purpose, registration, signature, content, recipient, audience and times."""
    assert code_of(compact) == code


@pytest.mark.parametrize(
    "compact",
    [
        reported(Action.ACCEPT, 1, at=AT, reported_at=AT - 300),
        reported(Action.ACCEPT, 1, at=AT - 300, reported_at=AT),
        reported(Action.ACCEPT, 1, at=AT + 300),
        reported(Action.ACCEPT, 1, at=AT - 40 * DAY_S),
    ],
)
def test_the_ends_of_what_is_allowed_count(compact: bytes) -> None:
    """A report may be late by any time; one second beyond the others is refused above."""
    assert authenticate_report(compact, VIEW, TERMS).report.action is Action.ACCEPT


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (seen(registry=registry().suspend(SECOND, at=AT)), "agency-suspended"),
        (seen(intermediates=()), "certificate-untrusted"),
        (seen(revocations=Revocations()), "crl-missing"),
        (seen(AT + DAY_S), "crl-stale"),
        (seen(revocations=revocations(leaf(SECOND, code=SECOND).serial_number)), "certificate-revoked"),
    ],
)
def test_what_is_not_trusted_now_is_refused(view: View, code: str) -> None:
    """As for a submission: the same steps."""
    assert code_of(GOOD, view) == code


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_no_other_byte_string_counts(place: int, byte: int) -> None:
    """Whatever byte is changed, the report is refused, and nothing else is raised."""
    changed = bytearray(GOOD)
    changed[place] = byte
    if bytes(changed) != GOOD:
        assert code_of(bytes(changed)) in CODES


def test_every_code_that_the_docstring_names_exists_and_each_step_has_its_label() -> None:
    """The procedure is read by people: what it says is what it does."""
    text = reporting_verification.authenticate_report.__doc__ or ""
    assert [int(number) for number in re.findall(r"^ +(\d+)\. ", text, re.MULTILINE)] == list(range(1, 12))
    raised = re.findall(r"``([a-z]+(?:-[a-z]+)+)``", text.partition("Raises:")[2])
    assert raised
    assert set(raised) <= CODES.keys()


def test_the_longest_reason_comes_through() -> None:
    """However it is escaped: the limit of size has room for it."""
    longest = signed_report("event-0001", Action.REFUSE, KEY, reason="\U0001f4c4" * 500)
    assert authenticate_report(longest, VIEW, TERMS).report.reason == "\U0001f4c4" * 500
