"""The manifest: what is taken, and the one thing that is wrong in what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import (
    NAME_BYTES_MAX,
    Document,
    Manifest,
    MessageKind,
    Urgency,
    parse,
    render,
)
from loadtests.exchange.strict import LIMITS, TIME_MAX
from tests.unit.loadtests.manifests import AT, DIGEST, a_document, a_manifest, as_bytes


def refused(values: dict[str, Any]) -> Refusal:
    """The refusal of a manifest."""
    with pytest.raises(Refusal) as caught:
        parse(as_bytes(values))
    return caught.value


def test_a_manifest_is_read_member_by_member() -> None:
    """A new message with one document and nothing optional."""
    assert parse(as_bytes(a_manifest())) == Manifest(
        message_id="0b1d1e36-7e0f-4a51-9a38-0d8e4c0c9b11",
        sender="000.00.00.H49",
        recipients=("000.00.01.H49", "000.00.20.H48"),
        kind=MessageKind.NEW,
        document_type="Quyết định",
        number="12",
        notation="QĐ-UBND",
        subject="Về việc gửi, nhận văn bản điện tử",
        urgency=Urgency.NORMAL,
        documents=(Document("Quyết định 12.pdf", "application/pdf", 3, sha256(b"abc").digest()),),
        created_at=AT,
        expires_at=AT + 86_400,
        audience="exchange.example",
        refers_to=None,
        due_date=None,
    )


@pytest.mark.parametrize("kind", [MessageKind.RECALL, MessageKind.UPDATE, MessageKind.REPLACE])
def test_what_changes_an_earlier_message_refers_to_it(kind: MessageKind) -> None:
    """Recall, update and replacement name the earlier message, and a day may be set for the answer."""
    found = parse(as_bytes(a_manifest(kind=int(kind), refers_to="an-earlier-one", due_date="2028-02-29")))
    assert (found.kind, found.refers_to, found.due_date) == (kind, "an-earlier-one", date(2028, 2, 29))
    assert parse(render(found)) == found


@pytest.mark.parametrize("kind", [1, 2])
def test_a_recall_and_an_update_may_come_without_documents(kind: int) -> None:
    """They may say all they have to say by what they refer to."""
    found = parse(as_bytes(a_manifest(kind=kind, refers_to="an-earlier-one", documents=[])))
    assert found.documents == ()


@pytest.mark.parametrize("member", [name for name in a_manifest() if name != "refers_to"])
def test_every_member_that_is_required_is_missed(member: str) -> None:
    """The message names it."""
    refusal = refused(a_manifest(**{member: ...}))
    assert refusal.code == "manifest-invalid"
    assert refusal.message == f"{member}: missing"


@pytest.mark.parametrize("member", [*a_document()])
def test_every_member_of_a_document_is_missed(member: str) -> None:
    """The message says of which document."""
    refusal = refused(a_manifest(documents=[a_document(), a_document(**{member: ...})]))
    assert (refusal.code, refusal.message) == ("manifest-invalid", f"documents[1].{member}: missing")


@pytest.mark.parametrize("member", [*a_manifest(), "refers_to", "due_date"])
@pytest.mark.parametrize("value", [None, True, 7.5, -1, "", "\0", [], [7], [None], {}, {"a": 1}])
def test_a_value_of_another_type_or_range_is_refused_wherever_it_stands(member: str, value: object) -> None:
    """Whatever is sent, the answer is a refusal with a reason, and it names the member."""
    refusal = refused(a_manifest(**{member: value}))
    assert refusal.code == ("json-number" if value == 7.5 else "manifest-invalid")
    assert value == 7.5 or refusal.message.startswith(member)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"version": 1}, "'version'"),
        ({"message_id": "seven-7"}, "message_id"),
        ({"message_id": "a" * 65}, "message_id"),
        ({"message_id": "../../etc/passwd"}, "message_id"),
        ({"message_id": "-a-dash-first"}, "message_id"),
        ({"message_id": "a-line-break\n"}, "message_id"),
        ({"message_id": "with a space"}, "message_id"),
        ({"sender": "000.00.00.h49"}, "sender"),
        ({"sender": "0000.0.00.H49"}, "sender"),
        ({"sender": "000.00.00.H49 "}, "sender"),
        ({"sender": "٠٠٠.00.00.H49"}, "sender"),
        ({"recipients": []}, "recipients"),
        ({"recipients": "000.00.01.H49"}, "recipients"),
        ({"recipients": ["000.00.01.H49", "000.00.01.H49"]}, "recipients"),
        ({"recipients": ["000.00.01.H49", 1]}, "recipients[1]"),
        ({"recipients": ["000.00.01.H49", "H49"]}, "recipients[1]"),
        ({"recipients": [f"{n:03}.00.00.H49" for n in range(1000)] + ["000.00.00.H50"]}, "recipients"),
        ({"kind": 4}, "kind"),
        ({"kind": True}, "kind"),
        ({"kind": 1}, "refers_to"),
        ({"kind": 3, "refers_to": None}, "refers_to"),
        ({"kind": 3, "refers_to": "../../.."}, "refers_to"),
        ({"kind": 3, "refers_to": "0b1d1e36-7e0f-4a51-9a38-0d8e4c0c9b11"}, "refers_to"),
        ({"kind": 3, "refers_to": "an-earlier-one", "documents": []}, "documents"),
        ({"refers_to": "an-earlier-one"}, "refers_to"),
        ({"number": "123456789012"}, "number"),
        ({"number": " 12"}, "number"),
        ({"number": "12\u00a0"}, "number"),
        ({"notation": "Q" * 31}, "notation"),
        ({"subject": "V" * 501}, "subject"),
        ({"subject": "two\nlines"}, "subject"),
        ({"subject": "two\u2028lines"}, "subject"),
        ({"subject": "unseen\u200bspace"}, "subject"),
        ({"subject": "Ve\u0302\u0300 vie\u0323\u0302c"}, "subject"),
        ({"document_type": "Q" * 101}, "document_type"),
        ({"urgency": 5}, "urgency"),
        ({"created_at": -1}, "created_at"),
        ({"expires_at": AT}, "expires_at"),
        ({"expires_at": TIME_MAX + 1}, "expires_at"),
        ({"due_date": "20260131"}, "due_date"),
        ({"due_date": "2026-W01-1"}, "due_date"),
        ({"due_date": "2026-02-30"}, "due_date"),
        ({"due_date": "2026-01-01T00:00:00Z"}, "due_date"),
        ({"audience": "Exchange Example"}, "audience"),
        ({"audience": "a" * 201}, "audience"),
        ({"documents": []}, "documents"),
        ({"documents": {}}, "documents"),
        ({"documents": ["a.pdf"]}, "documents[0]"),
        ({"documents": [a_document(name=f"{n}.pdf") for n in range(51)]}, "documents"),
        ({"documents": [a_document(name="A.pdf"), a_document(name="a.PDF")]}, "documents"),
        ({"documents": [a_document(name=f"{n}", size_bytes=2**29) for n in range(3)]}, "documents"),
        ({"documents": [a_document(path="a")]}, "documents[0].'path'"),
        ({"documents": [a_document(size_bytes=0)]}, "documents[0].size_bytes"),
        ({"documents": [a_document(size_bytes=2**29 + 1)]}, "documents[0].size_bytes"),
        ({"documents": [a_document(sha256=DIGEST[:-4])]}, "documents[0].sha256"),
        ({"documents": [a_document(media_type="application/pdf; a=b")]}, "documents[0].media_type"),
        ({"documents": [a_document(media_type="Application/PDF")]}, "documents[0].media_type"),
        ({"documents": [a_document(media_type="pdf")]}, "documents[0].media_type"),
    ],
)  # fmt: skip
def test_one_thing_that_is_wrong_is_named(changes: dict[str, Any], place: str) -> None:
    """All else in the manifest is right; the message begins with the place and the hint says what would be right."""
    refusal = refused(a_manifest(**changes))
    assert refusal.code == "manifest-invalid"
    assert refusal.message.startswith(f"{place}: ")
    assert refusal.hint


@pytest.mark.parametrize(
    "name",
    [
        "../a.pdf", "..", ".", "/a.pdf", "a/b.pdf", "a\\b.pdf", "C:a.pdf", "a.pdf:stream", "a\0.pdf", "a\n.pdf",
        "\u202efdp.exe", "a\u200d.pdf", " a.pdf", "a.pdf ", "a.pdf.", ".htaccess", "con", "CON.pdf", "nul .tar.gz",
        "COM1", "lpt¹.txt", "a?.pdf", "a*.pdf", "a|b", '"a"', "<a>", "ế" * 86, "a" * 256, "e\u0302.pdf", "",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_or_that_some_system_cannot_hold_is_refused(name: str) -> None:
    """Parts of paths, streams, devices, unseen characters, dots and spaces at an end, more bytes than a name has."""
    refusal = refused(a_manifest(documents=[a_document(name=name)]))
    assert refusal.code == "manifest-invalid"
    assert refusal.message.startswith("documents[0].name: ")


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "Quyết định số 12 (bản chính).pdf",
        "console.pdf",
        "a..b",
        "com10",
        "ế" * 85,
        "a" * 255,
        "a\u00a0b",
    ],
)
def test_a_name_that_people_use_is_taken(name: str) -> None:
    """Vietnamese letters, spaces, brackets, and the longest there can be."""
    assert len(name.encode()) <= NAME_BYTES_MAX
    (document,) = parse(as_bytes(a_manifest(documents=[a_document(name=name)]))).documents
    assert document.name == name


def test_a_digest_that_is_not_strict_base64url_is_refused_as_such() -> None:
    """Padding, and unused bits that are set."""
    for text in (DIGEST + "=", DIGEST[:-1] + "1"):
        assert refused(a_manifest(documents=[a_document(sha256=text)])).code == "base64-invalid"


def test_size_is_refused_before_the_json_is_read() -> None:
    """At the limit it is read, one byte more is refused."""
    data = as_bytes(a_manifest())
    parse(data, replace(LIMITS, manifest_bytes_max=len(data)))
    with pytest.raises(Refusal) as caught:
        parse(data + b" ", replace(LIMITS, manifest_bytes_max=len(data)))
    assert caught.value.code == "manifest-too-large"


def test_the_largest_manifest_fits_the_limit_of_its_size() -> None:
    """All limits are reached at once, and still there is room for as much again."""
    documents = tuple(
        Document(
            f"{n:02}" + "ế" * 84 + "a", "a" * 127 + "/" + "b" * 127, LIMITS.message_bytes_max // 50, bytes(32)
        )
        for n in range(LIMITS.documents_max)
    )
    manifest = replace(
        parse(as_bytes(a_manifest())),
        message_id="a" * 64,
        recipients=tuple(f"{n:03}.00.00.H49" for n in range(LIMITS.recipients_max)),
        document_type="𝔸" * 100,
        number="𝔸" * 11,
        notation="𝔸" * 30,
        subject="𝔸" * 500,
        documents=documents,
        audience="a" * 200,
        expires_at=TIME_MAX,
    )
    assert len(render(manifest)) * 2 < LIMITS.manifest_bytes_max


def test_a_client_learns_before_it_signs_what_would_be_refused() -> None:
    """Rendering refuses with the code and words that the exchange would use."""
    manifest = parse(as_bytes(a_manifest()))
    for wrong, code in (
        (replace(manifest, subject=""), "manifest-invalid"),
        (replace(manifest, kind=MessageKind.RECALL), "manifest-invalid"),
        (replace(manifest, subject="\ud800"), "json-invalid"),
    ):
        with pytest.raises(Refusal) as caught:
            render(wrong)
        assert caught.value.code == code
