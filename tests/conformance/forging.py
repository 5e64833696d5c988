"""What an adversary brings, made from a case of ``vectors/http.yaml``: signed objects, bodies, signed requests.

Rule kept here: whatever a case does not change is right, so that the one fault it names is the only one there is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loadtests.exchange import events, jws, keys
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.requests import sign_request
from loadtests.exchange.strict import encode_base64url
from tests.conformance.hostile import MESSAGES, request
from tests.unit.loadtests.authorities import key, leaf
from tests.unit.loadtests.endpoint.servers import BOUNDARY, FORM
from tests.unit.loadtests.exchanges import BODY, NAME, SECOND, SENDER, THIRD
from tests.unit.loadtests.manifests import a_document, a_manifest

JOSE: Final = "application/jose"
MESSAGE_ID: Final = "message-0001"
"""The message that ``SENDER`` sent to the other two before the siege began."""
REF: Final = f"{SENDER}:{MESSAGE_ID}"
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Case = Mapping[str, Any]


# --- values -----------------------------------------------------------------------------------------------------


def expanded(value: Any) -> Any:
    """A value of a case with its short forms written out.

    ``{repeat: text, times: n}`` is a long text, ``{codes: n}`` so many agencies, ``{documents: n}`` so many documents.
    """
    match value:
        case {"repeat": text, "times": times}:
            return text * times
        case {"codes": int(number)}:
            return [f"{n // 100:03}.{n % 100:02}.00.H41" for n in range(1, number + 1)]
        case {"documents": int(number)}:
            return [a_document(name=f"{n}.pdf") for n in range(number)]
        case dict():
            return {name: expanded(one) for name, one in value.items()}
        case list():
            return [expanded(one) for one in value]
    return value


def manifest_of(case: Case, now: int) -> dict[str, Any]:
    """The members of a manifest of now, as the case changes them; times that it names count from now."""
    values = a_manifest(
        message_id=f"vector-{case['id']}"[:64],
        sender=SENDER,
        recipients=[SECOND, THIRD],
        created_at=now - 60,
        expires_at=now + 3600,
    )
    changes = dict(expanded(case.get("manifest", {})))
    for name in ("created_at", "expires_at"):
        if name in changes:
            changes[name] += now
    if "document" in case:
        values["documents"] = [a_document(**expanded(case["document"]))]
    values |= changes
    return {name: value for name, value in values.items() if name not in case.get("without", ())}


def report_of(case: Case, now: int) -> dict[str, Any]:
    """The members of a report of now about the first message, as the case changes them."""
    values = {
        "event_id": f"event-{case['id']}"[:64],
        "message_id": MESSAGE_ID,
        "sender": SENDER,
        "recipient": SECOND,
        "action": "accept",
        "reported_at": now - 10,
        "audience": NAME,
    }
    changes = dict(expanded(case.get("report", {})))
    if "reported_at" in changes:
        changes["reported_at"] += now
    return {name: value for name, value in (values | changes).items() if name not in case.get("without", ())}


# --- signed objects ---------------------------------------------------------------------------------------------


def payload_of(case: Case, values: Mapping[str, Any]) -> bytes:
    """The payload as JSON, or as the text, the bytes or the edits that the case gives instead."""
    if "payload" in case:
        return str(expanded(case["payload"])).encode()
    if "payload_hex" in case:
        return bytes.fromhex(case["payload_hex"])
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    for old, new in case.get("edit", ()):
        assert old in text, (old, text)
        text = text.replace(old, str(expanded(new)), 1)
    return text.encode()


def compact_of(case: Case, payload: bytes, now: int, *, signer: str, typ: str) -> bytes:
    """A signed object: its header changed before it is signed, the rest (``forge``) afterwards."""
    signer = case.get("signer", signer)
    private_key = key(case.get("key", signer))
    certificate = thumbprint(leaf(case.get("certificate", signer), code=signer))
    header: dict[str, Any] = {
        "alg": keys.algorithm_of(private_key.public_key()).value,
        "typ": typ,
        "iat": now - 30,
        "x5t#S256": encode_base64url(certificate),
    }
    changes = dict(expanded(case.get("header", {})))
    if isinstance(changes.get("iat"), int) and not case.get("iat_absolute"):
        changes["iat"] += now
    header |= changes
    header = {name: value for name, value in header.items() if name not in case.get("header_without", ())}
    text = json.dumps(header, separators=(",", ":"))
    for old, new in case.get("header_edit", ()):
        assert old in text, (old, text)
        text = text.replace(old, str(expanded(new)), 1)
    parts = [encode_base64url(text.encode()), encode_base64url(payload)]
    signing_input = ".".join(parts).encode()
    compact = signing_input + b"." + encode_base64url(keys.sign(private_key, signing_input)).encode()
    for name in case.get("forge", ()):
        compact = FORGERIES[name](compact, private_key)
    return compact


def _signature(change: Callable[[bytes], bytes]) -> Callable[[bytes, PrivateKey], bytes]:
    """A forgery of the signature's bytes."""

    def forge(compact: bytes, _: PrivateKey) -> bytes:
        rest, _dot, text = compact.rpartition(b".")
        return rest + b"." + encode_base64url(change(_decoded(text))).encode()

    return forge


