"""The error root of the exchange, and all the codes that it refuses with.

Rule kept here: a refusal has a code of ``CODES``, so that a client can decide by the code alone what to do;
a code, once published, keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from loadtests.exchange.codes import acceptance, evidence, http, signing, trust
from loadtests.exchange.codes.kind import Kind

__all__ = ["CODES", "SECTIONS", "ExchangeError", "Kind", "Refusal", "joined"]


def joined(*sections: Mapping[str, Kind]) -> Mapping[str, Kind]:
    """The sections as one read-only table.

    Raises:
        ValueError: Two sections give the same code.
    """
    table: dict[str, Kind] = {}
    for section in sections:
        if twice := table.keys() & section.keys():
            message = f"codes in two sections: {', '.join(sorted(twice))}"
            raise ValueError(message)
        table.update(section)
    return MappingProxyType(table)


SECTIONS: Final[Mapping[str, Mapping[str, Kind]]] = MappingProxyType(
    {
        "Manifest and signature": signing.MANIFEST_AND_SIGNATURE,
        "Trust": trust.TRUST,
        "Acceptance": acceptance.ACCEPTANCE,
        "Lifecycle, evidence, log": evidence.LIFECYCLE_EVIDENCE_LOG,
        "Requests": http.HTTP,
    }
)
"""The codes by area, as the page of codes shows them."""
CODES: Final = joined(*SECTIONS.values())


class ExchangeError(Exception):
    """Root of all errors that ``loadtests`` raises on purpose; never raised itself.

    It can be rebuilt from its ``args``.

    Args:
        code: Stable identifier of the kind of fault, a lower-case slug with hyphens.
        message: What was found.
        hint: What would be right, or what to do next.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f"\n    hint: {self.hint}" if self.hint else "")


class Refusal(ExchangeError):  # noqa: N818 - what the protocol calls it; most are no fault of the program
    """What came is not taken: the sender can mend it or, where ``kind.retryable``, try again.

    Args:
        code: A code of ``CODES``.
        message: What was found; never holds keys or contents of documents.
        hint: What would be right.

    Raises:
        ValueError: The code is not in the table (a fault of the program, found by its tests).
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        if code not in CODES:
            fault = f"{code!r} is not in the table of codes"
            raise ValueError(fault)
        super().__init__(code, message, hint)

    @property
    def kind(self) -> Kind:
        """What the table says about the code."""
        return CODES[self.code]
