"""What a user types: durations, shares, pairs and targets are read, or refused with a hint."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness import options
from sim.errors import InputError


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:8421", "http://localhost/", "http://[::1]:80", "https://127.8.9.1"]
)
def test_this_machine_may_be_loaded(target: str) -> None:
    """An address of this machine needs nobody's leave, and loses its slash."""
    assert options.checked_target(target, "") == target.rstrip("/")


@pytest.mark.parametrize(
    "target", ["http://192.0.2.1:8421", "https://exchange.example", "http://127.0.0.1.example"]
)
def test_others_need_leave(target: str) -> None:
    """Another machine is refused until somebody has allowed it."""
    with pytest.raises(InputError) as refused:
        options.checked_target(target, " ")
    assert refused.value.code == "E-TARGET"
    assert "--authorised" in refused.value.hint
    assert options.checked_target(target, "the owner, until Friday") == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "127.0.0.1",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:x",
        "http://127.0.0.1/v1",
        "http://[::1",
    ],
)
def test_no_target(target: str) -> None:
    """What is no URL of an exchange is refused."""
    with pytest.raises(InputError) as refused:
        options.checked_target(target, "anybody")
    assert refused.value.code == "E-TARGET"


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is typed is read, or refused as wrong input."""
    for read in (
        lambda: options.seconds("--x", text),
        lambda: options.share("--x", text),
        lambda: options.pairs("--x", [text]),
        lambda: options.checked_target(text, "anybody"),
    ):
        with suppress(InputError):
            assert read() is not None


def test_values() -> None:
    """Values come in base units."""
    assert options.seconds("--duration", "2min") == 120.0
    assert options.share("--poison", "1%") == pytest.approx(0.01)
    assert options.pairs("--option", ["a=1", " b = c=d "]) == {"a": "1", "b": "c=d"}


@pytest.mark.parametrize("text", ["-1%", "60%", "nan%", "1 s"])
def test_refused_shares(text: str) -> None:
    """A share is between nought and one half."""
    with pytest.raises(InputError) as refused:
        options.share("--poison", text)
    assert refused.value.code == "E-OPTION"


def test_too_short() -> None:
    """A duration below its least is refused."""
    with pytest.raises(InputError, match="--duration"):
        options.seconds("--duration", "0 s", least_s=1.0)
