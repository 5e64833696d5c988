"""What the commands of the exchange share: faults in one line, tables for people, JSON for machines.

Rule kept here: what ``loadtests`` refuses ends as an error of the command line: exit code 2 where the caller can mend
it, 1 where trying again may help; never a traceback. This module imports nothing that is slow to import.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import typer

from sim.errors import InputError, RunError

if TYPE_CHECKING:
    from loadtests.exchange.errors import ExchangeError

P = ParamSpec("P")
R = TypeVar("R")

DEMO: Final = Path("exchange-demo")
"""Where a demo lies unless another place is named, in the working directory."""
PKI_PASSWORD: Final = "CONGVAN_PKI_PASSWORD"
KEY_PASSWORD: Final = "CONGVAN_KEY_PASSWORD"
_COPIED: Final = frozenset({"message", "code", "serial", "state", "standing"})
"""Columns that people copy from, and short ones: never broken into lines."""
_FORMATS: Final = ("table", "json")


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command tell what was refused: as wrong input, or as a failure where trying again may help."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        from loadtests.exchange.errors import ExchangeError  # noqa: PLC0415 - slow: see the rule above

        try:
            return command(*args, **kwargs)
        except ExchangeError as error:
            kind = RunError if _is_fault_elsewhere(error) else InputError
            raise kind(error.code, error.message, error.hint) from error
        except OSError as error:
            named = f"{error.filename}: " if error.filename else ""
            raise InputError("file-refused", f"{named}{error.strerror or error}") from error

    return wrapped


def _is_fault_elsewhere(error: ExchangeError) -> bool:
    """True where the same command may succeed another time, or what the exchange says does not hold."""
    from loadtests.attempts import AnswerRefused, Problem, Unreachable  # noqa: PLC0415
    from loadtests.exchange.errors import Refusal  # noqa: PLC0415

    if isinstance(error, Problem):
        return error.retryable
    if isinstance(error, Unreachable):
        return error.code != "url-invalid"
    return isinstance(error, AnswerRefused) or (isinstance(error, Refusal) and error.kind.retryable)


def now() -> int:
    """The time, s since the epoch, UTC."""
    return int(time.time())


def one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    """The value, if it is one of these.

    Raises:
        InputError: ``E-OPTION``.
    """
    if value not in allowed:
        raise InputError("E-OPTION", f"found {option} {value!r}", f"one of: {', '.join(allowed)}")
    return value


def password(variable: str, *, ask: bool, new: bool = False) -> bytes | None:
    """The password of a private key: from the environment, or asked for on the terminal; None where there is none.

    Args:
        variable: The environment variable.
        ask: True to ask where the variable is not set.
        new: True to ask twice.
    """
    if text := os.environ.get(variable):
        return text.encode()
    if not ask:
        return None
    text = typer.prompt("password", hide_input=True, confirmation_prompt=new, err=True)
    return str(text).encode()


def say(text: str) -> None:
    """Print a line for people, whatever width the terminal has."""
    print(text, flush=True)  # noqa: T201 - a server's lines are wanted while it runs


def show(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], format_: str, *, empty: str = "none"
) -> None:
    """Print rows: a table on a terminal, lines with tabs into a pipe, or JSON.

    Args:
        rows: What there is; JSON shows all of it.
        columns: Title by key, in the order of a table.
        format_: table or json.
        empty: What to say where there are no rows.
    """
    if one_of("--format", format_, _FORMATS) == "json":
        say(json.dumps(list(rows), ensure_ascii=False, indent=1))
    elif not rows:
        say(empty)
    elif sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=SIMPLE_HEAD)
        for key, title in columns.items():
            table.add_column(title, overflow="fold", no_wrap=key in _COPIED)
        for row in rows:
            table.add_row(*(Text(str(row[key])) for key in columns))
        Console().print(table)
    else:
        for row in rows:
            say("\t".join(str(row[key]) for key in columns))


def moment(at: int) -> str:
    """A time for people: date and time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))
