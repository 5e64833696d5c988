"""The file of a bundle: the same bytes for the same contents, and nothing that was not written so."""

from __future__ import annotations

import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from loadtests.bundle import archive
from loadtests.bundle.archive import Archive
from loadtests.bundle.checking import check
from loadtests.bundle.contents import document_names
from loadtests.bundle.making import make
from loadtests.exchange import jws, manifest
from loadtests.exchange.errors import Refusal
from tests.unit.loadtests.authorities import root
from tests.unit.loadtests.bundle.bundles import BODIES, bundle, contents, documents


def code_of(path: Path) -> str:
    """The code with which a file is refused."""
    with pytest.raises(Refusal) as caught:
        check(path, [root().certificate], lambda _: None)
    return caught.value.code


def rewritten(
    path: Path,
    out: Path,
    change: Callable[[dict[str, bytes]], object],
    mark: Callable[[zipfile.ZipInfo], None] = lambda _: None,
) -> Path:
    """The bundle with changed entries, written by the standard library as a bundle is."""
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    change(entries)
    with zipfile.ZipFile(out, "w") as file:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            mark(info)
            file.writestr(info, data)
    return out


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    """Order of evidence, certificates and lists, place and time of making change nothing."""
    first = bundle(tmp_path).read_bytes()
    whole = contents()
    mixed = replace(
        whole,
        stated=whole.stated[::-1],
        certificates=whole.certificates[::-1] + whole.certificates,
        crls=whole.crls[::-1],
        proofs=dict(reversed(list(whole.proofs.items()))),
    )
    other = tmp_path / "other"
    other.mkdir()
    assert bundle(other, mixed).read_bytes() == first


def test_a_rewritten_bundle_is_the_same(tmp_path: Path) -> None:
    """The helper of these tests writes what the code writes, so that its changes are the only ones."""
    path = bundle(tmp_path)
    assert rewritten(path, tmp_path / "again.zip", lambda _: None).read_bytes() == path.read_bytes()


def test_document_names_are_harmless_and_numbered() -> None:
    """Names of documents in a bundle need no quoting, whatever the sender called them."""
    content = manifest.parse(jws.parse(contents().manifest).payload)
    assert list(BODIES) == [one.name for one in content.documents]
    assert document_names(content) == ("documents/01-Quyet-dinh-12-QD.pdf", "documents/02-rm-rf-x-y.odt")
    odd = [
        replace(content.documents[0], name=name)
        for name in ("公文", "a.b.tar.gz", "x" * 200 + ".pdf", "-n. e")
    ]
    assert document_names(replace(content, documents=tuple(odd))) == (
        "documents/01-document",
        "documents/02-a-b-tar.gz",
        f"documents/03-{'x' * 60}.pdf",
        "documents/04-n-e",
    )


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "evil\\x", "a//b", "a/../b", ".hidden", "a/b/c", "zz zz", "zz\x00y", "zz-ứng"],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """No path trick gets into the list of names."""
    out = tmp_path / "changed.zip"
    path = rewritten(bundle(tmp_path), out, lambda entries: entries.update({name: b"x"}))
    assert code_of(path) == "evidence-invalid"


def test_an_unexpected_entry_is_refused(tmp_path: Path) -> None:
    """What nothing in the bundle asks for is refused, in order and well named as it is."""
    for name in ("zz.txt", "documents/99-more.pdf", "evidence/zz.txt", "openssl/zz.sig"):
        out = tmp_path / "changed.zip"

        def add(entries: dict[str, bytes], name: str = name) -> None:
            entries[name] = b"x"
            ordered = dict(sorted(entries.items()))
            entries.clear()
            entries.update(ordered)

        assert code_of(rewritten(bundle(tmp_path), out, add)) in {"evidence-invalid", "jws-invalid"}


@pytest.mark.parametrize("name", ["README.txt", "SHA256SUMS", "openssl/manifest.sig", "openssl/crls.pem"])
def test_what_is_derived_must_follow_from_the_rest(tmp_path: Path, name: str) -> None:
    """Neither README nor the files for OpenSSL can say anything that the signed objects do not."""

    def change(entries: dict[str, bytes]) -> None:
        entries[name] = entries[name].replace(b"a", b"b", 1).replace(b"\x02", b"\x03", 1)

    assert code_of(rewritten(bundle(tmp_path), tmp_path / "changed.zip", change)) == "evidence-invalid"


