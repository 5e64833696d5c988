"""The table of codes, and the errors that use it."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

import loadtests.exchange
from loadtests.exchange.errors import CODES, ExchangeError, Kind, Refusal, joined

ROOM = Path(loadtests.exchange.__file__).parent


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_a_slug_with_a_title_an_http_error_and_a_meaning(code: str) -> None:
    """A problem document needs all of them."""
    kind = CODES[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", code)
    assert kind.title
    assert kind.title[-1] not in ".!"
    assert 400 <= kind.status < 600
    assert kind.meaning.endswith(".")


@pytest.mark.parametrize("module", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_every_code_a_module_refuses_with_is_in_the_table(module: Path) -> None:
    """A slip in a code would otherwise show only when somebody is refused."""
    used = re.findall(r"""\bRefusal\(\s*f?["']([^"']+)["']""", module.read_text(encoding="utf-8"))
    assert set(used) <= CODES.keys()


def test_a_refusal_tells_its_kind_and_survives_a_process_boundary() -> None:
    """Verifier threads and processes hand refusals on."""
    refusal = Refusal("manifest-too-large", "found 2 bytes", "at most 1")
    again = pickle.loads(pickle.dumps(refusal))
    assert isinstance(again, Refusal)
    assert (again.code, again.message, again.hint) == ("manifest-too-large", "found 2 bytes", "at most 1")
    assert again.kind.status == 413
    assert str(again) == "manifest-too-large: found 2 bytes\n    hint: at most 1"
    assert str(ExchangeError("some-fault", "found it")) == "some-fault: found it"


def test_a_refusal_with_a_code_of_its_own_is_a_fault_of_the_program() -> None:
    """Clients decide by code; a code that is nowhere described helps nobody."""
    with pytest.raises(ValueError, match="no-such-code"):
        Refusal("no-such-code", "found nothing")


def test_a_code_stands_in_one_section_only() -> None:
    """Else one area would silently change what another says; and nobody changes the table later."""
    kind = Kind("A title", 400, False, "A meaning.")
    with pytest.raises(ValueError, match="two-times"):
        joined({"two-times": kind}, {"two-times": kind})
    with pytest.raises(TypeError):
        CODES["new-code"] = kind  # type: ignore[index]
