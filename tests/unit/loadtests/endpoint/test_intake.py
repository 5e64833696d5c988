"""Taking in a body: parts, sizes, time, files."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from loadtests.endpoint.driver import Threads
from loadtests.endpoint.intake import Body, Intake
from loadtests.endpoint.settings import Settings
from loadtests.endpoint.store.blobs import Blobs
from loadtests.exchange import manifest as manifests
from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import Document, Manifest
from loadtests.exchange.verification import Received
from tests.unit.loadtests.endpoint.servers import BOUNDARY, FORM, body_of, form
from tests.unit.loadtests.exchanges import BODY, manifest_bytes

COMPACT = b"header.payload.signature"
SIGNED = ("manifest", "application/jose", COMPACT)
PDF = "application/pdf"


def content_of(*documents: bytes) -> Manifest:
    """A manifest that names these documents."""
    named = (Document(f"{n}.pdf", PDF, len(one), sha256(one).digest()) for n, one in enumerate(documents))
    return replace(manifests.parse(manifest_bytes()), documents=tuple(named))


@contextmanager
def rig(path: Path, **settings: Any) -> Iterator[Callable[..., Rig]]:
    """Makes intakes over a folder."""
    with ThreadPoolExecutor(1) as executor:
        blobs = Blobs(path / "blobs", path / "incoming")

        def make(*pieces: bytes, ends: bool = True, **headers: str) -> Rig:
            return Rig(Settings(path, **settings), blobs, Threads(executor), pieces, ends, headers)

        yield make


class Rig:
    """One request: its pieces come one after the other."""

    def __init__(
        self,
        settings: Settings,
        blobs: Blobs,
        threads: Threads,
        pieces: tuple[bytes, ...],
        ends: bool,
        headers: dict[str, str],
    ) -> None:
        self.waiting = list(pieces)
        self.ends = ends
        self.blobs = blobs
        said = {"content-type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {"headers": [(name.encode(), value.encode()) for name, value in said.items()]}
        self.body = Body(scope, self.receive, settings)
        self.settings, self.threads = settings, threads

    async def receive(self) -> dict[str, Any]:
        """The next piece; nothing for ever where the sender is silent."""
        if self.waiting:
            piece = self.waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self.waiting) or not self.ends}
        if self.ends:
            return {"type": "http.disconnect"}
        await asyncio.sleep(60)
        raise AssertionError

    async def take(self, content: Manifest | None = None) -> tuple[bytes, tuple[Received, ...]]:
        """All of it."""
        intake = Intake(self.body, self.settings, self.blobs, self.threads)
        try:
            compact = await intake.manifest()
            return compact, await intake.documents(content or content_of(BODY))
        finally:
            intake.discard()


def run(main: Awaitable[Any]) -> Any:
    """Run it, within a deadline."""

    async def within() -> Any:
        async with asyncio.timeout(10):
            return await main

    return asyncio.run(within())


def refused(main: Awaitable[Any]) -> Refusal:
    """What it is refused with."""
    with pytest.raises(Refusal) as caught:
        run(main)
    return caught.value


def files(path: Path) -> list[Path]:
    """All files below a folder."""
    return [one for one in path.rglob("*") if one.is_file()]


# --- what comes right -------------------------------------------------------------------------------------------


def test_small_documents_stay_in_memory(tmp_path: Path) -> None:
    """A small document is given on as its bytes, with digest and size; no file is made."""
    with rig(tmp_path) as make:
        compact, received = run(make(body_of(COMPACT, BODY)).take())
    assert compact == COMPACT
    assert received == (Received(sha256(BODY).digest(), len(BODY), BODY),)
    assert not files(tmp_path)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pieces_may_be_cut_anywhere(tmp_path: Path, size: int) -> None:
    """However the body is cut, the same comes out; also a cut within the boundary at the end."""
    documents = (b"\r\n--" + BOUNDARY.encode()[:-1], b"\r\n" * 30, b"-" * 90)
    body = body_of(COMPACT, *documents)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with rig(tmp_path) as make:
        compact, received = run(make(*pieces).take(content_of(*documents)))
    assert compact == COMPACT
    assert [one.place for one in received] == list(documents)


def test_large_documents_become_files(tmp_path: Path) -> None:
    """A document that is larger than the memory's share stands as a file under its digest, byte for byte."""
    large, small = os.urandom(3000), b"small"
    body = body_of(COMPACT, small, large)
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    with rig(tmp_path, inline_bytes_max=1000, spool_bytes=256) as make:
        made = make(*pieces)
        _, received = run(made.take(content_of(small, large)))
        assert received[1] == Received(sha256(large).digest(), 3000, None)
        assert received[0].place == small
        assert made.blobs.path(received[1].sha256).read_bytes() == large
        assert len(files(tmp_path)) == 1


