"""Signed heads of the transparency log, and whether one head extends another.

Rule kept here: whoever keeps the last head that it saw can prove a rewritten log to anybody, so a comparison
either holds or says exactly which promise was broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from loadtests.exchange import jws, keys, merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import NAME, NAME_WORDS, Issuer, check_claims, opened
from loadtests.exchange.members import Members
from loadtests.exchange.strict import TIME_MAX, Limits, encode_base64url, parse_object, render_object

CHECKPOINT_TYPE: Final = "edoc-checkpoint+jws"
LIMITS: Final = Limits(payload_bytes_max=1024, json_depth_max=1)
"""The four members of a checkpoint take less than 400 bytes, and none of them holds another."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log at one time; a member of the JSON object has the name of the field.

    Args:
        origin: The log, by the name of its exchange.
        size: Number of leaves, 0 to ``merkle.SIZE_MAX``.
        root: Root hash over these leaves, 32 bytes; for size 0 ``merkle.EMPTY_ROOT``.
        issued_at: When it was signed, s since the epoch, UTC.
    """

    origin: str
    size: int
    root: bytes
    issued_at: int


_MEMBERS: Final = frozenset(field.name for field in fields(Checkpoint))


def render(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as the JSON that is signed."""
    return render_object(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": encode_base64url(checkpoint.root),
            "issued_at": checkpoint.issued_at,
        }
    )


def parse(data: bytes) -> Checkpoint:
    """Read a checkpoint's JSON.

    Raises:
        Refusal: ``checkpoint-invalid``, ``base64-invalid`` or one of the ``json-…`` codes.
    """
    values = parse_object(data, size_bytes_max=LIMITS.payload_bytes_max, depth_max=LIMITS.json_depth_max)
    members = Members(values, "checkpoint-invalid")
    members.expect(_MEMBERS, frozenset())
    size, root = members.integer("size", 0, merkle.SIZE_MAX), members.digest("root")
    if size == 0 and root != merkle.EMPTY_ROOT:
        raise members.fault("root", "found a root of nothing", "SHA-256 of no bytes for size 0")
    return Checkpoint(
        origin=members.matching("origin", NAME, NAME_WORDS),
        size=size,
        root=root,
        issued_at=members.integer("issued_at", 0, TIME_MAX),
    )


def sign(checkpoint: Checkpoint, key: keys.PrivateKey, certificate_sha256: bytes) -> bytes:
    """The checkpoint as a compact JWS, signed by the exchange at ``issued_at``; raises as ``jws.sign`` does."""
    return jws.sign(render(checkpoint), key, certificate_sha256, at=checkpoint.issued_at, typ=CHECKPOINT_TYPE)


def check(compact: bytes, issuer: Issuer) -> Checkpoint:
    """The checkpoint, signed by this exchange for its own log.

    Raises:
        Refusal: The codes of ``issuer.opened``, ``parse`` and ``issuer.check_claims``.
    """
    signed = opened(compact, issuer, CHECKPOINT_TYPE, LIMITS)
    checkpoint = parse(signed.payload)
    check_claims(signed, issuer, name=checkpoint.origin, at=checkpoint.issued_at)
    return checkpoint


def extends(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Return if the log of ``new`` begins with all of the log of ``old``, unchanged.

    Args:
        old: The head kept; its signature has been checked.
        new: The head that came later; its signature has been checked.
        proof: Consistency proof from ``old.size`` to ``new.size``; empty for equal sizes.

    Raises:
        Refusal: ``issuer-mismatch`` for two logs; ``log-forked`` when the log shrank or has two roots of one
            size; ``checkpoint-out-of-order`` when ``new`` is the older one or its clock went back;
            ``log-range-invalid`` from an empty log, which every log extends; ``log-proof-invalid``.
    """
    if old.origin != new.origin:
        raise Refusal("issuer-mismatch", f"found {new.origin!r}", f"a checkpoint of {old.origin!r}")
    if new.size == old.size and new.root != old.root:
        raise Refusal(
            "log-forked",
            f"two roots for one log of {old.size} leaves",
            "keep both signed checkpoints: together they prove that the log was rewritten",
        )
    if new.size < old.size and new.issued_at > old.issued_at:
        raise Refusal(
            "log-forked",
            f"the log shrank from {old.size} to {new.size} leaves",
            "keep both signed checkpoints: together they prove that leaves were removed",
        )
    if new.size < old.size or new.issued_at < old.issued_at:
        raise Refusal(
            "checkpoint-out-of-order",
            f"{new.size} leaves at {new.issued_at} after {old.size} leaves at {old.issued_at}",
            "the older one first",
        )
    merkle.verify_consistency(old.size, old.root, new.size, new.root, proof)
