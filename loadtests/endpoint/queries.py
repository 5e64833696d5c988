"""Reading the parameters of a request: path and query.

Rule kept here: every parameter is known, stands once and is in its range, or the request is refused: one that is
passed over in silence would give an answer to another question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import AGENCY_CODE, MESSAGE_ID
from loadtests.exchange.records import MessageKey

_WHOLE: Final = re.compile(r"-?[0-9]{1,16}")
"""Sixteen digits hold every number up to 2^53, which is all that a log or an inbox counts to."""


def parameters(request: Request, known: frozenset[str]) -> dict[str, str]:
    """The query's parameters by name.

    Raises:
        Refusal: ``query-invalid``: one that is not known, or that stands twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            right = ", ".join(sorted(known)) or "none"
            raise Refusal("query-invalid", f"found the parameter {name[:40]!a}", f"known here: {right}")
        if name in found:
            raise Refusal("query-invalid", f"found {name} twice", "each parameter once")
        found[name] = value
    return found


def whole(found: Mapping[str, str], name: str, first: int, last: int, default: int | None = None) -> int:
    """A parameter that is a whole number.

    Args:
        found: What ``parameters`` gave.
        name: The parameter.
        first: The least it may be.
        last: The most it may be.
        default: What it is where it is missing; None where it must be there.

    Raises:
        Refusal: ``query-invalid``.
    """
    text = found.get(name)
    if text is None:
        if default is None:
            raise Refusal("query-invalid", f"{name} is missing", f"{first} to {last}")
        return default
    if not _WHOLE.fullmatch(text) or not first <= int(text) <= last:
        raise Refusal(
            "query-invalid", f"found {text[:40]!a} for {name}", f"a whole number, {first} to {last}"
        )
    return int(text)


def message_key(request: Request) -> MessageKey:
    """The message that the path names, ``{sender}:{message_id}``.

    Raises:
        Refusal: ``message-unknown`` for what is no such name: it is as unknown as one that nobody used.
    """
    sender, _, message_id = request.path_params["ref"].partition(":")
    if not (AGENCY_CODE.fullmatch(sender) and MESSAGE_ID.fullmatch(message_id)):
        raise unknown()
    return MessageKey(sender, message_id)


def position(request: Request, name: str, last: int) -> int | None:
    """A place in the path, from 0 to ``last``; None where there is none of this name."""
    text = request.path_params[name]
    if not _WHOLE.fullmatch(text) or not 0 <= int(text) <= last:
        return None
    return int(text)


def unknown() -> Refusal:
    """The one answer for a message that is not there and for one that is none of the caller's business."""
    return Refusal("message-unknown", "found no such message for you", "sender:message_id, as in the inbox")