def test_many_small_documents_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Small documents beyond a message's share of memory become files as well."""
    documents = (b"a" * 600, b"b" * 600, b"c" * 300)
    with rig(tmp_path, inline_bytes_max=1000, inline_message_bytes_max=1000) as make:
        _, received = run(make(body_of(COMPACT, *documents)).take(content_of(*documents)))
    assert [one.place for one in received] == [documents[0], None, documents[2]]


def test_the_rest_can_be_skipped(tmp_path: Path) -> None:
    """What is not wanted is read away to its end."""
    with rig(tmp_path) as make:
        body = body_of(COMPACT, BODY)
        made = make(body[:-60], body[-60:])
        intake = Intake(made.body, made.settings, made.blobs, made.threads)
        run(intake.manifest())
        run(intake.skip())
        assert made.body.complete


# --- what does not ----------------------------------------------------------------------------------------------

FORMS = {
    "no form": (body_of(COMPACT), {"content_type": "application/json"}, "body-invalid"),
    "no boundary": (body_of(COMPACT), {"content_type": "multipart/form-data"}, "body-invalid"),
    "long boundary": (
        body_of(COMPACT),
        {"content_type": f"multipart/form-data; boundary={'b' * 71}"},
        "body-invalid",
    ),
    "two types": (body_of(COMPACT), {"content_type": f"{FORM}, text/plain"}, "body-invalid"),
    "compressed": (body_of(COMPACT), {"content_encoding": "gzip"}, "content-encoding-unsupported"),
    "compressed in chunks": (body_of(COMPACT), {"transfer_encoding": "gzip"}, "content-encoding-unsupported"),
    "too long": (body_of(COMPACT), {"content_length": "2000000000"}, "body-too-large"),
    "nothing": (b"", {}, "body-invalid"),
    "no part": (b"a" * 100, {}, "body-invalid"),
    "no parts": (f"--{BOUNDARY}--\r\n".encode(), {}, "body-invalid"),
    "other first": (form(("document", PDF, BODY), SIGNED), {}, "body-invalid"),
    "manifest of another type": (form(("manifest", "text/plain", COMPACT)), {}, "body-invalid"),
    "manifest without a type": (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="manifest"\r\n\r\na\r\n--{BOUNDARY}--'.encode(),
        {},
        "body-invalid",
    ),
    "two manifests": (form(SIGNED, SIGNED), {}, "body-invalid"),
    "another part": (form(SIGNED, ("document", PDF, BODY), ("note", PDF, b"a")), {}, "body-invalid"),
    "nested": (form(SIGNED, ("document", "multipart/mixed; boundary=b", BODY)), {}, "body-invalid"),
    "encoded part": (
        body_of(COMPACT).replace(b"application/pdf", b"application/pdf\r\nContent-Transfer-Encoding: base64"),
        {},
        "body-invalid",
    ),
    "a document more": (body_of(COMPACT, BODY, BODY), {}, "documents-incomplete"),
    "a thousand parts": (body_of(COMPACT, *[b"a"] * 1000), {}, "documents-incomplete"),
    "a thousand headers": (
        body_of(COMPACT).replace(b"application/pdf", b"application/pdf" + b"\r\nX-A: b" * 1000),
        {},
        "body-invalid",
    ),
    "a long header": (
        body_of(COMPACT).replace(b"application/pdf", b"application/" + b"p" * 5000),
        {},
        "body-invalid",
    ),
    "a larger document": (body_of(COMPACT, BODY + b"!"), {}, "body-too-large"),
    "a larger manifest": (body_of(b"a" * 200_000), {}, "jws-too-large"),
    "cut in a document": (body_of(COMPACT, BODY)[:-40], {}, "request-incomplete"),
    "cut before the end": (body_of(COMPACT, BODY)[:-6], {}, "request-incomplete"),
    "a preamble without end": (b"a" * 20_000, {}, "body-invalid"),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_not_a_submission(tmp_path: Path, name: str) -> None:
    """Each way to send something else is refused with its code, and leaves no part of a file."""
    body, headers, code = FORMS[name]
    with rig(tmp_path, inline_bytes_max=1) as make:
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]
        assert refused(make(*pieces, **headers).take()).code == code
    assert not files(tmp_path / "incoming")


