"""The adapter of our own exchange: signed submissions, inboxes, reports, and an audit by reading every inbox.

Rule kept here: nothing is believed that the exchange has not signed, and nothing counts as signed but what the one
certificate has signed that was found, or pinned, at set-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any, ClassVar, Final

from cryptography import x509

from loadtests import answers
from loadtests.adapters import reference_metrics
from loadtests.adapters.base import (
    NOT_TO_BE_HAD,
    Acknowledged,
    Adapter,
    AdapterError,
    Answer,
    Context,
    Entry,
    Io,
    Message,
    NoAnswer,
    Outcome,
    Polled,
    ReceiptError,
    Request,
    ServerRecord,
    TargetError,
)
from loadtests.adapters.bodies import Bodies
from loadtests.adapters.ids import Ids
from loadtests.adapters.reference_asking import INBOX_MAX, Asking, outcome_of
from loadtests.adapters.reference_keys import OPTIONS, CodeList, Keys, read_keys
from loadtests.adapters.reference_messages import Draft, Letters, Times
from loadtests.client import Credentials
from loadtests.composing import LIFETIME_S
from loadtests.exchange.errors import Refusal
from loadtests.exchange.receipts import check_receipt
from loadtests.exchange.strict import SHA256_BYTES
from loadtests.harness.records import Poison
from loadtests.received import ExchangeInfo, Ref

HOUR_S: Final = 3600
AUDIT_DOCUMENTS: Final = 200
AUDIT_ATTEMPTS: Final = 3
_DIGEST: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Ready:
    """What ``setup`` has found."""

    keys: Keys
    info: ExchangeInfo
    letters: Letters
    asking: Asking


class ReferenceAdapter(Adapter):
    """The reference exchange under load.

    Args:
        context: What it works with.

    Raises:
        AdapterError: ``E-OPTION``, ``E-NONCE``.
    """

    name: ClassVar[str] = "reference"
    poisons: ClassVar[frozenset[Poison]] = frozenset(Poison) - {Poison.NONE}
    collects: ClassVar[bool] = True
    stamp_resolution_s: ClassVar[float] = 1.0
    options: ClassVar[Mapping[str, str]] = {
        **OPTIONS,
        "exchange": "SHA-256 of the exchange's certificate in hexadecimal, where it must be a certain one",
        "created_at": "when the messages were made, s since the epoch; all processes of a run need the same "
        "(default: the beginning of the hour)",
        "audit_documents": f"documents that the audit fetches, evenly spread (default {AUDIT_DOCUMENTS})",
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        now = int(context.now())
        self._created_at = _whole(context.options, "created_at", now - now % HOUR_S)
        self._audit_documents = _whole(context.options, "audit_documents", AUDIT_DOCUMENTS)
        self._ids = Ids(context.nonce)
        self._bodies = Bodies(context.seed, self._ids)
        self._turns = count()
        self._found: _Ready | None = None

    @property
    def able(self) -> frozenset[Poison]:
        """The kinds of poison that it can make with the options it was given."""
        return self.poisons if self.context.options.get("revoked") else self.poisons - {Poison.REVOKED}

    @property
    def codes(self) -> CodeList:
        """The agencies of the schedule, by index."""
        return self._ready.keys.codes

    def setup(self, io: Io) -> None:
        """Read the keys, learn who the exchange is, and see that it knows the agencies as they are to be used.

        Raises:
            AdapterError: ``E-KEYS``, ``E-OPTION``, ``E-POISON``.
            TargetError: ``E-TARGET``.
        """
        context = self.context
        keys = read_keys(context.options, context.schedule.agencies)
        if keys.revoked is None and (context.schedule.poison == Poison.REVOKED).any():
            raise AdapterError("E-POISON", "found no key whose certificate was revoked", OPTIONS["revoked"])
        try:
            info = answers.exchange_info(_public(io, "/v1/exchange"))
            listed = {one.code: one for one in answers.agencies(_public(io, "/v1/agencies"))}
            crls = answers.trust_lists(_public(io, "/v1/trust")).crls if keys.revoked else ()
        except Refusal as refusal:
            hint = "the URL of a reference exchange"
            raise TargetError("E-TARGET", f"{context.target} answers strangely: {refusal}", hint) from None
        _require_pinned(info, context.options.get("exchange"))
        for code in keys.codes:
            if code not in listed or listed[code].suspended:
                raise AdapterError("E-KEYS", f"the exchange takes nothing from {code}", "agencies it knows")
        if keys.revoked is not None:
            _require_revoked(keys.revoked, crls)
        lifetime_s = min(LIFETIME_S, int(info.limits.get("lifetime_s_max", LIFETIME_S)))
        times = Times(self._created_at, self._created_at + lifetime_s)
        letters = Letters(context.schedule, self._ids, self._bodies, keys, info.issuer.name, times)
        self._found = _Ready(keys, info, letters, Asking(context.target, info.issuer, context.now))

    # --- sending --------------------------------------------------------------------------------------------

    def make(self, number: int) -> Draft:
        """The manifest and the document of an arrival."""
        return self._ready.letters.make(number)

    def sign(self, draft: Draft) -> Message:
        """The signed submission, poisoned where the schedule says so."""
        return self._ready.letters.sign(draft)

    def submit(self, message: Message, io: Io) -> Outcome:
        """Send a message, once.

        Raises:
            NoAnswer: None came.
        """
        return outcome_of(io.request(message.request))

    def verify(self, message: Message, receipt: bytes) -> None:
        """Check a receipt against the very bytes of the manifest that was sent.

        Raises:
            ReceiptError: It does not hold.
        """
        try:
            check_receipt(
                receipt,
                message.keep[SHA256_BYTES:],
                self._ready.info.issuer,
                sender_certificate_sha256=message.keep[:SHA256_BYTES],
            )
        except Refusal as refusal:
            raise ReceiptError(refusal.code, refusal.message, refusal.hint) from None

    def poisoned_read(self, io: Io) -> Outcome:
        """Read an inbox, then send the very same request again, which must be refused.

        Raises:
            NoAnswer: None came.
        """
        credentials = self._ready.keys.credentials
        reader = credentials[next(self._turns) % len(credentials)]
        request = self._ready.asking.read("/v1/inbox?after=-1&limit=1&wait=0", reader)
        first = outcome_of(io.request(request))
        if not first.taken:  # then the second one proves nothing
            return Outcome(None, first.code, answer=first.answer)
        return outcome_of(io.request(request))

    # --- receiving ------------------------------------------------------------------------------------------

    def id_of(self, number: int) -> str:
        """The message id of an arrival."""
        return self._ids.id_of(number)

    def number_of(self, id_: str) -> int | None:
        """The arrival of a message id; None for one of another run."""
        return self._ids.number_of(id_)

    def document_sha256(self, number: int) -> bytes:
        """The digest of the document of an arrival: what ``ServerRecord.digest`` must be."""
        return self._ready.letters.document(number).sha256

    def poll(self, agency: int, cursor: Any, io: Io) -> Polled:
        """What came into an agency's inbox after ``cursor``, the place of the last entry.

        Raises:
            NoAnswer: None came.
        """
        after = -1 if cursor is None else int(cursor)
        answer, found = self._ready.asking.inbox(self._ready.keys.credentials[agency], after, io)
        if found is None:
            return Polled((), cursor, answer)
        entries = tuple(
            Entry(one.ref.message_id, str(one.leaf_index), float(one.accepted_at), one.ref.sender)
            for one in found.entries
        )
        return Polled(entries, found.next, answer, more=len(entries) >= INBOX_MAX)

    def acknowledge(self, agency: int, entry: Entry, io: Io) -> Acknowledged:
        """Fetch, check and accept a message (03).

        Raises:
            NoAnswer: None came.
        """
        return self._ready.asking.acknowledge(self._ready.keys.credentials[agency], entry, io)

    # --- asking the exchange itself -------------------------------------------------------------------------

    def audit(self, io: Io) -> Iterator[ServerRecord]:
        """Every entry of every agency's inbox; of some of them, evenly spread, the document's digest as well.

        Raises:
            TargetError: ``E-AUDIT``: an inbox could not be read to its end.
            NoAnswer: None came.
        """
        found: list[tuple[int, Ref, int]] = []
        for agency in range(len(self.codes)):
            copies: dict[Ref, int] = {}
            for ref in self._inbox(agency, io):
                copies[ref] = copies.get(ref, 0) + 1
            found += [(agency, ref, number) for ref, number in copies.items()]
        sample = min(self._audit_documents, len(found))
        looked = {place * len(found) // sample for place in range(sample)}
        for place, (agency, ref, number) in enumerate(found):
            digest = self._digest(agency, ref, io) if place in looked else b""
            yield ServerRecord(ref.message_id, agency, number, digest)

    def metrics(self, io: Io) -> Mapping[str, float] | None:
        """The exchange's counters; see ``reference_metrics.flat``.

        Raises:
            NoAnswer: None came, or one that is no such text.
        """
        answer = io.request(Request("GET", "/metrics"))
        if answer.status != 200:
            return None if answer.status == 404 else {}
        try:
            return reference_metrics.flat(answer.body.decode("utf-8"))
        except ValueError as error:
            raise NoAnswer("malformed", str(error)) from None

    def describe(self, io: Io) -> Mapping[str, Any]:  # noqa: ARG002 - it was asked at set-up
        """Who the exchange is and what it takes."""
        info = self._ready.info
        return {
            "name": info.issuer.name,
            "certificate_sha256": info.issuer.certificate_sha256.hex(),
            "policy": info.policy,
            "limits": dict(info.limits),
            "agencies": len(self.codes),
        }

    @property
    def _ready(self) -> _Ready:
        if self._found is None:
            raise AdapterError("E-ADAPTER", "the adapter was not set up", "setup first")
        return self._found

    def _inbox(self, agency: int, io: Io) -> Iterator[Ref]:
        after, more = -1, True
        while more:
            reader, answer = self._ready.keys.credentials[agency], None
            for _ in range(AUDIT_ATTEMPTS):
                answer, found = self._ready.asking.inbox(reader, after, io)
                if found is not None:
                    break
            else:
                status = "" if answer is None else f"{answer.status} {outcome_of(answer).code}"
                raise TargetError("E-AUDIT", f"the inbox of {reader.code} is refused: {status}", "try later")
            yield from (one.ref for one in found.entries)
            after, more = found.next, bool(found.entries)

    def look(self, number: int, recipient: int, io: Io) -> bytes:
        """The digest of a document as a recipient gets it now; see ``Adapter.look``."""
        sender = self.codes[int(self.context.schedule.sender[number])]
        return self._digest(recipient, Ref(sender, self.id_of(number)), io)

    def _digest(self, agency: int, ref: Ref, io: Io) -> bytes:
        """The digest of a stored document; ``NOT_TO_BE_HAD``, or nothing where that cannot be told."""
        busy = False
        for _ in range(AUDIT_ATTEMPTS):
            answer = self._ready.asking.document(self._ready.keys.credentials[agency], ref, io)
            if answer.status == 200:
                return sha256(answer.body).digest()
            said = outcome_of(answer)
            if said.taken is False and not said.again:
                return NOT_TO_BE_HAD
            busy |= said.taken is False or answer.status == 503
        # A fault of the server each time, when nothing else is asked of it: it does not give it out.
        return b"" if busy else NOT_TO_BE_HAD


def _whole(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise AdapterError("E-OPTION", f"found {name}={text[:40]}", f"{name}: a whole number, 0 or more")
    return int(text)


def _public(io: Io, path: str) -> bytes:
    """What everybody may ask."""
    try:
        answer: Answer = io.request(Request("GET", path))
    except NoAnswer as none:
        found = f"no answer to GET {path}: {none.code} {none.detail}".rstrip()
        raise TargetError("E-TARGET", found, "is the exchange running, and is this its address?") from None
    if answer.status != 200:
        found = f"GET {path} is answered with {answer.status}"
        raise TargetError("E-TARGET", found, "the URL of a reference exchange")
    return answer.body


def _require_pinned(info: ExchangeInfo, pin: str | None) -> None:
    if not pin:
        return
    wanted = pin.lower().replace(":", "")
    if not _DIGEST.fullmatch(wanted):
        raise AdapterError("E-OPTION", f"found exchange={pin[:80]}", "exchange: 64 hexadecimal digits")
    if (found := info.issuer.certificate_sha256.hex()) != wanted:
        raise TargetError("E-TARGET", f"found an exchange with the certificate {found}", wanted)


def _require_revoked(revoked: Credentials, crls: tuple[bytes, ...]) -> None:
    """Return if the exchange knows of the revocation; else its acceptance would be called a forgery."""
    serial = revoked.certificate.serial_number
    for der in crls:
        if x509.load_der_x509_crl(der).get_revoked_certificate_by_serial_number(serial) is not None:
            return
    found = f"the certificate of {revoked.code} is on no list of the exchange"
    raise AdapterError("E-KEYS", found, "revoke it first, or leave out the option revoked")
