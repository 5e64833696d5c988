"""Making an evidence bundle from what an exchange gives, and from files for what it does not have."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from loadtests.attempts import Problem, Retries
from loadtests.bundle.checking import Checked, check
from loadtests.client import Client, File, Letter, Ref
from loadtests.commands.exporting import export
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.pki import to_pem
from loadtests.exchange.strict import encode_base64url
from sim.errors import InputError
from tests.unit.loadtests.answering import Answering
from tests.unit.loadtests.authorities import AT, issuing, leaf, root
from tests.unit.loadtests.exchanges import SECOND, SENDER, crl

LETTER = Letter((SECOND,), "Về việc gửi văn bản", "Công văn", "12", "UBND-VP")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """An exchange that signs with the certificate that it shows."""
    for module in ("answering", "exchanges"):
        own = thumbprint(leaf("exchange"))
        monkeypatch.setattr(f"tests.unit.loadtests.{module}.EXCHANGE_CERTIFICATE", own)
    return Answering()


@pytest.fixture
def ref(served: Answering) -> Ref:
    """A message that its recipient has accepted."""
    sent = asking(served).send(LETTER, [File(b"%PDF-1.7 one", "một.pdf")])
    asking(served, SECOND).report(sent.ref, Action.ACCEPT)
    return sent.ref


def asking(served: Answering, code: str = SENDER) -> Client:
    """A client of an agency that believes the exchange at the address."""
    return served.client(code, exchange=None)


def checked(bundle: Path) -> Checked:
    """What a bundle proves to somebody who trusts the root and knows the exchange."""
    return check(bundle, [root().certificate], lambda _: None, exchange_sha256=thumbprint(leaf("exchange")))


def forget(served: Answering, kind: str) -> None:
    """Let the exchange have none of a kind."""
    served.trust = {path: der for path, der in served.trust.items() if not path.startswith(kind)}


def test_the_exchange_gives_all_that_a_bundle_needs(served: Answering, ref: Ref, tmp_path: Path) -> None:
    """No file of any agency or authority is read: those named here are not even there."""
    out, nowhere = tmp_path / "bundle.zip", [tmp_path / "nowhere"]
    export(asking(served), ref, out, nowhere, nowhere)
    assert len(checked(out).stated) == 2


def test_files_help_where_the_exchange_does_not_have_it(served: Answering, ref: Ref, tmp_path: Path) -> None:
    """Certificates of the parties and lists that the receipt names, among others that nobody needs."""
    forget(served, "")
    certificates, lists = tmp_path / "all.pem", [tmp_path / "b.crl", tmp_path / "c.crl", tmp_path / "a.crl"]
    known = (leaf("other"), leaf(SECOND, code=SECOND), leaf(SENDER, code=SENDER))
    certificates.write_bytes(b"".join(map(to_pem, known)))
    others = (crl(issuing(), number=9), crl(issuing()), crl(root()))
    for path, der in zip(lists, others, strict=True):
        path.write_bytes(der)
    export(asking(served), ref, tmp_path / "bundle.zip", [certificates], lists)
    assert len(checked(tmp_path / "bundle.zip").stated) == 2


@pytest.mark.parametrize(("kind", "code"), [("certificates", "E-CERTIFICATE"), ("crls", "E-CRL")])
def test_what_nobody_has_is_named(served: Answering, ref: Ref, tmp_path: Path, kind: str, code: str) -> None:
    """With the option that brings it; and no bundle appears that nobody could check."""
    forget(served, kind)
    with pytest.raises(InputError, match=code) as fault:
        export(asking(served), ref, tmp_path / "bundle.zip", [], [])
    assert "FILE" in fault.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["certificates", "crls"])
def test_an_exchange_that_is_busy_is_not_one_that_does_not_have_it(
    served: Answering, ref: Ref, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The caller is told to come again, not to look for files."""
    route = served.route

    def busy(request: httpx.Request) -> httpx.Response:
        if f"/trust/{kind}/" in request.url.path:
            raise Refusal("too-many-in-flight", "found 64")
        return route(request)

    monkeypatch.setattr(served, "route", busy)
    client = served.client(exchange=None, retries=Retries(attempts_max=1))
    with pytest.raises(Problem, match="too-many-in-flight"):
        export(client, ref, tmp_path / "bundle.zip", [], [])


def test_lists_that_later_evidence_names_are_in_the_bundle(served: Answering, tmp_path: Path) -> None:
    """Where the sender's certificate was revoked meanwhile, a reader sees the list that says so."""
    ref = asking(served).send(LETTER, [File(b"%PDF-1.7 one", "một.pdf")]).ref
    later = crl(issuing(), leaf(SENDER, code=SENDER).serial_number, number=2, at=AT)
    trusted = served.exchange.trusted
    revocations = trusted.revocations.updated(later, issuing().certificate)
    served.exchange.trusted = replace(trusted, revocations=revocations)
    served.trust[f"crls/{encode_base64url(sha256(later).digest())}"] = later
    asking(served, SECOND).report(ref, Action.ACCEPT)
    export(asking(served, SECOND), ref, tmp_path / "bundle.zip", [], [])
    assert any("a later list says" in remark for remark in checked(tmp_path / "bundle.zip").remarks)
