"""The registry of the exchange: who may sign for which agency, and whom documents may be addressed to.

Rule kept here: a certificate counts because it is registered for an agency at the time in question, and a
thumbprint belongs to one agency for good; the past is never rewritten, every change gives a new registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Self

from loadtests.exchange.agencies import Agency, Registered, RegistryError, Right, Suspension
from loadtests.exchange.errors import Refusal

__all__ = ["Agency", "Registered", "Registry", "RegistryError", "Right", "Suspension"]


@dataclass(frozen=True, slots=True)
class Registry:
    """All agencies at hand, by code; made with ``Registry.of``.

    Args:
        agencies: By code.
        owners: Which agency a thumbprint belongs to, by thumbprint.
    """

    agencies: Mapping[str, Agency]
    owners: Mapping[bytes, str] = field(repr=False)

    @classmethod
    def of(cls, agencies: Iterable[Agency] = ()) -> Self:
        """The registry of these agencies.

        Raises:
            RegistryError: ``agency-known`` (a code twice), ``certificate-known`` (a thumbprint twice).
        """
        by_code: dict[str, Agency] = {}
        owners: dict[bytes, str] = {}
        for agency in agencies:
            if agency.code in by_code:
                raise RegistryError("agency-known", f"{agency.code} is registered already")
            by_code[agency.code] = agency
            for registered in agency.certificates:
                if registered.sha256 in owners:
                    raise _known(registered.sha256, owners[registered.sha256])
                owners[registered.sha256] = agency.code
        return cls(MappingProxyType(by_code), MappingProxyType(owners))

    # --- looking up -----------------------------------------------------------------------------------------

    def signer(self, code: str, sha256: bytes, at: int) -> tuple[Agency, Registered]:
        """The agency of this code and its certificate of this thumbprint, as both count at that time.

        Raises:
            Refusal: ``sender-unknown``, ``agency-suspended``, ``sender-certificate-mismatch``,
                ``certificate-not-registered``, ``certificate-not-yet-valid``, ``certificate-expired``.
        """
        agency = self.agencies.get(code)
        if agency is None:
            raise Refusal("sender-unknown", f"found {code[:40]!r}", "have the agency registered first")
        if agency.is_suspended(at):
            raise Refusal("agency-suspended", f"{code} is suspended", "ask the operator of the exchange")
        if (owner := self.owners.get(sha256)) not in {None, code}:
            raise Refusal(
                "sender-certificate-mismatch",
                f"{sha256.hex()} is registered for {owner}, the signer is {code}",
                "sign with a certificate of the agency that is named",
            )
        registered = agency.registered(sha256)
        if registered is None or not registered.counts_at(at):
            raise Refusal("certificate-not-registered", _when(registered, sha256, at), "register it first")
        if at < registered.not_before_at:
            raise Refusal(
                "certificate-not-yet-valid", f"valid from {registered.not_before_at}, asked at {at}"
            )
        if at > registered.not_after_at:
            raise Refusal("certificate-expired", f"valid until {registered.not_after_at}, asked at {at}")
        return agency, registered

    def sender(self, code: str, sha256: bytes, at: int) -> tuple[Agency, Registered]:
        """What ``signer`` gives, where the agency may also send.

        Raises:
            Refusal: The codes of ``signer``; ``not-permitted``.
        """
        agency, registered = self.signer(code, sha256, at)
        if Right.SEND not in agency.rights:
            raise Refusal("not-permitted", f"{code} has no right to {Right.SEND}", "ask the operator")
        return agency, registered

    def recipient(self, code: str, at: int) -> Agency:
        """The agency of this code as one that documents can be addressed to at that time.

        Raises:
            Refusal: ``recipient-unknown``, ``recipient-suspended``, ``recipient-not-permitted``.
        """
        agency = self.agencies.get(code)
        if agency is None:
            raise Refusal("recipient-unknown", f"found {code[:40]!r}", "see the list of agencies")
        if agency.is_suspended(at):
            raise Refusal("recipient-suspended", f"{code} is suspended", "leave it out, or send again later")
        if Right.RECEIVE not in agency.rights:
            raise Refusal(
                "recipient-not-permitted", f"{code} has no right to {Right.RECEIVE}", "leave it out"
            )
        return agency

    # --- changing -------------------------------------------------------------------------------------------

    def add(self, agency: Agency) -> Registry:
        """The registry with one agency more.

        Raises:
            RegistryError: ``agency-known``, ``certificate-known``.
        """
        return Registry.of([*self.agencies.values(), agency])

    def rotate(self, code: str, new: Registered, *, overlap_s: int) -> Registry:
        """The registry with a new certificate for the agency; the old ones go ``overlap_s`` after it came.

        The first certificate of an agency is added in the same way: there is no old one to go.

        Raises:
            RegistryError: ``agency-unknown``, ``certificate-known``, ``rotation-invalid`` (a negative overlap, or
                the new certificate counts or is valid only after the old ones are gone).
        """
        agency = self._known_agency(code)
        end_at = new.added_at + overlap_s
        current = [r for r in agency.certificates if r.counts_at(new.added_at)]
        if overlap_s < 0:
            raise RegistryError("rotation-invalid", f"found an overlap of {overlap_s} s", "0 or more")
        if current and new.not_before_at > end_at:
            message = f"the old certificates go at {end_at}, the new one is valid from {new.not_before_at}"
            raise RegistryError(
                "rotation-invalid", message, "a longer overlap, or a certificate valid earlier"
            )
        kept = tuple(_removed(r, end_at) if r in current else r for r in agency.certificates)
        return self._with(replace(agency, certificates=(*kept, new)))

    def remove(self, code: str, sha256: bytes, *, at: int) -> Registry:
        """The registry in which this certificate counts no more from that time on.

        Raises:
            RegistryError: ``agency-unknown``, ``certificate-unknown`` (not registered at that time).
        """
        agency = self._known_agency(code)
        found = agency.registered(sha256)
        if found is None or not found.counts_at(at):
            raise RegistryError("certificate-unknown", _when(found, sha256, at), "see the list of agencies")
        kept = tuple(_removed(r, at) if r is found else r for r in agency.certificates)
        return self._with(replace(agency, certificates=kept))

    def suspend(self, code: str, *, at: int) -> Registry:
        """The registry in which nothing of the agency is taken from that time on.

        Raises:
            RegistryError: ``agency-unknown``, ``suspension-invalid`` (suspended already, or later than then).
        """
        agency = self._known_agency(code)
        last = agency.suspensions[-1] if agency.suspensions else None
        if last is not None and (last.until_at is None or at < last.until_at):
            raise RegistryError("suspension-invalid", f"{code} has a suspension from {last.from_at}")
        return self._with(replace(agency, suspensions=(*agency.suspensions, Suspension(at))))

    def resume(self, code: str, *, at: int) -> Registry:
        """The registry in which the agency's suspension ends at that time.

        Raises:
            RegistryError: ``agency-unknown``, ``suspension-invalid`` (none to lift, or it begins later).
        """
        agency = self._known_agency(code)
        begun_at = agency.suspended_at
        if begun_at is None or at < begun_at:
            raise RegistryError("suspension-invalid", f"{code} is not suspended at {at}")
        past = (*agency.suspensions[:-1], Suspension(begun_at, at))
        return self._with(replace(agency, suspensions=past))

    def entitle(self, code: str, rights: Iterable[Right]) -> Registry:
        """The registry in which the agency has exactly these rights.

        Raises:
            RegistryError: ``agency-unknown``.
        """
        return self._with(replace(self._known_agency(code), rights=frozenset(rights)))

    def _known_agency(self, code: str) -> Agency:
        try:
            return self.agencies[code]
        except KeyError:
            raise RegistryError(
                "agency-unknown", f"found {code[:40]!r}", "see the list of agencies"
            ) from None

    def _with(self, agency: Agency) -> Registry:
        return Registry.of({**self.agencies, agency.code: agency}.values())


def _known(sha256: bytes, owner: str) -> RegistryError:
    return RegistryError(
        "certificate-known",
        f"{sha256.hex()} is or was registered for {owner}",
        "a certificate is registered once; issue a new one",
    )


def _removed(registered: Registered, at: int) -> Registered:
    """The registration with an end at that time, or at its own end if that is earlier."""
    end_at = at if registered.removed_at is None else min(at, registered.removed_at)
    return replace(registered, removed_at=end_at)


def _when(registered: Registered | None, sha256: bytes, at: int) -> str:
    if registered is None:
        return f"{sha256.hex()} is not registered"
    removed = "" if registered.removed_at is None else f", removed at {registered.removed_at}"
    return f"{sha256.hex()} was added at {registered.added_at}{removed}, asked at {at}"
