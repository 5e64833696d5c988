"""The table of answers: kept as data in ``answers.json``, shown between two markers of ``scenarios/README.md``.

Rule kept here: the table holds nothing that is not in the two files it is made from, and it is stale as soon as a
scenario, a question or a run's settings differ from those that were answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.answers.answering import asked
from sim.answers.questions import Question, Questions
from sim.answers.units import MINUS, Unit, unit_of
from sim.errors import InputError

ANSWERS = "answers.json"
BEGIN, END = "<!-- answers:begin -->", "<!-- answers:end -->"
SCHEMA_VERSION = 1
MINUTE_S = 60


def load_answers(path: Path) -> dict[str, Any]:
    """Return the stored answers, without any where the file is missing.

    Raises:
        InputError: ``E-ANSWERS`` the file is no store of answers of this version.
    """
    if not path.exists():
        return {"schema": SCHEMA_VERSION, "runs": {}}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        data = None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA_VERSION:
        raise InputError("E-ANSWERS", f"{path} holds no answers", "remove it and run congvan answers")
    return data


def stale(questions: Questions, answers: Mapping[str, Any]) -> list[str]:
    """Say of each run why its answers no longer hold.

    Args:
        questions: The file of questions.
        answers: The stored answers.

    Returns:
        One sentence per stale run, in the order of the file; empty where the table holds.
    """
    out = []
    for name in questions.runs:
        stored, now = answers["runs"].get(name), asked(questions, name)
        if stored is None:
            out.append(f"{name}: was never run")
        elif stored["digest"] != now.file.digest:
            out.append(f"{name}: the scenario {now.file.scenario.id} has changed since")
        elif stored["command"] != now.command:
            out.append(f"{name}: its questions or its settings have changed since")
        elif sorted(stored["answers"]) != sorted(one.id for one in now.questions):
            out.append(f"{name}: its questions have changed since")
    return out + [
        f"{name}: is no run of the questions" for name in answers["runs"] if name not in questions.runs
    ]


def replaced(page: str, table: str) -> str:
    """Return a page with the table between its markers.

    Raises:
        InputError: ``E-MARKERS`` the page does not have both markers once.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise InputError(
            "E-MARKERS", "found no place for the table of answers", f"write {BEGIN} and {END} once"
        )
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table}{END}{rest.split(END)[1]}"


def rendered(questions: Questions, answers: Mapping[str, Any]) -> str:
    """Return the table of answers as Markdown.

    Args:
        questions: The file of questions.
        answers: The stored answers; runs that were never made are said to be missing.
    """
    parts = [_lead(answers)]
    for name in questions.runs:
        stored = answers["runs"].get(name)
        parts.append(f"\n### Answers: {name}\n")
        if stored is None:
            parts.append(f"Not answered yet; `congvan answers {name}` does it.\n")
            continue
        parts += [_made(stored), "| question | answer | main assumption |", "|---|---|---|"]
        parts += [_row(one, stored) for one in questions.of(name) if one.id in stored["answers"]]
        parts.append("")
    return "\n".join(parts)


def _lead(answers: Mapping[str, Any]) -> str:
    runs = answers["runs"].values()
    minutes = sum(one["wall_s"] for one in runs) / MINUTE_S
    simulations = sum(one["simulations"] for one in runs)
    processes = max((one["jobs"] for one in runs), default=0)
    return (
        "Made by `congvan answers`, which runs every scenario once, at the stated inputs and at draws of all "
        f"assumed inputs over their ranges: {simulations:,} simulations, {minutes:.0f} minutes on {processes} "
        "processes when it was last made. **±** is simulation noise (95 %, replications at the stated inputs). "
        "**from … to** is the range over the draws (lowest to highest, or the central 90 % from 20 draws on), "
        "each from one replication, so that it holds some noise as well. A sign that holds in all draws is not "
        "said again; where it does not, the count is. *Somebody overloaded*: in so many draws some group of staff "
        "in some agency was asked for more work than there was time for. *d* is a calendar day, *wd* an office's "
        "working day.\n"
    )


def _made(stored: Mapping[str, Any]) -> str:
    return (
        f"`{stored['command']}`\n\n{stored['replications']} replications at the stated inputs, {stored['draws']} "
        f"draws of {stored['varied']} inputs; {stored['measured_working_days']} working days measured; "
        f"{stored['assumed_share']:.0%} of the numbers in it are assumed.\n"
    )


def _row(question: Question, stored: Mapping[str, Any]) -> str:
    found = stored["answers"][question.id]
    unit = unit_of(question.metric, [row["value"]["estimate"] for row in found["rows"]], stored["day_s"])
    lines = [_line(question, row, unit) for row in found["rows"]]
    if question.kind == "threshold":
        lines.insert(0, _threshold(question, found["threshold"], unit))
    note = f"<br>{question.note}" if question.note else ""
    asking = f"{question.question.en}<br><sub>{question.source}; `{question.metric}`</sub>"
    main = question.main_assumption
    return "| " + " | ".join(
        text.replace("|", "\\|") for text in (asking, "<br>".join(lines) + note, f"`{main.path}`: {main.en}")
    ) + " |"  # fmt: skip


def _line(question: Question, row: Mapping[str, Any], unit: Unit) -> str:
    """Say one alternative's number with both of its ranges."""
    name = f"`{row['alternative']}`"
    unsteady = "" if row["stable"] else " (**cannot keep up**)"
    over = f"; somebody overloaded in {row['overloaded']} draws" if row["overloaded"] else ""
    if question.kind == "difference" and not question.is_money:
        one, spread = row["difference"]["difference"], row["difference"]["spread"]
        percent = row["difference"]["percent"]["estimate"]
        relative = f" ({percent:+.0f} %)".replace("-", MINUS) if percent is not None else ""
        told = f"{name}{unsteady}: {unit.signed(one)}{relative}{unit.range(spread, sign=True)}{_sign(spread)}"
    else:
        told = f"{name}{unsteady}: {unit.plain(row['value'])}{unit.range(row['value']['spread'])}"
    return told + over


def _sign(spread: Mapping[str, Any]) -> str:
    sign = spread["sign"]
    if sign is None or sign["same"] == sign["draws"]:
        return ""
    return f"; the sign holds in {sign['same']} of {sign['draws']} draws"


def _threshold(question: Question, found: Mapping[str, str | None], unit: Unit) -> str:
    def shown(name: str | None) -> str:
        return f"`{name}`" if name else "none of them"

    assert question.target is not None  # the model holds it
    side = "at least" if question.target.at_least is not None else "at most"
    bound = f"{side} {unit.number(question.target.value)}"
    return (
        f"**{bound}: {shown(found['by'])}** (noise allowed for: {shown(found['by_noise'])}; over the draws: "
        f"{shown(found['best'])} at best, {shown(found['worst'])} at worst)"
    )


def checked(questions: Questions, answers: Mapping[str, Any], page: str) -> Sequence[str]:
    """Say everything that is stale: the answers, or the page that shows them.

    Args:
        questions: The file of questions.
        answers: The stored answers.
        page: The page with the table.
    """
    found = stale(questions, answers)
    if not found and replaced(page, rendered(questions, answers)) != page:
        found.append("the table of answers is not the one that answers.json gives")
    return found
