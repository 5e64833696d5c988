"""The shapes of what goes over the wire, as JSON Schema for the OpenAPI document.

Rule kept here: names, patterns and ranges are read from the protocol's own definitions, so that the document cannot
say something else than the code does.
"""

from __future__ import annotations

from dataclasses import fields
from http import HTTPStatus
from typing import Any, Final

from loadtests.exchange.agencies import Right
from loadtests.exchange.errors import CODES
from loadtests.exchange.lifecycle import STATUS_CODES, State
from loadtests.exchange.manifest import AGENCY_CODE, MESSAGE_ID
from loadtests.exchange.merkle import SIZE_MAX
from loadtests.exchange.strict import TIME_MAX, Limits

Schema = dict[str, Any]

STATUSES: Final = tuple(sorted({kind.status for kind in CODES.values()}))
"""Statuses that the codes have."""
PROBLEM_MEDIA_TYPE: Final = "application/problem+json"


def whole(first: int, last: int, description: str = "") -> Schema:
    """A whole number in a range."""
    said = {"description": description} if description else {}
    return {"type": "integer", "minimum": first, "maximum": last, **said}


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": items}


def record(description: str, **members: Schema) -> Schema:
    """An object with exactly these members."""
    return {
        "type": "object",
        "description": description,
        "required": list(members),
        "properties": members,
        "additionalProperties": False,
    }


def anchored(pattern: str) -> str:
    """A pattern that must fit the whole text, as JSON Schema wants it said."""
    return f"^(?:{pattern})$"


_TIME: Final = whole(0, TIME_MAX, "s since the epoch, UTC")
_BYTES: Final = whole(0, 2**53 - 1, "bytes")
_TEXT: Final[Schema] = {"type": "string"}
_STATE: Final[Schema] = {"type": "string", "enum": [state.value for state in State]}
_STATUS_CODE: Final[Schema] = {
    "type": ["string", "null"],
    "enum": [*sorted(set(STATUS_CODES.values())), None],
    "description": "after QCVN 102:2016; null for expiry, which has none there",
}


def _problem(status: int) -> Schema:
    """A problem document whose code is one of those with this status."""
    codes = sorted(code for code, kind in CODES.items() if kind.status == status)
    return {
        "allOf": [
            ref("Problem"),
            {"properties": {"code": {"enum": codes}, "status": {"const": status}}},
        ]
    }


