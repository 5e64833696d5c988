"""A network that loses, delays, duplicates and reorders requests and answers, and cuts connections.

Rule kept here: nobody learns what became of anything that was sent, except by an answer that arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import simpy

from loadtests.exchange.records import EntryKey
from tests.simulation.database import Weather
from tests.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Submit:
    """A message with its documents.

    Args:
        compact: The signed manifest.
        bodies: The documents as they are sent.
        cut: The connection breaks after so many documents; None where it holds.
    """

    compact: bytes
    bodies: tuple[bytes, ...] = ()
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """A signed report."""

    compact: bytes


@dataclass(frozen=True, slots=True)
class AskInbox:
    """What stands in an inbox after a leaf index."""

    code: str
    after: int


@dataclass(frozen=True, slots=True)
class Collect:
    """A message with its documents, for a recipient."""

    key: EntryKey


@dataclass(frozen=True, slots=True)
class AskHead:
    """A checkpoint of the log."""


Request = Submit | Tell | AskInbox | Collect | AskHead
Answer = Any
Reply = Callable[[Answer], bool]
"""Sends an answer; True where the connection took all of it."""


class Network:
    """Between agencies and the exchange.

    Args:
        env: Time.
        weather: What is wrong, and its draws.
        trace: Told what is lost.
    """

    def __init__(self, env: simpy.Environment, weather: Weather, trace: Trace) -> None:
        self._env = env
        self._weather = weather
        self._trace = trace
        self.serve: Callable[[Request, Reply], None] = lambda _request, _reply: None

    def send(self, request: Request, take: Callable[[Answer], None]) -> None:
        """Send a request.

        Args:
            request: What is sent.
            take: Told each answer that arrives: none, one, or several.
        """

        def reply(answer: Answer) -> bool:
            return bool([self._env.process(self._carry(take, answer)) for _ in range(self._copies("answer"))])

        for _ in range(self._copies("request")):
            self._env.process(self._carry(lambda one: self.serve(one, reply), self._cut(request)))

    def _copies(self, what: str) -> int:
        if self._weather.strikes(self._weather.odds.loss):
            self._trace.note(f"{what}-lost")
            return 0
        if self._weather.strikes(self._weather.odds.duplicates):
            self._trace.note(f"{what}-duplicated")
            return 2
        return 1

    def _cut(self, request: Request) -> Request:
        if not isinstance(request, Submit) or not self._weather.strikes(self._weather.odds.cut):
            return request
        return replace(request, cut=self._weather.rng.randint(0, len(request.bodies)))

    def _carry(self, take: Callable[[Any], None], what: Any) -> Generator[simpy.Event, Any, None]:
        mean_s = self._weather.odds.delay_s_mean if self._weather.storm else 0.01
        yield self._env.timeout(self._weather.rng.expovariate(1 / mean_s))
        take(what)
