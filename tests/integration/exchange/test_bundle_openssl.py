"""An evidence bundle is checked with OpenSSL alone, by the very commands that its README gives."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from loadtests.exchange import pki
from tests.unit.loadtests.authorities import root
from tests.unit.loadtests.bundle.bundles import bundle

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("openssl", "sh", "sha256sum", "awk", "cmp")),
    reason="openssl or one of the tools of a POSIX system is not installed",
)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A bundle as its reader unpacks it, with the root beside it."""
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(bundle(tmp_path)) as file:
        file.extractall(folder)
    (folder / "root.pem").write_bytes(pki.to_pem(root().certificate))
    return folder


def commands(folder: Path) -> list[str]:
    """The indented lines of the README."""
    lines = (folder / "README.txt").read_text(encoding="ascii").splitlines()
    return [line.strip() for line in lines if line.startswith("    ")]


def failing(folder: Path) -> list[str]:
    """The commands that do not end with status 0."""
    done = (
        (one, subprocess.run(["sh", "-c", one], check=False, cwd=folder, capture_output=True))
        for one in commands(folder)
    )
    return [one for one, result in done if result.returncode != 0]


def test_every_command_of_the_readme_holds(unpacked: Path) -> None:
    """Signatures of all three algorithms, chains, revocation and digests check with OpenSSL alone."""
    listed = "\n".join(commands(unpacked))
    for part in (
        "dgst -sha256 -verify",
        "rsa_padding_mode:pss",
        "pkeyutl -verify",
        "-crl_check_all",
        "sha256sum -c",
    ):
        assert part in listed
    assert failing(unpacked) == []


@pytest.mark.parametrize(
    ("changed", "fails"),
    [
        ("documents/01-Quyet-dinh-12-QD.pdf", ["sha256sum", "grep"]),
        ("openssl/manifest.json", ["cmp"]),
        ("openssl/manifest.tbs", ["-verify", "cmp"]),
        ("openssl/leaf-000000000003.report.tbs", ["rsa_padding_mode:pss", "cmp"]),
        ("openssl/leaf-000000000004.report.sig", ["pkeyutl"]),
    ],
)
def test_a_changed_file_fails_its_own_commands(unpacked: Path, changed: str, fails: list[str]) -> None:
    """Whoever changes one file of a bundle makes just the commands fail that look at it."""
    path = unpacked / changed
    data = bytearray(path.read_bytes())
    at = len(data) // 2
    data[at] = ord("B") if data[at] == ord("A") else ord("A")
    path.write_bytes(bytes(data))
    found = failing(unpacked)
    assert len(found) == len(fails), found
    assert all(part in one for part, one in zip(fails, found, strict=True)), found


def test_another_root_fails_every_chain(unpacked: Path) -> None:
    """Nothing in the bundle stands in for the root that its reader brings."""
    other = pki.issue_root(
        root().key, pki.authority_name("Khác", "Gốc"), serial=7, validity=pki.Validity(0, 4_000_000_000)
    )
    (unpacked / "root.pem").write_bytes(pki.to_pem(other))
    chains = [one for one in commands(unpacked) if one.startswith("openssl verify")]
    assert chains
    assert failing(unpacked) == chains


def test_a_missing_document_is_not_taken_for_a_good_one(unpacked: Path) -> None:
    """An empty digest is found in no manifest."""
    (unpacked / "documents/02-rm-rf-x-y.odt").unlink()
    assert [one.split()[0] for one in failing(unpacked)] == ["sha256sum", "grep"]
