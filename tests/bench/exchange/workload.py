"""What the bench sends: a small exchange's data directory, and signed unique messages as requests, made before."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import numpy as np
from cryptography import x509

from loadtests.endpoint.folder import Folder
from loadtests.exchange import jws, manifest, pki
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.pki import Authority, Validity, authority_name
from loadtests.exchange.pki_keys import KeyKind, generate_key, serial_number
from loadtests.exchange.registry import Agency, Registered, Registry
from tests.bench.exchange.hammer import as_request

NAME = "exchange.bench"
DAY_S = 86_400
BOUNDARY = "congvan-bench-0123456789abcdef"
_CODES = tuple(f"000.00.{number:02d}.H41" for number in range(20))


@dataclass(frozen=True, slots=True)
class Sender:
    """An agency that can sign."""

    code: str
    key: PrivateKey
    certificate_sha256: bytes


def make_folder(path: Path) -> tuple[Sender, ...]:
    """Make the data directory of an exchange with twenty agencies; return those that send."""
    now = int(time.time())
    validity = Validity(now - DAY_S, now + 365 * DAY_S)
    root = _root(validity)
    issuing = _issuing(root, validity)
    folder = Folder(path)
    folder.make()
    folder.write_authorities([root.certificate], [issuing.certificate])
    for authority in (root, issuing):
        crl = pki.issue_crl(authority, [], number=1, this_update_at=now - 60, next_update_at=now + DAY_S)
        folder.write_crl(pki.to_der(crl))
    key, certificate = _agency(issuing, "000.00.99.H41", validity)
    folder.write_identity(NAME, key, certificate)
    senders, agencies = list[Sender](), list[Agency]()
    for code in _CODES:
        key, certificate = _agency(issuing, code, validity)
        senders.append(Sender(code, key, thumbprint(certificate)))
        registered = Registered.of(certificate, added_at=now - DAY_S)
        agencies.append(Agency(code, f"Agency {code}", f"Cơ quan {code}", (registered,)))
    folder.write_registry(Registry.of(agencies))
    return tuple(senders)


def requests(senders: tuple[Sender, ...], count: int, document_bytes: int, seed: int) -> list[bytes]:
    """Signed unique messages with one document to two recipients each, as HTTP requests.

    Args:
        senders: Who sends, in turn.
        count: How many messages.
        document_bytes: Size of each document.
        seed: Of the message ids; different calls need different ones.
    """
    random = np.random.default_rng(seed)
    now = int(time.time())
    made: list[bytes] = []
    for number in range(count):
        document = os.urandom(document_bytes)
        sender, first, second = (senders[(number + step) % len(senders)] for step in (0, 1, 2))
        content = manifest.Manifest(
            message_id=str(UUID(bytes=random.bytes(16), version=4)),
            sender=sender.code,
            recipients=(first.code, second.code),
            kind=manifest.MessageKind.NEW,
            document_type="Công văn",
            number=str(number % 10**11),
            notation="UBND-VP",
            subject="Về việc đo tốc độ của trục liên thông văn bản",
            urgency=manifest.Urgency.NORMAL,
            documents=(
                manifest.Document(
                    "do.bin", "application/octet-stream", document_bytes, sha256(document).digest()
                ),
            ),
            created_at=now,
            expires_at=now + DAY_S,
            audience=NAME,
        )
        signed = jws.sign(
            manifest.render(content), sender.key, sender.certificate_sha256, at=now, typ=jws.MANIFEST_TYPE
        )
        made.append(as_request("/v1/messages", _HEADERS, _body(signed, document)))
    return made


def elsewhere(request: bytes, path: str) -> bytes:
    """The same request to another path."""
    return request.replace(b"POST /v1/messages ", f"POST {path} ".encode("ascii"), 1)


_HEADERS = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def _body(signed: bytes, document: bytes) -> bytes:
    head = '--{}\r\nContent-Disposition: form-data; name="{}"\r\nContent-Type: {}\r\n\r\n'
    return b"".join(
        [
            head.format(BOUNDARY, "manifest", "application/jose").encode(),
            signed,
            b"\r\n",
            head.format(BOUNDARY, 'document"; filename="1', "application/octet-stream").encode(),
            document,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        ]
    )


def _root(validity: Validity) -> Authority:
    key = generate_key(KeyKind.P256)
    name = authority_name("Bench", "Root")
    return Authority(pki.issue_root(key, name, serial=serial_number(os.urandom(32)), validity=validity), key)


def _issuing(root: Authority, validity: Validity) -> Authority:
    key = generate_key(KeyKind.P256)
    name, serial = authority_name("Bench", "Issuing"), serial_number(os.urandom(32))
    return Authority(pki.issue_authority(root, name, key.public_key(), serial=serial, validity=validity), key)


def _agency(issuing: Authority, code: str, validity: Validity) -> tuple[PrivateKey, x509.Certificate]:
    key = generate_key(KeyKind.P256)
    certificate = pki.issue_agency(
        issuing,
        code,
        f"Cơ quan {code}",
        f"Agency {code}",
        key.public_key(),
        serial=serial_number(os.urandom(32)),
        validity=validity,
    )
    return key, certificate
