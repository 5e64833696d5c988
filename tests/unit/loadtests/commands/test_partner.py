"""Who is meant by a name, and where an agency's command finds the exchange."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.commands.partner import Place, place, resolved
from loadtests.received import ListedAgency
from sim.errors import InputError

AGENCIES = [
    ListedAgency("000.00.01.H19", "So Noi vu", "Sở Nội vụ", ("send",), suspended=False),
    ListedAgency("000.00.02.H19", "So Tu phap", "Sở Tư pháp", ("send",), suspended=False),
    ListedAgency("000.00.03.H19", "Phong Noi vu", "Phòng Nội vụ", ("send",), suspended=False),
    ListedAgency("000.00.04.H19", "Phong Noi vu Bien Hoa", "Phòng Nội vụ Biên Hòa", (), suspended=False),
]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("000.00.02.H19", "000.00.02.H19"),
        ("tư pháp", "000.00.02.H19"),
        ("tu phap", "000.00.02.H19"),
        ("SO NOI", "000.00.01.H19"),
        ("Phòng Nội vụ", "000.00.03.H19"),  # the whole name of one, a part of another's
        ("bien hoa", "000.00.04.H19"),
    ],
)
def test_a_part_of_a_name_is_enough(text: str, code: str) -> None:
    """Code, name or a part of it, with marks or without; a whole name goes before a part."""
    assert resolved(text, AGENCIES) == code


@pytest.mark.parametrize(("text", "found"), [("nội vụ", "fits 3 agencies"), ("xyz", "found no agency")])
def test_what_is_not_unique_is_refused(text: str, found: str) -> None:
    """Several agencies, or none, are told and not guessed at."""
    with pytest.raises(InputError, match=found) as fault:
        resolved(text, AGENCIES)
    assert fault.value.hint


def test_the_demo_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a demo nothing need be said; options and environment go before it."""
    for name in ("CONGVAN_SERVER", "CONGVAN_KEYS", "CONGVAN_TRUST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="E-KEYS"):
        place(None, None, None)
    keys, roots = Path("exchange-demo/agencies"), Path("exchange-demo/trust/roots.pem")
    keys.mkdir(parents=True)
    with pytest.raises(InputError, match="E-SERVER"):
        place(None, None, None)
    Path("exchange-demo/address").write_text("http://127.0.0.1:1\n")
    assert place(None, None, None) == Place("http://127.0.0.1:1", keys, None)
    roots.parent.mkdir()
    roots.write_text("")
    monkeypatch.setenv("CONGVAN_SERVER", "http://127.0.0.1:2")
    assert place(None, None, None) == Place("http://127.0.0.1:2", keys, roots)
    assert place("http://127.0.0.1:3", None, Path("own.pem")) == Place(
        "http://127.0.0.1:3", keys, Path("own.pem")
    )
