"""The application that commands register on, and what several commands need.

Rule kept here: errors of the user end in one line and exit code 2, never in a traceback; other packages add
their commands through the entry-point group ``congvan.commands``: each entry is a function that takes the root
``typer.Typer`` and registers on it.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from sim.errors import CongvanError, InputError

COMMANDS_GROUP = "congvan.commands"
# The root of a wrong command line's errors; it lives in click or inside typer, depending on typer's version.
UsageProblem: type[Any] = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")

app = typer.Typer(
    name="congvan",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Simulate how documents travel between agencies, on paper and digitally signed; run an exchange for them.

Try it:

    congvan scenarios                          what is bundled

    congvan run quang-ninh --alternatives paper,signed --replications 5

    congvan report results/runs/…              make its report.html again

    congvan new my-province                    a commented scenario to start from

    congvan check my-province                  every fault, with file, line and what would be right

    congvan trace results/runs/…               one document's life, step by step

    congvan explain results/runs/…             what holds documents up, and what would help

    congvan compare RUN RUN                    alternatives of several runs, paired

    congvan answers --check                    the planners' questions of scenarios/README.md

    congvan selftest                           this installation against queueing theory

    congvan serve --demo gia-lai               a document exchange with real signatures, to test against
""",
)
err = Console(stderr=True)


def run_folder(text: str) -> Path:
    """Return the folder of a run that a user names.

    Raises:
        InputError: ``E-RUN`` there is no such folder.
    """
    path = Path(text)
    if not path.is_dir():
        raise InputError(
            "E-RUN", f"found no folder {text}", "name the folder of a run, such as results/runs/…"
        )
    return path


def command_line() -> tuple[str, ...]:
    """Return the command line as typed, the program by its name."""
    return ("congvan", *sys.argv[1:])


def _mount_plugins() -> None:
    """Let other packages add their commands."""
    for entry in sorted(metadata.entry_points(group=COMMANDS_GROUP), key=lambda one: one.name):
        entry.load()(app)


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; default those of the process.

    Returns:
        0 done, 1 the run failed, 2 the input is wrong.
    """
    _mount_plugins()
    try:
        code = app(args=argv, standalone_mode=False)
    except CongvanError as error:
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except UsageProblem as error:
        error.show()
        return 2
    except (typer.Abort, KeyboardInterrupt):
        err.print("stopped")
        return 1
    return code if isinstance(code, int) else 0
