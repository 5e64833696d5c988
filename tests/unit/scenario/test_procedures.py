"""Procedures as flat lists of steps, and what of a scenario is in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sim.scenario.procedures import all_placed, inline, placed, used_names, used_procedures, walk
from sim.scenario.steps import Step, When, step_name

from .build import changed, loaded

STEPS: TypeAdapter[list[Step]] = TypeAdapter(list[Step])


def steps(*raw: Mapping[str, Any]) -> list[Step]:
    """Read steps."""
    return STEPS.validate_python(list(raw))


def work(name: str, **more: Any) -> dict[str, Any]:
    """Write a work step."""
    return {"work": name, "by": "clerk", "takes": "1 min", **more}


def names(found: Sequence[Step]) -> list[str]:
    """Return the names of steps."""
    return [step_name(one) for one in found]


class TestInline:
    def test_a_use_is_replaced_by_its_fragment_s_steps(self) -> None:
        """Also inside other fragments and inside forks."""
        fragments = {"a": steps(work("one"), {"use": "b"}), "b": steps(work("two"))}
        fork = {"fork": "f", "branches": {"x": [{"use": "b"}], "y": []}}
        flat = inline(steps({"use": "a"}, work("three"), fork), fragments)
        assert names(flat) == ["one", "two", "three", "f"]
        assert names(list(walk(flat))) == ["one", "two", "three", "f", "two"]

    def test_an_unknown_or_circular_fragment_gives_nothing(self) -> None:
        """The checks report it."""
        fragments = {"a": steps(work("one"), {"use": "a"})}
        assert names(inline(steps({"use": "a"}, {"use": "nothing"}), fragments)) == ["one"]

    def test_conditions_of_a_use_hold_for_each_of_its_steps_too(self) -> None:
        """Both must hold; what contradicts itself never does."""
        fragments = {
            "a": steps(
                work("free"),
                work("narrow", when={"asks": ["action", "reply"], "classified": True}),
                work("never", when={"classified": False}),
            )
        }
        when = {"asks": ["reply"], "classified": True, "sender_level": ["province"]}
        free, narrow, never = inline(steps({"use": "a", "when": when}), fragments)
        assert free.when == When.model_validate(when)
        assert narrow.when == When.model_validate(when)
        assert never.when is not None
        assert never.when.asks == []

    def test_placed_steps_are_the_same_steps_with_the_place_where_they_were_written(self) -> None:
        """In the fragment, not where it is used."""
        fragments = {"a": steps(work("one"), work("two"))}
        fork = {"fork": "f", "branches": {"x": [work("three"), {"use": "a"}]}}
        raw = steps(work("zero"), {"use": "a", "when": {"classified": True}}, fork)
        found = list(all_placed(placed(raw, fragments, ("procedures", "p", "leg"))))
        assert [one.step for one in found] == [
            one if step_name(one) != "f" else raw[2] for one in walk(inline(raw, fragments))
        ]
        assert [one.path for one in found] == [
            ("procedures", "p", "leg", 0),
            ("fragments", "a", 0),
            ("fragments", "a", 1),
            ("procedures", "p", "leg", 2),
            ("procedures", "p", "leg", 2, "branches", "x", 0),
            ("fragments", "a", 0),
            ("fragments", "a", 1),
        ]


class TestUse:
    def test_a_procedure_is_used_when_some_leg_can_take_it(self, tmp_path: Path) -> None:
        """A channel at a share of zero takes none, one for other flows none of this flow."""
        file = loaded(tmp_path)
        assert used_procedures(file.cases["paper"].scenario) == {"paper": ["letter", "answer"]}
        assert set(used_procedures(file.cases["signed"].scenario)) == {"paper", "signed"}
        text = changed(
            (
                "electronic: {procedure: signed, share: 0}",
                "electronic: {procedure: signed, when: {flow: [answer]}}",
            )
        )
        assert used_procedures(loaded(tmp_path, text).scenario)["signed"] == ["answer"]

    def test_a_flow_s_own_procedure_comes_instead_of_channels(self, tmp_path: Path) -> None:
        """For all its legs."""
        text = changed(("    profile: busy\n", "    profile: busy\n    procedure: signed\n"))
        assert used_procedures(loaded(tmp_path, text).scenario) == {"signed": ["letter"], "paper": ["answer"]}

    def test_what_is_used_is_found_through_steps_and_fragments(self, tmp_path: Path) -> None:
        """Transports of envelopes count, profiles too."""
        scenario = loaded(tmp_path).cases["paper"].scenario
        assert used_names(scenario) == {
            "procedures": {"paper"}, "fragments": {"drafting"}, "transports": {"post"}, "profiles": {"busy"},
        }  # fmt: skip
