"""The data directory: what is written can be read, and a broken file is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtests.endpoint import files
from loadtests.endpoint.folder import Folder, FolderError
from loadtests.exchange import trust
from loadtests.exchange.certificates import Limits
from loadtests.exchange.pki import Entry, to_der, to_pem
from loadtests.exchange.pki_keys import key_to_pem
from loadtests.exchange.registry import Registry
from loadtests.exchange.revocation import Freshness
from tests.unit.loadtests import authorities
from tests.unit.loadtests.authorities import AT, CODE, issuing, key, leaf, root
from tests.unit.loadtests.endpoint.folders import NAME, certificate, crl, folder


@pytest.fixture
def data(tmp_path: Path) -> Folder:
    """A valid data directory."""
    return folder(tmp_path / "data")


def test_the_identity_is_what_was_written(data: Folder) -> None:
    """Name, key and certificate come back, and the issuer that partners know is made of them."""
    identity = data.identity()
    assert (identity.name, identity.certificate) == (NAME, certificate())
    assert identity.certificate_sha256 == hashlib.sha256(to_der(certificate())).digest()
    assert identity.issuer.public_key == key("exchange").public_key()
    assert identity.issuer.name == NAME


def test_what_is_trusted_judges_a_chain(data: Folder) -> None:
    """A registered agency's chain is valid, and both authorities' lists were found."""
    trusted = data.trusted()
    chain = trust.validate(leaf(), trusted.intermediates, trusted.anchors, at=AT, limits=Limits())
    status = trusted.revocations.status(chain.certificates, at=AT, freshness=Freshness(86_400, 60))
    assert status.revoked == ()
    assert [one.number for one in status.snapshots] == [1, 1]
    assert trusted.registry.agencies[CODE].name_vi == authorities.ORGANISATION


def test_keys_are_read_by_their_owner_only(data: Folder) -> None:
    """The private key has mode 0600, the certificate can be read by all."""
    assert (data.exchange_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (data.exchange_path / "certificate.pem").stat().st_mode & 0o777 == 0o644


def test_partners_need_no_key(data: Folder) -> None:
    """What the exchange issued can be checked where its key is not, or cannot be opened."""
    known = data.identity().issuer
    (data.exchange_path / "key.pem").unlink()
    assert data.issuer() == known


def test_a_password_opens_the_key(data: Folder) -> None:
    """An encrypted key needs its password, and says so."""
    data.write_identity(NAME, key("exchange"), certificate(), b"secret")
    assert data.identity(b"secret").name == NAME
    with pytest.raises(FolderError, match="key-unreadable"):
        data.identity()


def test_every_change_of_a_trust_file_is_seen(data: Folder) -> None:
    """The token differs after each kind of change, and only then."""
    tokens = [data.trust_changed_at()]
    assert data.trust_changed_at() == tokens[0]
    for change in (
        lambda: data.write_registry(data.registry()),  # the same bytes, but written
        lambda: data.write_crl(crl(root(), 2)),
        lambda: data.write_authorities([root().certificate], []),
        lambda: (data.crls_path / "own.crl").write_bytes(crl(root(), 3)),
        (data.crls_path / "own.crl").unlink,
    ):
        change()
        tokens.append(data.trust_changed_at())
    assert len(set(tokens[:-1])) == len(tokens) - 1
    assert tokens[-1] == tokens[-3]


def test_the_newest_list_of_an_issuer_counts(data: Folder) -> None:
    """An older list may lie beside the newer one, under whatever name."""
    (data.crls_path / "zzz.crl").write_bytes(crl(issuing(), 5, Entry(leaf().serial_number, AT)))
    (data.crls_path / "aaa.crl").write_bytes(crl(issuing(), 4))
    lists = data.trusted().revocations.lists.values()
    assert sorted(one.snapshot.number for one in lists) == [1, 5]
    assert sorted(data.crls()) == sorted([crl(root()), (data.crls_path / "zzz.crl").read_bytes()])


def test_a_list_never_goes_back(data: Folder) -> None:
    """An older list than the one read before is an error, and one whose file is gone still counts."""
    first = data.write_crl(crl(issuing(), 7))
    before = data.trusted()
    first.unlink()
    kept = data.trusted(before).revocations.lists.values()
    assert sorted(one.snapshot.number for one in kept) == [1, 7]
    first.write_bytes(crl(issuing(), 6))
    with pytest.raises(FolderError, match=r"crl-rollback.*\.crl"):
        data.trusted(before)


def test_an_older_list_is_not_written(data: Folder) -> None:
    """Writing what is not newer is refused and leaves the file; the very same list once more is no fault."""
    path = data.write_crl(crl(issuing(), 7))
    with pytest.raises(FolderError, match="crl-rollback"):
        data.write_crl(crl(issuing(), 6))
    assert data.write_crl(crl(issuing(), 7)) == path
    assert path.read_bytes() == crl(issuing(), 7)


def test_every_list_that_was_in_place_is_kept(data: Folder) -> None:
    """A receipt names the very list it was made by; that list can be had after later ones came."""
    digest = hashlib.sha256(crl(issuing())).digest()
    data.write_crl(crl(issuing(), 7))
    assert data.crl(digest) == crl(issuing())
    assert data.crl(bytes(32)) is None


Spoil = Callable[[Folder], object]


@pytest.mark.parametrize(
    ("spoil", "code", "file"),
    [
        (lambda one: (one.exchange_path / "name").unlink(), "file-missing", "exchange/name"),
        (
            lambda one: (one.exchange_path / "name").write_text("No Name"),
            "exchange-name-invalid",
            "exchange/name",
        ),
        (
            lambda one: (one.exchange_path / "key.pem").write_bytes(key_to_pem(key("other"), None)),
            "key-mismatch",
            "exchange/key.pem",
        ),
        (
            lambda one: (one.exchange_path / "key.pem").write_text("no key"),
            "key-unreadable",
            "exchange/key.pem",
        ),
        (
            lambda one: (one.exchange_path / "certificate.pem").write_text("none"),
            "certificate-malformed",
            "exchange/certificate.pem",
        ),
        (
            lambda one: (one.exchange_path / "certificate.pem").write_bytes(to_pem(leaf()) * 2),
            "certificate-malformed",
            "exchange/certificate.pem",
        ),
    ],
)
def test_a_broken_identity_is_named(data: Folder, spoil: Spoil, code: str, file: str) -> None:
    """A fault of the exchange's own files has its code and names the file."""
    spoil(data)
    with pytest.raises(FolderError) as fault:
        data.identity()
    assert fault.value.code == code
    assert fault.value.message.startswith((f"{data.path}/{file}", f"found no {data.path}/{file}"))
    assert fault.value.hint


