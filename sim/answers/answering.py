"""One run of a scenario, and what it answers.

Rule kept here: an answer is read from the summary of a run that anybody can make again by its command; nothing
is computed here but which alternative of a series is the first to reach a target.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from sim import scenario
from sim.answers.questions import Question, Questions, RunOf
from sim.errors import InputError
from sim.experiment import Plan, execute
from sim.experiment.plan import Progress
from sim.experiment.summary import look_up
from sim.scenario import ScenarioFile


@dataclass(frozen=True, slots=True)
class Asked:
    """A run and the questions put to it.

    Args:
        name: Of the run.
        run: How it is made.
        questions: What it answers.
        file: The scenario.
    """

    name: str
    run: RunOf
    questions: Sequence[Question]
    file: ScenarioFile

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Every alternative that a question names, in the order of the scenario, the scenario's base first."""
        named = {self.file.base}
        for one in self.questions:
            named |= {one.baseline, *one.alternatives}
        order = [self.file.base, *(name for name in self.file.cases if name != self.file.base)]
        unknown = named - set(order)
        if unknown:
            hint = f"alternatives of {self.file.scenario.id}: {', '.join(order)}"
            raise InputError("E-ALTERNATIVE", f"found {', '.join(sorted(unknown))} in the questions", hint)
        return tuple(name for name in order if name in named)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics of single alternatives that the questions compare, in their order."""
        return tuple(dict.fromkeys(one.metric for one in self.questions if not one.is_money))

    @property
    def versus(self) -> tuple[tuple[str, str], ...]:
        """Pairs that the questions compare, other than with the scenario's base."""
        every = ((one.baseline, name) for one in self.questions for name in one.alternatives
                 if one.kind == "difference")  # fmt: skip
        return tuple(dict.fromkeys(pair for pair in every if pair[0] != self.alternatives[0]))

    @property
    def command(self) -> str:
        """The command that makes this run."""
        words = ["congvan", "run", self.file.scenario.id, "--alternatives", ",".join(self.alternatives)]
        for path, value in sorted(self.run.sets.items()):
            words += ["--set", f"{path}={value}"]
        words += ["--replications", str(self.run.replications), "--assumptions", "sampled"]
        words += ["--draws", str(self.run.draws)]
        if self.metrics:
            words += ["--metrics", ",".join(self.metrics)]
        if self.versus:
            words += ["--versus", ",".join(":".join(pair) for pair in self.versus)]
        return shlex.join(words)


def asked(questions: Questions, name: str) -> Asked:
    """Return a run of the file with its scenario loaded."""
    run, of = questions.runs[name], questions.of(name)
    file = scenario.load(scenario.find(of[0].scenario if of else name), sets=run.sets)
    return Asked(name, run, of, file)


def answer_run(one: Asked, jobs: int, out: Path | None, progress: Progress) -> dict[str, Any]:
    """Make a run and return what it answers, for ``answers.json``.

    Args:
        one: The run and its questions.
        jobs: Worker processes.
        out: Folder of the run; default ``results/runs/…``.
        progress: Told after every simulation.

    Raises:
        InputError: A question names what the scenario or its summary does not have.
        RunError: The run was interrupted or failed.
    """
    began = monotonic()
    plan = Plan(
        file=one.file, alternatives=one.alternatives, replications=one.run.replications,
        seed=one.file.scenario.seed, jobs=jobs, keep_steps=False, out=out,
        command=tuple(shlex.split(one.command)), assumptions="sampled", draws=one.run.draws, metrics=one.metrics,
        versus=one.versus,
    )  # fmt: skip
    _, summary, interrupted = execute(plan, progress)
    if interrupted is not None:
        raise KeyboardInterrupt
    return {
        "scenario": one.file.scenario.id,
        "digest": one.file.digest,
        "command": one.command,
        "replications": one.run.replications,
        "draws": one.run.draws,
        "varied": summary["design"]["assumptions"]["varied"],
        "measured_working_days": summary["design"]["measured_working_days"],
        "day_s": summary["design"]["day_s"],
        "assumed_share": summary["assumed_share"],
        "simulations": len(one.alternatives) * (one.run.replications + one.run.draws),
        "wall_s": round(monotonic() - began),
        "jobs": jobs,
        "answers": {question.id: answer(question, summary) for question in one.questions},
    }


def answer(question: Question, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's summary says to a question.

    Raises:
        InputError: ``E-METRIC`` the summary has no such metric.
    """
    rows = []
    for name in question.alternatives if question.kind == "difference" else _with_baseline(question):
        part = summary["alternatives"][name]
        row = {"alternative": name, "title": part["title"], "stable": part["stable"],
               "overloaded": part["draws"]["overloaded"]}  # fmt: skip
        if question.is_money:
            row["value"] = _leaf(question, name, part["cost"]["against"].get(question.baseline, {}))
        else:
            row["value"] = _leaf(question, name, part)
            if question.kind == "difference":
                row["difference"] = _difference(question, name, summary)
        rows.append(row)
    found: dict[str, Any] = {"rows": rows}
    if question.kind == "threshold":
        found["threshold"] = threshold(question, rows)
    return found


def _with_baseline(question: Question) -> list[str]:
    """Return the names of a series with its baseline, which may be in it."""
    return list(dict.fromkeys([question.baseline, *question.alternatives]))


def _leaf(question: Question, name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """Return an estimate of one alternative.

    Raises:
        InputError: ``E-METRIC`` there is none.
    """
    leaf = look_up(part, question.metric.removeprefix("cost.") if question.is_money else question.metric)
    if not isinstance(leaf, dict) or "estimate" not in leaf:
        raise InputError(
            "E-METRIC", f"found no metric {question.metric} of {name} in question {question.id}",
            "name a path of summary.json below alternatives.<name> that ends in an estimate",
        )  # fmt: skip
    return leaf


def _difference(question: Question, name: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the comparison with the question's baseline."""
    wanted = (question.baseline, name, question.metric)
    for each in summary["comparisons"]:
        if (each["baseline"], each["alternative"], each["metric"]) == wanted:
            keys = ("difference", "percent", "spread", "percent_spread", "p_holm", "differs", "shared")
            return {key: each[key] for key in keys}
    raise InputError(
        "E-METRIC", f"found no comparison of {' and '.join(wanted[:2])} in {wanted[2]}", "see --versus"
    )


def threshold(question: Question, rows: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the first alternative of a series that reaches the target: by estimate, and at best and worst.

    Args:
        question: With its series, the baseline before it, and its target.
        rows: With the values of the series.

    Returns:
        ``by``: name by the estimate; ``by_noise``: the first whose whole interval reaches it; ``best`` and
        ``worst``: the first whose most and least favourable end over the draws does. ``None``: none does.
    """
    target = question.target
    assert target is not None  # the model holds it
    values = {row["alternative"]: row["value"] for row in rows}
    up = target.at_least is not None

    def first(of: Callable[[Mapping[str, Any]], float | None]) -> str | None:
        return next((name for name in _with_baseline(question) if target.holds(of(values[name]))), None)

    def edge(one: Mapping[str, Any]) -> float | None:
        if one["estimate"] is None or one["half_width"] is None:
            return None
        return float(one["estimate"] - one["half_width"] if up else one["estimate"] + one["half_width"])

    return {
        "by": first(lambda one: one["estimate"]),
        "by_noise": first(edge),
        "best": first(lambda one: one["spread"]["high" if up else "low"]),
        "worst": first(lambda one: one["spread"]["low" if up else "high"]),
    }
