"""Errors as data: code, place, what was found, what would be right."""

from __future__ import annotations

import copy
import pickle

import pytest

from sim import errors
from sim.errors import CongvanError, Diagnostic, InputError, RunError, ScenarioError

FINDING = Diagnostic(
    "E-UNIT", "found '2 parsec'", "use one of: s, min, h", "scenario.yaml", 12, 5, "flows.a.volume"
)
ERRORS = [
    InputError("E-UNIT", "found '2 parsec'", "use one of: s, min, h"),
    InputError("E-UNIT", "found '2 parsec'"),
    ScenarioError("E-SCENARIO", "1 error in scenario.yaml", "", (FINDING,)),
    ScenarioError("E-SCENARIO", "no error at all"),
    RunError("E-DISK", "no space left", "make room and run again"),
]


class TestFindings:
    def test_a_finding_is_shown_as_editors_expect_it(self) -> None:
        """File, line and column, then code, field, what was found; the hint on a line of its own."""
        assert str(FINDING) == (
            "scenario.yaml:12:5: E-UNIT: flows.a.volume: found '2 parsec'\n    hint: use one of: s, min, h"
        )

    def test_what_is_not_known_is_left_out(self) -> None:
        """A finding without place still names an input."""
        assert str(Diagnostic("E-X", "found y")) == "<input>: E-X: found y"
        assert str(Diagnostic("E-X", "found y", file="f", line=3)) == "f:3: E-X: found y"

    def test_a_warning_is_told_by_its_code(self) -> None:
        """A run may go on in spite of it."""
        assert Diagnostic("W-LAW-DATE", "m").is_warning
        assert not FINDING.is_warning

    def test_equal_findings_are_one(self) -> None:
        """So that what several alternatives share is told once."""
        assert len({FINDING, copy.deepcopy(FINDING)}) == 1


class TestErrors:
    @pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
    def test_an_error_can_be_made_again_from_its_arguments(self, error: CongvanError) -> None:
        """Worker processes and SimPy do so."""
        for again in (type(error)(*error.args), pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is type(error)
            assert again.args == error.args
            assert (again.code, again.message, again.hint) == (error.code, error.message, error.hint)
            assert str(again) == str(error)
            assert getattr(again, "diagnostics", ()) == getattr(error, "diagnostics", ())

    def test_an_error_shows_code_message_and_hint(self) -> None:
        """The hint only where there is one."""
        assert str(ERRORS[0]) == "E-UNIT: found '2 parsec'\n    hint: use one of: s, min, h"
        assert str(ERRORS[1]) == "E-UNIT: found '2 parsec'"

    def test_a_scenario_error_shows_all_its_findings(self) -> None:
        """Below its own line."""
        assert str(ERRORS[2]) == f"E-SCENARIO: 1 error in scenario.yaml\n{FINDING}"

    def test_exit_codes_say_whose_turn_it_is(self) -> None:
        """2: the input is wrong; 1: the run failed."""
        assert (InputError.exit_code, ScenarioError.exit_code, RunError.exit_code) == (2, 2, 1)

    def test_there_is_one_root(self) -> None:
        """Whoever catches it catches all that is raised on purpose."""
        classes = [
            one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)
        ]
        assert all(issubclass(one, CongvanError) for one in classes)
