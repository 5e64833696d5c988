"""An exchange in place with its clients, and what a simple model of it holds: for ``test_exchange_api``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, TypeVar, cast

import httpx
import pytest

from loadtests.attempts import Problem, Retries
from loadtests.client import Client, Credentials, File, Letter
from loadtests.composing import Prepared
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange.errors import CODES
from loadtests.exchange.lifecycle import TRANSITIONS, Action, Role, State
from loadtests.received import Ref, SignedCheckpoint
from tests.unit.loadtests.authorities import key, leaf
from tests.unit.loadtests.endpoint.servers import FORM, Clock, Exchange, body_of, made
from tests.unit.loadtests.endpoint.servers import folder as new_folder
from tests.unit.loadtests.exchanges import SECOND, SENDER, THIRD

T = TypeVar("T")
AGENCIES: Final = (SENDER, SECOND, THIRD)
URL: Final = "http://exchange.test"
ANSWER_S_MAX: Final = 1000
# What a server does from time to time is done here when a rule says so: the loop stands still in between.
SETTINGS: Final = {
    "answer_s_max": ANSWER_S_MAX,
    "checkpoint_s": 1e-6,
    **dict.fromkeys(("trust_every_s", "expiry_every_s", "orphans_every_s", "checkpoint_every_s"), 1e9),
}
TABLE: Final = {(row.before, row.action): row for row in TRANSITIONS}


class InPlace(httpx.BaseTransport):
    """Hands requests to an application on a loop that runs only meanwhile.

    Args:
        runner: The loop.
        app: The application.
    """

    def __init__(self, runner: asyncio.Runner, app: Any) -> None:
        self._runner = runner
        self._transport = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""

        async def ask() -> httpx.Response:
            sent = httpx.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=b"".join(cast("Iterator[bytes]", request.stream)),
            )
            answer = await self._transport.handle_async_request(sent)
            body = await answer.aread()
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)

        return self._runner.run(ask())


class ClientClock:
    """The server's clock, as clients read it; they never wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """The time of day."""
        return self._clock.now

    def elapsed_s(self) -> float:
        """The same."""
        return self._clock.now

    def sleep(self, wait_s: float) -> None:
        """Time goes on."""
        self._clock.now += wait_s


@dataclass
class Sent:
    """A message as the model knows it."""

    prepared: Prepared
    receipt: bytes
    leaf_index: int
    accepted_at: int
    states: dict[str, State]
    collected: dict[str, set[int]] = field(default_factory=dict)
    handed_over: set[str] = field(default_factory=set)
    consignments: dict[str, bytes] = field(default_factory=dict)
    reports: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    expired: int = 0

    @property
    def ref(self) -> Ref:
        """What names it."""
        return Ref(self.prepared.manifest.sender, self.prepared.manifest.message_id)


