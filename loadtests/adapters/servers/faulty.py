"""A deliberately faulty exchange, to see whether the harness finds out: the real server with faults planted in it.

Rule kept here: faults are planted from outside, in this process only, at the one place that each is about; without
``--faults`` this is the reference exchange, and every fault that strikes is told in ``--planted``.

    python -m loadtests.adapters.servers.faulty --data DIR --port 0 --seed 1 --planted FILE
        --faults lose=0.01,duplicate=0.01,forge=1,wrong-receipt=0.01,hollow=0.01,early=2s,stall=2s@10s
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from loadtests.adapters.base import AdapterError
from loadtests.adapters.servers import reference_server
from loadtests.adapters.servers.faults import Faults, Planted
from loadtests.adapters.servers.faulty_store import EarlyStore, FaultyStore
from loadtests.endpoint import app, server
from loadtests.exchange import acceptance, jws, reporting_verification, verification
from loadtests.exchange.acceptance import Accepted
from loadtests.exchange.errors import Refusal
from loadtests.exchange.nonces import Nonces
from loadtests.exchange.strict import LIMITS, parse_object

FORGE: Final = "forge"
WRONG_RECEIPT: Final = "wrong-receipt"


def plant(faults: Faults, planted: Planted) -> None:
    """Make the exchange of this process faulty.

    Args:
        faults: What is wrong.
        planted: Who is struck.
    """
    shown = faults.lose or faults.duplicate or faults.hollow
    if shown:
        _replace(
            server, "open_store", lambda made: _then(made, lambda one: FaultyStore(one, faults, planted))
        )
    if faults.early_s:
        _replace(
            server,
            "open_store",
            lambda made: _then(made, lambda one: EarlyStore(one, faults.early_s, planted)),
        )
    if faults.forge:
        _plant_forgery(faults.forge, planted)
    if faults.wrong_receipt:
        _replace(app, "_accepted", lambda answer: WrongReceipts(answer, faults.wrong_receipt, planted))
    if faults.stall_s:
        _replace(server, "build_app", lambda build: _then(build, lambda one: Stalling(one, faults, planted)))


def _replace(module: Any, name: str, wrapped: Callable[[Any], Any]) -> None:
    """Put something around what a module knows by a name."""
    vars(module)[name] = wrapped(vars(module)[name])


def _then(made: Callable[..., Any], wrapped: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: wrapped(made(*arguments, **named))


# --- forgeries ----------------------------------------------------------------------------------------------------


def _plant_forgery(share: float, planted: Planted) -> None:
    """Let checks fail for nobody who is struck; whatever else is wrong is refused as ever."""

    def forgiving(check: Callable[..., Any], id_of: Callable[..., str], instead: Callable[..., Any]) -> Any:
        def checked(*arguments: Any, **named: Any) -> Any:
            try:
                return check(*arguments, **named)
            except Refusal as refusal:
                message_id = id_of(*arguments)
                if not message_id or not planted.strikes(FORGE, share, message_id):
                    raise
                planted.tell(FORGE, message_id, code=refusal.code)
                return instead(*arguments)

        return checked

    _replace(jws, "check", lambda check: forgiving(check, _named_in, lambda signed, _: signed.payload))
    _Lenient(share, planted).plant()
    _replace(
        acceptance,
        "check_documents",
        lambda check: forgiving(check, lambda content, _: content.message_id, lambda *_: None),
    )
    take = Nonces.take

    def taken(self: Nonces, agency: str, nonce: str, **times: Any) -> None:
        try:
            take(self, agency, nonce, **times)
        except Refusal as refusal:
            if refusal.code != "nonce-replayed" or not planted.strikes(FORGE, share, nonce):
                raise
            planted.tell("forged-read", nonce)

    Nonces.take = taken  # type: ignore[method-assign] # only here, and only to be wrong


class _Lenient:
    """Neither revocation lists nor the owner of a certificate count for who is struck.

    The functions that look at them do not know the message: it is the one that is being verified, by the one thread
    that verifies.
    """

    def __init__(self, share: float, planted: Planted) -> None:
        self._share = share
        self._planted = planted
        self._message_id = ""

    def plant(self) -> None:
        """Put it in place."""
        for module in (verification, reporting_verification):
            _replace(module, "origin_of", lambda of: self._noting(of, _named_in))
        _replace(acceptance, "renewed", lambda of: self._noting(of, lambda one, *_: one.manifest.message_id))
        _replace(verification, "_unrevoked", self._forgiving_revocation)
        _replace(verification, "_require_sender", self._forgiving_sender)

    def _noting(self, work: Callable[..., Any], id_of: Callable[..., str]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            self._message_id = id_of(*arguments)
            return work(*arguments)

        return noted

    def _forgiving_revocation(self, unrevoked: Callable[..., Any]) -> Callable[..., Any]:
        def snapshots(known: Any, view: Any, terms: Any) -> Any:
            try:
                return unrevoked(known, view, terms)
            except Refusal as refusal:
                self._forgive(refusal)
                revocations, freshness = view.trusted.revocations, terms.freshness
                return revocations.status_of(known.links, at=view.now, freshness=freshness).snapshots

        return snapshots

    def _forgiving_sender(self, require: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*arguments: Any) -> None:
            try:
                require(*arguments)
            except Refusal as refusal:
                self._forgive(refusal)

        return checked

    def _forgive(self, refusal: Refusal) -> None:
        if not self._message_id or not self._planted.strikes(FORGE, self._share, self._message_id):
            raise refusal
        self._planted.tell(FORGE, self._message_id, code=refusal.code)


def _named_in(signed: jws.Unverified, *_: object) -> str:
    """The message that a signed manifest says it is; empty for what is no manifest."""
    if signed.typ != jws.MANIFEST_TYPE:
        return ""
    try:
        size_bytes_max, depth_max = LIMITS.manifest_bytes_max, LIMITS.json_depth_max
        values = parse_object(signed.payload, size_bytes_max=size_bytes_max, depth_max=depth_max)
    except Refusal:
        return ""
    found = values.get("message_id")
    return found if isinstance(found, str) else ""


# --- receipts -----------------------------------------------------------------------------------------------------


class WrongReceipts:
    """Answers accepted messages with receipts that do not hold: another's, or one with a broken signature.

    Args:
        answer: What answers an accepted message.
        share: Of messages that are struck.
        planted: Who is struck.
    """

    def __init__(self, answer: Callable[[Accepted], Any], share: float, planted: Planted) -> None:
        self._answer = answer
        self._share = share
        self._planted = planted
        self._last: Accepted | None = None
        self._given: dict[str, bytes] = {}

    def __call__(self, accepted: Accepted) -> Any:
        """The answer; a message that comes again is given the same wrong receipt."""
        message_id, last = accepted.key.message_id, self._last
        if not self._planted.strikes(WRONG_RECEIPT, self._share, message_id):
            self._last = accepted
            return self._answer(accepted)
        wrong = self._given.get(message_id)
        if wrong is None:
            other = last is not None and len(self._given) % 2 == 0
            wrong = last.receipt if other and last is not None else _broken(accepted.receipt)
            self._given[message_id] = wrong
            self._planted.tell(WRONG_RECEIPT, message_id, how="another's" if other else "signature")
        return self._answer(Accepted(accepted.key, wrong, accepted.replayed))


def _broken(receipt: bytes) -> bytes:
    """The receipt with one letter of its signature changed."""
    signed, _, signature = receipt.rpartition(b".")
    letter = b"B" if signature[8:9] != b"B" else b"C"
    return signed + b"." + signature[:8] + letter + signature[9:]


# --- stalls -------------------------------------------------------------------------------------------------------


class Stalling:
    """Begins no request for a while, again and again; what was begun before goes on.

    Args:
        application: What answers.
        faults: How long, and how often.
        planted: Is told of each stall.
        clock: s since the epoch.
    """

    def __init__(
        self, application: ASGIApp, faults: Faults, planted: Planted, clock: Callable[[], float] = time.time
    ) -> None:
        self._application = application
        self._long_s, self._every_s = faults.stall_s, faults.stall_every_s
        self._planted = planted
        self._clock = clock
        self._began = clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, perhaps later."""
        now = self._clock()
        turn, within_s = divmod(now - self._began, self._every_s)
        if within_s >= self._every_s - self._long_s:
            until = self._began + (turn + 1) * self._every_s
            self._planted.tell("stall", f"stall-{turn:.0f}", from_unix=until - self._long_s, until_unix=until)
            await asyncio.sleep(until - now)
        await self._application(scope, receive, send)


def main() -> None:
    """Serve as the command line says."""
    options = reference_server.options(__doc__)
    options.add_argument("--faults", default="", help="none where it is left out")
    options.add_argument("--seed", type=int, default=0, help="of who is struck")
    options.add_argument("--planted", type=Path, help="file that each fault is appended to")
    given = options.parse_args()
    try:
        faults = Faults.parse(given.faults)
    except AdapterError as error:
        options.error(str(error))
    plant(faults, Planted(given.seed, given.planted))
    reference_server.run(given)


if __name__ == "__main__":
    main()
