"""The AS2 adapter before a partner that says what it is told to say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from loadtests.adapters.as2 import cms, mime
from loadtests.adapters.as2.adapter import As2Adapter
from loadtests.adapters.as2.keys import Pair
from loadtests.adapters.base import AdapterError, Message, ReceiptError, TargetError
from loadtests.harness.records import Poison
from tests.unit.loadtests.adapters.as2.partner import (
    Told,
    context,
    fields_of,
    notification,
    pair,
    schedule,
    signed,
    told,
    write_pair,
)

KINDS = (Poison.NONE, Poison.TAMPERED, Poison.FOREIGN_KEY, Poison.WRONG_DIGEST, Poison.REPLAY)
LOAD = schedule(KINDS, of=(-1, -1, -1, -1, 0))


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that must be given."""
    folder = tmp_path_factory.mktemp("keys")
    key, certificate = write_pair(folder, "own", "rsa")
    _, partner = write_pair(folder, "partner")
    return {
        "own_key": str(key),
        "own_certificate": str(certificate),
        "own_id": "own",
        "partner_certificate": str(partner),
        "partner_id": "partner",
    }


def ready(options: Mapping[str, str]) -> As2Adapter:
    """An adapter that is set up."""
    adapter = As2Adapter(context(options, LOAD))
    adapter.setup(Told(404))
    return adapter


@pytest.fixture(scope="module")
def adapter(options: dict[str, str]) -> As2Adapter:
    """The same for all tests that change nothing."""
    return ready(options)


def message(adapter: As2Adapter, number: int) -> Message:
    """A signed message."""
    return adapter.sign(adapter.make(number))


def receipt_for(one: Message, by: Pair, **changed: str | None) -> bytes:
    """What a partner answers a message with."""
    fields = {"Original_Message_ID": f"<{one.id}>", **changed}
    return signed(notification(fields_of(one.digest, **fields)), by)


def verified_by_partner(one: Message, certificate: Pair) -> str:
    """What a careful partner finds: empty, or a code of ``cms``."""
    kind = one.request.headers["Content-Type"].encode()
    entity = mime.read(b"Content-Type: " + kind + b"\r\n\r\n" + b"".join(one.request.body))
    signed_part, signature = entity.parts()
    try:
        cms.verify(signature.decoded(), signed_part.raw, certificate.certificate)
    except cms.CmsError as error:
        return error.code
    return ""


def test_poisoned_messages_are_wrong_in_their_own_way(adapter: As2Adapter) -> None:
    """A partner that checks finds what is wrong with each; good messages and replays are good."""
    found = [verified_by_partner(message(adapter, number), pair("own", "rsa")) for number in range(len(LOAD))]
    assert found == ["", "digest", "signature", "digest", ""]


def test_a_replay_is_the_same_message_again(adapter: As2Adapter, options: dict[str, str]) -> None:
    """The same id and the same bytes, in whatever process it is made; every other message has an id of its own."""
    first, again = message(adapter, 0), message(ready(options), 4)
    assert (first.id, first.digest, first.request) == (again.id, again.digest, again.request)
    assert again.number == 4
    assert len({message(adapter, number).id for number in range(4)}) == 4


def test_ids_tell_their_arrivals(adapter: As2Adapter) -> None:
    """With and without angle brackets; ids of other runs and others' ids tell nothing."""
    for number in (0, 3, 2**32 - 1):
        assert adapter.number_of(adapter.id_of(number)) == number
        assert adapter.number_of(f" <{adapter.id_of(number)}> ") == number
    assert message(adapter, 2).id == adapter.id_of(2)
    local = adapter.id_of(1).partition("@")[0]
    changed = local[:-1] + ("1" if local.endswith("0") else "0")
    for other in ("", "x@y", local, f"{local}@elsewhere.invalid", f"{changed}@congvan.invalid"):
        assert adapter.number_of(other) is None


def test_a_good_answer(adapter: As2Adapter) -> None:
    """A signed receipt is taken at first sight, and its check holds for this message alone."""
    one = message(adapter, 0)
    outcome = adapter.submit(one, told(receipt_for(one, pair("partner"))))
    assert (outcome.taken, outcome.code) == (True, "")
    adapter.verify(one, outcome.receipt)
    with pytest.raises(ReceiptError) as refused:
        adapter.verify(message(adapter, 1), outcome.receipt)
    assert refused.value.code == "E-MDN-MESSAGE"


def test_success_without_a_signed_receipt_is_none(adapter: As2Adapter) -> None:
    """HTTP 200 with a text is ambiguous; a receipt of another, or of nobody, does not hold."""
    one = message(adapter, 0)
    outcome = adapter.submit(one, Told(200, "text/html", b"AS2 message has been received"))
    assert (outcome.taken, outcome.code, outcome.again, outcome.receipt) == (None, "no-receipt", False, b"")
    for by, code in ((pair("other"), "E-MDN-SIGNER"), (None, "E-MDN-UNSIGNED")):
        report = notification(fields_of(one.digest, Original_Message_ID=one.id))
        outcome = adapter.submit(one, told(signed(report, by) if by else report))
        assert outcome.taken
        with pytest.raises(ReceiptError) as refused:
            adapter.verify(one, outcome.receipt)
        assert refused.value.code == code