class World:
    """Agencies, an operator, and an exchange between them, which is stopped at the end by ``stop``."""

    database = ""

    def __init__(self) -> None:
        self.place = Path(mkdtemp(prefix="api-"))
        self.data = self.place / "data"
        self.clock = Clock()
        new_folder(self.data)
        self.runner = asyncio.Runner()
        self.numbers = count()
        self.sent: list[Sent] = []
        self.refused: dict[Ref, int] = {}
        self.suspended: set[str] = set()
        self.revoked: set[str] = set()
        self.leaves = 0
        self.head: SignedCheckpoint | None = None
        self.lists = count(2)
        self.exchange = self.started()

    # --- the exchange ------------------------------------------------------------------------------------------

    def new_database(self) -> str:
        """The address of an empty database."""
        return str(self.data / "store.sqlite3")

    def started(self) -> Exchange:
        """The exchange over what is stored, and clients for it."""
        self.database = self.database or self.new_database()
        exchange = made(self.data, open_store(self.database), self.clock, **SETTINGS)
        self.runner.run(exchange.service.start())
        transport = InPlace(self.runner, exchange.app)
        self.http = httpx.Client(transport=transport)
        self.clients = {code: self._client(code, exchange) for code in AGENCIES}
        self.clock.now += 2  # what is signed from now on was taken by no server before
        return exchange

    def _client(self, code: str, exchange: Exchange) -> Client:
        credentials = Credentials.of(code, key(code), leaf(code, code=code))
        return Client(
            URL,
            credentials,
            self.http,
            clock=ClientClock(self.clock),
            random=self._random,
            exchange=exchange.issuer,
            retries=Retries(attempts_max=1),
            seen=self.head,
        )

    def _random(self, size_bytes: int) -> bytes:
        return next(self.numbers).to_bytes(size_bytes, "big")

    def stop(self) -> None:
        """End the exchange; what is stored stays."""
        self.http.close()
        self.runner.run(self.exchange.service.stop())
        self.exchange.store.close()

    # --- what clients see --------------------------------------------------------------------------------------

    def fault_of(self, code: str) -> str | None:
        """Why nothing of an agency is taken, if so."""
        if code in self.suspended:
            return "agency-suspended"
        return "certificate-revoked" if code in self.revoked else None

    def expect(self, code: str | None, ask: Callable[[], T]) -> T | None:
        """What is asked for, or None where it must be, and is, refused with this code."""
        if code is None:
            return ask()
        with pytest.raises(Problem) as caught:
            ask()
        assert caught.value.code == code, str(caught.value)
        assert caught.value.status == CODES[code].status
        return None

    def parties(self, message: Sent) -> set[str]:
        """Sender and recipients."""
        return {message.ref.sender, *message.states}

    def one(self, pick: int) -> Sent:
        """A message that was accepted."""
        return self.sent[pick % len(self.sent)]

    def inbox_of(self, agency: str) -> list[tuple[int, Ref, State]]:
        """What stands in an inbox, by the model."""
        return [(one.leaf_index, one.ref, one.states[agency]) for one in self.sent if agency in one.states]

    def submit(self, letter: Letter, files: list[File], sender: str, code: str | None = None) -> None:
        """Sign and send; the model says what comes of it."""
        prepared = self.clients[sender].prepare(letter, files)
        ref = Ref(sender, prepared.manifest.message_id)
        suspended = self.suspended & set(letter.recipients)
        code = self.fault_of(sender) or ("recipient-suspended" if suspended else code)
        got = self.expect(code, lambda: self.clients[sender].submit(prepared.compact, prepared.documents))
        if got is None:
            known = code not in {"agency-suspended", "certificate-revoked"}
            self.refused[ref] = self.refused.get(ref, 0) + int(known)
            return
        assert not got.replayed
        assert got.ref == ref
        assert got.evidence.log is not None
        assert got.evidence.log.leaf_index == self.leaves
        self.sent.append(
            Sent(
                prepared,
                got.receipt,
                self.leaves,
                got.evidence.event_at,
                dict.fromkeys(letter.recipients, State.AVAILABLE),
            )
        )
        self.leaves += 1

    def post(self, compact: bytes, document: Any) -> None:
        """A submission that the client itself would not send."""
        answer = self.http.post(
            f"{URL}/v1/messages",
            content=body_of(compact, document),
            headers={"Content-Type": FORM},
        )
        values = answer.json()
        raise Problem(
            values["code"],
            values["detail"],
            values["hint"],
            status=answer.status_code,
            retryable=values["retryable"],
        )

    def move(self, message: Sent, recipient: str, action: Action, role: Role) -> bool:
        row = TABLE.get((message.states[recipient], action))
        if row is None or row.role is not role:
            return False
        message.states[recipient] = row.after
        return True

    def reports(self, message: Sent, agency: str) -> list[bytes]:
        found = self.clients[agency].evidence(message.ref).events
        return [one.report for one in found if one.report is not None]

    def reload(self) -> None:
        """The exchange reads what the operator changed."""
        self.runner.run(self.exchange.service.reload())
        assert self.exchange.service.trust_fault is None
        self.clock.now += 1
