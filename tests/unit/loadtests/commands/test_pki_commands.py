"""``congvan pki`` and ``congvan registry`` as one types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from loadtests.commands import pki_commands, register
from loadtests.endpoint.credentials import read_certificate, read_key
from loadtests.endpoint.folder import Folder
from loadtests.exchange.pki_keys import KeyKind
from sim.cli import app, main

CODE = "000.00.00.H41"


@pytest.fixture(autouse=True)
def _registered() -> None:
    """The commands are there, as after an installation; a second registration adds nothing."""
    register(app)
    register(app)


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A PKI that was made with the command."""
    assert main(["pki", "init", str(tmp_path / "pki")]) == 0
    return tmp_path / "pki"


@pytest.fixture
def data(pki: Path, tmp_path: Path) -> Path:
    """An exchange's data directory with one agency."""
    made = str(tmp_path / "data")
    assert main(["pki", "exchange", str(pki), made, "--name", "exchange.test.vn"]) == 0
    assert main(["pki", "issue", str(pki), "--code", CODE, "--name", "Tỉnh Nghệ An"]) == 0
    assert main(["registry", "add", made, "--certificate", _certificate(pki)]) == 0
    return tmp_path / "data"


def _certificate(pki: Path, folder: str = f"agencies/{CODE}") -> str:
    return str(pki / folder / "certificate.pem")


