"""What a run asks of an exchange itself: its numbers while it is loaded, and after the drain what everybody has got.

Rule kept here: these questions go over a client of their own, beside the load; one that is not answered leaves a gap,
never a guess.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from loadtests.adapters.base import NOT_TO_BE_HAD, Adapter, Context, NoAnswer, TargetError
from loadtests.adapters.blocking_io import BlockingIo
from loadtests.adapters.finding import load
from loadtests.campaign.directory import RunFolder
from loadtests.harness.plan import Plan
from loadtests.harness.records import AUDIT, UNPLANNED, Rows
from loadtests.harness.schedule import Schedule
from sim.errors import CongvanError

METRICS_EVERY_S: Final = 1.0
METRICS_TIMEOUT_S: Final = 0.9
SETUP_TIMEOUT_S: Final = 10.0
AUDIT_TIMEOUT_S: Final = 60.0
HTTP_REFUSED: Final = 400
DOUBTFUL_MAX: Final = 1000
NOT_FETCHED, RIGHT, WRONG, MISSING = range(4)
"""Of a document, see ``records.AUDIT``."""
AUDIT_NAME: Final = "audit"


def ready(plan: Plan, schedule: Schedule, clock: Callable[[], float] = time.time) -> Adapter:
    """The adapter of a plan, set up in this process.

    Raises:
        AdapterError: ``E-ADAPTER``, ``E-OPTION``: there is none of that name, or it knows no such option.
        TargetError: The exchange does not answer as one of its kind.
    """
    context = Context(
        target=plan.target,
        options=dict(plan.adapter_options),
        seed=plan.seed,
        nonce=bytes.fromhex(plan.nonce),
        schedule=schedule,
        now=clock,
    )
    adapter = load(context, plan.adapter)
    with asking(plan.target, SETUP_TIMEOUT_S) as io:
        try:
            adapter.setup(io)
        except NoAnswer as error:
            hint = "start it, or leave out --target for an exchange of our own"
            raise TargetError("E-TARGET", f"{plan.target} gave no answer ({error.code})", hint) from None
    return adapter


def described(adapter: Adapter, plan: Plan) -> dict[str, Any]:
    """What the exchange says of itself; nothing where it does not answer."""
    try:
        with asking(plan.target, SETUP_TIMEOUT_S) as io:
            return dict(adapter.describe(io))
    except (NoAnswer, CongvanError):
        return {}


def asking(target: str, timeout_s: float) -> BlockingIo:
    """A way to ask an exchange beside the load."""
    return BlockingIo(target, timeout_s, time.perf_counter)


class Sampler:
    """Asks for the server's numbers once a second, in a thread of its own.

    Args:
        adapter: Set up.
        target: URL of the exchange.
        clock: s since the epoch.
    """

    def __init__(self, adapter: Adapter, target: str, clock: Callable[[], float]) -> None:
        self._adapter, self._target, self._clock = adapter, target, clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics")
        self._samples: list[tuple[float, Mapping[str, float]]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def since(self, t0_unix: float) -> list[dict[str, Any]]:
        """What was sampled, at its times in s since T0."""
        return [{"at_s": at - t0_unix, "values": dict(values)} for at, values in self._samples]

    def _run(self) -> None:
        with asking(self._target, METRICS_TIMEOUT_S) as io:
            while not self._stopped.is_set():
                at = self._clock()
                try:
                    values = self._adapter.metrics(io)
                except (NoAnswer, CongvanError):
                    values = {}  # a frozen or killed server says nothing: a gap in its series
                if values is None:
                    return
                if values:
                    self._samples.append((at, values))
                self._stopped.wait(max(0.05, at + METRICS_EVERY_S - self._clock()))


@dataclass(frozen=True, slots=True)
class Audited:
    """What an exchange says that its recipients have got.

    Args:
        rows: Rows of ``records.AUDIT``, those of this run; None where it could not be asked.
        foreign: Ids of other runs.
        text: What was done, or why it could not be.
    """

    rows: Rows | None
    foreign: int
    text: str

    def write(self, folder: RunFolder, foreign_expected: int | None, *, demanded: bool) -> None:
        """Keep it in ``raw/``, where the ledger looks for it.

        Args:
            folder: Of the run.
            foreign_expected: How many ids of other runs there were before it; None where nobody looked.
            demanded: A run without it is worth nothing, because its exchange can be asked.
        """
        if self.rows is not None:
            np.save(folder.raw / f"{AUDIT_NAME}.npy", self.rows)
        folder.write_raw(
            f"{AUDIT_NAME}.json",
            {
                "audited": self.rows is not None,
                "text": self.text,
                "foreign": self.foreign,
                "foreign_expected": foreign_expected,
                "demanded": demanded,
            },
        )


def audit(
    adapter: Adapter, target: str, doubtful: Rows | None = None, timeout_s: float = AUDIT_TIMEOUT_S
) -> Audited:
    """Ask for all that every recipient has got.

    Args:
        adapter: Set up.
        target: URL of the exchange.
        doubtful: Deliveries whose document was asked for and not given out; the first ``DOUBTFUL_MAX`` are asked for
            again.
        timeout_s: After which one question has got no answer.
    """
    again: dict[tuple[int, int], bytes] = {}
    try:
        with asking(target, timeout_s) as io:
            found = adapter.audit(io)
            records = None if found is None else list(found)
            for row in () if doubtful is None else doubtful[:DOUBTFUL_MAX]:
                number, recipient = int(row["number"]), int(row["recipient"])
                again[number, recipient] = adapter.look(number, recipient, io)
    except (NoAnswer, CongvanError) as error:
        return Audited(None, 0, f"the audit broke off: {_why(error)}")
    if records is None:
        return Audited(None, 0, "this exchange cannot be asked what its recipients have got")
    numbers = [adapter.number_of(one.id) for one in records]
    planned = len(adapter.context.schedule)
    rows = np.zeros(sum(1 for number in numbers if number is not None), dtype=AUDIT)
    own = [(number, one) for number, one in zip(numbers, records, strict=True) if number is not None]
    for row, (number, one) in zip(rows, own, strict=True):
        row["number"] = number if number < planned else UNPLANNED
        row["recipient"], row["copies"] = one.recipient, one.copies
        digest = one.digest or again.get((number, one.recipient), b"")
        row["document"] = _document(adapter, int(row["number"]), digest)
    foreign = {one.id for number, one in zip(numbers, records, strict=True) if number is None}
    return Audited(rows, len(foreign), f"the exchange named {len(records)} entries of its recipients")


def _document(adapter: Adapter, number: int, found: bytes) -> int:
    """What became of a document that the audit looked at, as ``records.AUDIT`` has it; 0 where it did not look."""
    if not found or number == UNPLANNED:
        return NOT_FETCHED
    if found == NOT_TO_BE_HAD:
        return MISSING
    expected = adapter.document_sha256(number)
    if not expected:
        return NOT_FETCHED
    return RIGHT if found == expected else WRONG


def doubtful(deliveries: Rows) -> Rows:
    """Deliveries of this run whose document was asked for and not given out."""
    asked_for = (deliveries["document"] == NOT_FETCHED) & (deliveries["status"] >= HTTP_REFUSED)
    found: Rows = deliveries[asked_for & (deliveries["number"] != UNPLANNED)]
    return found


def asked(folder: RunFolder) -> None:
    """Audit a run that somebody drove by hand, as far as its exchange still answers."""
    plan = folder.read_plan()
    try:
        adapter = ready(plan, folder.read_schedule(plan))
    except CongvanError as error:
        found = Audited(None, 0, f"nobody could ask the exchange: {error.message}")
    else:
        found = audit(adapter, plan.target)
    found.write(folder, None, demanded=False)


def _why(error: Exception) -> str:
    return f"{error.code}: {error.detail}" if isinstance(error, NoAnswer) else str(error)
