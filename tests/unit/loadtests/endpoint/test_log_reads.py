"""The log for anybody: checkpoints and proofs that hold, and nothing beyond what was signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.exchange import checkpoint, merkle
from loadtests.exchange.strict import decode_base64url
from tests.unit.loadtests.endpoint.reading import Exchange, code_of, run


def test_every_leaf_can_be_proven_to_stand_below_the_signed_head(tmp_path: Path) -> None:
    """With what anybody may ask for, and with nothing else."""

    async def test(exchange: Exchange) -> None:
        receipts = [await exchange.send(number) for number in range(1, 6)]
        answer = await exchange.get("/v1/log/checkpoint")
        assert answer.headers["content-type"] == "application/jose"
        head = checkpoint.check(answer.content, exchange.issuer)
        assert head.size == len(receipts)
        for leaf in range(5):
            proof = (await exchange.get(f"/v1/log/inclusion?leaf={leaf}&size=5")).json()
            hashes = [decode_base64url(one) for one in proof["hashes"]]
            found = (await exchange.get(f"/v1/log/leaves/{leaf}")).json()["leaf_hash"]
            merkle.verify_inclusion(decode_base64url(found), leaf, 5, hashes, head.root)

    run(tmp_path, test)


def test_a_later_head_can_be_proven_to_extend_an_earlier_one(tmp_path: Path) -> None:
    """Whoever kept the earlier one sees that nothing was rewritten."""

    async def test(exchange: Exchange) -> None:
        heads = []
        for number in (1, 2, 3):
            await exchange.send(number)
            found = await exchange.get("/v1/log/checkpoint")
            heads.append(checkpoint.check(found.content, exchange.issuer))
        proof = (await exchange.get("/v1/log/consistency?first=1&second=3")).json()
        assert (proof["first"], proof["second"]) == (1, 3)
        checkpoint.extends(heads[0], heads[2], [decode_base64url(one) for one in proof["hashes"]])

    run(tmp_path, test, checkpoint_s=0.001)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("inclusion?leaf=0&size=2", "log-range-invalid"),
        ("inclusion?leaf=1&size=1", "log-range-invalid"),
        ("inclusion?leaf=0&size=0", "query-invalid"),
        ("inclusion?size=1", "query-invalid"),
        ("inclusion?leaf=0&size=1&root=x", "query-invalid"),
        ("consistency?first=0&second=1", "query-invalid"),
        ("consistency?first=1&second=2", "log-range-invalid"),
        ("leaves/1", "log-range-invalid"),
        ("leaves/-1", "not-found"),
        ("leaves/last", "not-found"),
        ("checkpoint?size=1", "query-invalid"),
    ],
)
def test_nothing_is_said_about_what_no_checkpoint_covers(tmp_path: Path, target: str, code: str) -> None:
    """Although the log has grown since; and size zero proves nothing."""

    async def test(exchange: Exchange) -> None:
        early = await exchange.get("/v1/log/leaves/0")
        assert (early.status_code, code_of(early)) == (400, "log-range-invalid")
        await exchange.send(1)
        await exchange.service.checkpoint()
        await exchange.send(2)
        assert code_of(await exchange.get(f"/v1/log/{target}")) == code

    run(tmp_path, test)
