"""A whole bundle of one message with valid defaults: a test changes the one thing that is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509

from loadtests.bundle.contents import Contents, Stated
from loadtests.bundle.making import make
from loadtests.exchange import checkpoint, events, evidence, jws, pki
from loadtests.exchange.acceptance import Accepted
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.effects import Effect, Sign
from loadtests.exchange.events import Report
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.merkle import Frontier, inclusion_proof, nodes_over
from loadtests.exchange.pki_keys import KeyKind, serial_number
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.exchange.registry import Registered, Registry
from loadtests.exchange.reporting import Taken
from loadtests.exchange.strict import encode_base64url
from loadtests.exchange.terms import Trusted
from loadtests.exchange.trust import Anchors
from tests.unit.loadtests.authorities import AT, DAY_S, agency, days, entropy, issuing, key, leaf, root
from tests.unit.loadtests.exchanges import (
    NAME,
    SECOND,
    SENDER,
    THIRD,
    Exchange,
    Store,
    crl,
    manifest_bytes,
    revocations,
)
from tests.unit.loadtests.manifests import a_document

KINDS = {SENDER: KeyKind.P256, SECOND: KeyKind.RSA2048, THIRD: KeyKind.ED25519}
MESSAGE = MessageKey(SENDER, "message-0001")
BODIES = {
    "Quyết định 12/QĐ.pdf".replace("/", "-"): b"%PDF-1.7 \x00\xff",
    "$(rm -rf) `x`; 'y'.odt": b"PK" * 700,
}


@cache
def exchange_certificate() -> x509.Certificate:
    """The exchange's own certificate."""
    return pki.issue_service(
        issuing(),
        NAME,
        "Trục liên thông thử nghiệm",
        key("exchange").public_key(),
        serial=serial_number(entropy("exchange")),
        validity=days(-100, 265),
    )


def own_leaf(code: str) -> x509.Certificate:
    """An agency's certificate; each of the three has a key of another kind."""
    return leaf(code, KINDS[code], code)


def signed(payload: bytes, code: str, typ: str, at: int) -> bytes:
    """Signed by an agency."""
    return jws.sign(payload, key(code, KINDS[code]), thumbprint(own_leaf(code)), at=at, typ=typ)


def manifest_of(**changes: Any) -> bytes:
    """A signed manifest with the documents of ``BODIES``."""
    documents = [
        a_document(name=name, size_bytes=len(body), sha256=encode_base64url(sha256(body).digest()))
        for name, body in BODIES.items()
    ]
    payload = manifest_bytes(**({"message_id": MESSAGE.message_id, "documents": documents} | changes))
    return signed(payload, SENDER, jws.MANIFEST_TYPE, AT - 30)


class Signing(Exchange):
    """An exchange that signs with its own certificate."""

    def __init__(self) -> None:
        super().__init__(Store(), BODIES)
        agencies = (agency(code, Registered.of(own_leaf(code), added_at=AT - DAY_S)) for code in KINDS)
        anchors = Anchors.of([root().certificate])
        self.trusted = Trusted(Registry.of(agencies), anchors, (issuing().certificate,), revocations())
        self.happened: list[Stated] = []

    def do(self, effect: Effect[Any]) -> Any:
        """Sign with the certificate; all the rest as ever."""
        if isinstance(effect, Sign):
            return tuple(sign(one) for one in effect.evidences)
        return super().do(effect)

    def reported(self, event_id: str, action: Action, code: str) -> None:
        """Take a report of a recipient."""
        reason = "nhầm nơi nhận" if action is Action.REFUSE else None
        said = Report(event_id, MESSAGE.message_id, SENDER, code, action, self.now, NAME, reason)
        compact = signed(events.render(said), code, events.EVENT_TYPE, self.now)
        taken = self.report(compact)
        assert isinstance(taken, Taken), taken
        self.happened.append(Stated(taken.evidence, compact))

    def handed_over(self, code: str) -> None:
        """Put a hand-over on record."""
        stated = self.hand_over(EntryKey(MESSAGE, code))
        assert stated is not None
        self.happened.append(Stated(stated))


def sign(content: evidence.Evidence) -> bytes:
    """Signed by the exchange."""
    return evidence.sign(content, key("exchange"), thumbprint(exchange_certificate()))


def checkpoint_of(leaves: list[bytes], at: int, **changes: Any) -> bytes:
    """The head of a log with these leaf hashes, signed by the exchange."""
    head = Checkpoint(NAME, len(leaves), _root(leaves), at)
    return checkpoint.sign(replace(head, **changes), key("exchange"), thumbprint(exchange_certificate()))


def _root(leaves: list[bytes]) -> bytes:
    frontier = Frontier()
    for one in leaves:
        frontier, _ = frontier.append(one)
    return frontier.root()


@cache
def contents() -> Contents:
    """A message that one recipient accepted and finished, and the other refused; another message stands before."""
    exchange = Signing()
    assert isinstance(exchange.send(manifest_of(message_id="message-0000")), Accepted)
    manifest = manifest_of()
    accepted = exchange.send(manifest)
    assert isinstance(accepted, Accepted), accepted
    exchange.now = AT + 600
    exchange.handed_over(SECOND)
    exchange.reported("event-second-1", Action.ACCEPT, SECOND)
    exchange.reported("event-third-01", Action.REFUSE, THIRD)
    exchange.now = AT + 1200
    exchange.reported("event-second-2", Action.FINISH, SECOND)
    leaves = exchange.store.leaves()
    read = nodes_over(leaves.__getitem__)
    return Contents(
        manifest=manifest,
        receipt=accepted.receipt,
        stated=tuple(exchange.happened),
        certificates=tuple(pki.to_der(one) for one in all_certificates()),
        crls=(crl(issuing()), crl(root())),
        checkpoint=checkpoint_of(leaves, AT + 1260),
        proofs={index: inclusion_proof(index, len(leaves), read) for index in range(1, len(leaves))},
    )


def all_certificates() -> Iterable[x509.Certificate]:
    """Those of the exchange, the agencies and the authorities, the root among them."""
    return (
        exchange_certificate(),
        *(own_leaf(code) for code in KINDS),
        issuing().certificate,
        root().certificate,
    )


def documents(folder: Path) -> list[Path]:
    """The documents as files."""
    paths = []
    for position, body in enumerate(BODIES.values()):
        path = folder / f"{position}"
        path.write_bytes(body)
        paths.append(path)
    return paths


def bundle(folder: Path, changed: Contents | None = None) -> Path:
    """A bundle as a file."""
    out = folder / "bundle.zip"
    make(changed or contents(), documents(folder), out)
    return out