@pytest.mark.parametrize(
    ("spoil", "code", "file"),
    [
        (lambda one: one.registry_path.unlink(), "file-missing", "registry.json"),
        (lambda one: one.registry_path.write_text('{"agencies": 1}'), None, "registry.json"),
        (lambda one: (one.trust_path / "roots.pem").write_text(""), "certificate-untrusted", "roots.pem"),
        (
            lambda one: (one.trust_path / "roots.pem").write_bytes(to_pem(leaf())),
            "issuer-not-ca",
            "roots.pem",
        ),
        (
            lambda one: (one.trust_path / "intermediates.pem").write_bytes(to_pem(issuing().certificate) * 9),
            "chain-too-large",
            "intermediates.pem",
        ),
        (lambda one: (one.crls_path / "a.crl").write_text("no list"), "crl-malformed", "crls/a.crl"),
        (
            lambda one: one.write_authorities([root().certificate], []),
            "crl-issuer-unknown",
            "crls/",
        ),
    ],
)
def test_broken_trust_is_named(data: Folder, spoil: Spoil, code: str | None, file: str) -> None:
    """A fault of a trust file has its code and names the file."""
    spoil(data)
    with pytest.raises(FolderError) as fault:
        data.trusted()
    assert code is None or fault.value.code == code
    assert fault.value.message.removeprefix("found no ").startswith(f"{data.trust_path}/{file}")


def test_a_missing_intermediates_file_is_an_empty_one(data: Folder) -> None:
    """A registry whose agencies have certificates of the root itself needs no file of intermediates."""
    (data.trust_path / "intermediates.pem").unlink()
    for path in data.crls_path.glob("*.crl"):
        path.unlink()
    assert data.trusted().intermediates == ()


def test_one_process_serves_a_folder(data: Folder) -> None:
    """Who comes second is told so, and the lock is free again afterwards; changing trust is not held up by it."""
    with data.lock():
        with pytest.raises(FolderError, match="folder-in-use"), Folder(data.path).lock():
            pass
        with data.changing_trust():
            data.write_registry(Registry.of())
    with data.lock():
        assert data.registry().agencies == {}


def test_what_is_no_data_directory_is_told(tmp_path: Path) -> None:
    """A folder without trust files is refused instead of being filled."""
    with pytest.raises(FolderError, match="folder-missing"), Folder(tmp_path).lock():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk refuses, the file is what it was and nothing lies beside it."""
    path = tmp_path / "registry.json"
    files.write_whole(path, b"old")

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
