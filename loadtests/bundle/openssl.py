"""The part of a bundle that is checked with OpenSSL alone: files it can read, and the commands that do it.

Rule kept here: everything here is derived from the rest of the bundle and can be derived again, byte by byte, so
that who checks with OpenSSL and who checks with us look at the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from loadtests.bundle.contents import (
    CERTIFICATES,
    Contents,
    certificate_name,
    document_names,
    evidence_names,
    read_certificates,
)
from loadtests.exchange import evidence, jws, manifest, pki
from loadtests.exchange.certificates import thumbprint, value_of
from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import Algorithm

FOLDER: Final = "openssl/"
README: Final = "README.txt"
SUMS: Final = "SHA256SUMS"
INTERMEDIATES: Final = f"{FOLDER}intermediates.pem"
CRLS: Final = f"{FOLDER}crls.pem"


@dataclass(frozen=True, slots=True)
class _Signed:
    """One signed object: its name in the folder, what it is, its parts, and when its signer's chain must hold."""

    name: str
    what: str
    parts: jws.Unverified
    judged_at: int


def derived_entries(contents: Contents) -> dict[str, bytes]:
    """README, checksums and the folder for OpenSSL, by name.

    Raises:
        Refusal: The codes of ``jws.parse``, ``manifest.parse``, ``evidence_names``, ``read_certificates``;
            ``certificate-untrusted``: a signer's certificate is missing; ``crl-malformed``.
    """
    content = manifest.parse(jws.parse(contents.manifest).payload)
    signed = tuple(_signed(contents))
    certificates = read_certificates(contents)
    entries = {SUMS: _sums(content)}
    for one in signed:
        if certificate_name(one.parts.certificate_sha256) not in _names(certificates):
            found = f"the certificate {one.parts.certificate_sha256.hex()} is missing"
            raise Refusal("certificate-untrusted", found, f"the certificate that signed {one.what}")
        entries[f"{FOLDER}{one.name}.tbs"] = one.parts.signing_input
        entries[f"{FOLDER}{one.name}.sig"] = _signature(one.parts)
        entries[f"{FOLDER}{one.name}.json"] = one.parts.payload
    if between := [pki.to_pem(certificate) for certificate in certificates if _is_authority(certificate)]:
        entries[INTERMEDIATES] = b"".join(between)
    if lists := [_crl_pem(crl) for crl in recorded_crls(contents)]:
        entries[CRLS] = b"".join(lists)
    entries[README] = _readme(content, signed, INTERMEDIATES in entries, CRLS in entries).encode()
    return entries


def recorded_crls(contents: Contents) -> tuple[bytes, ...]:
    """The revocation lists that the receipt says to have been looked at, in its order, from the certificate up.

    Raises:
        Refusal: ``crl-missing``: one of them is not in the bundle; the codes of ``jws.parse``, ``evidence.parse``.
    """
    validation = evidence.parse(jws.parse(contents.receipt).payload).validation
    at_hand = {sha256(crl).digest(): crl for crl in contents.crls}
    used = validation.crls if validation else ()
    for one in used:
        if one.sha256 not in at_hand:
            found = f"the list {one.sha256.hex()} is missing, which the receipt names"
            raise Refusal("crl-missing", found, "the very list that the exchange looked at")
    return tuple(at_hand[one.sha256] for one in used)


def _signed(contents: Contents) -> Iterator[_Signed]:
    receipt = jws.parse(contents.receipt)
    accepted_at = receipt.signed_at
    yield _Signed("manifest", "the sender's manifest", jws.parse(contents.manifest), accepted_at)
    yield _Signed("receipt", "the exchange's receipt", receipt, accepted_at)
    for name, one in evidence_names(contents).items():
        stated = jws.parse(one.evidence)
        yield _Signed(f"{name}.evidence", f"the exchange's evidence {name}", stated, stated.signed_at)
        if one.report is not None:
            report = jws.parse(one.report)
            yield _Signed(f"{name}.report", f"the recipient's report for {name}", report, stated.signed_at)
    checkpoint = jws.parse(contents.checkpoint)
    yield _Signed("checkpoint", "the head of the exchange's log", checkpoint, checkpoint.signed_at)


def _names(certificates: tuple[x509.Certificate, ...]) -> frozenset[str]:
    return frozenset(certificate_name(thumbprint(one)) for one in certificates)


