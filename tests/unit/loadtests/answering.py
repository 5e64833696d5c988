"""An exchange that answers over HTTP as agreed, in memory, and fails as it is told: what a client is tested with."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import httpx
import multipart

from loadtests.attempts import Retries
from loadtests.client import Client, Credentials
from loadtests.exchange import checkpoint, evidence, jws, keys, merkle
from loadtests.exchange.acceptance import Accepted
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.consignment import consignment
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import POLICY
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.lifecycle import STATUS_CODES
from loadtests.exchange.nonces import Nonces, Window
from loadtests.exchange.pki import to_der
from loadtests.exchange.records import EntryKey, Happening, Message, MessageKey
from loadtests.exchange.reporting import Taken
from loadtests.exchange.requests import check_request, read_signature
from loadtests.exchange.strict import encode_base64url
from tests.unit.loadtests.authorities import AT, issuing, key, leaf, root
from tests.unit.loadtests.exchanges import (
    EXCHANGE_CERTIFICATE,
    ISSUER,
    NAME,
    SECOND,
    SENDER,
    THIRD,
    Exchange,
    Store,
    crl,
    message_of,
)

URL: Final = "http://exchange.example:8470"
Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


def credentials(code: str = SENDER) -> Credentials:
    """An agency's."""
    return Credentials.of(code, key(code), leaf(code, code=code))


@dataclass
class Time:
    """A clock that goes on when somebody sleeps."""

    at: float = float(AT)
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """The time of day."""
        return self.at

    def elapsed_s(self) -> float:
        """The same."""
        return self.at

    def sleep(self, wait_s: float) -> None:
        """Be later at once."""
        self.slept.append(wait_s)
        self.at += wait_s


def randomness() -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    counter = iter(range(1_000_000))
    return lambda size: sha256(b"%d" % next(counter)).digest()[:size]