def _listed(data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["registry", "list", str(data), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert isinstance(row, dict)
    return row


def test_a_second_registration_adds_nothing() -> None:
    """However often the commands are mounted, each stands there once."""
    fresh = typer.Typer()
    register(fresh)
    once = len(fresh.registered_groups), len(fresh.registered_commands)
    register(fresh)
    assert (len(fresh.registered_groups), len(fresh.registered_commands)) == once


def test_help_is_quick_and_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Help shows an example for every command, and needs neither web server, client nor cryptography."""
    script = (
        "import sys, typer; from loadtests.commands import register; register(typer.Typer());"
        "sys.exit(', '.join({'starlette', 'uvicorn', 'httpx', 'cryptography'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (["serve"], ["send"], ["inbox"], ["acknowledge"], ["evidence"], ["verify"]):
        assert main([*words, "--help"]) == 0
        assert f"congvan {words[0]} " in capsys.readouterr().out.split("Options")[0].replace(
            "Usage: congvan", ""
        )


def test_the_kinds_of_key_are_all_offered() -> None:
    """What the help names is what there is."""
    assert tuple(KeyKind) == pki_commands.KEYS


@pytest.mark.parametrize("key", pki_commands.KEYS)
def test_each_kind_of_key_is_issued(pki: Path, key: str) -> None:
    """Key and certificate are of a pair, the key is for its owner's eyes only."""
    assert main(["pki", "issue", str(pki), "--code", CODE, "--name", "Tỉnh Nghệ An", "--key", key]) == 0
    path = pki / "agencies" / CODE
    certificate = read_certificate(path / "certificate.pem")
    assert read_key(path / "key.pem").public_key() == certificate.public_key()
    assert (path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(pki: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second certificate needs another folder, and nothing is issued before that is known."""
    issue = ["pki", "issue", str(pki), "--code", CODE, "--name", "Tỉnh Nghệ An"]
    assert main(issue) == 0
    key = (pki / "agencies" / CODE / "key.pem").read_bytes()
    assert main(issue) == 2
    assert "credentials-there" in capsys.readouterr().err
    assert (pki / "agencies" / CODE / "key.pem").read_bytes() == key
    assert len(list((pki / "issued").iterdir())) == 1


def test_a_password_guards_the_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a password nothing is issued without it."""
    monkeypatch.setenv("CONGVAN_PKI_PASSWORD", "mật khẩu")
    assert main(["pki", "init", str(tmp_path / "pki")]) == 0
    assert main(["pki", "issue", str(tmp_path / "pki"), "--code", CODE, "--name", "An"]) == 0
    monkeypatch.delenv("CONGVAN_PKI_PASSWORD")
    assert main(["pki", "crl", str(tmp_path / "pki")]) == 2
    assert "key-unreadable" in capsys.readouterr().err


def test_revoking_reaches_the_exchange(pki: Path, data: Path) -> None:
    """A revoked certificate stands on the list that the exchange reads, with its reason; the list number grows."""
    before = {one.snapshot.number for one in Folder(data).trusted().revocations.lists.values()}
    words = ["--certificate", _certificate(pki), "--reason", "keyCompromise", "--to", str(data)]
    assert main(["pki", "revoke", str(pki), *words]) == 0
    lists = Folder(data).trusted().revocations.lists.values()
    (found,) = [line for one in lists for line in one.revoked.values()]
    assert found.serial == read_certificate(Path(_certificate(pki))).serial_number
    assert found.reason == "keyCompromise"
    assert max(one.snapshot.number for one in lists) > max(before)
    assert main(["pki", "revoke", str(pki), *words]) == 2


def test_lists_are_given_to_an_exchange(pki: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newer list of an authority is taken, a list of a stranger or an older one is not."""
    older = (pki / "issuing" / "list.crl").read_bytes()
    assert main(["pki", "crl", str(pki)]) == 0
    assert main(["registry", "crl", str(data), str(pki / "issuing" / "list.crl")]) == 0
    numbers = [one.snapshot.number for one in Folder(data).trusted().revocations.lists.values()]
    assert sorted(numbers) == [1, 2]
    (pki / "older.crl").write_bytes(older)
    assert main(["pki", "init", str(pki / "other")]) == 0
    for path, code in (("older.crl", "crl-rollback"), ("other/issuing/list.crl", "crl-")):
        capsys.readouterr()
        assert main(["registry", "crl", str(data), str(pki / path)]) == 2
        assert capsys.readouterr().err.startswith(code)


def test_a_rotation_overlaps(pki: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The new certificate counts at once, the old one for as long as was said."""
    new = ["--code", CODE, "--name", "Tỉnh Nghệ An", "--out", str(pki / "new")]
    assert main(["pki", "issue", str(pki), *new]) == 0
    words = ["registry", "rotate", str(data), "--certificate", _certificate(pki, "new"), "--overlap", "2"]
    assert main(words) == 0
    first, second = _listed(data, capsys)["certificates"]  # type: ignore[misc]
    assert first["removed_at"] - second["added_at"] == 2 * 86_400  # type: ignore[has-type]
    assert second["removed_at"] is None  # type: ignore[has-type]


def test_a_suspension_is_lifted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Suspended, an agency is shown so, until it is resumed; suspending twice is a mistake."""
    assert main(["registry", "suspend", str(data), "--agency", CODE]) == 0
    assert _listed(data, capsys)["standing"] == "suspended"
    assert main(["registry", "suspend", str(data), "--agency", CODE]) == 2
    assert main(["registry", "resume", str(data), "--agency", CODE]) == 0
    assert _listed(data, capsys)["standing"] == "takes part"
    assert main(["registry", "entitle", str(data), "--agency", CODE, "--rights", "receive"]) == 0
    assert _listed(data, capsys)["may"] == "receive"


def test_a_foreign_certificate_is_not_registered(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the exchange would not trust is refused when it is registered, and the registry stays."""
    other = str(tmp_path / "other")
    assert main(["pki", "init", other]) == 0
    assert main(["pki", "issue", other, "--code", "000.00.00.H42", "--name", "Other"]) == 0
    before = (data / "trust" / "registry.json").read_bytes()
    words = ["--certificate", f"{other}/agencies/000.00.00.H42/certificate.pem"]
    assert main(["registry", "add", str(data), *words]) == 2
    assert "certificate-untrusted" in capsys.readouterr().err
    assert (data / "trust" / "registry.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["pki", "issue", "{pki}", "--code", "H41", "--name", "An"], "agency-code-invalid"),
        (["pki", "issue", "{pki}", "--code", CODE, "--name", "An", "--key", "dsa"], "E-OPTION"),
        (
            ["pki", "issue", "{pki}", "--code", CODE, "--name", "An", "--days", "99999"],
            "validity-outside-issuer",
        ),
        (["pki", "init", "{pki}"], "pki-there"),
        (["pki", "crl", "{nowhere}"], "pki-missing"),
        (["pki", "revoke", "{pki}", "--serial", "12"], "serial-unknown"),
        (["pki", "revoke", "{pki}"], "E-OPTION"),
        (["registry", "list", "{nowhere}"], "file-missing"),
        (["registry", "suspend", "{nowhere}", "--agency", CODE], "folder-missing"),
        (["pki", "init", "{file}/below"], "file-refused"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    pki: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    """A wrong command ends with its code and exit code 2, without a traceback."""
    (tmp_path / "file").write_text("")
    places = {"pki": str(pki), "nowhere": str(tmp_path / "nowhere"), "file": str(tmp_path / "file")}
    capsys.readouterr()
    assert main([word.format(**places) for word in words]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"{code}: ")
    assert len(shown.splitlines()) <= 2  # the second line is the hint
