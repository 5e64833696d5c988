"""The search itself: ceiling, widening, bisection with re-tests, recovery, confirmation.

Rule kept here: the bracket is computed anew from all votes before each step, so that a verdict that was noise is undone
when it is outvoted; a probe that is INVALID has no vote. Both ends are re-tested before they count.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from loadtests.harness.search.asking import Ask, Phase, Probe, Settings
from loadtests.harness.search.backlog import grows
from loadtests.harness.search.found import Ended, Found, length, supports, told
from loadtests.harness.search.tally import Tally
from loadtests.harness.verdict import Outcome

Probing = Callable[[Ask], Probe]
_CEILING_STEPS = 2  # bisections of the ceiling: with a growth of 2 it is known to 19 %
_ALMOST = 1 - 1e-9
_SURPRISING = 3  # rates in a row on one side of an end, within one step of widening
_STEPS = (0.5, 0.5, 1.0, 1.0, 2.0)  # down from one confirmation to the next, in tolerances
_MORE_SEEDS = 2
_LOW_SHARE = 0.5  # of a rate that holds, for the probe of recovery


class _Stop(Exception):  # noqa: N818 - no error
    """No further probe may be made."""

    def __init__(self, ended: Ended, why: str) -> None:
        super().__init__(ended, why)
        self.ended, self.why = ended, why


class Search:
    """Finds the highest sustained rate that meets the objective.

    Args:
        probe: Runs one probe against the server.
        settings: How it goes.
        clock: Time of any origin, s; what the budget is counted by.
        null_probe: Runs one probe against a null server; ``None``: the generator's ceiling is not looked for.
        note: Is told of each step, in a line.
    """

    def __init__(
        self,
        probe: Probing,
        settings: Settings,
        *,
        clock: Callable[[], float],
        null_probe: Probing | None = None,
        note: Callable[[str], None] = lambda text: None,  # noqa: ARG005 - told to nobody
    ) -> None:
        self.probe, self.null_probe = probe, null_probe
        self.settings, self.clock, self.note = settings, clock, note
        self.probes: list[Probe] = []
        self.tallies: dict[float, Tally] = {}
        self.ceiling: float | None = None
        self.limit = math.inf  # the lowest rate at which the generator failed: nothing is asked from there on
        self.recovered: bool | None = None
        self._until = 0.0

    def run(self) -> Found:
        """Search, and tell what was found; it always ends, at the latest when time has run out."""
        settings = self.settings
        started = self.clock()
        reserved = settings.confirm_seeds * settings.confirm_s
        if reserved >= settings.budget_s:  # there is no time for it anyway
            reserved = 0.0
        self._until = started + settings.budget_s - reserved
        ended, why = Ended.NARROW, ""
        try:
            if self.null_probe is not None:
                self._find_ceiling()
            ended, why = self._narrow()
        except _Stop as stop:
            ended, why = stop.ended, stop.why
        self._until = started + settings.budget_s
        low, high = self._bracket()
        narrowed = (low, high)
        confirmed, unconfirmed = False, "nothing to confirm"
        if low is not None:
            confirmed_at, refused_at, unconfirmed = self._confirm(low)
            confirmed = confirmed_at is not None
            if confirmed_at is not None and refused_at is not None:
                low, high = confirmed_at, refused_at
        return Found(
            low, high, narrowed, confirmed, low is not None and high is None, self.ceiling, self.recovered, ended, why,
            unconfirmed, tuple(self.probes), settings,
        )  # fmt: skip

    # One probe

    def _ask(self, source: Probing, rate: float, duration_s: float, phase: Phase) -> Probe | None:
        """Probe until one counts; ``None`` where even the repeats were INVALID."""
        for _ in range(1 + self.settings.invalid_retries):
            if self.clock() + duration_s > self._until:
                raise _Stop(Ended.TIME, "The search ran out of time")
            if len(self.probes) >= self.settings.probes_max:
                raise _Stop(Ended.PROBES, f"The search ended after {len(self.probes)} probes")
            seed = self.settings.seed + len(self.probes)
            found = source(Ask(rate, duration_s, seed, phase, preloaded=phase is Phase.CONFIRM))
            self.probes.append(found)
            self.note(f"{phase} {told(rate)} for {length(duration_s)}: {found.outcome} {found.text}".rstrip())
            if found.outcome is not Outcome.INVALID:
                return found
        return None

    def _settle(self, rate: float, phase: Phase) -> bool:
        """Vote on a rate, once at least, until it is decided; longer each time. False: the generator failed."""
        tally = self.tallies.setdefault(rate, Tally(self.settings))
        while True:
            longer_s = self.settings.probe_s * self.settings.retest_factor**tally.votes
            duration_s = max(min(longer_s, self.settings.longest_s), self.settings.probe_s)
            found = self._ask(self.probe, rate, duration_s, phase)
            if found is None:
                return False
            tally.add(found)
            if tally.decided:
                return True

    # The generator's own ceiling

    def _find_ceiling(self) -> None:
        """Widen against the null server until the generator fails, then bisect a little."""
        settings = self.settings
        good, bad, rate = 0.0, math.inf, settings.start_per_s
        while math.isinf(bad) and good < settings.most_per_s:
            if self._keeps(rate):
                good, rate = rate, min(rate * settings.growth**2, settings.most_per_s)
            elif good:
                bad = rate
            elif rate > settings.least_per_s:
                rate = max(rate / settings.growth, settings.least_per_s)
            else:
                raise _Stop(
                    Ended.INVALID, f"The generator cannot keep even {told(rate)} against a null server"
                )
        for _ in range(_CEILING_STEPS if math.isfinite(bad) else 0):
            middle = math.sqrt(good * bad)
            good, bad = (middle, bad) if self._keeps(middle) else (good, middle)
        self.ceiling = good

    def _keeps(self, rate: float) -> bool:
        assert self.null_probe is not None
        found = self._ask(self.null_probe, rate, self.settings.ceiling_s, Phase.CEILING)
        return found is not None and found.outcome is not Outcome.FAIL

    # The bracket

    def _bracket(self) -> tuple[float | None, float | None]:
        """The highest rate that held, and the lowest above it that did not."""
        decided = {rate: tally for rate, tally in self.tallies.items() if tally.decided}
        low = max((rate for rate, tally in decided.items() if tally.held), default=None)
        above = (rate for rate, tally in decided.items() if not tally.held and (low is None or rate > low))
        return low, min(above, default=None)

    def _top(self) -> float:
        return min(self.ceiling or math.inf, self.settings.most_per_s)

    def _next(self, low: float | None, high: float | None) -> float | None:
        """The next rate to ask; ``None`` where nothing more is to be learned by another one."""
        settings = self.settings
        upper = min(high or math.inf, self.limit)
        if low is None:
            if math.isinf(upper):
                return min(settings.start_per_s, self._top())
            return (
                max(upper / settings.growth, settings.least_per_s) if upper > settings.least_per_s else None
            )
        if math.isinf(upper):
            return min(low * settings.growth, self._top()) if low < self._top() * _ALMOST else None
        return math.sqrt(low * upper) if upper / low - 1 > settings.tolerance else None

    def _narrow(self) -> tuple[Ended, str]:
        """Widen and bisect until the interval is narrow and both of its ends are sure."""
        while True:
            low, high = self._bracket()
            if low is not None and high is not None and self.recovered is None:
                self._recover(low)
            rate = self._next(low, high)
            if rate is not None:
                phase = Phase.WIDEN if low is None or high is None else Phase.BISECT
                if not self._settle(rate, phase):
                    self.limit = rate
                continue
            ends = [one for one in (low, high) if one is not None]
            weak = [one for one in ends if not self.tallies[one].sure(self._lead(one))]
            if not weak:
                return self._end(low, high)
            if not self._settle(weak[0], Phase.BISECT):
                return Ended.INVALID, f"The generator failed at {told(weak[0])}, where it had not before"

    def _lead(self, end: float) -> int:
        """Votes that an end needs: one more where it surprises, because every step since has led towards it."""
        growth = self.settings.growth
        held = self.tallies[end].held
        against = [
            rate
            for rate, tally in self.tallies.items()
            if tally.decided
            and tally.held is not held
            and (end < rate < end * growth if held else end / growth < rate < end)
        ]
        return self.settings.lead + (len(against) >= _SURPRISING)

    def _end(self, low: float | None, high: float | None) -> tuple[Ended, str]:
        """Why nothing more is to be learned."""
        if self.limit < (high or math.inf):
            if low is not None and self.ceiling is not None and self.limit >= self.ceiling * _ALMOST:
                return Ended.CEILING, f"The generator's own ceiling is {told(self.ceiling)}"
            return Ended.INVALID, f"The generator failed at {told(self.limit)}, however often it was tried"
        if low is None:
            return Ended.NOTHING, f"Not even {told(self.settings.least_per_s)} holds"
        if high is None:
            if self.ceiling is not None and self.ceiling <= self.settings.most_per_s * _ALMOST:
                return Ended.CEILING, f"The generator's own ceiling is {told(self.ceiling)}"
            return Ended.CEILING, f"No more than {told(self.settings.most_per_s)} was to be asked"
        unsure = [one for one in (low, high) if self.tallies[one].passes == self.tallies[one].fails]
        told_of = " and ".join(told(one) for one in unsure)
        return (
            Ended.NARROW,
            f"At {told_of} the probes proved nothing, their estimates decided" if unsure else "",
        )

    def _recover(self, low: float) -> None:
        """See that the server holds a low rate right after one that was too high."""
        if self.probes[-1].outcome is Outcome.PASS:  # widening went down: this was it
            self.recovered = True
            return
        for _ in range(2):
            rate = max(low * _LOW_SHARE, min(self.settings.least_per_s, low))
            found = self._ask(self.probe, rate, self.settings.probe_s, Phase.RECOVER)
            if found is None:
                return
            self.recovered = found.outcome is Outcome.PASS
            if self.recovered:
                return

    # The confirmation

    def _confirm(self, rate: float) -> tuple[float | None, float | None, str]:
        """Confirm a rate, or one that is a little lower.

        Returns:
            The rate that was confirmed, the lowest that was refused, and why there is no confirmation.
        """
        refused = None
        tolerance = self.settings.tolerance
        for number in range(self.settings.confirm_rounds):
            try:
                held = self._holds(rate)
            except _Stop as stop:
                return None, refused, f"{stop.why[0].lower()}{stop.why[1:]}"
            if held is None:
                return None, refused, f"the generator failed at {told(rate)}"
            if held:
                return rate, refused, ""
            refused = rate
            rate /= 1 + tolerance * _STEPS[min(number, len(_STEPS) - 1)]
        return None, refused, f"fresh seeds did not hold, down to {told(refused or rate)}"

    def _holds(self, rate: float) -> bool | None:
        """Fresh seeds at one rate: one at least must prove it, the others must not speak against it.

        One that does must be made good by another two. Where none proves it, two more are asked.

        Returns:
            Whether it holds; ``None`` where the generator failed.
        """
        wanted, held, proved, missed = self.settings.confirm_seeds, 0, 0, 0
        while held < wanted or not proved:
            if held >= wanted + _MORE_SEEDS:
                return False
            found = self._ask(self.probe, rate, self.settings.confirm_s, Phase.CONFIRM)
            if found is None:
                return None
            growing = grows(found.backlog_slope_per_s, found.backlog_error_per_s, self.settings.backlog_alpha)
            if growing:
                self.note(f"confirm {told(rate)}: the backlog grows by {told(found.backlog_slope_per_s)}")
            if supports(found) and not growing:
                held += 1
                proved += found.outcome is Outcome.PASS
                continue
            missed, wanted = missed + 1, wanted + 1
            if missed > 1:
                return False
        return True