class Answering:
    """The exchange, with the requests that came.

    Args:
        faults: What happens to the next requests, one each; then all goes well.
    """

    def __init__(self, *faults: Fault) -> None:
        self.exchange = Exchange(Store())
        self.faults = deque(faults)
        self.requests: list[httpx.Request] = []
        self.documents: dict[bytes, bytes] = {}
        self.rejections: list[bytes] = []
        self.trust = trusted_files()
        self.nonces = Nonces(Window(lifetime_s=60, skew_s=5, per_agency_max=1000), horizon=0)
        self.time = Time()
        self.random = randomness()
        self.transport = httpx.MockTransport(self.handle)

    def client(
        self,
        code: str | None = SENDER,
        *,
        exchange: Issuer | None = ISSUER,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
    ) -> Client:
        """A client of an agency."""
        own = credentials(code) if code else None
        http = httpx.Client(transport=self.transport)
        return Client(URL, own, http, clock=self.time, random=self.random, exchange=exchange, retries=retries)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail."""
        self.requests.append(request)
        self.exchange.now = int(self.time.at)
        if self.faults:
            return self.faults.popleft()(request, lambda: self.answer(request))
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as agreed."""
        try:
            return self.route(request)
        except Refusal as refusal:
            return problem(refusal)

    def route(self, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911 - one for each path
        """The answer by path."""
        parts = request.url.path.removeprefix("/v1/").split("/")
        match request.method, parts:
            case "POST", ["messages"]:
                return self.submission(request)
            case "POST", ["messages", _, "events"]:
                return self.report(request)
            case "GET", ["inbox"]:
                return self.inbox(self.agency(request), request)
            case "GET", ["messages", ref]:
                return self.message(self.agency(request), ref)
            case "GET", ["messages", ref, "documents", position]:
                return self.document(self.agency(request), ref, int(position))
            case "GET", ["messages", ref, "evidence"]:
                return self.evidence(self.agency(request), ref)
            case "GET", ["messages", _, "rejections"]:
                self.agency(request)
                kept = [{"kept_at": AT, "evidence": text.decode()} for text in self.rejections]
                return httpx.Response(200, json={"rejections": kept})
            case "GET", ["log", what]:
                return self.log(what, request)
            case "GET", ["trust", *below] if "/".join(below) in self.trust:
                return httpx.Response(200, content=self.trust["/".join(below)])
            case "GET", [what] if what in {"agencies", "exchange", "trust"}:
                return self.public(what)
        raise Refusal("not-found", "found no such path")

    # --- writing

    def submission(self, request: httpx.Request) -> httpx.Response:
        """Read the form, take the message."""
        assert int(request.headers["content-length"]) == len(request.content)
        assert "transfer-encoding" not in request.headers
        _, options = multipart.parse_options_header(request.headers["content-type"])
        parts = list(multipart.MultipartParser(BytesIO(request.content), options["boundary"], strict=True))
        assert [part.name for part in parts] == ["manifest", *["document"] * (len(parts) - 1)]
        compact, documents = parts[0].raw, [part.raw for part in parts[1:]]
        for part in parts:
            part.close()
        content = json.loads(jws.parse(compact).payload)
        names = [one["name"] for one in content["documents"]]
        self.exchange.bodies = dict(zip(names, documents, strict=True))
        outcome = self.exchange.send(compact)
        if isinstance(outcome, Accepted):
            self.documents |= {sha256(one).digest(): one for one in documents}
            status = 200 if outcome.replayed else 201
            return httpx.Response(status, content=outcome.receipt)
        if outcome.evidence:
            self.rejections.append(outcome.evidence)
        return problem(outcome.refusal, outcome.evidence)

    def report(self, request: httpx.Request) -> httpx.Response:
        """Take a report."""
        outcome = self.exchange.report(request.content)
        if isinstance(outcome, Taken):
            return httpx.Response(200 if outcome.replayed else 201, content=outcome.evidence)
        return problem(outcome.refusal)

    # --- reading

    def agency(self, request: httpx.Request) -> str:
        """Who signed the request, its nonce taken."""
        named = read_signature(request.headers)
        code = next(code for code in (SENDER, SECOND, THIRD) if named.certificate_sha256 == own_id(code))
        url = str(request.url)
        found = check_request(request.method, url, request.headers, key(code).public_key())
        times = {"created_at": found.created_at, "expires_at": found.expires_at}
        self.nonces.take(code, found.nonce, now=int(self.time.at), **times)
        return code

    def inbox(self, code: str, request: httpx.Request) -> httpx.Response:
        """What arrived after a place."""
        after, limit = (int(request.url.params[name]) for name in ("after", "limit"))
        lines: list[dict[str, object]] = []
        for (recipient, message), state in self.exchange.store.inbox.items():
            at = self.exchange.store.units.index(self.exchange.store.messages[message])
            if recipient == code and at > after and len(lines) < limit:
                line = {"leaf_index": at, "sender": message.sender, "message_id": message.message_id}
                lines.append(
                    line | {"accepted_at": AT, "state": state, "status_code": STATUS_CODES.get(state)}
                )
        return httpx.Response(
            200, json={"entries": lines, "next": lines[-1]["leaf_index"] if lines else after}
        )

    def message(self, code: str, ref: str) -> httpx.Response:
        """A message with its receipt."""
        unit = self.exchange.store.messages[named(ref)]
        inbox = self.exchange.store.inbox
        seen = [
            (one, state) for (one, of), state in inbox.items() if of == named(ref) and code in {SENDER, one}
        ]
        rows = [{"recipient": one, "state": at, "status_code": STATUS_CODES.get(at)} for one, at in seen]
        answer = {
            "sender": unit.evidence.sender,
            "message_id": unit.evidence.message_id,
            "accepted_at": unit.evidence.event_at,
            "leaf_index": self.exchange.store.units.index(unit),
            "manifest": message_of(unit).compact.decode(),
            "receipt": unit.receipt.decode(),
            "documents": [],
            "entries": rows,
        }
        return httpx.Response(200, json=answer)

    def document(self, code: str, ref: str, position: int) -> httpx.Response:
        """A document, and the record of its hand-over."""
        unit = self.exchange.store.messages[named(ref)]
        if code != SENDER:
            self.exchange.hand_over(EntryKey(named(ref), code))
        return httpx.Response(200, content=self.documents[unit.evidence.documents[position].sha256])

    def evidence(self, code: str, ref: str) -> httpx.Response:
        """Receipt, consignments and events."""
        store, of = self.exchange.store, named(ref)
        seen = [one for one, message in store.inbox if message == of and code in {SENDER, one}]
        consignments = []
        for one in seen:
            standing = store.standing(EntryKey(of, one))
            assert standing is not None
            said = consignment(standing, NAME, AT)
            signed = evidence.sign(said, key("exchange"), EXCHANGE_CERTIFICATE)
            consignments.append({"recipient": one, "evidence": signed.decode()})
        happened = []
        for at, unit in enumerate(store.units):
            if isinstance(unit.item, Message) or unit.evidence.message_id != of.message_id:
                continue
            progress = unit.evidence.progress
            report = unit.item.compact if isinstance(unit.item, Happening) else None
            happened.append(
                {
                    "leaf_index": at,
                    "recipient": unit.evidence.recipients[0],
                    "event_id": progress.event_id if progress else None,
                    "report": report.decode() if report else None,
                    "evidence": unit.receipt.decode(),
                }
            )
        receipt = store.messages[of].receipt.decode()
        answer = {"receipt": receipt, "consignments": consignments, "events": happened}
        return httpx.Response(200, json=answer)

    # --- for everybody

    def head(self) -> bytes:
        """A signed head of the log."""
        said = Checkpoint(
            NAME, self.exchange.store.head.size, self.exchange.store.head.root(), int(self.time.at)
        )
        return checkpoint.sign(said, key("exchange"), EXCHANGE_CERTIFICATE)

    def log(self, what: str, request: httpx.Request) -> httpx.Response:
        """Heads and proofs."""
        if what == "checkpoint":
            return httpx.Response(200, content=self.head())
        nodes = merkle.nodes_over(self.exchange.store.leaves().__getitem__)
        asked = {name: int(value) for name, value in request.url.params.items()}
        prove = merkle.inclusion_proof if what == "inclusion" else merkle.consistency_proof
        first, second = asked.values()
        hashes = [encode_base64url(one) for one in prove(first, second, nodes)]
        return httpx.Response(200, json=asked | {"hashes": hashes})

    def public(self, what: str) -> httpx.Response:
        """Exchange, agencies and trust."""
        listed = self.exchange.trusted.registry.agencies.values()
        agencies = [
            {"code": one.code, "name_en": one.name_en, "name_vi": one.name_vi, "suspended": False}
            | {"rights": sorted(one.rights)}
            for one in listed
        ]
        chain = [encode_base64url(to_der(one.certificate)) for one in (issuing(), root())]
        own = encode_base64url(to_der(leaf("exchange")))
        answers: dict[str, dict[str, Any]] = {
            "agencies": {"agencies": agencies},
            "exchange": {"name": NAME, "certificate": own, "chain": chain, "policy": POLICY, "limits": {}},
            "trust": {"roots": chain[1:], "intermediates": chain[:1], "crls": []},
        }
        return httpx.Response(200, json=answers[what])


def trusted_files() -> dict[str, bytes]:
    """The agencies' certificates and the lists that receipts name, by their paths."""
    agencies = (to_der(leaf(code, code=code)) for code in (SENDER, SECOND, THIRD))
    found = [("certificates", der) for der in agencies]
    found += [("crls", crl(authority)) for authority in (issuing(), root())]
    return {f"{kind}/{encode_base64url(sha256(der).digest())}": der for kind, der in found}


def named(ref: str) -> MessageKey:
    """What a reference names."""
    return MessageKey(*ref.split(":"))


def own_id(code: str) -> bytes:
    """The certificate of an agency."""
    return thumbprint(leaf(code, code=code))


def problem(refusal: Refusal, signed: bytes | None = None, **fields: str) -> httpx.Response:
    """A problem document."""
    kind = refusal.kind
    values = {"type": f"/problems#{refusal.code}", "title": kind.title, "status": kind.status}
    values |= {
        "code": refusal.code,
        "detail": refusal.message,
        "hint": refusal.hint,
        "retryable": kind.retryable,
    }
    if signed:
        values["evidence"] = signed.decode()
    return httpx.Response(kind.status, json=values, headers=fields)


# --- faults


def busy(**fields: str) -> Fault:
    """The exchange has no room."""
    return lambda _request, _answer: problem(Refusal("too-many-in-flight", "found 64"), None, **fields)


def lost(_request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    """The exchange did its work, and the answer was lost on the way."""
    answer()
    raise httpx.ReadError("connection reset by peer")


def unheard(_request: httpx.Request, _answer: Callable[[], httpx.Response]) -> httpx.Response:
    """Nothing arrived."""
    raise httpx.ConnectError("connection refused")


def slow(_request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    """The exchange did its work, too late."""
    answer()
    raise httpx.ReadTimeout("timed out")


def cut(_request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer breaks off in the middle."""
    response = answer()

    def half() -> Iterator[bytes]:
        yield response.content[: len(response.content) // 2]
        raise httpx.ReadError("connection reset by peer")

    return httpx.Response(response.status_code, content=half())


def changed(change: Callable[[bytes], bytes]) -> Fault:
    """The answer's body is another."""

    def fault(_request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
        response = answer()
        return httpx.Response(response.status_code, content=change(response.content))

    return fault


def changed_json(change: Callable[[Any], object]) -> Fault:
    """The answer's JSON is changed in place."""

    def edited(body: bytes) -> bytes:
        values = json.loads(body)
        change(values)
        return json.dumps(values).encode()

    return changed(edited)


def resigned(compact: bytes, signer: keys.PrivateKey, **changes: Any) -> bytes:
    """Evidence that says something else, signed with a key."""
    signed = jws.parse(compact)
    said = json.loads(signed.payload) | changes
    return jws.sign(
        json.dumps(said).encode(), signer, signed.certificate_sha256, at=signed.signed_at, typ=signed.typ
    )