def _signature(parts: jws.Unverified) -> bytes:
    """The signature as OpenSSL wants it: DER for ECDSA, as it is for the other two."""
    if parts.algorithm is not Algorithm.ES256:
        return parts.signature
    half = len(parts.signature) // 2
    r, s = parts.signature[:half], parts.signature[half:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def _sums(content: manifest.Manifest) -> bytes:
    """The digests that the manifest names, as ``sha256sum -c`` reads them."""
    pairs = zip(content.documents, document_names(content), strict=True)
    return "".join(f"{document.sha256.hex()}  {name}\n" for document, name in pairs).encode()


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = value_of(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _crl_pem(der: bytes) -> bytes:
    try:
        return pki.to_pem(x509.load_der_x509_crl(der))
    except (ValueError, TypeError):
        raise Refusal("crl-malformed", "found no list that can be read", "revocation lists in DER") from None


# --- the commands -----------------------------------------------------------------------------------------------

_INTRODUCTION: Final = """\
Evidence about message {message_id}
from {sender} to {recipients}.

This file lists the commands that check this bundle with OpenSSL and a POSIX shell alone. Unpack the bundle, change
into its folder, and put the root certificate that you trust, in PEM, beside this file as root.pem. It is not in the
bundle: take it from whom you trust. Each command below is one indented line and ends with status 0 if it holds.

`congvan verify BUNDLE --trust root.pem` does all of this from one command, and more: it compares what the signed
statements say about one another, and checks that each of them stands in the exchange's log (log/proofs.json), which
OpenSSL has no command for.

"""
_DOCUMENTS: Final = """\
Documents
The digests in SHA256SUMS are those of the signed manifest (sha256, there in base64url); the second kind of line shows
that by computing the digest anew and finding it in the manifest.
"""
_CHAINS: Final = """\
Certificates
Each must have a chain to root.pem at the times when its holder signed (seconds since 1970). The first line of a group
shows whose it is, the second writes its public key into a file for the signatures below.
"""
_SIGNATURES: Final = """\
Signatures
Of each signed object there are three files in openssl/: what was signed (.tbs), the signature (.sig), and what it says,
to be read (.json). The last line of each group shows that the one is the other.
"""
_DECODE: Final = (
    "awk -F. '{{s=$2; while (length(s) % 4) s = s \"=\"; print s}}' {tbs}"
    " | tr -- '-_' '+/' | openssl base64 -d -A | cmp - {json}"
)
_VERIFY: Final = {
    Algorithm.ES256: "openssl dgst -sha256 -verify {key} -signature {sig} {tbs}",
    Algorithm.PS256: (
        "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"
        " -verify {key} -signature {sig} {tbs}"
    ),
    Algorithm.EDDSA: "openssl pkeyutl -verify -pubin -inkey {key} -rawin -in {tbs} -sigfile {sig}",
}


def _readme(
    content: manifest.Manifest, signed: tuple[_Signed, ...], has_intermediates: bool, has_crls: bool
) -> str:
    introduction = _INTRODUCTION.format(
        message_id=content.message_id, sender=content.sender, recipients=", ".join(content.recipients)
    )
    parts = [introduction]
    if content.documents:
        parts += [_DOCUMENTS, *_lines(_document_commands(content))]
    parts += ["\n", _CHAINS]
    for name in sorted({certificate_name(one.parts.certificate_sha256) for one in signed}):
        parts += ["\n", *_lines(_certificate_commands(name, signed, has_intermediates, has_crls))]
    parts += ["\n", _SIGNATURES]
    for one in signed:
        parts += [f"\n{one.what[0].upper()}{one.what[1:]}\n", *_lines(_signature_commands(one))]
    return "".join(parts)


def _lines(commands: Iterator[str]) -> Iterator[str]:
    return (f"    {command}\n" for command in commands)


def _document_commands(content: manifest.Manifest) -> Iterator[str]:
    yield f"sha256sum -c {SUMS}"
    for name in document_names(content):
        digest = f"openssl dgst -sha256 -binary {name} | openssl base64 -A | tr -- '+/' '-_' | tr -d '='"
        # In quotation marks, because what is empty would be found in everything.
        yield f'grep -q -F -e "\\"$({digest})\\"" {FOLDER}manifest.json'


def _certificate_commands(
    name: str, signed: tuple[_Signed, ...], has_intermediates: bool, has_crls: bool
) -> Iterator[str]:
    """One certificate at every time when it signed; the sender's with the revocation lists that its receipt names."""
    yield f"openssl x509 -in {name} -noout -subject -nameopt utf8,sep_comma_plus_space"
    yield f"openssl x509 -in {name} -noout -pubkey > {_key_file(name)}"
    untrusted = f" -untrusted {INTERMEDIATES}" if has_intermediates else ""
    verify = f"openssl verify -no-CApath -no-CAstore -CAfile root.pem{untrusted}"
    own = [one for one in signed if certificate_name(one.parts.certificate_sha256) == name]
    for at in sorted({one.judged_at for one in own}):
        yield f"{verify} -attime {at} {name}"
    if has_crls and signed[0] in own:
        yield f"{verify} -crl_check_all -CRLfile {CRLS} -attime {signed[0].judged_at} {name}"


def _key_file(name: str) -> str:
    return name.removeprefix(CERTIFICATES).removesuffix(".pem") + ".pub"


def _signature_commands(one: _Signed) -> Iterator[str]:
    key = _key_file(certificate_name(one.parts.certificate_sha256))
    tbs, sig, json = (f"{FOLDER}{one.name}.{suffix}" for suffix in ("tbs", "sig", "json"))
    yield _VERIFY[one.parts.algorithm].format(key=key, sig=sig, tbs=tbs)
    yield _DECODE.format(tbs=tbs, json=json)
