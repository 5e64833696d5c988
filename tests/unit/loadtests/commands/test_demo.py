"""A demo's folder: made once, used again, and what it holds is what an exchange takes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from loadtests.commands.demo import NAME, Demo, Member, members, plain
from loadtests.endpoint.credentials import FolderError, read_certificate, read_key
from loadtests.endpoint.folder import Folder
from loadtests.exchange import trust
from loadtests.exchange.agencies import is_agency_code
from loadtests.exchange.certificates import Limits, thumbprint
from loadtests.exchange.pki_keys import KeyKind
from loadtests.exchange.revocation import Freshness
from tests.unit.loadtests.authorities import AT

ROWS = [
    {"id": "p-office", "name": "Văn phòng UBND tỉnh", "exchange_code": "000.00.00.H19"},
    {"id": "public", "name": "Người dân  và doanh nghiệp", "exchange_code": ""},
    {"id": "d-noi-vu", "name": "Sở Nội vụ", "exchange_code": "000.00.00.H19"},
]


def drawing() -> Callable[[int], bytes]:
    """Random bytes that repeat from run to run."""
    numbers = count()
    return lambda size: hashlib.sha256(str(next(numbers)).encode()).digest()[:size]


def silent(*_: object) -> None:
    """Progress that nobody sees."""


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    """A demo of three agencies."""
    made = Demo(Folder(tmp_path / "demo"), drawing())
    made.make("dong-nai", members(ROWS), now=AT, progress=silent)
    return made


def test_every_agency_gets_a_code_of_its_own() -> None:
    """A code that is missing or stands twice is replaced, the same way each time; the scenario's id is kept."""
    found = members(ROWS)
    assert [one.code for one in found] == ["000.00.00.H19", "999.00.00.X99", "999.00.01.X99"]
    assert all(is_agency_code(one.code) for one in found)
    assert found == members(ROWS)
    assert found[1] == Member(
        "999.00.00.X99", "public", "Người dân và doanh nghiệp", "Nguoi dan va doanh nghiep"
    )


def test_marks_are_left_out() -> None:
    """What one types without marks is what the name has without them."""
    assert plain("Đồng Nai, Sở Kế hoạch và Đầu tư") == "Dong Nai, So Ke hoach va Dau tu"


def test_a_demo_is_what_an_exchange_takes(demo: Demo) -> None:
    """Every agency's key fits its certificate, which is registered, trusted, and on no list."""
    trusted = demo.folder.trusted()
    assert demo.folder.identity().name == NAME
    for member in demo.members():
        folder = demo.folder.agencies_path / member.code
        certificate = read_certificate(folder / "certificate.pem")
        assert read_key(folder / "key.pem").public_key() == certificate.public_key()
        assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
        agency, registered = trusted.registry.sender(member.code, thumbprint(certificate), AT)
        assert agency.name_vi == member.name_vi
        assert registered.added_at == AT
        chain = trust.validate(
            certificate, trusted.intermediates, trusted.anchors, at=AT, limits=Limits()
        ).certificates
        assert trusted.revocations.status(chain, at=AT, freshness=Freshness(60, 0)).revoked == ()


def test_a_key_is_not_overwritten(demo: Demo) -> None:
    """Credentials go into a folder once; a second key there would leave the first one's signatures without owner."""
    target = demo.folder.agencies_path / "000.00.00.H19"
    before = (target / "key.pem").read_bytes()
    other = demo.pki.issue_service("other.test", "Other", KeyKind.P256, now=AT, days=1)
    with pytest.raises(FolderError, match="credentials-there"):
        other.write(target)
    assert (target / "key.pem").read_bytes() == before


def test_lists_are_renewed(demo: Demo) -> None:
    """After a renewal the lists are fresh again, and the old ones can still be had."""
    later = AT + 3 * 86_400
    before = demo.folder.crls()
    demo.renew(now=later)
    lists = demo.folder.trusted().revocations.lists.values()
    assert {one.snapshot.this_update_at for one in lists} == {later}
    assert [demo.folder.crl(hashlib.sha256(der).digest()) for der in before] == list(before)


def test_lists_are_renewed_while_it_runs(demo: Demo) -> None:
    """A running demo renews its lists without being asked; a fault of one turn does not end it."""
    times = count(AT + 100, 100)
    with demo.renewing(lambda: next(times), every_s=0.01):
        crls = demo.folder.crls_path
        for _ in range(1000):
            numbers = {one.snapshot.number for one in demo.folder.trusted().revocations.lists.values()}
            if min(numbers) > 4:
                break
        else:
            pytest.fail(f"no fifth list in {crls}")


def test_a_demo_that_was_broken_off_is_completed(tmp_path: Path) -> None:
    """After a stop in the middle the next start makes the rest; the mark comes at the very end."""
    made = Demo(Folder(tmp_path / "demo"), drawing())

    def stop(done: int, *_: object) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.make("dong-nai", members(ROWS), now=AT, progress=stop)
    assert not made.is_there
    made.make("dong-nai", members(ROWS), now=AT + 60, progress=silent)
    assert made.is_there
    assert (made.scenario, len(made.folder.trusted().registry.agencies)) == ("dong-nai", 3)


def test_a_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    """A folder that holds something else is refused, and keeps what it holds."""
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(FolderError, match="folder-foreign"):
        Demo(Folder(tmp_path), drawing()).make("dong-nai", members(ROWS), now=AT, progress=silent)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