def test_dispositions_decide(adapter: As2Adapter) -> None:
    """An error is a refusal, unsigned too; a warning of a duplicate is success only where it holds our digest."""
    one, partner = message(adapter, 0), pair("partner")
    error, warning = (
        "a/b; processed/error: authentication-failed",
        "a/b; processed/warning: duplicate-document",
    )
    refused = adapter.submit(one, told(receipt_for(one, partner, Disposition=error)))
    assert (refused.taken, refused.code, refused.again) == (False, "authentication-failed", False)
    plain = adapter.submit(one, told(notification(fields_of(one.digest, Disposition=error))))
    assert (plain.taken, plain.code) == (False, "authentication-failed")
    full = adapter.submit(one, told(receipt_for(one, partner, Disposition=warning)))
    assert full.taken
    adapter.verify(one, full.receipt)
    empty = adapter.submit(
        one, told(receipt_for(one, partner, Disposition=warning, Received_Content_MIC=None))
    )
    assert (empty.taken, empty.code) == (None, "duplicate-document")


@pytest.mark.parametrize(
    ("status", "taken", "again"),
    [
        (302, None, False),
        (400, False, False),
        (403, False, False),
        (429, False, True),
        (500, None, True),
        (503, False, True),
    ],
)
def test_other_statuses(adapter: As2Adapter, status: int, taken: bool | None, again: bool) -> None:
    """Refused, ambiguous, or to be sent again; the body is not looked at."""
    outcome = adapter.submit(message(adapter, 0), Told(status))
    assert (outcome.taken, outcome.code, outcome.again) == (taken, f"http-{status}", again)


def test_receipts_that_say_the_same(adapter: As2Adapter) -> None:
    """A receipt that was signed again says the same; one about another digest does not."""
    one, partner = message(adapter, 0), pair("partner")
    first, second = receipt_for(one, partner, Reporting_UA="a"), receipt_for(one, partner, Reporting_UA="b")
    assert first != second
    assert adapter.statement(first) == adapter.statement(second)
    other = message(adapter, 1)
    assert adapter.statement(first) != adapter.statement(
        receipt_for(other, partner, Original_Message_ID=f"<{one.id}>")
    )


def test_the_audit(options: dict[str, str]) -> None:
    """Copies are counted, recipients are the schedule's, digests are those of messages; no list, no audit."""
    adapter = ready({**options, "audit_url": "/messages"})
    one = message(adapter, 0)
    listed = [{"id": f"<{one.id}>", "digest": one.digest.hex()}] * 2 + [{"id": "foreign@x"}]
    records = adapter.audit(Told(body=json.dumps(listed).encode()))
    assert records is not None
    found = [(record.id, record.recipient, record.copies, record.digest) for record in records]
    assert found == [(one.id, 0, 2, one.digest), ("foreign@x", 0, 1, b"")]
    assert ready(options).audit(Told(500)) is None
    for wrong in (
        Told(500),
        Told(0),
        Told(body=b"{"),
        Told(body=b"[1]"),
        Told(body=b'[{"id": 1}]'),
        Told(body=b'{"a": 1}'),
    ):
        with pytest.raises(TargetError):
            adapter.audit(wrong)


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"own_key": ""}, "E-AS2-OPTION", "own_key"),
        ({"own_key": "/nowhere/key"}, "E-AS2-OPTION", "/nowhere/key"),
        ({"own_key": "certificate"}, "E-AS2-KEY", "own_key"),
        ({"own_key": "other"}, "E-AS2-PAIR", "own_certificate"),
        ({"own_key": "ed25519"}, "E-AS2-KEY", "another kind"),
        ({"partner_certificate": "key"}, "E-AS2-CERTIFICATE", "partner_certificate"),
        ({"own_id": ""}, "E-AS2-OPTION", "own_id"),
        ({"partner_id": "sở"}, "E-AS2-OPTION", "partner_id"),
        ({"path": "as2"}, "E-AS2-OPTION", "path"),
        ({"transfer": "8bit"}, "E-AS2-OPTION", "8bit"),
    ],
)
def test_wrong_options(
    options: dict[str, str], changed: dict[str, str], code: str, says: str, tmp_path: Path
) -> None:
    """Each is refused before anything is sent, with what was found."""
    other, _ = write_pair(tmp_path, "other")
    ed25519 = tmp_path / "ed25519"
    ed25519.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    named = {"certificate": options["own_certificate"], "key": options["own_key"]}
    named |= {"other": str(other), "ed25519": str(ed25519)}
    values = {**options, **{name: named.get(value, value) for name, value in changed.items()}}
    partner = Told()
    with pytest.raises(AdapterError) as refused:
        As2Adapter(context(values, LOAD)).setup(partner)
    assert refused.value.code == code
    assert says in refused.value.message
    assert partner.asked == []


def test_health(options: dict[str, str]) -> None:
    """Any answer will do, or 200 of a path that was named; no answer will not."""
    load = schedule()
    As2Adapter(context(options, load)).setup(Told(405))
    named = {**options, "health": "/alive"}
    healthy = Told(200)
    As2Adapter(context(named, load)).setup(healthy)
    assert [asked.path for asked in healthy.asked] == ["/alive"]
    for values, partner in ((named, Told(404)), (named, Told(0)), (options, Told(0))):
        with pytest.raises(TargetError):
            As2Adapter(context(values, load)).setup(partner)


def test_what_is_told_of_the_partner(adapter: As2Adapter) -> None:
    """Names and the fingerprint of its certificate, ready for JSON; an elliptic curve key serves too."""
    described = adapter.describe(Told())
    assert json.loads(json.dumps(described))["partner_id"] == "partner"


def test_an_elliptic_curve_pair(options: dict[str, str], tmp_path: Path) -> None:
    """Our own key may be of this kind; the forger's is then of it too."""
    key, certificate = write_pair(tmp_path, "own")
    adapter = ready(
        {**options, "own_key": str(key), "own_certificate": str(certificate), "transfer": "binary"}
    )
    found = [verified_by_partner(message(adapter, number), pair("own")) for number in range(len(LOAD))]
    assert found == ["", "digest", "signature", "digest", ""]
