"""The error root of the exchange and the one table of the codes that it refuses with.

Rule kept here: a refusal has a code of this table, so that a client can decide by the code alone what to do;
a code, once published, keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """What one code says to whoever gets it; the fields of a problem document (RFC 9457).

    Args:
        title: What is wrong, in a few words; the same for every occurrence.
        status: HTTP status code the server answers with (RFC 9110), 400-599.
        retryable: True when the very same request may succeed later.
        meaning: What happened and what the caller can do about it.
    """

    title: str
    status: int
    retryable: bool
    meaning: str


# --- manifest and signature ---------------------------------------------------------------------------------
_MANIFEST_AND_SIGNATURE: Final = {
    "base64-invalid": Kind(
        "Not strict base64url",
        400,
        False,
        "A value is not base64url as RFC 7515 writes it: no padding, no white space, unused bits zero.",
    ),
    "json-invalid": Kind(
        "Not strict JSON",
        400,
        False,
        "The bytes are not one JSON object in UTF-8 without byte order mark, or hold half a surrogate pair.",
    ),
    "json-duplicate-key": Kind(
        "A JSON member stands twice",
        400,
        False,
        "Two readers could take different values for the same member, so neither is taken; name it once.",
    ),
    "json-number": Kind(
        "A JSON number is not a whole number within 2^53",
        400,
        False,
        "Fractions, exponents, NaN, Infinity and larger numbers are read differently by different readers.",
    ),
    "json-too-deep": Kind(
        "JSON is nested too deeply",
        400,
        False,
        "Arrays and objects stand inside one another more often than any message of the protocol needs.",
    ),
    "json-too-large": Kind(
        "JSON is too large",
        413,
        False,
        "The text is larger than what is read for this purpose; the message names the limit.",
    ),
    "manifest-too-large": Kind(
        "The manifest is too large",
        413,
        False,
        "Send fewer documents or recipients in one message; the message names the limit.",
    ),
    "manifest-invalid": Kind(
        "A member of the manifest is missing, unknown or out of its range",
        422,
        False,
        "The message names the member and what was found; correct it and sign again.",
    ),
    "jws-invalid": Kind(
        "Not a compact JWS",
        400,
        False,
        "A signed object is header, payload and signature in base64url with one dot between (RFC 7515 §3.1).",
    ),
    "jws-too-large": Kind(
        "The signed object is too large",
        413,
        False,
        "Header, payload or signature is larger than the protocol needs; the message names the limit.",
    ),
    "header-invalid": Kind(
        "A member of the signature header is missing, unknown or out of its range",
        400,
        False,
        "The header has exactly alg, typ, iat and x5t#S256, and crit where wanted; all are signed.",
    ),
    "header-critical-unknown": Kind(
        "The signature header calls something critical that is not known",
        400,
        False,
        "crit may only name a member that is present, that the protocol knows and that RFC 7515 lacks: iat.",
    ),
    "signed-type-mismatch": Kind(
        "The signed object is of another type",
        400,
        False,
        "typ says what a signature was made for; one made for something else does not count here.",
    ),
    "algorithm-unsupported": Kind(
        "The signature algorithm does not exist here",
        400,
        False,
        "Only ES256, PS256 and EdDSA (with Ed25519) are known; sign with one of them.",
    ),
    "algorithm-mismatch": Kind(
        "The signature algorithm is not that of the key",
        403,
        False,
        "The registered certificate decides the algorithm; the header must name that one.",
    ),
    "key-unsupported": Kind(
        "The key is of a kind that is not used here",
        403,
        False,
        "Use P-256, RSA of 2048 to 4096 bits, or Ed25519, and have a certificate for it registered.",
    ),
    "signature-invalid": Kind(
        "The signature does not fit",
        403,
        False,
        "What was signed is not what came, or another key signed it; sign the bytes that are sent.",
    ),
}

# --- trust --------------------------------------------------------------------------------------------------
_TRUST: Final = {
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

# --- lifecycle, evidence, log -------------------------------------------------------------------------------
_LIFECYCLE_EVIDENCE_LOG: Final = {
    "event-invalid": Kind(
        "A member of the event is missing, unknown or out of its range",
        422,
        False,
        "The message names what was found; correct it and sign again.",
    ),
    "event-not-permitted": Kind(
        "This agency may not report this event",
        403,
        False,
        "The recipient reports on its work, the sender asks for a recall, the exchange reports expiry.",
    ),
    "event-out-of-order": Kind(
        "The event cannot happen now",
        409,
        False,
        "Ask for the message's state at this recipient; the hint lists what can follow it.",
    ),
    "event-id-reused": Kind(
        "The event id was used for another event",
        422,
        False,
        "The same id with the same content is answered as before; other content needs an id of its own.",
    ),
    "nonce-invalid": Kind(
        "The nonce is too short or too long",
        400,
        False,
        "Make a new random nonce for every request, as long as the message says.",
    ),
    "nonce-replayed": Kind(
        "The request was taken before",
        401,
        False,
        "A signed request counts once; sign a new one with a new nonce and creation time.",
    ),
    "request-expired": Kind(
        "The request's time is over",
        401,
        False,
        "It is too old, past its own end, or older than the server's memory; sign it again now.",
    ),
    "request-from-the-future": Kind(
        "The request was created ahead of the server's clock",
        401,
        True,
        "Compare clocks: the creation time lies further ahead than is allowed.",
    ),
    "too-many-requests": Kind(
        "Too many requests in the window",
        429,
        True,
        "The server remembers only so many requests of one agency at a time; send fewer and try later.",
    ),
    "issuer-mismatch": Kind(
        "Another exchange or another certificate issued this",
        422,
        False,
        "Check with the name and the certificate of the exchange that the message was sent to.",
    ),
    "signed-time-mismatch": Kind(
        "What was signed gives two times",
        422,
        False,
        "The time inside and the time of the signature must be one; otherwise neither counts.",
    ),
    "evidence-invalid": Kind(
        "A member of the evidence is missing, unknown or out of its range",
        422,
        False,
        "The message names the member and what was found; such evidence was not made by this protocol.",
    ),
    "evidence-event-mismatch": Kind(
        "The evidence tells of another event",
        422,
        False,
        "Only a SubmissionAcceptance says that a message is stored and stands in every inbox.",
    ),
    "evidence-message-mismatch": Kind(
        "The evidence is about another message",
        422,
        False,
        "Digest, id, sender, recipients or documents differ from those of the manifest at hand.",
    ),
    "evidence-document-mismatch": Kind(
        "The document is not the one in the evidence",
        422,
        False,
        "Digest or size differ from what was receipted; collect the document again.",
    ),
    "evidence-log-mismatch": Kind(
        "The evidence does not stand in this log",
        422,
        False,
        "It names no leaf, another log, or a leaf that the checkpoint does not cover yet; take a later checkpoint.",
    ),
    "checkpoint-invalid": Kind(
        "A member of the checkpoint is missing, unknown or out of its range",
        422,
        False,
        "The message names the member and what was found; such a checkpoint was not made by this protocol.",
    ),
    "checkpoint-out-of-order": Kind(
        "The checkpoint is older than the one at hand",
        409,
        False,
        "A log only grows; compare in the order of size and time, and keep both if the newer is smaller.",
    ),
    "log-range-invalid": Kind(
        "The log does not reach so far",
        400,
        False,
        "Ask for leaves and sizes that a checkpoint covers; from or about an empty log nothing can be proven.",
    ),
    "log-proof-invalid": Kind(
        "The proof does not hold",
        422,
        False,
        "It is too short, too long or leads to another root; ask the log again and keep the answer.",
    ),
    "log-forked": Kind(
        "The log shows two histories",
        409,
        False,
        "Two signed checkpoints of one size differ: keep both, they prove that the log was rewritten.",
    ),
}

# --- acceptance ---------------------------------------------------------------------------------------------
_ACCEPTANCE: Final = {
    "audience-mismatch": Kind(
        "The message is meant for another exchange",
        422,
        False,
        "The manifest names the exchange that may take it, and this is another; correct the audience and sign again.",
    ),
    "manifest-from-the-future": Kind(
        "The message was made ahead of the exchange's clock",
        422,
        True,
        "Its creation or its signature lies further ahead than is allowed; compare clocks, or send it later.",
    ),
    "manifest-expired": Kind(
        "The message's time is over",
        422,
        False,
        "Its end has passed before it was complete here; make it anew with a later end and sign again.",
    ),
    "manifest-lifetime-too-long": Kind(
        "The message may be sent for too long",
        422,
        False,
        "Creation and end lie further apart than this exchange allows; choose an earlier end and sign again.",
    ),
    "signed-before-created": Kind(
        "The signature is older than the message",
        422,
        False,
        "The time of the signature lies before the manifest's creation; compare clocks and sign again.",
    ),
    "recipient-is-sender": Kind(
        "The sender is among the recipients",
        422,
        False,
        "What an agency sends to itself proves nothing to anybody; leave the sender out and sign again.",
    ),
    "reference-unknown": Kind(
        "The message that this one is about is not here",
        422,
        False,
        "A recall, an update or a replacement names an earlier message that this sender had accepted here.",
    ),
    "documents-incomplete": Kind(
        "There are more or fewer documents than the manifest names",
        422,
        False,
        "Send each document of the manifest once, in the manifest's order, and nothing else.",
    ),
    "document-mismatch": Kind(
        "A document is not the one that the manifest names",
        422,
        False,
        "Size or digest differ from the signed ones; send the very bytes that were digested, in the manifest's order.",
    ),
    "request-incomplete": Kind(
        "The request ended before its end",
        400,
        True,
        "The connection broke, or the body was cut; nothing was taken, send the same request again.",
    ),
    "message-id-reused": Kind(
        "The message id was used for another message",
        422,
        False,
        "An accepted message of this sender has the id and other content; give every message an id of its own.",
    ),
    "message-in-flight": Kind(
        "A message with this id is being taken right now",
        409,
        True,
        "Send it again in a moment: the answer is then the receipt, if that message was accepted.",
    ),
    "store-unavailable": Kind(
        "The store cannot be reached",
        503,
        True,
        "Nothing was promised; send the same bytes again later. If they were stored after all, you get the receipt.",
    ),
    "store-full": Kind(
        "The store has no room",
        507,
        True,
        "Nothing was promised; the operator must make room, then send the same bytes again.",
    ),
}

# --- end of the sections ------------------------------------------------------------------------------------


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


CODES: Final = joined(_MANIFEST_AND_SIGNATURE, _TRUST, _LIFECYCLE_EVIDENCE_LOG, _ACCEPTANCE)


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
