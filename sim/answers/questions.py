"""The questions that planners ask, as data: what is compared, in which metric, under which main assumption.

Rule kept here: a question names alternatives and metrics of a scenario and holds no number of its own, except a
target that it asks about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from sim.errors import Diagnostic, InputError
from sim.scenario import documents, files
from sim.scenario.findings import explain
from sim.scenario.steps import Slug, Strict, Text

FILE = "questions.yaml"

Kind = Literal["difference", "value", "threshold"]


class RunOf(Strict):
    """How a scenario is run to answer its questions."""

    sets: dict[str, str] = Field(default_factory=dict, description="changes, dotted path -> value, as --set")
    replications: Annotated[int, Field(ge=2)] = Field(description="at the stated inputs")
    draws: Annotated[int, Field(ge=2)] = Field(description="of the assumptions")


class Target(Strict):
    """What a series must reach."""

    at_least: float | None = Field(default=None, description="in the metric's unit")
    at_most: float | None = Field(default=None, description="in the metric's unit")

    @model_validator(mode="after")
    def _one(self) -> Target:
        if (self.at_least is None) == (self.at_most is None):
            told = {"found": "found a target without its one side", "hint": "write at_least or at_most"}
            raise PydanticCustomError("E-TARGET", "{found}", told)
        return self

    @property
    def value(self) -> float:
        """The value to be reached."""
        bound = self.at_least if self.at_least is not None else self.at_most
        assert bound is not None  # the model holds it
        return bound

    def holds(self, value: float | None) -> bool:
        """Tell whether a value reaches the target; one that is not known does not."""
        if value is None:
            return False
        return value >= self.value if self.at_least is not None else value <= self.value


class Assumption(Strict):
    """The number that an answer rests on most, by judgement."""

    path: str = Field(description="dotted path of a number of the scenario")
    en: str = Field(description="one sentence")
    vi: str = Field(description="the same in Vietnamese")


class Question(Strict):
    """One question and how it is answered."""

    id: Slug
    scenario: Slug = Field(description="folder beside the file of questions")
    source: str = Field(description="who asks, or what makes one ask")
    question: Text
    baseline: Slug = Field(description="alternative that the others are compared with")
    alternatives: list[Slug] = Field(min_length=1, description="in the order of the series, if it is one")
    metric: str = Field(
        description="path below alternatives.<name> in summary.json, or cost.… against the baseline"
    )
    kind: Kind = Field(
        alias="as", description="difference from the baseline, value, or threshold of a series"
    )
    target: Target | None = Field(default=None, description="of a threshold")
    period: Literal["year"] | None = Field(default=None, description="year: needs a whole measured year")
    run_: Slug | None = Field(default=None, alias="run", description="another run than the scenario's own")
    main_assumption: Assumption
    note: str = Field(default="", description="what the answer leaves out")

    @model_validator(mode="after")
    def _target(self) -> Question:
        if (self.kind == "threshold") != (self.target is not None):
            hint = "a threshold has a target, and nothing else has"
            raise PydanticCustomError(
                "E-TARGET", "{found}", {"found": f"found as {self.kind!r}", "hint": hint}
            )
        return self

    @property
    def run(self) -> str:
        """Name of the run that answers it."""
        return self.run_ or (f"{self.scenario}-year" if self.period == "year" else self.scenario)

    @property
    def is_money(self) -> bool:
        """Whether its metric is of an alternative against another, in money or hours."""
        return self.metric.startswith("cost.")


class Questions(Strict):
    """The file of questions."""

    runs: dict[Slug, RunOf] = Field(min_length=1, description="by scenario, or scenario-name")
    questions: list[Question] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Questions:
        seen: set[str] = set()
        for one in self.questions:
            strange = not f"{one.run}-".startswith(f"{one.scenario}-")
            if one.run not in self.runs or one.id in seen or strange:
                fault = (
                    f"id {one.id!r} twice" if one.id in seen else f"no such run {one.run!r} of {one.scenario}"
                )
                told = {
                    "found": f"found {fault} for question {one.id!r}",
                    "hint": f"runs: {', '.join(self.runs)}",
                }
                raise PydanticCustomError("E-QUESTION", "{found}", told)
            seen.add(one.id)
        return self

    def of(self, run: str) -> list[Question]:
        """Return the questions that one run answers."""
        return [one for one in self.questions if one.run == run]


def load_questions(path: Path) -> Questions:
    """Read a file of questions.

    Raises:
        InputError: ``E-SCENARIO`` with every fault, its line and what would be right.
    """
    document = documents.parse_yaml(files.read_text(path), str(path))
    try:
        return Questions.model_validate(document.data)
    except ValidationError as error:
        found: tuple[Diagnostic, ...] = tuple(one for _, one in explain(error, Questions, document))
        refusal: InputError = documents.refusal(found, str(path))
        raise refusal from None
