"""Each case of ``vectors/http.yaml`` gets exactly the answer it names, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from loadtests.exchange.lifecycle import Action
from loadtests.exchange.records import MessageKey
from tests.conformance.forging import (
    JOSE,
    MESSAGE_ID,
    REF,
    read_of,
    report_request_of,
    submission_of,
)
from tests.conformance.hostile import (
    MESSAGES,
    Answer,
    Siege,
    besieged,
    request,
    require_no_trace,
    require_problem,
)
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.endpoint.servers import FORM, body_of
from tests.unit.loadtests.exchanges import SECOND, SENDER, THIRD, signed_report, submission

Case = Mapping[str, Any]
VECTORS: Mapping[str, Any] = YAML(typ="safe").load(
    (Path(__file__).parent / "vectors" / "http.yaml").read_text(encoding="utf-8")
)
EVENT_ID = "event-000001"
"""``THIRD`` accepted the first message with this report before the siege began."""
ONLY_TO_SECOND = "only-to-second"
NONCES = map("nonce-of-an-enemy-{:06d}".format, count())


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """A server that holds three messages and one report, for all cases of this module."""
    with besieged(tmp_path_factory.mktemp("siege") / "data") as made:
        now = int(made.exchange.clock.now)
        for message_id, recipients in (
            (MESSAGE_ID, [SECOND, THIRD]),
            (ONLY_TO_SECOND, [SECOND]),
            ("message-0003", [SECOND, THIRD]),
        ):
            body = body_of(submission(message_id=message_id, recipients=recipients, created_at=AT - 60))
            (answer,) = made.say(request("POST", MESSAGES, [f"Content-Type: {FORM}"], body))
            assert answer.status == 201, answer
        key, at = MessageKey(SENDER, MESSAGE_ID), now - 10
        report = signed_report(EVENT_ID, Action.ACCEPT, key, recipient=THIRD, at=at, reason=None)
        target = f"{MESSAGES}/{REF}/events"
        (answer,) = made.say(request("POST", target, [f"Content-Type: {JOSE}"], report))
        assert answer.status == 201, answer
        yield made


def cases(section: str) -> pytest.MarkDecorator:
    """The cases of a section, each a test."""
    return pytest.mark.parametrize("case", VECTORS[section], ids=lambda case: str(case["id"]))


def judge(siege: Siege, case: Case, answer: Answer, before: Any) -> None:
    """Hold an answer against its case, then what it left behind, then the server against its duty to go on."""
    assert answer.status == case["status"], answer
    if "code" in case:
        require_problem(answer, case["code"], case["status"])
        require_no_trace(siege, before, answer, evidence=case.get("evidence", False))
    elif answer.status == 201:
        assert siege.trace().tables["messages"][0] + siege.trace().tables["events"][0] == 1 + (
            before.tables["messages"][0] + before.tables["events"][0]
        )
    else:
        assert siege.trace() == before
    siege.require_going_on()


@cases("submissions")
def test_submission(siege: Siege, case: Case) -> None:
    """What is submitted is taken once, or refused with its code and without a trace."""
    now, receipts = int(siege.exchange.clock.now), list[bytes]()
    if case.get("again"):
        (first,) = siege.say(submission_of({**case, "forge": ()}, now))
        assert first.status == 201
        receipts.append(first.body)
    before = siege.trace()
    (answer,) = siege.say(submission_of(case, now))
    judge(siege, case, answer, before)
    assert receipts in ([], [answer.body])


@pytest.mark.parametrize("name", VECTORS["names"]["refused"], ids=ascii)
def test_name_refused(siege: Siege, name: str) -> None:
    """A name that could be a path, a device or a disguise is refused."""
    before, rule = siege.trace(), VECTORS["names"]
    (answer,) = siege.say(
        submission_of({"id": "name-of-a-document", "document": {"name": name}}, now_of(siege))
    )
    judge(siege, rule, answer, before)


@pytest.mark.parametrize("number", range(len(VECTORS["names"]["taken"])), ids=str)
def test_name_taken(siege: Siege, number: int) -> None:
    """A name that only looks dangerous is taken, and no file has it."""
    name = VECTORS["names"]["taken"][number]
    before = siege.trace()
    case = {"id": f"name-{number}", "document": {"name": name}, "status": 201}
    (answer,) = siege.say(submission_of(case, now_of(siege)))
    judge(siege, case, answer, before)
    assert not any(name in found for found in siege.trace().files)


@cases("reports")
def test_report(siege: Siege, case: Case) -> None:
    """What is reported is taken once, or refused with its code and without a trace."""
    before = siege.trace()
    (answer,) = siege.say(report_request_of(case, now_of(siege)))
    judge(siege, case, answer, before)


@cases("reads")
def test_read(siege: Siege, case: Case) -> None:
    """Who reads is known by the signature, which counts for one request once."""
    before, nonce = siege.trace(), next(NONCES)
    if case.get("twice"):
        (first,) = siege.say(read_of({**case, "forge": ()}, now_of(siege), nonce))
        assert first.status == 200
    (answer,) = siege.say(read_of(case, now_of(siege), nonce), bodiless=case.get("no_body", False))
    if case.get("no_body"):
        assert (answer.status, siege.trace()) == (case["status"], before)
    else:
        judge(siege, case, answer, before)


@cases("public")
def test_public(siege: Siege, case: Case) -> None:
    """What anybody may ask is asked for what there is, or refused."""
    before = siege.trace()
    (answer,) = siege.say(request("GET", case["target"]))
    judge(siege, case, answer, before)


@pytest.mark.parametrize("what", ["", "/documents/0", "/documents/7", "/evidence", "/rejections"])
def test_messages_of_others(siege: Siege, what: str) -> None:
    """A message of others is answered as one that does not exist, to the byte, and so is one's own as a sender."""
    before = siege.trace()
    bodies = set()
    for message_id in (ONLY_TO_SECOND, "message-9999"):
        case = {"agency": THIRD, "target": f"{MESSAGES}/{SENDER}:{message_id}{what}"}
        (answer,) = siege.say(read_of(case, now_of(siege), next(NONCES)))
        require_problem(answer, "message-unknown", 404)
        bodies.add(answer.body)
    assert len(bodies) == 1
    assert siege.trace() == before


def test_cases_are_sound() -> None:
    """Every case has its own name, a source and what it is about, and every refusal its code."""
    found = [case for section in ("submissions", "reports", "reads", "public") for case in VECTORS[section]]
    assert len({case["id"] for case in found}) == len(found)
    assert all(case["source"] and case["what"] for case in found)
    assert all(("code" in case) == (case["status"] >= 400) for case in found)
    assert {name for case in found for name in case} <= set(VECTORS["keys"])


def now_of(siege: Siege) -> int:
    """The server's clock."""
    return int(siege.exchange.clock.now)
