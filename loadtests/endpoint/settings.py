"""What an operator sets before a server starts: where it listens, what it keeps, and every limit with its reason.

Rule kept here: whatever a stranger can make larger or slower has a limit that stands here; settings that cannot be
meant are refused before anything is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Final

from loadtests.exchange.certificates import Limits as CertificateLimits
from loadtests.exchange.errors import ExchangeError
from loadtests.exchange.nonces import Window
from loadtests.exchange.revocation import Freshness
from loadtests.exchange.strict import LIMITS, Limits
from loadtests.exchange.terms import Terms

CERTIFICATE_LIMITS: Final = CertificateLimits()
_PUBLIC_URL: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/?")
_MAY_BE_NOUGHT: Final = frozenset({"port", "verifiers", "skew_s"})


class ServerError(ExchangeError):
    """The server cannot start as it was told to, or its surroundings are not fit; the operator can mend it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server is run.

    Args:
        data: The data directory.
        database: Address of a PostgreSQL database, ``postgresql://…``; None for SQLite in the data directory.
        host: Address to listen on; this machine alone unless the operator says otherwise.
        port: TCP port; 0 for any that is free.
        tls_certificate: PEM file of the server's TLS certificate and its chain; None for plain HTTP, as behind a
            proxy.
        tls_key: PEM file of its key; None where there is no certificate.
        public_url: Scheme and host under which clients know this server, such as ``https://exchange.example``: the
            only one that signed requests may name. None to believe the Host of a request, which lets a request that
            was signed for another server be brought here.

        skew_s: How far a partner's clock may be ahead: five minutes are what the reference systems allow.
        lifetime_s_max: How long a manifest may be sent in: a week outlasts a long weekend without a line.
        crl_age_s_max: How old a revocation list may be, whatever it says itself: two days bridge one missed issue.
        limits: How much of a submission is read.
        certificate_limits: How much of certificates is read.
        answer_s_max: After so long without an answer an entry has expired: thirty days are longer than any legal
            term for taking a document over.

        verifiers: Threads that verify signatures; 0 verifies on the event loop, which is faster until there are
            more than two processors, because a thread's turn costs as much as half a verification.
        disk_threads: Threads that write and sync large documents; they wait for the disk, they do not compute.
        group_max: Items in one commit: above some hundreds a row costs no less, and all wait for the last one.
        inline_bytes_max: Documents up to this size stay in memory and in the database; two syncs of a file of
            its own cost more than so many bytes in a commit that others share.
        inline_message_bytes_max: The same for all such documents of one message together: what one request may
            hold in memory.
        spool_bytes: How much of a large document is collected in memory before a thread writes it: large enough
            to make a thread's turn cheap, and all requests in flight at once hold 64 MiB.

        in_flight_max: Submissions and reports being taken at a time: as many as one commit takes; memory is bounded
            by this times what one request may hold.
        connections_max: Open connections: half of the usual limit of 1024 files, the rest for documents and store.
        agency_per_s: Submissions of one agency per second in the long run: one agency alone cannot take more than
            about half of what one such server accepts.
        agency_burst: Submissions of one agency at once: a morning's post is sent in one go.
        retry_after_s: When to come again after a refusal because of load: a few commits later.

        header_bytes_max: A request's line and header: what usual clients send is below 1 KiB, a signed request
            below 2 KiB.
        header_s_max: From the first byte of a request, or from the connection, to the end of its header.
        keep_alive_s_max: How long an idle connection is kept.
        body_idle_s_max: How long nothing of a body may come.
        body_s_max: How long may be waited for a body altogether, beside a second for each ``body_bytes_per_s_min``
            that came: who sends a byte now and then does not keep a place.
        body_bytes_per_s_min: A line of 128 kbit/s, far below that of any commune.
        unread_bytes_max: A refused body of which no more than this is left is read away, so that the connection
            can be used again; with more of it, the connection is closed.
        linger_s_max: How long what still comes is read away before such a connection is closed: closed at once, a
            client that is still sending may never read the answer.
        write_s_max: How long a client may read nothing of an answer that waits for it.

        chains_max: Chains that are remembered: several times the agencies of a large province.
        trust_every_s: How often the trust files are looked at: a revoked certificate counts no longer than this.
        expiry_every_s: How often unanswered entries are looked for.
        orphans_every_s: How often files that no message refers to are looked for.
        orphan_age_s_min: How old they must be: far longer than a message may be on its way from file to commit.
        checkpoint_s: Checkpoints are this far apart at least: each is kept for good.
        checkpoint_every_s: How often one is made without being asked for, where the log has grown.
        stop_s_max: How long a server that stops waits for requests in flight.

        request_s_max: How long a signed request may be used (RFC 9421): a minute, and what is remembered is bounded.
        requests_per_agency_max: Signed requests of one agency remembered at a time.
    """

    data: Path
    database: str | None = None
    host: str = "127.0.0.1"
    port: int = 8421
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str | None = None

    skew_s: int = 300
    lifetime_s_max: int = 7 * 86_400
    crl_age_s_max: int = 2 * 86_400
    limits: Limits = LIMITS
    certificate_limits: CertificateLimits = CERTIFICATE_LIMITS
    answer_s_max: int = 30 * 86_400

    verifiers: int = 0
    disk_threads: int = 4
    group_max: int = 256
    inline_bytes_max: int = 64 * 1024
    inline_message_bytes_max: int = 256 * 1024
    spool_bytes: int = 256 * 1024

    in_flight_max: int = 256
    connections_max: int = 512
    agency_per_s: float = 1000.0
    agency_burst: int = 2000
    retry_after_s: int = 1

    header_bytes_max: int = 16 * 1024
    header_s_max: float = 10.0
    keep_alive_s_max: int = 60
    body_idle_s_max: float = 15.0
    body_s_max: float = 30.0
    body_bytes_per_s_min: int = 16 * 1024
    unread_bytes_max: int = 64 * 1024
    linger_s_max: float = 1.0
    write_s_max: float = 30.0

    chains_max: int = 4096
    trust_every_s: float = 1.0
    expiry_every_s: float = 60.0
    orphans_every_s: float = 3600.0
    orphan_age_s_min: float = 86_400.0
    checkpoint_s: float = 1.0
    checkpoint_every_s: float = 60.0
    stop_s_max: int = 10

    request_s_max: int = 60
    requests_per_agency_max: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in _MAY_BE_NOUGHT else 1e-9
            if isinstance(value, int | float) and value < least:
                raise ServerError("setting-invalid", f"found {field.name} {value}", "more than nought")
        if self.port > 65_535:
            raise ServerError("setting-invalid", f"found port {self.port}", "0 to 65535")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ServerError("setting-invalid", "found only one of TLS certificate and key", "both or none")
        if self.public_url is not None and not _PUBLIC_URL.fullmatch(self.public_url):
            hint = "scheme, host and perhaps a port: https://exchange.example"
            raise ServerError("setting-invalid", f"found public_url {self.public_url[:100]!r}", hint)

    @property
    def freshness(self) -> Freshness:
        """How old a revocation list may be."""
        return Freshness(max_age_s=self.crl_age_s_max, skew_s=self.skew_s)

    @property
    def window(self) -> Window:
        """How long a signed request may be used."""
        return Window(self.request_s_max, self.skew_s, self.requests_per_agency_max)

    @property
    def compact_bytes_max(self) -> int:
        """Size of a signed manifest whose three parts are as large as they may be, bytes."""
        return _compact_bytes_max(self.limits)

    def terms(self, audience: str) -> Terms:
        """What an exchange of this name takes."""
        return Terms(
            audience=audience,
            skew_s=self.skew_s,
            lifetime_s_max=self.lifetime_s_max,
            freshness=self.freshness,
            limits=self.limits,
            certificate_limits=self.certificate_limits,
        )


@cache
def _compact_bytes_max(limits: Limits) -> int:
    """Asked for with every submission, so it is added up once."""
    parts = (limits.header_bytes_max, limits.manifest_bytes_max, limits.signature_bytes_max)
    return sum((4 * part + 2) // 3 for part in parts) + 2