@pytest.mark.parametrize(
    "name", ["manifest.jws", "receipt.jws", "log/checkpoint.jws", "documents/02-rm-rf-x-y.odt", "README.txt"]
)
def test_a_missing_entry_is_refused(tmp_path: Path, name: str) -> None:
    """A bundle without one of its parts is not one."""
    path = rewritten(bundle(tmp_path), tmp_path / "changed.zip", lambda entries: entries.pop(name))
    assert code_of(path) == "evidence-invalid"


def test_a_changed_document_is_refused(tmp_path: Path) -> None:
    """A document of another digest or size is not the one that was receipted."""
    for change in (lambda data: data[:-1] + b"x", lambda data: data + b"x"):

        def altered(entries: dict[str, bytes], change: Callable[[bytes], bytes] = change) -> None:
            name = "documents/01-Quyet-dinh-12-QD.pdf"
            entries[name] = change(entries[name])

        assert (
            code_of(rewritten(bundle(tmp_path), tmp_path / "x.zip", altered)) == "evidence-document-mismatch"
        )


def _compressed(info: zipfile.ZipInfo) -> None:
    info.compress_type = zipfile.ZIP_DEFLATED


def _link(info: zipfile.ZipInfo) -> None:
    info.external_attr = 0o120777 << 16


def _dated(info: zipfile.ZipInfo) -> None:
    info.date_time = (2026, 1, 1, 0, 0, 0)


def _extra(info: zipfile.ZipInfo) -> None:
    info.extra = struct.pack("<HH4s", 0xCAFE, 4, b"hide")


def _comment(info: zipfile.ZipInfo) -> None:
    info.comment = b"hidden"


@pytest.mark.parametrize("mark", [_compressed, _link, _dated, _extra, _comment])
def test_an_entry_marked_in_another_way_is_refused(
    tmp_path: Path, mark: Callable[[zipfile.ZipInfo], None]
) -> None:
    """Compressed entries (bombs), links, dates, hidden fields and comments are refused."""
    path = rewritten(bundle(tmp_path), tmp_path / "changed.zip", lambda _: None, mark)
    assert code_of(path) == "evidence-invalid"


