"""How long work shows how far it is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sim.cli.app import err


class Bar:
    """A progress bar on stderr; without a terminal, a line from time to time."""

    def __init__(self) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), console=err, disable=not err.is_terminal,
        )  # fmt: skip
        self.task: Any = None

    def __enter__(self) -> Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, total: int, text: str) -> None:
        """Take note that ``done`` of ``total`` are finished; ``text`` says what comes next."""
        if not err.is_terminal:
            err.print(
                f"{done}/{total} simulated" + (f", next: {text}" if done < total else ""), highlight=False
            )
        elif self.task is None:
            self.task = self.bar.add_task(text, total=total)
        else:
            self.bar.update(self.task, completed=done, description=text if done < total else "done")
