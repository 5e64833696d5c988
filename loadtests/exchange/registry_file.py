"""The registry as a file: JSON that the exchange writes and an operator may read, to and from ``Registry``.

Rule kept here: what is written is read back as the same registry, and what is read is nothing but that: an unknown
member, a certificate that cannot be read or a time out of its order is a fault that names its place.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from loadtests.exchange import certificates
from loadtests.exchange.agencies import (
    NAME_CHARACTERS_MAX,
    Agency,
    Registered,
    RegistryError,
    Right,
    Suspension,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import AGENCY_CODE, AGENCY_CODE_WORDS
from loadtests.exchange.members import Members
from loadtests.exchange.registry import Registry
from loadtests.exchange.strict import (
    TIME_MAX,
    decode_base64url,
    encode_base64url,
    parse_object,
    render_object,
)

SCHEMA: Final = 1
"""Version of the file's form; another one is refused."""
BYTES_MAX: Final = 256 * 1024**2
"""The 15,000 agencies of a country with ten certificates of 1,200 bytes each; what is larger is another file."""
AGENCIES_MAX: Final = 100_000
"""More offices than any state has; the limit of size comes first where they have certificates."""
ITEMS_MAX: Final = 1000
"""Certificates, and suspensions, of one agency: one a month for a lifetime."""
_DEPTH_MAX: Final = 5
_CODE: Final = "registry-malformed"
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_RIGHT: Final = re.compile("|".join(Right))
_AGENCY: Final = frozenset({"code", "name_en", "name_vi", "rights", "certificates", "suspensions"})


def render(registry: Registry) -> bytes:
    """The registry as JSON, agencies in the order of their codes.

    Thumbprints and validity are left out: the certificates say them.

    Raises:
        RegistryError: ``registration-invalid``: a registration states another validity than its certificate.
        Refusal: What ``parse`` would refuse, so that nothing is written that cannot be read.
    """
    agencies = [_agency_values(registry.agencies[code]) for code in sorted(registry.agencies)]
    data = render_object({"schema": SCHEMA, "agencies": agencies}) + b"\n"
    if parse(data) != registry:
        raise RegistryError("registration-invalid", "a validity is not the one of its certificate")
    return data


def parse(data: bytes) -> Registry:
    """Read a registry.

    Raises:
        Refusal: ``registry-malformed``, with the place, or one of the ``json-…`` codes.
        RegistryError: ``agency-known``, ``certificate-known``: something stands twice.
    """
    members = Members(parse_object(data, size_bytes_max=BYTES_MAX, depth_max=_DEPTH_MAX), _CODE)
    members.expect(frozenset({"schema", "agencies"}), frozenset())
    members.integer("schema", SCHEMA, SCHEMA)
    return Registry.of(_agency(item) for item in members.objects("agencies", 0, AGENCIES_MAX))


# --- writing ----------------------------------------------------------------------------------------------------


def _agency_values(agency: Agency) -> dict[str, Any]:
    return {
        "code": agency.code,
        "name_en": agency.name_en,
        "name_vi": agency.name_vi,
        "rights": sorted(agency.rights),
        "certificates": [_registered_values(one) for one in agency.certificates],
        "suspensions": [
            _known({"from_at": one.from_at, "until_at": one.until_at}) for one in agency.suspensions
        ],
    }


def _registered_values(registered: Registered) -> dict[str, Any]:
    return _known(
        {
            "certificate": encode_base64url(registered.certificate),
            "added_at": registered.added_at,
            "removed_at": registered.removed_at,
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# --- reading ----------------------------------------------------------------------------------------------------


def _agency(members: Members) -> Agency:
    members.expect(_AGENCY, frozenset())
    return Agency(
        code=members.matching("code", AGENCY_CODE, AGENCY_CODE_WORDS),
        name_en=members.text("name_en", NAME_CHARACTERS_MAX),
        name_vi=members.text("name_vi", NAME_CHARACTERS_MAX),
        certificates=tuple(_registered(item) for item in members.objects("certificates", 0, ITEMS_MAX)),
        rights=_rights(members),
        suspensions=_suspensions(members),
    )


def _rights(members: Members) -> frozenset[Right]:
    """The rights; an empty array is an agency that may only be read about."""
    if members.values["rights"] == []:
        return frozenset()
    texts = members.distinct("rights", _RIGHT, f"{' or '.join(Right)}", len(Right))
    return frozenset(Right(text) for text in texts)


def _registered(members: Members) -> Registered:
    members.expect(frozenset({"certificate", "added_at"}), frozenset({"removed_at"}))
    text = members.matching("certificate", _BASE64URL, "a certificate in DER, in base64url")
    added_at = members.integer("added_at", 0, TIME_MAX)
    removed_at = members.integer("removed_at", added_at, TIME_MAX) if "removed_at" in members.values else None
    try:
        certificate = certificates.parse_certificate(decode_base64url(text), certificates.Limits())
    except Refusal as refusal:
        raise members.fault("certificate", refusal.message, refusal.hint) from None
    return replace(Registered.of(certificate, added_at=added_at), removed_at=removed_at)


def _suspensions(members: Members) -> tuple[Suspension, ...]:
    """In the order of time, as the registry makes them; only the last one may be without an end."""
    found: list[Suspension] = []
    for item in members.objects("suspensions", 0, ITEMS_MAX):
        item.expect(frozenset({"from_at"}), frozenset({"until_at"}))
        earliest_at = found[-1].until_at if found else 0
        if earliest_at is None:
            raise item.fault("from_at", "found one after a suspension without an end", "the end of that one")
        from_at = item.integer("from_at", earliest_at, TIME_MAX)
        until_at = item.integer("until_at", from_at, TIME_MAX) if "until_at" in item.values else None
        found.append(Suspension(from_at, until_at))
    return tuple(found)
