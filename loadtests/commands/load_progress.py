"""How a load run shows how far it is: a bar on a terminal, a line for each phase elsewhere."""

from __future__ import annotations

from typing import Any, Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sim.cli.app import err


class LoadBar:
    """Seconds of the schedule that are done, and the phase; on the standard error output."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[at]}"),
            TimeElapsedColumn(),
            console=err,
            disable=not err.is_terminal,
            transient=True,
        )
        self._task: Any = None
        self._phase = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done_s: float, total_s: float, phase: str) -> None:
        """Take note that so many seconds of so many are done; a total of 0 is one that nobody knows."""
        if err.is_terminal:
            at = f"{done_s:.0f} of {total_s:.0f} s" if total_s else ""
            if self._task is None:
                self._task = self._bar.add_task(phase, total=None, at="")
            self._bar.update(self._task, description=phase, completed=done_s, total=total_s or None, at=at)
        elif phase != self._phase:
            err.print(phase, highlight=False)
        self._phase = phase
