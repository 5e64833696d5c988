"""One run: a seed gives the odds, the odds give a storm, and after the storm every promise must have been kept.

Rule kept here: all randomness comes from the seed, in streams with names, so that a change in one place of the world
leaves the luck of the others as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import simpy

from loadtests.exchange.terms import Trusted
from tests.simulation import parties
from tests.simulation.agency import Agency, Surroundings
from tests.simulation.clocks import Clock
from tests.simulation.database import Database, Weather
from tests.simulation.files import Files
from tests.simulation.ledger import Ledger
from tests.simulation.letters import Parcel
from tests.simulation.life import Doing, Life
from tests.simulation.network import Network, Reply, Request
from tests.simulation.odds import CRASH_STEPS_OF_ONE_KIND, QUIET_S, STORM_S, Odds
from tests.simulation.program import Program
from tests.simulation.site import Site
from tests.simulation.tables import MakeTables, Tables
from tests.simulation.trace import Trace, Violation, require

DOWN_S_MEAN = 0.5
"""How long the exchange is down after a crash, s."""
MakeProgram = Callable[[Site, Life], Program]


@dataclass(frozen=True, slots=True)
class Build:
    """Which exchange is run: the right one, or one that is broken on purpose.

    Args:
        program: Makes the program.
        tables: Makes empty tables of its database.
    """

    program: MakeProgram = Program
    tables: MakeTables = Tables


class World:
    """Everything, for one seed.

    Args:
        seed: All luck.
        build: Which exchange is run.
        odds: Odds that are not drawn, by their names.
    """

    def __init__(self, seed: int, build: Build | None = None, odds: Mapping[str, Any] | None = None) -> None:
        self._seed = seed
        self._build = build or Build()
        self.env = simpy.Environment()
        self.odds = replace(Odds.drawn(self._stream("odds")), **(odds or {}))
        self.trace = Trace(self.env)
        self.weather = Weather(self.odds, self._stream("disk"))
        self.wires = Weather(self.odds, self._stream("network"))
        network = Network(self.env, self.wires, self.trace)
        network.serve = self._serve
        database = Database(self.env, self.weather, self.trace, self._build.tables)
        files = Files(self.env, self.weather, self.trace)
        self.ledger = Ledger(self.env, self.trace, database, files)
        self.site = Site(
            env=self.env,
            odds=self.odds,
            rng=self._stream("program"),
            trace=self.trace,
            clock=self._clock("exchange"),
            database=database,
            files=files,
            ledger=self.ledger,
            trusted=self._trusted,
        )
        codes = [parties.code_of(number) for number in range(self.odds.agencies)]
        around = Surroundings(self.env, network, self.ledger, self.trace, self.odds)
        self.agencies = [
            Agency(around, code, [one for one in codes if one != code], self._clock(code), self._stream(code))
            for code in codes
        ]
        self._plan(codes)

    # --- running --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The storm, the quiet after it, and the checks.

        Raises:
            Violation: A promise was broken, or the program had a fault.
        """
        try:
            self._go()
        except Violation:
            raise
        except Exception as fault:
            raise Violation(f"a fault of the program: {type(fault).__name__}: {fault}") from fault

    def _go(self) -> None:
        self._start()
        for number, agency in enumerate(self.agencies):
            letters = self.odds.letters // len(self.agencies)
            left = self.odds.letters % len(self.agencies)
            self.env.process(agency.write(letters + (number < left)))
            self.env.process(agency.read())
        for share, name in ((self.odds.full_share, "full"), (self.odds.gone_share, "gone")):
            self.env.process(self._spell(share, name))
        self.env.run(until=STORM_S)
        self.weather.storm = self.wires.storm = False
        self.trace.note("quiet")
        while not self._is_over() and self.env.now < STORM_S + QUIET_S:
            self.env.run(until=self.env.now + 20)
        self._check_end()

    def _is_over(self) -> bool:
        """True when nobody waits for anything."""
        inboxes = self.site.database.durable.inboxes
        collected = all(len(one.collected) == len(inboxes.get(one.code, [])) for one in self.agencies)
        return collected and not any(self._waiting()) and self._program.ready and not self._program.reserved

    def _waiting(self) -> list[Parcel]:
        return [
            parcel
            for agency in self.agencies
            for parcel in agency.parcels
            if parcel.decided is None and parcel.patience is None
        ]

    def _check_end(self) -> None:
        for parcel in self._waiting():
            require(False, "everybody has an answer in the end", parcel.label, parcel.compact)
        require(not self._program.reserved, "nothing stays reserved", len(self._program.reserved))
        for agency in self.agencies:
            for parcel in agency.parcels:
                fits = parcel.decided in {None, *parcel.may_end, *self._allowed}
                require(fits, "the answer is a right one", agency.code, parcel.label, parcel.decided)
            inbox = [key for _, key in self.site.database.durable.inboxes.get(agency.code, [])]
            require(sorted(map(str, inbox)) == sorted(map(str, agency.collected)), "all is delivered", inbox)
        self.ledger.check()

    # --- the exchange ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        steps, at = 0, self._luck.choice(self.odds.crash_at)
        mean = CRASH_STEPS_OF_ONE_KIND if at else self.odds.crash_steps_mean
        if self.weather.storm and self._crashes < self.odds.crashes_max:
            steps = 1 + int(self._luck.expovariate(1 / mean))
        self.trace.note("program-started", self._crashes)
        self._program = self._build.program(self.site, Life(self.env, steps, at, self._ended))

    def _ended(self) -> None:
        """The program was killed: with it goes what only it had, and perhaps the power."""
        power = self._luck.random() < self.odds.power_cut
        self._crashes += 1
        self.trace.note("power-cut" if power else "killed", self._crashes)
        self.site.database.program_ended(power=power)
        self.site.files.program_ended(power=power)
        self.ledger.check()
        self.env.process(self._restart())

    def _restart(self) -> Doing:
        yield self.env.timeout(self._luck.expovariate(1 / DOWN_S_MEAN))
        self._start()

    def _serve(self, request: Request, reply: Reply) -> None:
        if self._program.life.alive:
            self._program.serve(request, reply)

    # --- the world ------------------------------------------------------------------------------------------

    def _plan(self, codes: list[str]) -> None:
        self._luck = self._stream("world")
        self._crashes = 0
        begin = self._luck.uniform(0, STORM_S)
        self._suspended = (self._luck.choice(codes), begin, begin + self._luck.uniform(0, STORM_S - begin))
        self._revoked = (self._luck.choice(codes), self._luck.uniform(0, STORM_S))
        allowed = {"recipient-suspended", "agency-suspended"} if self.odds.suspended else set()
        self._allowed = allowed | ({"certificate-revoked"} if self.odds.revoked else set())

    def _trusted(self) -> Trusted:
        revoked = suspended = None
        if self.odds.suspended and self._suspended[1] <= self.env.now < self._suspended[2]:
            suspended = self._suspended[0]
        if self.odds.revoked and self._revoked[1] <= self.env.now:
            revoked = self._revoked[0]
        return parties.trusted(self.odds.agencies, revoked, suspended)

    def _spell(self, share: float, name: str) -> Doing:
        """A disk that is full, or a database that is gone, for a part of the storm."""
        rng, length_s = self._stream(name), share * STORM_S
        yield self.env.timeout(rng.uniform(0, STORM_S - length_s))
        setattr(self.weather, name, share > 0)
        yield self.env.timeout(length_s * 0.999)
        setattr(self.weather, name, False)

    def _stream(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")

    def _clock(self, name: str) -> Clock:
        return Clock(self.env, self._stream(f"clock of {name}"), self.odds.clock_jumps)
