"""The example of loadtests/README.md: made here from fixed keys and times, so that its bytes are what the code makes.

python -m tests.docs.exchange_example    writes the generated parts of loadtests/README.md again
"""

from __future__ import annotations

import json
import re
import textwrap
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography import x509

from loadtests.exchange import jws, lifecycle, manifest, pki
from loadtests.exchange.acceptance import Accepted, accept
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.codes.kind import Kind
from loadtests.exchange.effects import drive
from loadtests.exchange.errors import SECTIONS
from loadtests.exchange.pki_keys import key_to_pem
from loadtests.exchange.requests import sign_request
from loadtests.exchange.strict import encode_base64url
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import AT, key, leaf

README = Path(__file__).resolve().parents[2] / "loadtests" / "README.md"
SENDER, RECIPIENT = exchanges.SENDER, exchanges.SECOND
DOCUMENT = "Xin chào, đây là một văn bản.\n".encode()
MESSAGE_ID = "0b1d1e36-7e0f-4a51-9a38-0d8e4c0c9b11"
BOUNDARY = "congvan-0123456789abcdef"
_MARKER = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@cache
def sender_certificate() -> x509.Certificate:
    """The certificate of the example's sender, whose key is the one that everybody may know."""
    return leaf(SENDER, code=SENDER)


@cache
def manifest_bytes() -> bytes:
    """The manifest of the example."""
    content = manifest.Manifest(
        message_id=MESSAGE_ID,
        sender=SENDER,
        recipients=(RECIPIENT,),
        kind=manifest.MessageKind.NEW,
        document_type="Công văn",
        number="12",
        notation="UBND-VP",
        subject="Về việc gửi, nhận văn bản điện tử",
        urgency=manifest.Urgency.NORMAL,
        documents=(manifest.Document("chào.txt", "text/plain", len(DOCUMENT), sha256(DOCUMENT).digest()),),
        created_at=AT - 60,
        expires_at=AT + 3600,
        audience=exchanges.NAME,
    )
    return manifest.render(content)


@cache
def compact() -> bytes:
    """The signed manifest of the example."""
    return exchanges.submission(manifest_bytes(), at=AT - 30)


@cache
def receipt() -> bytes:
    """What an exchange with an empty log answers at ``AT``: made by the accept sequence itself."""
    exchange = exchanges.Exchange(exchanges.Store(), {"chào.txt": DOCUMENT})
    outcome = drive(accept(compact(), exchanges.TERMS), exchange.perform)
    assert isinstance(outcome, Accepted)
    return outcome.receipt


def body() -> bytes:
    """The body of the request that submits the example."""
    head = '--{}\r\nContent-Disposition: form-data; name="{}"\r\nContent-Type: {}\r\n\r\n'
    return b"".join(
        [
            head.format(BOUNDARY, "manifest", "application/jose").encode(),
            compact(),
            b"\r\n",
            head.format(BOUNDARY, "document", "application/octet-stream").encode(),
            DOCUMENT,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        ]
    )


def parts() -> dict[str, str]:
    """Every generated part of the README by its name."""
    return {
        "lifecycle": _block("mermaid", lifecycle.mermaid()),
        "codes": _codes(),
        "example-key": _block("text", key_to_pem(key(SENDER), None).decode()),
        "example-certificate": _block("text", pki.to_pem(sender_certificate()).decode())
        + f"SHA-256 of its DER, base64url: `{encode_base64url(thumbprint(sender_certificate()))}`\n",
        "example-manifest": _block("json", manifest_bytes().decode()),
        "example-compact": _wrapped(compact()),
        "example-request": _block("text", _request()),
        "example-receipt": _wrapped(receipt()),
        "example-evidence": _block("json", _pretty(jws.parse(receipt()).payload)),
        "example-read": _block("http", _read()),
    }


def with_parts(text: str) -> str:
    """The text with every generated part made again."""
    made = parts()
    return _MARKER.sub(lambda found: f"{found[1]}{made[found['name']]}{found[3]}", text)


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def _wrapped(data: bytes) -> str:
    """A compact JWS over several lines, each dot at the start of one; whoever joins the lines has the bytes."""
    header, payload, signature = data.decode("ascii").split(".")
    lines = [header, *textwrap.wrap("." + payload, 110), "." + signature]
    return _block("text", "\n".join(lines))


def _pretty(data: bytes) -> str:
    return json.dumps(json.loads(data), ensure_ascii=False, indent=1)


def _request() -> str:
    whole = body()
    shown = (
        whole.decode()
        .replace(compact().decode(), "<the signed manifest of above, on one line>")
        .replace("\r\n", "\n")
    )
    return (
        f"POST /v1/messages HTTP/1.1\nHost: 127.0.0.1:8421\nContent-Type: multipart/form-data; boundary={BOUNDARY}\n"
        f"Content-Length: {len(whole)}\n\n{shown}"
    )


def _read() -> str:
    url = "http://127.0.0.1:8421/v1/inbox?after=-1"
    certificate = thumbprint(leaf(RECIPIENT, code=RECIPIENT))
    headers = sign_request(
        "GET",
        url,
        None,
        key(RECIPIENT),
        certificate,
        at=AT,
        nonce="bm9uY2UtbWFkZS1vbmNl",
        lifetime_s=60,
    )
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\n".join(["GET /v1/inbox?after=-1 HTTP/1.1", "Host: 127.0.0.1:8421", *lines])


def _codes() -> str:
    lines: list[str] = []
    for section, codes in SECTIONS.items():
        lines += ["", f"**{section}**", "", "| code | status | again? | what it means |", "|---|---|---|---|"]
        lines += [_code(code, kind) for code, kind in codes.items()]
    return "\n".join(lines) + "\n\n"


def _code(code: str, kind: Kind) -> str:
    return (
        f"| `{code}` | {kind.status} | {'yes' if kind.retryable else 'no'} | {kind.title}. {kind.meaning} |"
    )


if __name__ == "__main__":
    README.write_text(with_parts(README.read_text(encoding="utf-8")), encoding="utf-8")
