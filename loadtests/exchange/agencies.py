"""An agency that takes part in the exchange: its code, names and rights, its certificates and suspensions.

Rule kept here: everything that may change carries the time from which it counts, so that a question about the past
has the answer that it had then.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from loadtests.exchange.errors import ExchangeError
from loadtests.exchange.manifest import AGENCY_CODE, AGENCY_CODE_WORDS
from loadtests.exchange.members import UNSEEN_CATEGORIES

NAME_CHARACTERS_MAX: Final = 200  # Decree 30/2020/ND-CP, Annex VI: OrganName


class RegistryError(ExchangeError):
    """The operator asked for a change that the registry cannot make; nothing was changed."""


class Right(StrEnum):
    """What an agency may do in the exchange."""

    SEND = "send"
    RECEIVE = "receive"


def is_agency_code(code: str) -> bool:
    """True for 13 characters in four dotted groups, such as ``000.00.00.H41`` (Decision 28/2018)."""
    return AGENCY_CODE.fullmatch(code) is not None


@dataclass(frozen=True, slots=True)
class Registered:
    """A certificate as it is registered for an agency.

    Args:
        certificate: The certificate in DER; its public key is the one that signatures are checked with.
        sha256: Its thumbprint, the 32 bytes that a signature header names it by (``x5t#S256``).
        not_before_at: First second of its validity.
        not_after_at: Last second of its validity.
        added_at: From this second on it counts for the agency.
        removed_at: From this second on it counts no more; ``None`` as long as nobody removed it.

    Raises:
        RegistryError: ``registration-invalid``: thumbprint and certificate differ, or a window is empty.
    """

    certificate: bytes = field(repr=False)
    sha256: bytes
    not_before_at: int
    not_after_at: int
    added_at: int
    removed_at: int | None = None

    def __post_init__(self) -> None:
        if hashlib.sha256(self.certificate).digest() != self.sha256:
            raise RegistryError("registration-invalid", "the thumbprint is not the certificate's")
        if self.not_after_at < self.not_before_at:
            raise RegistryError("registration-invalid", "the certificate's validity ends before it begins")
        if self.removed_at is not None and self.removed_at < self.added_at:
            raise RegistryError("registration-invalid", "found a removal before the registration")

    @classmethod
    def of(cls, certificate: x509.Certificate, *, added_at: int) -> Self:
        """The registration of a certificate from a time on, with the validity that it states itself."""
        der = certificate.public_bytes(Encoding.DER)
        return cls(
            certificate=der,
            sha256=hashlib.sha256(der).digest(),
            not_before_at=int(certificate.not_valid_before_utc.timestamp()),
            not_after_at=int(certificate.not_valid_after_utc.timestamp()),
            added_at=added_at,
        )

    def counts_at(self, at: int) -> bool:
        """True when it is registered at that time; whether it is valid then is another question."""
        return self.added_at <= at and (self.removed_at is None or at < self.removed_at)


@dataclass(frozen=True, slots=True)
class Suspension:
    """A time in which nothing of an agency is taken: from ``from_at`` until before ``until_at``."""

    from_at: int
    until_at: int | None = None

    def holds_at(self, at: int) -> bool:
        """True inside the suspension."""
        return self.from_at <= at and (self.until_at is None or at < self.until_at)


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency that takes part.

    Args:
        code: Its code after Decision 28/2018.
        name_en: Its name in English, 1-200 characters, Unicode NFC.
        name_vi: Its name in Vietnamese, likewise.
        certificates: What is and was registered for it, in the order of registration.
        rights: What it may do.
        suspensions: When nothing of it was taken, in the order of time.

    Raises:
        RegistryError: ``agency-code-invalid``, ``agency-name-invalid``.
    """

    code: str
    name_en: str
    name_vi: str
    certificates: tuple[Registered, ...] = ()
    rights: frozenset[Right] = frozenset(Right)
    suspensions: tuple[Suspension, ...] = ()

    def __post_init__(self) -> None:
        if not is_agency_code(self.code):
            raise RegistryError("agency-code-invalid", f"found {self.code[:40]!r}", AGENCY_CODE_WORDS)
        for name in (self.name_en, self.name_vi):
            if not _is_name(name):
                hint = f"1 to {NAME_CHARACTERS_MAX} characters, no control characters, Unicode NFC"
                raise RegistryError("agency-name-invalid", f"found {name[:80]!r} for {self.code}", hint)

    @property
    def suspended_at(self) -> int | None:
        """The beginning of a suspension that nobody has lifted; ``None`` where there is none."""
        return next((s.from_at for s in self.suspensions if s.until_at is None), None)

    def is_suspended(self, at: int) -> bool:
        """True when a suspension holds at that time."""
        return any(suspension.holds_at(at) for suspension in self.suspensions)

    def registered(self, sha256: bytes) -> Registered | None:
        """The registration with this thumbprint, whenever it counts."""
        return next((r for r in self.certificates if r.sha256 == sha256), None)


def _is_name(name: str) -> bool:
    printable = name.strip() == name and all(unicodedata.category(c) not in UNSEEN_CATEGORIES for c in name)
    return 1 <= len(name) <= NAME_CHARACTERS_MAX and printable and unicodedata.is_normalized("NFC", name)
