"""The command that answers the planners' questions and keeps their table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sim import answers, runs, scenario
from sim.cli.app import app, err
from sim.cli.bar import Bar
from sim.errors import InputError


@app.command(name="answers")
def answers_(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]…", help="runs of questions.yaml; default: all stale ones"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="run nothing; say what is stale, and exit 1 if anything is")
    ] = False,
    table: Annotated[
        bool, typer.Option("--table", help="run nothing; write the table from answers.json again")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="worker processes; default: one per core")] = None,
    folder: Annotated[
        Path | None, typer.Option("--in", help="folder of questions.yaml, answers.json and README.md")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="new folder for the runs, one below it each; default: results/runs/…")
    ] = None,
) -> None:
    """Answer the questions of scenarios/questions.yaml by simulation, and write the table of scenarios/README.md.

    Example:  congvan answers gia-lai  and  congvan answers --check
    """
    where = folder or scenario.scenarios_folder()
    questions = answers.load_questions(where / "questions.yaml")
    store, page = where / "answers.json", where / "README.md"
    found = answers.load_answers(store)
    if check:
        old = answers.checked(questions, found, page.read_text(encoding="utf-8"))
        for line in old:
            print(line)  # noqa: T201
        if old:
            raise typer.Exit(1)
        print(f"{len(questions.questions)} questions: every answer holds")  # noqa: T201
        return
    wanted = [] if table else names or [line.partition(":")[0] for line in answers.stale(questions, found)]
    unknown = [name for name in wanted if name not in questions.runs and name not in found["runs"]]
    if unknown:
        raise InputError("E-RUN", f"found no run {unknown[0]!r}", f"runs: {', '.join(questions.runs)}")
    found["runs"] = {name: one for name, one in found["runs"].items() if name in questions.runs}
    for name in wanted:
        if name not in questions.runs:
            continue
        err.print(f"{name}:", highlight=False)
        with Bar() as bar:
            target = out / name if out else None
            one = answers.asked(questions, name)
            found["runs"][name] = answers.answer_run(one, jobs or os.cpu_count() or 1, target, bar)
        runs.write_bytes(store, runs.dump_json(found))
    text = answers.replaced(page.read_text(encoding="utf-8"), answers.rendered(questions, found))
    runs.write_bytes(page, text.encode())
    print(f"{page}: {len(questions.questions)} questions")  # noqa: T201