def test_a_thousand_parts_at_once(tmp_path: Path) -> None:
    """A thousand parts in one piece are not even told apart."""
    with rig(tmp_path) as make:
        refusal = refused(make(body_of(COMPACT, *[b"a"] * 1000)).take(content_of(*[b"a"] * 50)))
    assert refusal.code == "body-invalid"


def test_fewer_documents_are_told_by_the_machine(tmp_path: Path) -> None:
    """What is missing is left to the accept sequence, which compares with the manifest."""
    with rig(tmp_path) as make:
        _, received = run(make(form(SIGNED)).take())
    assert received == ()


def test_another_document_leaves_no_file(tmp_path: Path) -> None:
    """A large document with another digest is told with its digest, and not kept."""
    sent, named = b"a" * 3000, b"b" * 3000
    with rig(tmp_path, inline_bytes_max=1000) as make:
        _, received = run(make(body_of(COMPACT, sent)).take(content_of(named)))
    assert received[0].sha256 == sha256(sent).digest()
    assert not files(tmp_path)


def test_a_larger_document_is_stopped_at_once(tmp_path: Path) -> None:
    """No more is read of a document than the manifest names, and a piece."""
    endless = body_of(COMPACT, b"a" * 1_000_000)
    with rig(tmp_path) as make:
        made = make(*[endless[at : at + 1000] for at in range(0, len(endless), 1000)])
        assert refused(made.take(content_of(b"a" * 2000))).code == "body-too-large"
        assert made.body.read_bytes < 5000


def test_an_epilogue_is_bounded(tmp_path: Path) -> None:
    """What comes after the last part is read away, but not without end."""
    with rig(tmp_path) as make:
        run(make(body_of(COMPACT), b"\r\n").take())
        made = make(body_of(COMPACT), *[b"a" * 1000] * 1000)
        assert refused(made.take()).code == "body-too-large"
        assert made.body.read_bytes < 300_000


def test_a_sender_that_goes_away(tmp_path: Path) -> None:
    """A connection that ends within a large document leaves no file."""
    body = body_of(COMPACT, b"a" * 3000)
    with rig(tmp_path, inline_bytes_max=10, spool_bytes=100) as make:
        made = make(body[:500], body[500:1500])
        made.ends = True
        made.waiting.append(b"")
        receive = made.body._receive

        async def broken() -> Any:
            message = await receive()
            return message if message.get("body") else {"type": "http.disconnect"}

        made.body._receive = broken
        assert refused(made.take(content_of(b"a" * 3000))).code == "request-incomplete"
    assert not files(tmp_path)


