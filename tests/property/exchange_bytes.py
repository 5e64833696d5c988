"""Right bytes of every kind that reach the exchange, ways to spoil them, and readers for those that need a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from loadtests.endpoint.driver import Threads
from loadtests.endpoint.intake import Body, Intake
from loadtests.endpoint.settings import Settings
from loadtests.endpoint.store.blobs import Blobs
from loadtests.exchange import jws, manifest
from loadtests.exchange.acceptance import Accepted, Rejected
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.records import MessageKey
from loadtests.exchange.reporting import Taken
from loadtests.exchange.requests import read_signature, sign_request
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.endpoint.servers import BOUNDARY, FORM, body_of, form
from tests.unit.loadtests.exchanges import (
    BODY,
    SECOND,
    SENDER,
    Exchange,
    Store,
    manifest_bytes,
    numbered,
    second_document,
    signed_report,
    submission,
)
from tests.unit.loadtests.manifests import CERTIFICATE_SHA256, a_document

PIECES: Final = (
    *(b".", b"=", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"null", b"true"),
    *(
        b"-1",
        b"1e9",
        b"0.5",
        b"9" * 40,
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r\n",
        b"--",
        b"\xcc\x80",
    ),
    *(
        b"\r\n--" + BOUNDARY.encode(),
        b"--\r\n",
        b'name="manifest"',
        b";",
        b"(",
        b")",
        b"%00",
        b"\xe2\x80\xae",
    ),
)


def mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    """One of the corpus with one to four changes, each somewhere."""
    data = random.choice(corpus)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice((0, 1, 2, 8, 40)))
        piece = data[start:end]
        match random.randrange(8):
            case 0:
                piece = bytes(byte ^ 1 << random.randrange(8) for byte in piece)
            case 1:
                piece = b""
            case 2:
                piece = piece * random.choice((2, 3, 100))
            case 3:
                piece = random.choice(PIECES)
            case 4:
                piece = random.randbytes(random.randrange(12))
            case 5:
                other = random.choice(corpus)
                piece = other[random.randint(0, len(other)) :][:80]
            case 6:
                piece = random.choice(PIECES) * random.choice((1, 10, 600))
            case _:
                piece, end = b"", len(data)
        data = data[:start] + piece + data[end:]
    return data


KEY: Final = MessageKey(SENDER, "message-0001")


@cache
def manifests() -> tuple[bytes, ...]:
    """Manifests of each kind."""
    return (
        manifest_bytes(),
        manifest_bytes(documents=[a_document(), second_document()], due_date="2026-02-01"),
        manifest_bytes(kind=1, refers_to="message-0001", documents=[]),
    )


@cache
def compacts() -> tuple[bytes, ...]:
    """Signed objects."""
    return (
        *(submission(one) for one in manifests()),
        numbered(1),
        signed_report("event-0001", Action.ACCEPT, KEY),
    )


@cache
def evidences() -> tuple[bytes, ...]:
    """Evidence of several events, as payloads."""
    exchange = Exchange(Store())
    accepted, taken = (
        exchange.send(numbered(1)),
        exchange.report(signed_report("event-0001", Action.ACCEPT, KEY)),
    )
    rejected = exchange.send(numbered(2, audience="other.example"))
    assert isinstance(accepted, Accepted)
    assert isinstance(taken, Taken)
    assert isinstance(rejected, Rejected)
    assert rejected.evidence is not None
    return tuple(jws.parse(one).payload for one in (accepted.receipt, taken.evidence, rejected.evidence))


@cache
def fields() -> tuple[bytes, ...]:
    """Header fields of signed requests, one for each line."""
    made = (
        sign_request(
            "GET", "http://a/v1/inbox", digest, key(SECOND), CERTIFICATE_SHA256, at=AT, nonce="a" * 20
        )
        for digest in (None, sha256(b"a").digest())
    )
    return tuple("\n".join(f"{name}: {value}" for name, value in one.items()).encode() for one in made)


def read_fields(data: bytes) -> object:
    """The signature in lines of a header, as a server gets them."""
    lines = (line.partition(": ") for line in data.decode("latin-1").split("\n"))
    return read_signature(Lines([(name, value) for name, _, value in lines]))


class Lines:
    """A header."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._lines = lines

    def items(self) -> Iterator[tuple[str, str]]:
        """Its lines."""
        return iter(self._lines)


def payloads(*signed: bytes) -> tuple[bytes, ...]:
    """What was signed."""
    return tuple(jws.parse(one).payload for one in signed)


class Taking:
    """Takes bodies in, as a server does, over a folder."""

    def __init__(self, path: Path, executor: ThreadPoolExecutor) -> None:
        self.settings = Settings(path, inline_bytes_max=64)  # so that files are made, too
        self.blobs = Blobs(path / "blobs", path / "incoming")
        self.path = path
        self._threads = Threads(executor)

    async def __call__(self, pieces: Sequence[bytes]) -> tuple[bytes, ...] | None:
        """What was received (digests, the manifest first), or None where it was refused."""
        waiting = [*pieces, b""]

        async def receive() -> dict[str, Any]:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

        scope = {"headers": [(b"content-type", FORM.encode())]}
        try:
            intake = Intake(Body(scope, receive, self.settings), self.settings, self.blobs, self._threads)
            try:
                compact = await intake.manifest()
                received = await intake.documents(manifest.parse(manifest_of_bodies()))
            finally:
                intake.discard()
        except Refusal:
            return None
        finally:
            incoming = self.path / "incoming"
            assert not incoming.exists() or not list(incoming.iterdir())
        return sha256(compact).digest(), *(one.sha256 for one in received)


LARGE: Final = b"0123456789" * 20


@cache
def manifest_of_bodies() -> bytes:
    """Names a small and a large document."""
    return manifest_bytes(
        documents=[a_document(), a_document(name="b.pdf", size_bytes=len(LARGE))], message_id="message-0001"
    )


@cache
def bodies() -> tuple[bytes, ...]:
    """Bodies with these documents."""
    signed = ("manifest", "application/jose", numbered(1))
    return (
        body_of(numbered(1), BODY, LARGE),
        form(signed, ("document", "a/b", BODY), ("document", "a/b", LARGE)),
    )
