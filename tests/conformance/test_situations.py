"""Refusals that depend on what else happens: load, agencies that were suspended, a store that fails, damaged files.

Beside them, that every code of the exchange is provoked by some test of this folder, or it is said why it cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
from ruamel.yaml import YAML

from loadtests.exchange.errors import CODES, Refusal
from loadtests.exchange.registry import Registry, Right
from loadtests.exchange.strict import encode_base64url
from tests.conformance import test_http, test_trust_http, test_wire
from tests.conformance.forging import read_of
from tests.conformance.hostile import (
    MESSAGES,
    Answer,
    Siege,
    besieged,
    request,
    require_no_trace,
    require_problem,
    wait_until,
)
from tests.conformance.test_trust import CASES
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.endpoint.servers import FORM, body_of
from tests.unit.loadtests.exchanges import SECOND, SENDER, THIRD, numbered, submission

Patch = pytest.MonkeyPatch
UNPROVOKED: Mapping[str, str] = YAML(typ="safe").load(
    (Path(__file__).parent / "vectors" / "unprovoked.yaml").read_text(encoding="utf-8")
)
LIMITS: Final[Mapping[str, Mapping[str, Any]]] = {
    "too-many-in-flight": {"in_flight_max": 1},
    "too-many-requests": {"agency_per_s": 0.001, "agency_burst": 2},
}


def sent(number: int = 1, **changes: Any) -> bytes:
    """A request with message ``number``."""
    return request("POST", MESSAGES, [f"Content-Type: {FORM}"], body_of(numbered(number, **changes)))


def held(siege: Siege, stack: ExitStack) -> bytes:
    """Message 1, all but the last bytes of which the server is waiting for."""
    connection = stack.enter_context(siege.connected())
    whole = sent()
    connection.sendall(whole[:-10])
    wait_until(lambda: len(siege.exchange.service.driver.reservations))
    return whole


def message_in_flight(siege: Siege, stack: ExitStack, _: Patch) -> Answer:
    """The same message comes a second time while the first is still coming."""
    (answer,) = siege.say(held(siege, stack))
    return answer


def too_many_in_flight(siege: Siege, stack: ExitStack, _: Patch) -> Answer:
    """Another message comes when all places are taken."""
    held(siege, stack)
    (answer,) = siege.say(sent(2))
    return answer


def too_many_requests(siege: Siege, _: ExitStack, __: Patch) -> Answer:
    """An agency sends a third message at once; what others sign in its name does not count."""
    forged = request("POST", MESSAGES, [f"Content-Type: {FORM}"], body_of(numbered(9)[:-4] + b"AAAA"))
    for _turn in range(5):
        require_problem(siege.say(forged)[0], "signature-invalid")
    for number in (1, 2):
        assert siege.say(sent(number))[0].status == 201
    (answer,) = siege.say(sent(3))
    siege.exchange.service.driver._quotas._buckets.clear()  # the agency waits long enough
    return answer


def not_ready(siege: Siege, stack: ExitStack, _: Patch) -> Answer:
    """The server stops, and says so to who asks."""
    service = siege.exchange.service
    stack.callback(setattr, service, "_going", True)
    service._going = False
    require_problem(siege.say(request("GET", "/readyz"))[0], "not-ready")
    (answer,) = siege.say(sent())
    return answer


def failing(code: str) -> Callable[[Siege, ExitStack, Patch], Answer]:
    """The store fails to commit."""

    def situation(siege: Siege, _: ExitStack, patch: Patch) -> Answer:
        def commit(_: Any) -> NoReturn:
            raise Refusal(code, "as a test wants it", "send it again later")

        with patch.context() as broken:
            broken.setattr(siege.exchange.store, "commit", commit)
            (answer,) = siege.say(sent())
        assert siege.say(sent())[0].status == 201  # the same bytes, as the answer says
        siege.exchange.clock.now += 1
        return answer

    return situation


def internal_error(siege: Siege, _: ExitStack, __: Patch) -> Answer:
    """A document is damaged on the disk."""
    large = b"a" * 100_000
    named = {"name": "a.pdf", "media_type": "application/pdf", "size_bytes": len(large)}
    compact = submission(documents=[named | {"sha256": encode_base64url(sha256(large).digest())}])
    body = body_of(compact, large)
    assert siege.say(request("POST", MESSAGES, [f"Content-Type: {FORM}"], body))[0].status == 201
    (path,) = (one for one in siege.exchange.service.folder.blobs_path.rglob("*") if one.is_file())
    path.chmod(0o600)
    path.write_bytes(b"b" + large[1:])
    message_id = "0b1d1e36-7e0f-4a51-9a38-0d8e4c0c9b11"
    case = {"target": f"{MESSAGES}/{SENDER}:{message_id}/documents/0"}
    (answer,) = siege.say(read_of(case, int(siege.exchange.clock.now), "nonce-of-an-enemy"))
    return answer


def with_registry(change: Callable[[Registry], Registry]) -> Callable[[Siege, ExitStack, Patch], Answer]:
    """The operator changes the registry before the message comes, and changes it back."""

    def situation(siege: Siege, stack: ExitStack, _: Patch) -> Answer:
        service = siege.exchange.service
        stack.callback(setattr, service, "trusted", service.trusted)
        service.trusted = replace(service.trusted, registry=change(service.trusted.registry))
        (answer,) = siege.say(sent())
        return answer

    return situation


SITUATIONS: Final[Mapping[str, Callable[[Siege, ExitStack, Patch], Answer]]] = {
    "message-in-flight": message_in_flight,
    "too-many-in-flight": too_many_in_flight,
    "too-many-requests": too_many_requests,
    "not-ready": not_ready,
    "store-unavailable": failing("store-unavailable"),
    "store-full": failing("store-full"),
    "internal-error": internal_error,
    "recipient-suspended": with_registry(lambda registry: registry.suspend(THIRD, at=AT)),
    "recipient-not-permitted": with_registry(lambda registry: registry.entitle(THIRD, {Right.SEND})),
    "agency-suspended": with_registry(lambda registry: registry.suspend(SENDER, at=AT)),
    "not-permitted": with_registry(lambda registry: registry.entitle(SENDER, {Right.RECEIVE})),
}
WITH_EVIDENCE: Final = {"recipient-suspended", "recipient-not-permitted", "not-permitted"}


@pytest.mark.parametrize("code", SITUATIONS)
def test_situation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Each is refused with its code; nothing is kept of it, and once the situation is over, messages are taken."""
    with besieged(tmp_path / "data", **LIMITS.get(code, {})) as siege:
        messages = siege.trace().tables["messages"]
        with ExitStack() as stack:
            answer = SITUATIONS[code](siege, stack, monkeypatch)
            values = require_problem(answer, code)
        assert ("evidence" in values) == (code in WITH_EVIDENCE)
        if code in WITH_EVIDENCE | {"agency-suspended", "not-ready"}:
            assert siege.trace().tables["messages"] == messages
        wait_until(lambda: not siege.exchange.service.places.taken)
        assert not siege.exchange.told("internal-error")
        siege.require_going_on()