def test_a_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    """An entry that would unpack to a gigabyte is refused by its description."""

    def big(entries: dict[str, bytes]) -> None:
        entries.clear()
        entries["documents/01-a.pdf"] = bytes(50_000_000)

    path = rewritten(bundle(tmp_path), tmp_path / "bomb.zip", big, _compressed)
    assert path.stat().st_size < 100_000
    assert code_of(path) == "evidence-invalid"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"MZ" + data,
        lambda data: data + b"x",
        lambda data: data[:-1],
        lambda data: data[:200],
        lambda data: data[:0],
        lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
        lambda data: data[:-12] + struct.pack("<L", 2**31) + data[-8:],
        lambda data: data[:-14] + b"\xff\xff\xff\xff" + data[-10:],
        lambda data: b"%PDF-1.7 not a zip at all" * 100 + data[:0],
    ],
)
def test_a_file_that_is_not_a_whole_bundle_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    """Bytes before, behind or missing, a damaged entry and false sizes are refused without a traceback."""
    path = bundle(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    assert code_of(path) == "evidence-invalid"


def test_no_changed_byte_goes_unnoticed(tmp_path: Path) -> None:
    """Any one byte changed makes the check fail: of an entry's header, of the list's first line, a sample of all."""
    path = bundle(tmp_path)
    data = path.read_bytes()
    listed = data.index(b"PK\x01\x02")
    for at in (*range(40), *range(listed, listed + 56), *range(0, len(data), len(data) // 40)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
        with pytest.raises(Refusal):
            check(path, [root().certificate], lambda _: None)


def _as_list(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def _written(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands twice
        for name, data in entries:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            file.writestr(info, data)
    return path


def test_an_entry_twice_is_refused(tmp_path: Path) -> None:
    """Two entries of one name could be two documents for two readers, even where everything else is in order."""
    entries = _as_list(bundle(tmp_path))
    twice = sorted([*entries, ("documents/01-Quyet-dinh-12-QD.pdf", b"another")])
    assert code_of(_written(tmp_path / "twice.zip", twice)) == "evidence-invalid"
    same = sorted([*entries, entries[0]])
    assert code_of(_written(tmp_path / "same.zip", same)) == "evidence-invalid"


def test_another_order_is_refused(tmp_path: Path) -> None:
    """Equal contents have one spelling."""
    entries = _as_list(bundle(tmp_path))
    assert code_of(_written(tmp_path / "order.zip", entries[::-1])) == "evidence-invalid"
    path = tmp_path / "moved.zip"
    with zipfile.ZipFile(path, "w") as file:  # listed in order, and written in another
        for name, data in entries[::-1]:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            file.writestr(info, data)
        file.filelist.sort(key=lambda one: one.filename)
    assert [name for name, _ in _as_list(path)] == [name for name, _ in entries]
    assert code_of(path) == "evidence-invalid"


def test_bytes_that_no_entry_has_are_refused(tmp_path: Path) -> None:
    """An entry that is taken from the list and left in the file, at its end or inside, hides nothing."""
    path = bundle(tmp_path)
    data = path.read_bytes()
    entries = _as_list(path)
    for name in ("zz-hidden", "receipt.jws.hidden"):
        full = _written(tmp_path / "full.zip", sorted([*entries, (name, b"hidden")])).read_bytes()
        listed = full.rindex(b"PK\x01\x02", 0, full.rindex(name.encode()))
        size = 46 + len(name)
        end = struct.unpack("<4s4H2LH", full[-22:])
        less = (*end[:3], end[3] - 1, end[4] - 1, end[5] - size, *end[6:])
        path.write_bytes(full[:listed] + full[listed + size : -22] + struct.pack("<4s4H2LH", *less))
        assert zipfile.is_zipfile(path)
        with zipfile.ZipFile(path) as file:
            assert file.namelist() == [one for one, _ in entries], "the damage is not what the test means"
        assert code_of(path) == "evidence-invalid"
    path.write_bytes(data)
    check(path, [root().certificate], lambda _: None)


def test_a_file_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    """A mistyped path is answered in one line."""
    assert code_of(tmp_path / "nothing.zip") == "evidence-invalid"
    assert code_of(tmp_path) == "evidence-invalid"


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More entries or more bytes beside the documents than a bundle may hold are refused, written or read."""
    path = bundle(tmp_path)
    monkeypatch.setattr(archive, "OTHERS_BYTES_MAX", 1000)
    assert code_of(path) == "evidence-invalid"
    with pytest.raises(Refusal):
        bundle(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "ENTRIES_MAX", 3)
    assert code_of(path) == "evidence-invalid"
    with pytest.raises(Refusal):
        bundle(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "BUNDLE_BYTES_MAX", 1000)
    assert code_of(path) == "evidence-invalid"


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """A bundle appears whole or not at all."""
    path = bundle(tmp_path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="nowhere"):
        archive.write(path, {"a": b"x", "b": tmp_path / "nowhere"})
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))


def test_documents_that_are_not_the_manifests_make_no_bundle(tmp_path: Path) -> None:
    """Fewer documents, or others, are refused when the bundle is made."""
    paths = documents(tmp_path)
    out = tmp_path / "bundle.zip"
    for wrong, code in ((paths[:1], "documents-incomplete"), (paths[::-1], "document-mismatch")):
        with pytest.raises(Refusal) as caught:
            make(contents(), wrong, out)
        assert caught.value.code == code
        assert not out.exists()


def test_a_document_is_read_in_parts(tmp_path: Path) -> None:
    """The digest of an entry larger than one part is that of all its bytes."""
    body = bytes(range(256)) * 9000
    source = tmp_path / "source"
    source.write_bytes(body)
    archive.write(tmp_path / "b.zip", {"documents/01-a": source})
    with Archive(tmp_path / "b.zip") as opened:
        assert opened.digest("documents/01-a") == (sha256(body).digest(), len(body))