def _part(at: int, change: Callable[[bytes], bytes]) -> Callable[[bytes, PrivateKey], bytes]:
    """A forgery of the header (0) or the payload (1) after it was signed."""

    def forge(compact: bytes, _: PrivateKey) -> bytes:
        parts = compact.split(b".")
        parts[at] = encode_base64url(change(_decoded(parts[at]))).encode()
        return b".".join(parts)

    return forge


def _text(change: Callable[[bytes], bytes]) -> Callable[[bytes, PrivateKey], bytes]:
    """A forgery of the text that is sent."""

    def forge(compact: bytes, _: PrivateKey) -> bytes:
        return change(compact)

    return forge


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _replaced(old: bytes, new: bytes, data: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def _twin(signature: bytes) -> bytes:
    """(r, n - s), which fits whatever (r, s) fits: nobody needs the key for it."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + (_P256_ORDER - s).to_bytes(32, "big")


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(*(int.from_bytes(half, "big") for half in (signature[:32], signature[32:])))


def _hmac(compact: bytes, private_key: PrivateKey) -> bytes:
    """What a library takes that believes ``alg``: an HMAC whose secret is the public key, which everybody has."""
    signed = compact.rpartition(b".")[0]
    secret = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return signed + b"." + encode_base64url(hmac.digest(secret, signed, hashlib.sha256)).encode()


def _unused_bits(compact: bytes) -> bytes:
    """The signature's last letter stands for four bits that no byte has; the bytes stay the same."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return compact[:-1] + bytes([alphabet[alphabet.index(compact[-1]) ^ 1]])


FORGERIES: Final[Mapping[str, Callable[[bytes, PrivateKey], bytes]]] = {
    "recipient-changed": _part(1, partial(_replaced, THIRD.encode(), b"000.00.09.H41")),
    "payload-space": _part(1, lambda payload: payload + b" "),
    "time-changed": _part(0, lambda header: header[:-1].replace(b'"iat":17', b'"iat":18') + header[-1:]),
    "header-space": _part(0, partial(_replaced, b"{", b"{ ")),
    "stripped": _text(lambda compact: compact[: compact.rindex(b".") + 1]),
    "without-dot": _text(lambda compact: compact[: compact.rindex(b".")]),
    "four-parts": _text(lambda compact: compact + compact[compact.rindex(b".") :]),
    "detached": _text(lambda compact: b"..".join(compact.split(b".")[::2])),
    "line-break": _text(lambda compact: compact + b"\n"),
    "padded": _text(lambda compact: compact + b"=="),
    "unused-bits": _text(_unused_bits),
    "json-serialisation": _text(
        lambda compact: json.dumps(
            dict(zip(("protected", "payload", "signature"), compact.decode().split("."), strict=True))
        ).encode()
    ),
    "doubled": _signature(lambda signature: signature * 2),
    "half": _signature(lambda signature: signature[:32]),
    "twin": _signature(_twin),
    "der": _signature(_der),
    "zeros": _signature(lambda signature: bytes(len(signature))),
    "order": _signature(lambda signature: signature[:32] + _P256_ORDER.to_bytes(32, "big")),
    "hmac": _hmac,
}


# --- requests ---------------------------------------------------------------------------------------------------


def form_of(case: Case, compact: bytes) -> bytes:
    """A multipart body: each part a name, a content type and its text; ``MANIFEST`` stands for the signed one."""
    documents = [["document", "application/pdf", one] for one in case.get("documents", [BODY.decode()])]
    parts = case.get("parts", [["manifest", JOSE, "MANIFEST"], *documents])
    if "thousand" in case:
        parts = [*parts, *[["document", "text/plain", "a"]] * case["thousand"]]
    made = b""
    for name, media_type, text in parts:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {media_type}\r\n\r\n'
        content = compact if text == "MANIFEST" else str(expanded(text)).encode()
        made += head.encode() + content + b"\r\n"
    made += f"--{BOUNDARY}--\r\n".encode()
    for old, new in case.get("body_edit", ()):
        assert old.encode("latin-1") in made, old
        made = made.replace(old.encode("latin-1"), str(expanded(new)).encode("latin-1"), 1)
    return made[: case["cut"]] if "cut" in case else made


def submission_of(case: Case, now: int) -> bytes:
    """A whole request that submits a message."""
    payload = payload_of(case, manifest_of(case, now))
    compact = compact_of(case, payload, now, signer=SENDER, typ=jws.MANIFEST_TYPE)
    body = form_of(case, compact) if "body" not in case else str(expanded(case["body"])).encode()
    fields = [f"{name}: {expanded(value)}" for name, value in case.get("headers", ())]
    content_type = [f"Content-Type: {case.get('content_type', FORM)}"] if case.get("content_type", 1) else []
    target = str(expanded(case.get("target", MESSAGES)))
    return request(case.get("method", "POST"), target, [*content_type, *fields], body)


def report_request_of(case: Case, now: int) -> bytes:
    """A whole request that reports what happened to a message."""
    payload = payload_of(case, report_of(case, now))
    compact = compact_of(case, payload, now, signer=SECOND, typ=events.EVENT_TYPE)
    body = str(expanded(case["body"])).encode() if "body" in case else compact
    target = f"{MESSAGES}/{case.get('ref', REF)}/events"
    return request("POST", target, [f"Content-Type: {case.get('content_type', JOSE)}"], body)


def read_of(case: Case, now: int, nonce: str) -> bytes:
    """A whole request that reads, signed by the second agency where the case does not say otherwise."""
    agency = case.get("agency", SECOND)
    target, method = case["target"].replace("REF", REF), case.get("method", "GET")
    signed_for = case.get("signed_for", {})
    url = signed_for.get("host", "http://exchange.test") + signed_for.get("target", target).replace(
        "REF", REF
    )
    fields = sign_request(
        signed_for.get("method", method),
        url,
        hashlib.sha256(case["digest_of"].encode()).digest() if "digest_of" in case else None,
        key(case.get("key", agency)),
        thumbprint(leaf(case.get("certificate", agency), code=agency)),
        at=now + case.get("signed_s", 0),
        nonce=expanded(case.get("nonce", nonce)),
        lifetime_s=case.get("lifetime_s", 60),
    )
    fields = {name: value for name, value in fields.items() if name not in case.get("without", ())}
    for name, old, new in case.get("field_edit", ()):
        assert old in fields[name], fields
        fields[name] = fields[name].replace(old, new)
    for name in case.get("forge", ()):
        fields["Signature"] = REQUEST_FORGERIES[name](fields["Signature"])
    lines = [f"{name}: {value}" for name, value in fields.items()]
    lines += [f"{name}: {expanded(value)}" for name, value in case.get("headers", ())]
    body = case["body"].encode() if "body" in case else None
    return request(method, target, lines, body)


def _raw_signature(change: Callable[[bytes], bytes]) -> Callable[[str], str]:
    def forge(field: str) -> str:
        label, _, text = field.partition("=")
        return f"{label}=:{base64.b64encode(change(base64.b64decode(text.strip(':')))).decode()}:"

    return forge


REQUEST_FORGERIES: Final[Mapping[str, Callable[[str], str]]] = {
    "twin": _raw_signature(_twin),
    "der": _raw_signature(_der),
    "zeros": _raw_signature(lambda signature: bytes(len(signature))),
    "empty": _raw_signature(lambda _: b""),
}
