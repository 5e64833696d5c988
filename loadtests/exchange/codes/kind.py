"""What one code says to whoever gets it."""

from __future__ import annotations

from dataclasses import dataclass


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
