"""What makes an exchange loadable: one class with a few methods, none of which knows how it is timed.

Rule kept here: an adapter computes and asks through the ``Io`` that it is given; it holds no connection, takes no time,
and starts no thread. ``make`` and ``sign`` depend on nothing but seed, nonce and number, so that any process may sign
any message. All methods but ``setup`` may be called from several native threads; a lock that they need is made at
import or in ``__init__``, when ``threading`` is not the one that Locust has patched.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Final, Protocol

from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule
from sim.errors import InputError, RunError


class AdapterError(InputError):
    """An adapter cannot be used as it was asked for: exit code 2."""


class TargetError(RunError):
    """The exchange cannot be loaded now: it does not answer, or is not what the adapter speaks with."""


class ReceiptError(RunError):
    """A receipt that does not hold; its ``code`` says what about it."""


class NoAnswer(Exception):  # noqa: N818 - it says what is so
    """No whole answer came.

    Args:
        code: ``timeout``, ``refused`` (no connection), ``reset`` (the connection went), ``malformed``.
        detail: What was seen.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Args:
        method: Such as POST.
        path: With its query, from the slash on.
        headers: Without Host and Content-Length.
        body: Pieces that are sent one after another.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, and when what happened: s on the worker's own clock.

    Args:
        status: Such as 201.
        headers: Names in lower case.
        body: All of it.
        sent_s: When the first byte was handed to a connection.
        done_s: When the last byte had come.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_s: float
    done_s: float


