"""loadtests/README.md: its bytes are those that the code makes, and no code is missing."""

from __future__ import annotations

import re

from loadtests.exchange import jws, receipts
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import CODES
from tests.docs import exchange_example
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import key

TEXT = exchange_example.README.read_text(encoding="utf-8")


def test_the_generated_parts_are_fresh() -> None:
    """`python -m tests.docs.exchange_example` would change nothing."""
    assert exchange_example.with_parts(TEXT) == TEXT


def test_every_generated_part_is_shown() -> None:
    """A part that nobody shows would be made for nothing."""
    assert set(re.findall(r"<!-- generated: ([a-z-]+) -->", TEXT)) == exchange_example.parts().keys()


def test_every_code_stands_on_the_page() -> None:
    """A client decides by the code; here it learns what each means."""
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \| \d{3} \|", TEXT, re.MULTILINE)) == CODES.keys()


def test_the_example_read_from_the_page_is_a_valid_message_with_its_receipt() -> None:
    """A reader who joins the lines gets a signed manifest and a receipt that fits it."""
    manifest, receipt = (
        re.search(rf"<!-- generated: {name} -->\n```text\n(.*?)\n```", TEXT, re.DOTALL)
        for name in ("example-compact", "example-receipt")
    )
    assert manifest is not None
    assert receipt is not None
    compact, answer = (found[1].replace("\n", "").encode() for found in (manifest, receipt))
    signed = jws.parse(compact)
    certificate = exchange_example.sender_certificate()
    jws.check(signed, key(exchange_example.SENDER).public_key())
    evidence = receipts.check_receipt(
        answer, signed.payload, exchanges.ISSUER, sender_certificate_sha256=thumbprint(certificate)
    )
    assert evidence.message_id == exchange_example.MESSAGE_ID
