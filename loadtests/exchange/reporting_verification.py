"""Verification of a report: from the bytes that came to what is established about them, in numbered steps.

Rule kept here: every step raises ``Refusal`` unless it holds, in the order that ``verification`` gives reasons for;
an agency reports about its own inbox only, and nothing is looked up for others, so that nobody learns of a message
that is not his.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from loadtests.exchange import events, jws
from loadtests.exchange.errors import Refusal
from loadtests.exchange.events import Report
from loadtests.exchange.lifecycle import Event
from loadtests.exchange.terms import Terms, View
from loadtests.exchange.verification import Origin, origin_of


@dataclass(frozen=True, slots=True)
class AuthenticReport:
    """What all steps establish: this recipient signed this report. Not yet that what it says can happen.

    Args:
        signed: The signed object as it came; its signature has been checked.
        report: What is in it.
        origin: The recipient as registered, and what its signature was trusted on.
    """

    signed: jws.Unverified
    report: Report
    origin: Origin

    @property
    def event(self) -> Event:
        """What the lifecycle is told, with the digest of the very bytes that were signed."""
        return events.event_of(self.report, self.signed.payload)


def authenticate_report(compact: bytes, view: View, terms: Terms) -> AuthenticReport:
    """Who reports what. Nothing is looked up but in ``view``.

    1. The bytes are a compact JWS within the limits, its payload not larger than a report.
    2. It was signed as a report (``typ``).
    3. The certificate that the header names is registered, counts now and is within its validity; its agency is
       not suspended.
    4. The algorithm of the header is the one of that certificate's key.
    5. The signature fits the bytes that came.
    6. A chain leads from the certificate to a trusted root, all of it valid now.
    7. Nothing of the chain is on a fresh revocation list.
    8. The payload is a report.
    9. The recipient that it names is the agency of the certificate.
    10. It is meant for this exchange.
    11. It was made at the time when it was signed, and no further ahead of our clock than clocks may differ. It may be
        older: an office without a line reports when it has one again.

    Args:
        compact: The signed report as it came.
        view: Time and trust.
        terms: What this exchange takes.

    Raises:
        Refusal: By step: 1 the codes of ``jws.parse``; 2 ``signed-type-mismatch``; 3 to 7 those of the same steps of
            ``verification.authenticate``; 8 the codes of ``events.parse``; 9 ``event-not-permitted``;
            10 ``audience-mismatch``; 11 ``signed-time-mismatch``, ``event-from-the-future``.
    """
    # 1: one that is larger than any report is not even taken apart.
    limits = replace(terms.limits, payload_bytes_max=events.LIMITS.payload_bytes_max)
    signed = jws.parse(compact, limits)
    # 2
    jws.require_type(signed, events.EVENT_TYPE)
    # 3 to 7
    origin = origin_of(signed, view, terms)
    # 8
    report = events.parse(signed.payload)
    # 9
    if report.recipient != origin.agency.code:
        found = f"{origin.agency.code} reports for {report.recipient}"
        raise Refusal("event-not-permitted", found, "only the recipient reports on its work")
    # 10
    if report.audience != terms.audience:
        raise Refusal("audience-mismatch", f"found {report.audience!r}", f"{terms.audience!r}")
    # 11
    _require_times(report.reported_at, signed.signed_at, view.now, terms.skew_s)
    return AuthenticReport(signed, report, origin)


def _require_times(reported_at: int, signed_at: int, now: int, skew_s: int) -> None:
    if (apart_s := abs(signed_at - reported_at)) > skew_s:
        found = f"reported and signed {apart_s} s apart"
        raise Refusal("signed-time-mismatch", found, f"one time, or at most {skew_s} s apart")
    if (ahead_s := max(reported_at, signed_at) - now) > skew_s:
        found = f"made {ahead_s} s ahead of our clock"
        raise Refusal("event-from-the-future", found, f"at most {skew_s} s")
