"""Bytes gone wrong, by the thousand: every reader of the exchange takes them or refuses them, and in linear time.

Unlike ``test_exchange_parsing`` this draws from a plain generator of random numbers, which makes a hundred times as
many; what fails names its seed, and the seed makes the same bytes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from loadtests.exchange import events, evidence, jws, manifest
from loadtests.exchange.acceptance import Rejected
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.reporting import Refused
from tests.property.exchange_bytes import (
    KEY,
    Taking,
    bodies,
    compacts,
    evidences,
    fields,
    manifests,
    mutated,
    payloads,
    read_fields,
)
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.exchanges import (
    SECOND,
    Exchange,
    Store,
    numbered,
    recall,
    signed_report,
    submission,
)

EXAMPLES: Final = 1000
"""Of each reader; a few seconds for all of them."""
# --- what is read -----------------------------------------------------------------------------------------------


@cache
def reports() -> tuple[bytes, ...]:
    """Reports of every action."""
    said = (signed_report(f"event-{n:04d}", one, KEY) for n, one in enumerate(events.REPORTABLE))
    return payloads(*said)


READERS: Final[Mapping[str, tuple[Callable[[bytes], object], Callable[[], Sequence[bytes]]]]] = {
    "manifest": (manifest.parse, manifests),
    "signed object": (jws.parse, compacts),
    "report": (
        events.parse,
        reports,
    ),
    "evidence": (evidence.parse, evidences),
    "signed request": (read_fields, fields),
}


def fuzz(name: str, seed: int, examples: int) -> None:
    """Nothing but a refusal comes out of a reader, and some of each."""
    reader, corpus = READERS[name]
    random, taken = Random(f"{name} {seed}"), 0
    for one in corpus():
        reader(one)
    for number in range(examples):
        data = mutated(random, corpus()) if number % 10 else random.randbytes(random.randrange(300))
        try:
            reader(data)
            taken += 1
        except Refusal:
            pass
        except Exception as fault:
            raise AssertionError(f"{name}, seed {seed}, number {number}: {data!r}") from fault
    assert 0 < taken < examples


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_or_refuses(name: str) -> None:
    """Whatever comes, it is read or refused with a code."""
    fuzz(name, 1, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_or_refuses_for_long(name: str) -> None:
    """The same with many more."""
    for seed in range(100):
        fuzz(name, seed, 20_000)


# --- properly signed --------------------------------------------------------------------------------------------


def fuzz_signed(seed: int, examples: int) -> None:
    """What a registered agency signs, whatever it is, is accepted or rejected; a rejection moves nothing."""
    random, exchange = Random(f"signed {seed}"), Exchange(Store())
    corpus = (*manifests(), *payloads(recall("message-0009", "message-0001")))
    signer = jws.parse(signed_report("event-0001", Action.ACCEPT, KEY)).certificate_sha256
    exchange.send(numbered(1))
    for number in range(examples):
        leaves = len(exchange.store.units)
        if number % 3:
            outcome: Any = exchange.send(submission(mutated(random, corpus)))
        else:
            payload = mutated(random, reports())
            outcome = exchange.report(
                jws.sign(payload, key(SECOND), signer, at=AT, typ=events.EVENT_TYPE) if payload else b""
            )
        where = f"seed {seed}, number {number}: {outcome}"
        if isinstance(outcome, Rejected | Refused) or outcome.replayed:
            assert len(exchange.store.units) == leaves, where
        else:
            assert len(exchange.store.units) == leaves + 1, where
        assert not exchange.reserved, where


def test_what_is_properly_signed_is_accepted_or_rejected() -> None:
    """A signature makes nonsense no better."""
    fuzz_signed(1, 300)


@pytest.mark.soak
def test_what_is_properly_signed_is_accepted_or_rejected_for_long() -> None:
    """The same with many more."""
    for seed in range(20):
        fuzz_signed(seed, 5_000)


# --- bodies -----------------------------------------------------------------------------------------------------


def split(random: Random, data: bytes) -> list[bytes]:
    """The bytes in pieces, cut anywhere."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice((0, 1, 3, 20))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def fuzz_bodies(seed: int, examples: int) -> None:
    """A body is taken or refused, as the same documents however it is cut, and no file of a part is left."""
    random, taken = Random(f"bodies {seed}"), 0

    async def main(take: Callable[[Sequence[bytes]], Awaitable[tuple[bytes, ...] | None]]) -> int:
        found = 0
        for number in range(examples):
            data = mutated(random, bodies())
            try:
                whole, cut = await take([data]), await take(split(random, data))
            except Exception as fault:
                raise AssertionError(f"bodies, seed {seed}, number {number}: {data!r}") from fault
            assert whole == cut, (seed, number, data)
            found += whole is not None
        return found

    with TemporaryDirectory() as path, ThreadPoolExecutor(1) as executor:
        taken = asyncio.run(main(Taking(Path(path), executor)))
    assert 0 < taken < examples


def test_a_body_is_taken_or_refused_however_it_is_cut() -> None:
    """What a network makes of one body changes nothing."""
    fuzz_bodies(1, 500)


@pytest.mark.soak
def test_a_body_is_taken_or_refused_however_it_is_cut_for_long() -> None:
    """The same with many more."""
    for seed in range(50):
        fuzz_bodies(seed, 5_000)