SCHEMAS: Final[dict[str, Schema]] = {
    "AgencyCode": {
        "type": "string",
        "pattern": anchored(AGENCY_CODE.pattern),
        "description": "code after Decision 28/2018",
    },
    "MessageId": {
        "type": "string",
        "pattern": anchored(MESSAGE_ID.pattern),
        "description": "made by the sender",
    },
    "Digest": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$", "description": "SHA-256 in base64url"},
    "Base64url": {"type": "string", "pattern": "^[A-Za-z0-9_-]*$", "description": "bytes, without padding"},
    "Jose": {
        "type": "string",
        "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
        "description": "compact JWS (RFC 7515), payload attached",
    },
    "Problem": {
        "type": "object",
        "description": "problem document (RFC 9457)",
        "required": ["type", "title", "status", "detail", "hint", "code", "retryable"],
        "properties": {
            "type": {"type": "string", "pattern": "^/problems#[a-z0-9-]+$"},
            "title": _TEXT,
            "status": {"type": "integer", "enum": list(STATUSES)},
            "detail": {"type": "string", "description": "what was found"},
            "hint": {"type": "string", "description": "what would be right; may be empty"},
            "code": {"type": "string", "enum": sorted(CODES), "description": "decide by this alone"},
            "retryable": {"type": "boolean", "description": "the very same request may succeed later"},
            "evidence": {**ref("Jose"), "description": "signed SubmissionRejection, for a known sender"},
            "request_id": {"type": "string", "description": "by which the operator finds it in the log"},
        },
    },
    **{f"Problem{status}": _problem(status) for status in STATUSES},
    "Listed": record(
        "a line of an inbox",
        leaf_index=whole(0, SIZE_MAX, "place in the log, and the cursor"),
        sender=ref("AgencyCode"),
        message_id=ref("MessageId"),
        accepted_at=_TIME,
        state=_STATE,
        status_code=_STATUS_CODE,
    ),
    "Inbox": record(
        "entries after a cursor",
        entries=array(ref("Listed")),
        next=whole(-1, SIZE_MAX, "ask again with this for after"),
    ),
    "Document": record(
        "a document of a message",
        position=whole(0, 2**53 - 1),
        name={"type": "string", "description": "file name"},
        media_type=_TEXT,
        size_bytes=_BYTES,
        sha256=ref("Digest"),
    ),
    "Entry": record(
        "where a message stands at one recipient",
        recipient=ref("AgencyCode"),
        state=_STATE,
        status_code=_STATUS_CODE,
    ),
    "Message": record(
        "a message; a recipient sees its own entry only",
        sender=ref("AgencyCode"),
        message_id=ref("MessageId"),
        accepted_at=_TIME,
        leaf_index=whole(0, SIZE_MAX),
        manifest=ref("Jose"),
        receipt=ref("Jose"),
        documents=array(ref("Document")),
        entries=array(ref("Entry")),
    ),
    "Consignment": record("it stands in an inbox", recipient=ref("AgencyCode"), evidence=ref("Jose")),
    "Event": record(
        "a lifecycle event or a hand-over",
        leaf_index=whole(0, SIZE_MAX),
        recipient=ref("AgencyCode"),
        event_id={"type": ["string", "null"], "description": "null for a hand-over"},
        report={
            "type": ["string", "null"],
            "description": "compact JWS; null where the exchange itself saw it",
        },
        evidence=ref("Jose"),
    ),
    "Evidence": record(
        "all that the exchange has signed about a message",
        receipt=ref("Jose"),
        consignments=array(ref("Consignment")),
        events=array(ref("Event")),
    ),
    "Rejections": record(
        "evidence of what was refused, oldest first",
        rejections=array(record("one refusal", kept_at=_TIME, evidence=ref("Jose"))),
    ),
    "Agencies": record(
        "who takes part",
        agencies=array(
            record(
                "an agency",
                code=ref("AgencyCode"),
                name_en=_TEXT,
                name_vi=_TEXT,
                rights=array({"type": "string", "enum": sorted(Right)}),
                suspended={"type": "boolean"},
            )
        ),
    ),
    "Exchange": record(
        "this exchange",
        name={"type": "string", "description": "audience of manifests and origin of the log"},
        certificate=ref("Base64url"),
        chain={**array(ref("Base64url")), "description": "DER, from its certificate to a root"},
        policy=_TEXT,
        limits=record(
            "what it takes",
            **{field.name: whole(0, 2**53 - 1) for field in fields(Limits)},
            skew_s=whole(0, 2**53 - 1),
            lifetime_s_max=whole(1, 2**53 - 1),
        ),
    ),
    "Trust": record(
        "whom it trusts, all in DER",
        roots=array(ref("Base64url")),
        intermediates=array(ref("Base64url")),
        crls=array(ref("Base64url")),
    ),
    "Inclusion": record(
        "proof after RFC 9162 §2.1.3",
        leaf=whole(0, SIZE_MAX),
        size=whole(1, SIZE_MAX),
        hashes=array(ref("Digest")),
    ),
    "Consistency": record(
        "proof after RFC 9162 §2.1.4",
        first=whole(1, SIZE_MAX),
        second=whole(1, SIZE_MAX),
        hashes=array(ref("Digest")),
    ),
    "Leaf": record("hash of one leaf", leaf_hash=ref("Digest")),
    "Health": record("how it is", status={"type": "string", "enum": ["alive", "ready"]}),
}


def problem_responses() -> dict[str, Any]:
    """The answers that refuse, by name, one for each status."""
    return {
        f"Problem{status}": {
            "description": f"{HTTPStatus(status).phrase}: see /problems",
            "content": {PROBLEM_MEDIA_TYPE: {"schema": ref(f"Problem{status}")}},
        }
        for status in STATUSES
    }
