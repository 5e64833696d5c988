"""Commands about scenario files: list, lay down, check, describe the format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim import runs, scenario
from sim.cli.app import app
from sim.errors import CongvanError, InputError


@app.command()
def scenarios() -> None:
    """List the bundled scenarios and their alternatives."""
    for name, path in scenario.bundled().items():
        try:
            title, alternatives = scenario.outline(path)
        except CongvanError:
            print(f"{name}: faulty; `congvan check {name}` says why")  # noqa: T201
            continue
        print(f"{name}: {title}")  # noqa: T201
        print(f"    alternatives: {', '.join(alternatives)}")  # noqa: T201


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="lower-case name with hyphens; also the folder's name")
    ],
    folder: Annotated[Path, typer.Option("--in", help="where it is made")] = Path(),
) -> None:
    """Lay down a commented scenario to start from.

    Example:  congvan new my-province  and then  congvan run my-province
    """
    target = folder / name
    if target.exists():
        raise InputError(
            "E-OUT-EXISTS", f"{target} exists already", "choose another ID, or --in another folder"
        )
    for file, text in scenario.template(name).items():
        runs.write_bytes(target / file, text.encode())
        print(target / file)  # noqa: T201


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="bundled ids, files or folders")],
) -> None:
    """Check scenario files: every fault at once, with file, line and what would be right.

    Example:  congvan check quang-ninh my-province/scenario.yaml
    """
    worst = 0
    for name in files:
        try:
            file = scenario.load(scenario.find(name))
        except CongvanError as error:
            print(error)  # noqa: T201
            worst = max(worst, error.exit_code)
            continue
        for found in file.warnings:
            print(found)  # noqa: T201
        stated = scenario.numbers(file)
        share = scenario.assumed_share(stated)
        print(  # noqa: T201
            f"{name}: right. {len(file.cases)} alternatives, {len(file.cases[file.base].agencies)} agencies, "
            f"{len(file.warnings)} warnings, {share:.0%} of {len(stated)} numbers assumed."
        )
    if worst:
        raise typer.Exit(worst)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the scenario file, for editors."""
    print(scenario.render(), end="")  # noqa: T201
