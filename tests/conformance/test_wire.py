"""Each case of ``vectors/wire.yaml``: bytes that no library sends, and bytes that come too slowly."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conformance.hostile import Answer, Siege, Trace, besieged, heard, require_problem
from tests.unit.loadtests.endpoint.servers import FORM

Case = Mapping[str, Any]
VECTORS: Mapping[str, Any] = YAML(typ="safe").load(
    (Path(__file__).parent / "vectors" / "wire.yaml").read_text(encoding="utf-8")
)
KEYS = {"id", "what", "source", "send", "begin", "status", "code", "stored", "closes"}
PAUSE_S = 0.02
"""Between two pieces, so that they are not put together again on their way."""
CLOSES_S = 3
"""How soon a connection must be closed on which nothing can be understood any more."""
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
_PLACE = re.compile(
    "GOODLENGTH|GOODHEX|GOOD|LENGTH|HEX|FORM|CHUNKED|BODY|HEAD|HALF|100000a|10000fields|GET(?! /)"
)


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """A server."""
    with besieged(tmp_path_factory.mktemp("wire") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """A server that waits for nobody."""
    short = {"header_s_max": 0.15, "body_idle_s_max": 0.15, "body_s_max": 0.3, "body_bytes_per_s_min": 10_000}
    with besieged(tmp_path_factory.mktemp("slow") / "data", **short) as made:
        yield made


def cases(section: str) -> pytest.MarkDecorator:
    """The cases of a section, each a test."""
    return pytest.mark.parametrize("case", VECTORS[section], ids=lambda case: str(case["id"]))


class Pieces:
    """The pieces of a case; each good message in them is another one.

    Args:
        siege: Whose clock the messages are made by.
    """

    def __init__(self, siege: Siege) -> None:
        self._siege = siege
        self._good = siege.good()

    def of(self, piece: str | list[str]) -> bytes:
        """The bytes of a piece."""
        text = piece if isinstance(piece, str) else "\r\n".join([*piece, "", ""])
        found, at = b"", 0
        for place in _PLACE.finditer(text):
            found += text[at : place.start()].encode("latin-1") + self._named(place[0])
            at = place.end()
        return found + text[at:].encode("latin-1")

    def _named(self, name: str) -> bytes:
        head, _, body = self._good.partition(b"\r\n\r\n")
        match name:
            case "GOOD":
                good, self._good = self._good, self._siege.good()
                return good
            case "GOODLENGTH" | "LENGTH":
                return b"%d" % len(self._good if name == "GOODLENGTH" else body)
            case "GOODHEX" | "HEX":
                return b"%x" % len(self._good if name == "GOODHEX" else body)
            case "CHUNKED":
                return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            case "10000fields":
                return b"\r\n".join(b"X-%d: a" % number for number in range(10_000))
        plain = {
            "FORM": FORM.encode(),
            "BODY": body,
            "HEAD": head + b"\r\n\r\n",
            "HALF": body[: len(body) // 2],
        }
        return (plain | {"100000a": b"a" * 100_000, "GET": GET})[name]


def judge(siege: Siege, case: Case, answers: list[Answer], before: Trace) -> None:
    """Hold the answers against the case, then what is stored, then the server against its duty to go on."""
    assert [answer.status for answer in answers] == case["status"]
    if "code" in case:
        require_problem(answers[-1], case["code"])
    after = siege.trace()
    assert after.tables["messages"][0] - before.tables["messages"][0] == case.get("stored", 0)
    assert after.tables["audit"] == before.tables["audit"]
    assert after.files == before.files
    siege.require_going_on()


@cases("cases")
def test_wire(siege: Siege, case: Case) -> None:
    """What can be read in two ways is refused, the connection is closed, and no message is smuggled in."""
    before, pieces = siege.trace(), Pieces(siege)
    with siege.connected() as connection:
        connection.settimeout(CLOSES_S)
        for number, piece in enumerate(case["send"]):
            time.sleep(PAUSE_S if number else 0)
            with suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(pieces.of(piece))
        if case.get("closes", True):
            answers = heard(connection)
        else:
            answers = heard(connection, len(case["status"]))
            connection.sendall(GET)
            assert [answer.status for answer in heard(connection, 1)] == [200]
    judge(siege, case, answers, before)


@cases("slow")
def test_slow(hasty: Siege, case: Case) -> None:
    """Who does not go on is ended in time, and others are served meanwhile."""
    before, pieces = hasty.trace(), Pieces(hasty)
    with hasty.connected() as connection:
        for piece in case["send"]:
            connection.sendall(pieces.of(piece))
        begun_s = time.monotonic()
        assert [answer.status for answer in hasty.say(GET)] == [200]
        answers = heard(connection)
        assert time.monotonic() - begun_s < 5
    judge(hasty, case, answers, before)


@cases("drips")
def test_drips(hasty: Siege, case: Case) -> None:
    """Bytes that come one by one do not buy time without end."""
    before, pieces = hasty.trace(), Pieces(hasty)
    with hasty.connected() as connection:
        connection.sendall(pieces.of(case["begin"]))
        sent, begun_s = drip(connection), time.monotonic()
        answers = heard(connection)
        assert sent < 1000
        assert time.monotonic() - begun_s < 5
    judge(hasty, case, answers, before)


def drip(connection: socket.socket) -> int:
    """Send a byte now and then until nobody takes it, or there is an answer; how many were sent."""
    connection.settimeout(0.01)
    sent, ended = 0, False
    while not ended and sent < 1000:
        try:
            connection.sendall(b"a")
            sent += 1
            ended = connection.recv(1, socket.MSG_PEEK) is not None
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            ended = True
    connection.settimeout(5)
    return sent


def test_a_flood_behind_a_refusal(siege: Siege) -> None:
    """A body that is refused is not read to its end, whatever it says to be, and the reason still arrives."""
    before = siege.trace()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 1000000000\r\n"
        "Content-Encoding: gzip\r\n\r\n"
    )
    sent = 0
    with siege.connected() as connection:
        connection.sendall(head.encode())
        deadline_s = time.monotonic() + 10
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() < deadline_s:
                sent += connection.send(bytes(65_536))
                with suppress(BlockingIOError):
                    if not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                        break
        assert time.monotonic() < deadline_s
    assert sent < 1_000_000_000
    assert siege.trace() == before
    siege.require_going_on()


def test_who_pipelines_is_answered_in_order(siege: Siege) -> None:
    """A thousand requests at once get as many answers, and nobody else waits for them to end."""
    with siege.connected() as connection:
        connection.sendall(GET * 1000)
        siege.require_going_on()
        assert [answer.status for answer in heard(connection, 1000)] == [200] * 1000


def test_cases_are_sound() -> None:
    """Every case has its own name, a source and what it is about."""
    found = [case for section in VECTORS.values() for case in section]
    for section in VECTORS.values():
        assert len({case["id"] for case in section}) == len(section)
    assert all(case["source"] and case["what"] for case in found)
    assert {name for case in found for name in case} <= KEYS