@pytest.mark.parametrize(
    ("name", "first", "second", "code"),
    [
        ("content-type", "text/plain", FORM, "body-invalid"),
        ("content-type", FORM, "text/plain", "body-invalid"),
        ("content-encoding", "gzip", "identity", "content-encoding-unsupported"),
    ],
)
def test_no_line_of_a_header_is_passed_over(
    tmp_path: Path, name: str, first: str, second: str, code: str
) -> None:
    """Where a field stands on two lines, both count."""
    with rig(tmp_path) as make:
        made = make(body_of(COMPACT))
        lines = {"content-type": [FORM]} | {name: [first, second]}
        found = [(field.encode(), value.encode()) for field, values in lines.items() for value in values]
        made.body = Body({"headers": found}, made.receive, made.settings)
        assert refused(made.take()).code == code


@pytest.mark.parametrize(
    "media_type",
    [f'Multipart/Form-Data;boundary="{BOUNDARY}"', f"multipart/form-data ; boundary={BOUNDARY}"],
)
def test_other_ways_to_write_the_boundary(tmp_path: Path, media_type: str) -> None:
    """A boundary may stand in quotes, and names have no case."""
    with rig(tmp_path) as make:
        assert run(make(body_of(COMPACT), content_type=media_type).take())[0] == COMPACT


# --- time -------------------------------------------------------------------------------------------------------


def test_a_silent_sender(tmp_path: Path) -> None:
    """Who sends nothing for too long is refused, and may send it again."""
    body = body_of(COMPACT, b"a" * 3000)
    with rig(tmp_path, body_idle_s_max=0.02, inline_bytes_max=10) as make:
        refusal = refused(make(body[:1000], ends=False).take(content_of(b"a" * 3000)))
        assert (refusal.code, refusal.kind.retryable) == ("body-too-slow", True)
    assert not files(tmp_path)


def test_a_dripping_sender(tmp_path: Path) -> None:
    """Who sends a byte now and then is refused when the time is over, though never silent for long."""
    body = body_of(COMPACT)
    with rig(tmp_path, body_idle_s_max=5, body_s_max=0.3, body_bytes_per_s_min=10**9) as make:
        made = make(*[body[at : at + 1] for at in range(len(body))])
        receive = made.body._receive

        async def slowly() -> Any:
            await asyncio.sleep(0.01)
            return await receive()

        made.body._receive = slowly
        assert refused(made.take()).code == "body-too-slow"
        assert made.body.read_bytes < len(body)


def test_what_comes_buys_time(tmp_path: Path) -> None:
    """A slow line that keeps the least rate is waited for longer than a silent one."""
    body = body_of(COMPACT)
    with rig(tmp_path, body_s_max=0.2, body_bytes_per_s_min=100) as make:
        made = make(*[body[at : at + 10] for at in range(0, len(body), 10)])
        receive = made.body._receive

        async def slowly() -> Any:
            await asyncio.sleep(0.02)
            return await receive()

        made.body._receive = slowly
        assert run(made.take())[0] == COMPACT


# --- the disk ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "store-full"), (errno.EIO, "store-unavailable")])
def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str) -> None:
    """A disk that is full or broken refuses the document for now, and leaves no file."""

    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with rig(tmp_path, inline_bytes_max=10) as make:
        made = make(body_of(COMPACT, b"a" * 3000))
        monkeypatch.setattr(os, "fsync", fails)
        assert refused(made.take(content_of(b"a" * 3000))).code == code
    assert not files(tmp_path)


# --- small bodies -----------------------------------------------------------------------------------------------


def test_a_small_body_is_bounded(tmp_path: Path) -> None:
    """A report's body is read whole, and refused when it is larger than any report."""
    with rig(tmp_path) as make:
        assert run(make(b"ab", b"cd").body.whole(4)) == b"abcd"
        assert refused(make(b"ab", b"cd", b"e").body.whole(4)).code == "body-too-large"
        assert refused(make(b"ab", content_length="5").body.whole(4)).code == "body-too-large"
