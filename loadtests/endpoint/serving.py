"""What the routes need of the service that they belong to.

Rule kept here: a route knows this much and no more, so that it can be tested with a small stand-in for a service that
owns a store, a writer thread and a sequencer.
"""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cryptography import x509

from loadtests.endpoint.arrivals import Arrivals
from loadtests.endpoint.logs import Log
from loadtests.endpoint.metrics import Metrics
from loadtests.endpoint.store.base import Reading, Statement, StoredCheckpoint
from loadtests.exchange.effects import Machine
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.terms import Terms, Trusted, View

T = TypeVar("T")


class Identity(Protocol):
    """Who the exchange is."""

    @property
    def name(self) -> str:
        """What it calls itself."""
        ...

    @property
    def key(self) -> PrivateKey:
        """What it signs with."""
        ...

    @property
    def certificate(self) -> x509.Certificate:
        """Its certificate."""
        ...

    @property
    def certificate_sha256(self) -> bytes:
        """SHA-256 of the certificate in DER."""
        ...


class Settings(Protocol):
    """What the operator chose."""

    @property
    def public_url(self) -> str | None:
        """Scheme and host under which clients know this server; None where the Host of a request is believed."""
        ...

    @property
    def request_s_max(self) -> int:
        """How long a signed request may be used, s."""
        ...

    @property
    def requests_per_agency_max(self) -> int:
        """Signed requests of one agency remembered at a time."""
        ...


class Lists(Protocol):
    """Where revocation lists are kept."""

    def crls(self) -> tuple[bytes, ...]:
        """The newest revocation list of each authority, in DER."""
        ...

    def crl(self, crl_sha256: bytes, /) -> bytes | None:
        """The list of this digest, however old; None where there was none."""
        ...


class Keeping(Protocol):
    """The one writer."""

    def state(self, statement: Statement, /) -> Awaitable[bytes]:
        """Keep a statement unless its id is there; the evidence that is there afterwards."""
        ...


class Files(Protocol):
    """Documents that are files."""

    def path(self, sha256: bytes, /) -> Path:
        """Where the document of this digest is."""
        ...


class Serving(Protocol):
    """The service; see ``loadtests.endpoint.service``."""

    @property
    def settings(self) -> Settings:
        """What the operator chose."""
        ...

    @property
    def trusted(self) -> Trusted:
        """What is trusted now."""
        ...

    @property
    def terms(self) -> Terms:
        """What this exchange takes."""
        ...

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    @property
    def folder(self) -> Lists:
        """The data directory."""
        ...

    @property
    def store(self) -> Reading:
        """What is stored; may be asked from any thread."""
        ...

    @property
    def writer(self) -> Keeping:
        """The one writer."""
        ...

    @property
    def blobs(self) -> Files:
        """Documents that are files."""
        ...

    @property
    def arrivals(self) -> Arrivals:
        """Who waits for which inbox."""
        ...

    @property
    def metrics(self) -> Metrics:
        """What is counted."""
        ...

    @property
    def log(self) -> Log:
        """What the operator is told."""
        ...

    def require_ready(self) -> None:
        """Return if messages can be taken now; else refuse with ``not-ready``."""
        ...

    def view(self) -> View:
        """The time and what is trusted then."""
        ...

    def clock(self) -> int:
        """The time, s since the epoch, UTC."""
        ...

    async def checkpoint(self) -> StoredCheckpoint:
        """A signed checkpoint of the log as it is now, stored before it is given out."""
        ...

    async def run(self, machine: Machine[T], /) -> T:
        """Drive a machine to its end."""
        ...


Json = dict[str, Any]
"""An answer before it is written as JSON."""
