"""The one error root of ``sim``; every subclass says what the caller can do about it.

An error is data: a stable code, where it was found, what was found and what would be right. All classes
here can be rebuilt from their ``args``, because SimPy re-raises a process's error as ``type(e)(*e.args)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about an input file.

    Args:
        code: Stable identifier, such as ``E-UNKNOWN-KEY``; codes starting with ``W-`` are warnings.
        message: What was found.
        hint: What would be right; may be empty.
        file: Path of the file as the user named it, or empty.
        line: 1-based line, or 0 where the place is not known.
        column: 1-based column, or 0 where the place is not known.
        field: Dotted path of the field, or empty.
    """

    code: str
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    field: str = ""

    @property
    def is_warning(self) -> bool:
        """True when a run may go on in spite of the finding."""
        return self.code.startswith("W-")

    def __str__(self) -> str:
        place = ":".join([self.file or "<input>", *(str(n) for n in (self.line, self.column) if n)])
        field = f" {self.field}:" if self.field else ""
        hint = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{place}: {self.code}:{field} {self.message}{hint}"


class CongvanError(Exception):
    """Root of all errors that ``sim`` raises on purpose; never raised itself.

    Args:
        code: Stable identifier of the kind of fault.
        message: What was found.
        hint: What would be right, or what to do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f"\n    hint: {self.hint}" if self.hint else "")


class InputError(CongvanError):
    """The caller gave something wrong and can mend it: exit code 2."""

    exit_code: ClassVar[int] = 2


class ScenarioError(InputError):
    """A scenario file has faults; all of them are listed.

    Args:
        code: ``E-SCENARIO``.
        message: How many faults, in which file.
        hint: Rendered diagnostics are in ``diagnostics``; this stays short.
        diagnostics: Every finding, in the order of the file.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", diagnostics: tuple[Diagnostic, ...] = ()
    ) -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, hint, diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n".join([f"{self.code}: {self.message}", *(str(d) for d in self.diagnostics)])


class RunError(CongvanError):
    """The input was right, the run failed: exit code 1; trying again may help, the message says when."""
