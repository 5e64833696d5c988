"""What a stranger sends costs time in proportion to its size, whatever its shape."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from loadtests.exchange import jws, manifest
from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import Limits, parse_object
from tests.property.exchange_bytes import Taking, bodies, read_fields
from tests.unit.loadtests.exchanges import (
    manifest_bytes,
)
from tests.unit.loadtests.manifests import a_document

LOOSE: Final = Limits(manifest_bytes_max=2**24, payload_bytes_max=2**24)
"""So that the size limits, which stand before, do not hide what a reader costs."""


def read_json(data: bytes) -> object:
    """Strict JSON of any size."""
    return parse_object(data, size_bytes_max=2**24, depth_max=8)


def read_multipart(data: bytes) -> object:
    """The parts of a body, in pieces of a few bytes."""

    async def main() -> object:
        with TemporaryDirectory() as path, ThreadPoolExecutor(1) as executor:
            return await Taking(Path(path), executor)([data[at : at + 64] for at in range(0, len(data), 64)])

    return asyncio.run(main())


def documents(number: int) -> bytes:
    """A manifest of so many documents."""
    return manifest_bytes(documents=[a_document(name=f"{n}.pdf") for n in range(number)])


SHAPES: Final[Mapping[str, tuple[Callable[[bytes], object], Callable[[int], bytes], int]]] = {
    "arrays in arrays": (read_json, lambda n: b"[" * n, 100_000),
    "objects in objects": (read_json, lambda n: b'{"a":' * n, 50_000),
    "quotes": (read_json, lambda n: b'"' * n, 100_000),
    "escaped quotes": (read_json, lambda n: b'{"a":"' + b'\\"' * n, 50_000),
    "backslashes": (read_json, lambda n: b'{"a":"' + b"\\" * n, 100_000),
    "halves of pairs": (read_json, lambda n: b'{"a":"' + b"\\ud800" * n + b'"}', 20_000),
    "digits": (read_json, lambda n: b'{"a":' + b"9" * n + b"}", 200_000),
    "members": (read_json, lambda n: json.dumps(dict.fromkeys(map(str, range(n)), 0)).encode(), 10_000),
    "members twice": (read_json, lambda n: b"{" + b'"a":0,' * n + b'"a":0}', 10_000),
    "white space": (read_json, lambda n: b" " * n + b"{}", 200_000),
    "base64": (lambda data: jws.parse(data, LOOSE), lambda n: b"A" * n + b".B.C", 200_000),
    "dots": (lambda data: jws.parse(data, LOOSE), lambda n: b"." * n, 100_000),
    "a subject": (
        lambda data: manifest.parse(data, LOOSE),
        lambda n: manifest_bytes(subject="ế" * n),
        20_000,
    ),
    "documents": (
        lambda data: manifest.parse(data, Limits(manifest_bytes_max=2**24, documents_max=10**6)),
        documents,
        200,
    ),
    "parameters": (read_fields, lambda n: b"signature: a\nsignature-input: a=()" + b";a" * n, 250),
    "labels": (read_fields, lambda n: b"signature: a\nsignature-input: " + b"a=(),b" * n, 80),
    "brackets": (read_fields, lambda n: b"signature: a\nsignature-input: a=" + b"(" * n, 450),
    "almost boundaries": (
        read_multipart,
        lambda n: bodies()[0][:-100] + b"\r\n--a-boundary-of-the-test" * n,
        200,
    ),
    "line ends": (read_multipart, lambda n: bodies()[0][:-100] + b"\r\n" * n, 3_000),
    "before the first part": (read_multipart, lambda n: b"\r\n-" * n, 2_000),
}


@pytest.mark.parametrize("name", SHAPES)
def test_time_is_linear(name: str) -> None:
    """Four times as much takes about four times as long, never sixteen times."""
    reader, shape, size = SHAPES[name]

    def took_s(data: bytes) -> float:
        best_s = float("inf")
        for _ in range(3):
            begun_s = time.process_time()
            with suppress(Refusal):
                reader(data)
            best_s = min(best_s, time.process_time() - begun_s)
        return best_s

    small, large = shape(size), shape(4 * size)
    for _ in range(3):  # another process may have come in between; what is not linear is so each time
        if took_s(large) < 9 * took_s(small) + 0.003:
            return
    pytest.fail(f"{name}: {took_s(small):.4f} s, four times as much {took_s(large):.4f} s")
