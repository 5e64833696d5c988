"""Codes: who signed, and why that is not believed."""

from __future__ import annotations

from typing import Final

from loadtests.exchange.codes.kind import Kind

TRUST: Final = {
    "sender-unknown": Kind(
        "The sender is not a registered agency",
        403,
        False,
        "No agency of the registry has this code; have the agency registered first.",
    ),
    "sender-certificate-mismatch": Kind(
        "The certificate is another agency's",
        403,
        False,
        "The certificate is registered, but for an agency other than the one that is named as signer.",
    ),
    "certificate-not-registered": Kind(
        "The certificate is not registered for this agency",
        403,
        False,
        "Unknown, not yet added, or removed after a rotation; sign with a certificate that is registered now.",
    ),
    "agency-suspended": Kind(
        "The agency is suspended",
        403,
        False,
        "The operator has suspended the agency; nothing it signs is taken until the suspension is lifted.",
    ),
    "not-permitted": Kind(
        "The agency has no right to do this",
        403,
        False,
        "The registry gives rights to each agency; the message names the one that is missing.",
    ),
    "recipient-unknown": Kind(
        "A recipient is not a registered agency",
        422,
        False,
        "No agency of the registry has this code; correct the recipient and sign again.",
    ),
    "recipient-suspended": Kind(
        "A recipient cannot receive now",
        422,
        False,
        "The operator has suspended the recipient; leave it out, or send again after the suspension is lifted.",
    ),
    "recipient-not-permitted": Kind(
        "A recipient has no right to receive",
        422,
        False,
        "The registry does not let this agency receive documents; leave it out and sign again.",
    ),
    "registry-malformed": Kind(
        "Not a registry that can be read",
        422,
        False,
        "A member of the registry file is missing, unknown or out of its range; the message names the place.",
    ),
    "certificate-malformed": Kind(
        "Not a certificate that can be read",
        400,
        False,
        "The bytes are not one X.509 version 3 certificate in DER with well-formed extensions (RFC 5280).",
    ),
    "certificate-too-large": Kind(
        "The certificate is too large",
        413,
        False,
        "A certificate is larger than any agency needs; the message names the limit.",
    ),
    "chain-too-large": Kind(
        "Too many certificates",
        413,
        False,
        "More intermediate certificates came than a chain can use; the message names the limit.",
    ),
    "certificate-expired": Kind(
        "The certificate has expired",
        403,
        False,
        "Its last second of validity has passed; renew it and have the new one registered.",
    ),
    "certificate-not-yet-valid": Kind(
        "The certificate is not yet valid",
        403,
        True,
        "Its validity begins later; wait until then, or check the clock.",
    ),
    "certificate-usage-wrong": Kind(
        "The certificate is not for signing documents",
        403,
        False,
        "It must allow digitalSignature, must not be an authority, and its extended usage, if any, must fit.",
    ),
    "certificate-extension-unknown": Kind(
        "A certificate has a critical extension that is not known",
        403,
        False,
        "What is critical must be understood, and this is not (RFC 5280 §4.2); the message names it.",
    ),
    "certificate-untrusted": Kind(
        "No chain leads from the certificate to a trusted root",
        403,
        False,
        "The issuer is unknown, or another key signed; use a certificate of an authority that is trusted here.",
    ),
    "chain-too-long": Kind(
        "The chain is longer than is allowed",
        403,
        False,
        "An authority stands deeper than a path length constraint or the limit of this exchange allows.",
    ),
    "issuer-expired": Kind(
        "A certificate above it has expired",
        403,
        False,
        "An authority in the chain is past its validity, so nothing that it signed counts any more.",
    ),
    "issuer-not-yet-valid": Kind(
        "A certificate above it is not yet valid",
        403,
        True,
        "The validity of an authority in the chain begins later.",
    ),
    "issuer-not-ca": Kind(
        "A certificate above it is not an authority",
        403,
        False,
        "An issuer lacks basicConstraints CA (critical) or the key usage keyCertSign, so it may not issue.",
    ),
    "issuer-key-unsupported": Kind(
        "A certificate above it has a key that is not used here",
        403,
        False,
        "Authorities have keys on a NIST curve, RSA from 2048 bits or ML-DSA; Ed25519 is for leaf certificates only.",
    ),
    "certificate-revoked": Kind(
        "The certificate is revoked",
        403,
        False,
        "It stands on its issuer's revocation list; have a new one issued and registered.",
    ),
    "issuer-revoked": Kind(
        "A certificate above it is revoked",
        403,
        False,
        "An authority in the chain stands on a revocation list, so nothing that it signed counts any more.",
    ),
    "crl-missing": Kind(
        "No revocation list of an issuer is at hand",
        503,
        True,
        "Whether the certificate is revoked cannot be told; the operator must bring the issuer's list.",
    ),
    "crl-stale": Kind(
        "The revocation list is too old",
        503,
        True,
        "Whether the certificate is revoked cannot be told from an old list; the operator must bring a newer one.",
    ),
    "crl-not-yet-valid": Kind(
        "The revocation list is from the future",
        503,
        True,
        "The list was issued after the time that is asked about; check the clocks.",
    ),
    "crl-malformed": Kind(
        "Not a revocation list that can be read",
        422,
        False,
        "The bytes are not one X.509 version 2 revocation list in DER (RFC 5280 §5).",
    ),
    "crl-too-large": Kind(
        "The revocation list is too large",
        413,
        False,
        "The list is larger than what is read; the message names the limit.",
    ),
    "crl-incomplete": Kind(
        "The revocation list lacks what it must say",
        422,
        False,
        "A list needs its number and the time of its next update, which is later than its own.",
    ),
    "crl-unsupported": Kind(
        "The revocation list is not a full one of its issuer",
        422,
        False,
        "Delta, indirect and partial lists and unknown critical extensions are refused: absence would prove nothing.",
    ),
    "crl-untrusted": Kind(
        "The revocation list is not its issuer's",
        422,
        False,
        "It names another issuer, another key signed it, or its signature algorithm is too weak.",
    ),
    "crl-issuer-unsuitable": Kind(
        "The issuer may not sign revocation lists",
        422,
        False,
        "The issuer's certificate lacks the key usage cRLSign (RFC 5280 §6.3.3 f).",
    ),
    "crl-rollback": Kind(
        "The revocation list is older than the one that is known",
        422,
        False,
        "A list never goes back: its number must be higher than the known one's, and its time no earlier.",
    ),
}