def test_a_suspended_agency_reads_nothing(tmp_path: Path) -> None:
    """Who is suspended is refused when it reads, too, and reads again afterwards."""
    with besieged(tmp_path / "data") as siege:
        service, now = siege.exchange.service, int(siege.exchange.clock.now)
        usual = service.trusted
        service.trusted = replace(usual, registry=usual.registry.suspend(SECOND, at=AT))
        before = siege.trace()
        (answer,) = siege.say(read_of({"target": "/v1/inbox"}, now, "nonce-of-an-enemy-1"))
        require_problem(answer, "agency-suspended")
        require_no_trace(siege, before, answer, evidence=False)
        service.trusted = usual
        (answer,) = siege.say(read_of({"target": "/v1/inbox"}, now, "nonce-of-an-enemy-2"))
        assert answer.status == 200


def provoked() -> set[str]:
    """The codes that tests of this folder see in an answer over HTTP."""
    vectors = test_http.VECTORS
    sections = [vectors[name] for name in ("submissions", "reports", "reads", "public")]
    sections += test_wire.VECTORS.values()
    found = {case["code"] for section in sections for case in section if "code" in case}
    trust = (case for case in CASES if case["id"] not in test_trust_http.OPERATOR)
    found |= {test_trust_http.MESSAGE.get(case["id"], case["expected"]) for case in trust} - {"accepted"}
    return found | {vectors["names"]["code"]} | SITUATIONS.keys()


def test_every_code_is_provoked() -> None:
    """A code that nobody can be answered with, and no reason why, would be a promise that nothing keeps."""
    assert provoked() | UNPROVOKED.keys() == CODES.keys()
    assert not provoked() & UNPROVOKED.keys()
    assert all(UNPROVOKED.values())
