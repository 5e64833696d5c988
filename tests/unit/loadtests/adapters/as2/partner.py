"""A partner for the tests: key pairs, receipts of every kind, a schedule, and answers that were written down before."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import (
    CertificateBuilder,
    Name,
    NameAttribute,
    NameOID,
    SubjectKeyIdentifier,
    random_serial_number,
)

from loadtests.adapters.as2 import cms, mime
from loadtests.adapters.as2.keys import Pair
from loadtests.adapters.base import Answer, Context, NoAnswer, Request
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule

NONCE = bytes.fromhex("0a1b2c3d4e5f")
MESSAGE_ID = "one@congvan.invalid"


def pair(name: str, kind: str = "ec") -> Pair:
    """A key and a self-signed certificate, ``rsa`` or ``ec``; the same for the same name."""
    return _pair(name, kind)


@cache
def _pair(name: str, kind: str) -> Pair:
    key: cms.SigningKey
    if kind == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        CertificateBuilder(subject, subject, key.public_key(), random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 1, 1, tzinfo=UTC))
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )
    return Pair(key, certificate)


def write_pair(folder: Path, name: str, kind: str = "ec") -> tuple[Path, Path]:
    """The files of a pair: key, certificate."""
    one = pair(name, kind)
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    key.write_bytes(one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(one.certificate.public_bytes(Encoding.PEM))
    return key, certificate


def notification(fields: Mapping[str, str]) -> bytes:
    """The report of a receipt, as the partner signs it."""
    listed = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
    parts = (
        (b"Content-Type: text/plain\r\n\r\nThe message was received.",),
        (b"Content-Type: message/disposition-notification\r\n\r\n", listed),
    )
    head = b"Content-Type: multipart/report; report-type=disposition-notification; boundary=inner\r\n\r\n"
    return head + b"".join(mime.join("inner", parts))


def fields_of(digest: bytes, **changed: str | None) -> dict[str, str]:
    """The fields of a receipt, with changes by name (hyphens as underscores); None leaves a field out."""
    fields: dict[str, str | None] = {
        "Reporting-UA": "test",
        "Original-Message-ID": f"<{MESSAGE_ID}>",
        "Disposition": "automatic-action/MDN-sent-automatically; processed",
        "Received-Content-MIC": f"{b64encode(digest).decode()}, sha-256",
    }
    fields.update({name.replace("_", "-"): value for name, value in changed.items()})
    return {name: value for name, value in fields.items() if value is not None}


def signed(report: bytes, by: Pair, *, over: bytes | None = None) -> bytes:
    """A whole receipt: a report and its signature, or the signature over something else."""
    return enclosed(
        report, cms.sign(sha256(report if over is None else over).digest(), by.key, by.certificate)
    )


def enclosed(report: bytes, signature: bytes) -> bytes:
    """A report and a signature as one entity."""
    head = b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    parts = ((report,), (head, mime.base64_lines(signature)))
    kind = b'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=outer'
    return b"Content-Type: " + kind + b"\r\n\r\n" + b"".join(mime.join("outer", parts))


def schedule(
    poison: Sequence[Poison] = (Poison.NONE,), *, size: int = 300, of: Sequence[int] | None = None
) -> Schedule:
    """Arrivals, one for each poison, all from agency 0 to agency 0."""
    count = len(poison)
    none = np.zeros(count, dtype=np.int32)
    return Schedule(
        due_s=np.arange(count, dtype=np.float64),
        sender=none,
        recipient_start=np.arange(count + 1, dtype=np.int32),
        recipient=none,
        size_bytes=np.full(count, size, dtype=np.int32),
        urgency=np.zeros(count, dtype=np.uint8),
        poison=np.array(poison, dtype=np.uint8),
        of=np.array([-1] * count if of is None else of, dtype=np.int32),
        agencies=1,
        poll_due_s=np.zeros(0),
        poll_agency=np.zeros(0, dtype=np.int32),
    )


def context(
    options: Mapping[str, str], load: Schedule, *, target: str = "http://127.0.0.1:1", nonce: bytes = NONCE
) -> Context:
    """A context with a fixed seed and clock."""
    return Context(target, options, seed=7, nonce=nonce, schedule=load, now=lambda: 0.0)


@dataclass
class Told:
    """Answers every request with the same, and keeps the requests; no answer where ``status`` is 0."""

    status: int = 200
    kind: str = "text/plain"
    body: bytes = b""
    asked: list[Request] = field(default_factory=list)

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:  # noqa: ARG002
        self.asked.append(request)
        if self.status == 0:
            raise NoAnswer("refused")
        return Answer(self.status, {"content-type": self.kind}, self.body, 0.0, 0.1)


def told(receipt: bytes) -> Told:
    """One who answers with a receipt."""
    head, _, body = receipt.partition(b"\r\n\r\n")
    return Told(kind=head.removeprefix(b"Content-Type: ").decode(), body=body)