class Io(Protocol):
    """How an adapter asks."""

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:
        """Send a request to the target and wait for its answer, of whatever status.

        Raises:
            NoAnswer: None came within ``timeout_s`` (default: the plan's).
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter works with.

    Args:
        target: URL of the exchange, without a path at its end.
        options: ``--option name=value`` of the command line.
        seed: The plan's.
        nonce: The plan's: 6 bytes that every message id of this run holds.
        schedule: Who sends what to whom.
        now: The time of day, s since the epoch, UTC.
    """

    target: str
    options: Mapping[str, str]
    seed: int
    nonce: bytes
    schedule: Schedule
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Message:
    """A signed message, ready to be sent any number of times.

    Args:
        number: Of the arrival.
        id: What the exchange knows it by.
        digest: SHA-256 of what the receipt must be about, 32 bytes.
        request: Its submission.
        keep: What ``verify`` needs and the wire does not show, as bytes: it goes through a bank file.
    """

    number: int
    id: str
    digest: bytes
    request: Request
    keep: bytes = b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer to a submission says at first sight, before any signature is checked.

    Args:
        taken: True: accepted, if the receipt holds; False: refused; None: ambiguous.
        code: Why not; empty where it was taken.
        again: True where the same bytes may be sent again later.
        receipt: The receipt as it came, for ``verify``.
        answer: The answer, None where none came.
    """

    taken: bool | None
    code: str = ""
    again: bool = False
    receipt: bytes = b""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an inbox.

    Args:
        id: Of the message.
        place: Where it stands there; two places with one id are a duplicate.
        stamp_s: The server's time of hand-over, s since the epoch; None where it gives none.
        detail: What ``acknowledge`` needs of it.
    """

    id: str
    place: str
    stamp_s: float | None = None
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll has shown: entries that are new since ``cursor``, and the next cursor.

    ``more`` is True where the answer was full and another poll should follow at once.
    """

    entries: tuple[Entry, ...]
    cursor: Any
    answer: Answer
    more: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What came of accepting a message as its recipient.

    Args:
        done: True: the exchange has taken the report, and its evidence was checked.
        code: Why not.
        document: True where the document was fetched and is the one that was sent, False where it is not, None: not
            fetched.
        sent_s: When the report was sent, on the worker's clock.
        done_s: When it was answered.
        status: HTTP status of the last answer.
    """

    done: bool
    code: str
    document: bool | None
    sent_s: float
    done_s: float
    status: int


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What a server says, after the drain, that one recipient has got.

    Args:
        id: Of the message.
        recipient: Index of the agency.
        copies: How many.
        digest: SHA-256 of what is stored, where the audit looked; else empty.
    """

    id: str
    recipient: int
    copies: int = 1
    digest: bytes = b""


NOT_TO_BE_HAD: Final = bytes(32)
"""In place of a digest: the exchange does not give the document out; no document has this digest."""


class Adapter(ABC):
    """Base of all adapters.

    Args:
        context: What it works with.
    """

    name: ClassVar[str]
    """As ``--adapter`` takes it."""
    poisons: ClassVar[frozenset[Poison]] = frozenset()
    """The kinds of poisoned messages that it can make."""
    collects: ClassVar[bool] = False
    """True where recipients can poll and accept."""
    stamp_resolution_s: ClassVar[float] = 1.0
    """Hand-over stamps are rounded down to this."""
    options: ClassVar[Mapping[str, str]] = {}
    """The options it knows: name -> what it means."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def setup(self, io: Io) -> None:
        """Read keys, ask the exchange who it is; called once in each process before anything is made.

        Raises:
            AdapterError: Options or keys are wrong.
            TargetError: The exchange does not answer as one of its kind.
        """

    @abstractmethod
    def make(self, number: int) -> Any:
        """What arrival ``number`` of the schedule says, not yet signed."""

    @abstractmethod
    def sign(self, draft: Any) -> Message:
        """Sign it, poisoned where the schedule says so; takes processor time only."""

    @abstractmethod
    def submit(self, message: Message, io: Io) -> Outcome:
        """Send a message, once, and tell what the answer says at first sight; no signature is checked here.

        Raises:
            NoAnswer: None came.
        """

    @abstractmethod
    def verify(self, message: Message, receipt: bytes) -> None:
        """Check a signed receipt: by whom, about which message, with which digest; takes processor time only.

        Raises:
            ReceiptError: It does not hold.
        """

    def statement(self, receipt: bytes) -> bytes:
        """What a checked receipt says, in few bytes: a replay's must be its original's; by default, the very bytes."""
        return sha256(receipt).digest()

    def number_of(self, id_: str) -> int | None:
        """The arrival that a message id belongs to; None for one that is not of this run."""
        raise NotImplementedError

    def id_of(self, number: int) -> str:
        """The id that the exchange knows an arrival's message by; a description where the adapter cannot tell."""
        return f"arrival {number}"

    def poll(self, agency: int, cursor: Any, io: Io) -> Polled:
        """Ask for what is new in an agency's inbox; ``cursor`` is None at first.

        Raises:
            NoAnswer: None came.
        """
        raise NotImplementedError

    def acknowledge(self, agency: int, entry: Entry, io: Io) -> Acknowledged:
        """Fetch a message as its recipient, check it, and report that it was accepted.

        Raises:
            NoAnswer: None came.
        """
        raise NotImplementedError

    def poisoned_read(self, io: Io) -> Outcome:
        """Send a signed read twice, for ``Poison.REPLAYED_NONCE``; the outcome is that of the second."""
        raise NotImplementedError

    def audit(self, io: Io) -> Iterable[ServerRecord] | None:  # noqa: ARG002 - who overrides it needs it
        """After the drain: all that every recipient has got; None where the exchange cannot be asked."""
        return None

    def document_sha256(self, number: int) -> bytes:  # noqa: ARG002 - who overrides it needs it
        """The digest of an arrival's document: what ``ServerRecord.digest`` must be; empty where that is not known."""
        return b""

    def look(self, number: int, recipient: int, io: Io) -> bytes:  # noqa: ARG002 - who overrides it needs it
        """After the drain: the digest of a document as a recipient gets it, ``NOT_TO_BE_HAD``, or empty: not told.

        Raises:
            NoAnswer: None came.
        """
        return b""

    def metrics(self, io: Io) -> Mapping[str, float] | None:  # noqa: ARG002 - who overrides it needs it
        """The server's own numbers now; None where it gives none."""
        return None

    def describe(self, io: Io) -> Mapping[str, Any]:  # noqa: ARG002 - who overrides it needs it
        """What the exchange says of itself (name, version, store), for the report."""
        return {}
