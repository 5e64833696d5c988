"""Where messages are signed: before the run in native threads, meanwhile in processes, or when they are due.

Rule kept here: wherever it is done, the same arrival gives the same message; a replay is the very bytes of its original
and is never signed again, because a second signature would make it another message.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import gevent

from loadtests.adapters.base import Adapter, Context, Message
from loadtests.adapters.finding import load
from loadtests.harness.plan import Plan, Receipts, Signing
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.bank import Bank, Deposit
from loadtests.locustfiles.connections import Connections
from loadtests.locustfiles.threads import Crew

AHEAD_S: Final = 5.0
"""With processes, the run begins when what is due in its first seconds has been signed."""
_LOOK_S: Final = 0.02


def original_of(schedule: Schedule, number: int, worker: int, workers: int) -> int:
    """The arrival whose bytes an arrival is sent with: its own but for a replay of this worker's."""
    of = int(schedule.of[number])
    replay = schedule.poison[number] == Poison.REPLAY and of >= 0 and of % workers == worker
    return of if replay else number


def to_sign(schedule: Schedule, worker: int, workers: int) -> list[int]:
    """The arrivals of a worker that need a signature of their own, in order."""
    return [
        int(number)
        for number in schedule.share(worker, workers)
        if schedule.poison[number] != Poison.REPLAYED_NONCE
        and original_of(schedule, int(number), worker, workers) == number
    ]


def context_of(plan: Plan, schedule: Schedule) -> Context:
    """What the plan's adapter works with."""
    nonce = bytes.fromhex(plan.nonce)
    return Context(plan.target, dict(plan.adapter_options), plan.seed, nonce, schedule, time.time)


def signed(adapter: Adapter, number: int) -> Deposit:
    """Make and sign the message of an arrival, and take the time."""
    begun_s = perf_counter()
    message = adapter.sign(adapter.make(number))
    return Deposit(message, perf_counter() - begun_s)


class Messages:
    """The messages of one worker, as the plan wants them signed.

    Args:
        plan: Of the run.
        schedule: Of the run.
        adapter: Set up.
        worker: Its number.
        workers: How many there are.
        host: For the head of requests.
        folder: For files of this worker, which somebody else removes.
        crew: Native threads.
    """

    def __init__(
        self,
        plan: Plan,
        schedule: Schedule,
        adapter: Adapter,
        *,
        worker: int,
        workers: int,
        host: str,
        folder: Path,
        crew: Crew,
    ) -> None:
        self._plan = plan
        self._schedule = schedule
        self._adapter = adapter
        self._worker, self._workers = worker, workers
        self._host = host
        self._folder = folder
        self._crew = crew
        self._children: list[subprocess.Popen[bytes]] = []
        self._bank = Bank(folder / "bank", len(schedule))
        self._numbers = to_sign(schedule, worker, workers)
        self._inline = plan.signing is Signing.INLINE
        replays = schedule.of[schedule.share(worker, workers)]
        self._again = {int(one) for one in replays if one >= 0}
        self._going = True
        if plan.signing is not Signing.PROCESSES:
            self._bank.hide()

    @property
    def ready(self) -> int:
        """How many lie signed in the bank."""
        return self._bank.held

    def prepare(self) -> None:
        """Sign what the plan wants signed before the run begins; the hub goes on meanwhile.

        Raises:
            Exception: Whatever the adapter raised.
        """
        if self._plan.signing is Signing.PRESIGNED:
            shares = [self._numbers[one :: self._crew.most] for one in range(self._crew.most)]
            waiting = [gevent.spawn(self._crew.call, self._fill, share) for share in shares]
            for one in waiting:
                one.get()
            self._bank.look()
        elif self._plan.signing is Signing.PROCESSES:
            heads = self._start_processes()
            limit_s = self._schedule.due_s[0] + AHEAD_S if len(self._schedule) else 0.0
            first = heads + [one for one in self._numbers if self._schedule.due_s[one] <= limit_s]
            while (
                self._going
                and self._bank.look() < len(self._numbers)
                and not all(one in self._bank for one in first)
            ):
                self._look_after()
                gevent.sleep(_LOOK_S)
            self._bank.hide()
            gevent.spawn(self._follow)

    def take(self, number: int) -> Deposit | None:
        """The message of an arrival, signed now if the plan says so; None where the bank has not got it yet."""
        source = original_of(self._schedule, number, self._worker, self._workers)
        found = self._bank.get(source)
        if found is not None or not self._inline:
            return found
        return self._crew.call(self._sign_now, source)  # type: ignore[no-any-return]

    def again(self, number: int) -> Message | None:
        """The message of an arrival that has been taken before, to check a receipt; from any thread."""
        found = self._bank.get(original_of(self._schedule, number, self._worker, self._workers))
        return found.message if found else None

    def stop(self) -> None:
        """Sign nothing more than what is asked for."""
        self._going = False

    def close(self) -> None:
        """End what still signs."""
        self._going = False
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait()
        self._bank.close()

    def _fill(self, numbers: Sequence[int]) -> None:
        """In a native thread: sign into the bank."""
        for number in numbers:
            if not self._going:
                return
            self._bank.put(signed(self._adapter, number), self._host)

    def _sign_now(self, number: int) -> Deposit:
        """In a native thread: sign one, and keep it if it will be needed again."""
        deposit = signed(self._adapter, number)
        if number in self._again or self._plan.receipts is Receipts.AFTER:
            self._bank.put(deposit, self._host)
            self._bank.look()
        return deposit

    def _start_processes(self) -> list[int]:
        """Start the processes; the first message of each tells that it has opened the bank."""
        count = int(self._plan.extra.get("signing_processes", 1))
        (self._folder / "plan.json").write_text(json.dumps(self._plan.to_json()), encoding="utf-8")
        (self._folder / "schedule.npz").write_bytes(self._schedule.to_bytes())
        for child in range(count):
            share = [str(one) for one in (self._worker, self._workers, child, count)]
            command = [sys.executable, "-m", "loadtests.locustfiles.signing", str(self._folder), *share]
            self._children.append(subprocess.Popen(command))
        return self._numbers[:count]

    def _follow(self) -> None:
        """Index what the processes sign, until they have signed all."""
        while self._going and self._bank.look() < len(self._numbers):
            gevent.sleep(_LOOK_S)

    def _look_after(self) -> None:
        """Complain when a process has failed.

        Raises:
            OSError: It has.
        """
        for child in self._children:
            if child.poll():
                raise OSError(f"a signing process ended with exit code {child.returncode}")


def sign_into(folder: Path, worker: int, workers: int, child: int, children: int) -> None:
    """What a signing process does: sign every ``children``-th message of a worker into its bank."""
    plan = Plan.from_json(json.loads((folder / "plan.json").read_bytes()))
    schedule = Schedule.from_bytes((folder / "schedule.npz").read_bytes())
    adapter = load(context_of(plan, schedule), plan.adapter)
    io = Connections(plan.target, plan.timeout_s)
    adapter.setup(io)
    io.close()
    bank = Bank(folder / "bank", 0)
    _sign_all(adapter, to_sign(schedule, worker, workers)[child::children], bank, io.host)
    bank.close()


def _sign_all(adapter: Adapter, numbers: Sequence[int], bank: Bank, host: str) -> None:
    parent = os.getppid()
    for number in numbers:
        if os.getppid() != parent:
            return  # whoever wanted them is gone
        bank.put(signed(adapter, number), host)


if __name__ == "__main__":
    sign_into(Path(sys.argv[1]), *(int(one) for one in sys.argv[2:6]))
