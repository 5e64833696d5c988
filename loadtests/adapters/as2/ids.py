"""Message-IDs of a run, from which the arrival can be read again, and AS2 names as headers carry them.

Rule kept here: an id is the run's own id of an arrival, as all adapters make it, in the form that mail asks for.
"""

from __future__ import annotations

import re
from typing import Final

from loadtests.adapters.ids import Ids

DOMAIN: Final = "@congvan.invalid"
_NAME: Final = re.compile(r"[\x20-\x7e]{1,128}")


def message_id(ids: Ids, number: int) -> str:
    """The Message-ID, without angle brackets, of an arrival."""
    return ids.id_of(number) + DOMAIN


def number_of(ids: Ids, id_: str) -> int | None:
    """The arrival of a Message-ID, with or without angle brackets; None for one that is not of this run."""
    plain = bare(id_)
    return ids.number_of(plain.removesuffix(DOMAIN)) if plain.endswith(DOMAIN) else None


def bare(id_: str) -> str:
    """A Message-ID without spaces and angle brackets around it."""
    return id_.strip().removeprefix("<").removesuffix(">")


def is_name(name: str) -> bool:
    """True for an AS2 name: 1 to 128 printable ASCII characters; RFC 4130, 6.2."""
    return _NAME.fullmatch(name) is not None


def as_header(name: str) -> str:
    """An AS2 name as a header carries it: quoted where it holds spaces, quotes or backslashes; RFC 4130, 6.2."""
    if not re.search(r'[\s"\\]', name):
        return name
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
