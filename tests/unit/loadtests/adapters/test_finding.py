from __future__ import annotations

import subprocess
import sys

import pytest

from loadtests.adapters.base import AdapterError
from loadtests.adapters.finding import BUILT_IN, find_adapter, load
from loadtests.adapters.null import NullAdapter
from loadtests.harness.records import Poison
from tests.unit.loadtests.adapters.running import context, schedule


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_shipped_is_found(name: str) -> None:
    """Each built-in name leads to the adapter that has this name."""
    assert find_adapter(name).name == name


def test_one_of_somebody_else_is_found() -> None:
    """``module:Class`` is imported."""
    assert find_adapter("loadtests.adapters.null:NullAdapter") is NullAdapter


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nul", "reference, as2, null"),
        ("", "module:Class"),
        ("no_such_module:Adapter", "cannot import"),
        ("loadtests.adapters.null:NoSuch", "no adapter NoSuch"),
        ("loadtests.adapters.base:Answer", "no adapter Answer"),
        ("loadtests.adapters.null:", "module:Class"),
    ],
)
def test_what_is_none_is_refused(name: str, said: str) -> None:
    """The fault says what was found and what would be right."""
    with pytest.raises(AdapterError, match="E-ADAPTER") as fault:
        find_adapter(name)
    assert said in str(fault.value)


def test_an_unknown_option_is_refused_with_those_that_are_known() -> None:
    """A slip in an option's name is not passed over."""
    with pytest.raises(AdapterError, match="E-OPTION") as fault:
        load(context("http://127.0.0.1:1", {"sing": "true"}, schedule(1)), "null")
    assert "sign: true" in fault.value.hint


def test_a_known_option_is_taken() -> None:
    """An adapter comes with its context, not yet set up."""
    at = context("http://127.0.0.1:1", {"sign": "true"}, schedule(1))
    assert load(at, "null").context is at


def test_no_adapter_is_imported_before_it_is_asked_for() -> None:
    """Finding one does not cost the others' libraries."""
    code = "import sys, loadtests.adapters.finding; print([m for m in sys.modules if m.startswith('cryptography')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "[]"


def test_the_reference_adapter_is_able_to_all_that_its_options_allow() -> None:
    """Without a revoked agency there are no revoked messages."""
    without = load(context("http://127.0.0.1:1", {"keys": "x"}, schedule(1)), "reference")
    assert set(without.poisons) - set(without.able) == {Poison.REVOKED}  # type: ignore[attr-defined]
