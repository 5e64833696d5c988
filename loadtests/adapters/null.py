"""The adapter of the null server: what the generator itself can do, with bodies of the schedule's sizes.

Rule kept here: a message costs here what cannot be left out: an id, a body, a request; a signature where it is asked
for. Its receipt proves nothing but that it is the answer to this very message.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar, Final

from loadtests.adapters.base import (
    Adapter,
    AdapterError,
    Context,
    Io,
    Message,
    NoAnswer,
    Outcome,
    ReceiptError,
    Request,
    TargetError,
)
from loadtests.adapters.bodies import Bodies, Document
from loadtests.adapters.ids import Ids
from loadtests.adapters.servers.null_server import receipt_of
from loadtests.exchange import keys
from loadtests.exchange.pki_keys import KeyKind, derive_key
from loadtests.harness.records import Poison

PATH: Final = "/v1/messages"
_TRUE: Final = frozenset({"true", "yes", "1"})
_FALSE: Final = frozenset({"false", "no", "0", ""})


class NullAdapter(Adapter):
    """The null server, or a calibrated one, under load.

    Args:
        context: What it works with.

    Raises:
        AdapterError: ``E-OPTION``, ``E-NONCE``.
    """

    name: ClassVar[str] = "null"
    poisons: ClassVar[frozenset[Poison]] = frozenset()
    collects: ClassVar[bool] = False
    options: ClassVar[Mapping[str, str]] = {
        "sign": "true: sign each message with a key on P-256 (default false)"
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        text = context.options.get("sign", "").lower()
        if text not in _TRUE | _FALSE:
            raise AdapterError("E-OPTION", f"found sign={text[:40]}", "sign: true or false")
        entropy = sha256(f"congvan null {context.seed}".encode()).digest()
        self._key = derive_key(KeyKind.P256, entropy) if text in _TRUE else None
        self._ids = Ids(context.nonce)
        self._bodies = Bodies(context.seed, self._ids)

    def setup(self, io: Io) -> None:
        """See that a null server answers.

        Raises:
            TargetError: ``E-TARGET``.
        """
        hint = "start one: python -m loadtests.adapters.servers.null_server --port 0"
        try:
            found = self.metrics(io)
        except NoAnswer as none:
            raise TargetError("E-TARGET", f"no answer: {none.code} {none.detail}".rstrip(), hint) from None
        if found is None:
            raise TargetError("E-TARGET", f"{self.context.target} is no null server", hint)

    def make(self, number: int) -> tuple[int, Document]:
        """The document of an arrival."""
        size_bytes = int(self.context.schedule.size_bytes[number])
        return number, self._bodies.document(number, size_bytes)

    def sign(self, draft: tuple[int, Document]) -> Message:
        """The message; signed where it was asked for."""
        number, document = draft
        id_ = self._ids.id_of(number)
        headers = {"Content-Type": "application/pdf", "X-Message-Id": id_}
        if self._key is not None:
            signature = keys.sign(self._key, document.sha256)
            headers["X-Signature"] = base64.b64encode(signature).decode("ascii")
        return Message(number, id_, document.sha256, Request("POST", PATH, headers, document.pieces))

    def submit(self, message: Message, io: Io) -> Outcome:
        """Send a message, once.

        Raises:
            NoAnswer: None came.
        """
        answer = io.request(message.request)
        if answer.status == 201:
            return Outcome(True, receipt=answer.body, answer=answer)
        code, again = f"http-{answer.status}", answer.status in {429, 503}
        refused = again or 400 <= answer.status < 500
        return Outcome(False if refused else None, code, again=again, answer=answer)

    def verify(self, message: Message, receipt: bytes) -> None:
        """Check that the receipt names this message.

        Raises:
            ReceiptError: ``receipt-other``: it does not.
        """
        if receipt != receipt_of(message.id):
            found = f"found {receipt[:80]!a}"
            raise ReceiptError("receipt-other", found, f"the receipt of {message.id}")

    def id_of(self, number: int) -> str:
        """The message id of an arrival."""
        return self._ids.id_of(number)

    def number_of(self, id_: str) -> int | None:
        """The arrival of a message id; None for one of another run."""
        return self._ids.number_of(id_)

    def metrics(self, io: Io) -> Mapping[str, float] | None:
        """How many messages the server has counted, and how many different ones; None where it is another server.

        Raises:
            NoAnswer: None came.
        """
        answer = io.request(Request("GET", "/stats"))
        try:
            found: Any = json.loads(answer.body) if answer.status == 200 else None
            return {name: float(found[name]) for name in ("requests", "unique")}
        except (ValueError, TypeError, KeyError):
            return None

    def describe(self, io: Io) -> Mapping[str, Any]:  # noqa: ARG002 - there is nothing to ask
        """What it is."""
        return {"name": "null server"}
