"""How bad the world is: which faults a run has, how often, and how long things take.

Rule kept here: every run draws its own odds, and each fault is absent in some runs, because a fault that is always
there hides what happens without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Self

STORM_S = 40.0
"""How long things go wrong, s of simulated time."""
QUIET_S = 600.0
"""How long nothing goes wrong afterwards, s: by its end everybody must have an answer."""
CLOCK_JUMP_S_MAX = 420
"""How far a clock may be off, s; more than the 300 s that the exchange allows for."""
STEPS = (
    "start",
    "opened",
    "Look",
    "Verify",
    "Reserve",
    "Find",
    "FindEntry",
    "FindEvent",
    "Receive",
    "file-written",
    "file-synced",
    "file-renamed",
    "Seal",
    "Locate",
    "Sign",
    "Commit",
    "commit-written",
    "commit-synced",
    "commit-visible",
    "Keep",
    "Release",
    "answer",
    "file-collected",
)
"""Where a program is killed on purpose, so that every step is met, rare ones as well."""
CRASH_STEPS_OF_ONE_KIND = 5
"""So many steps of that kind come before the crash, on average."""

KINDS = ("twins", "signed again", "clash", "wrong document", "short-lived", "about an earlier one")
"""Kinds of messages that some runs have nothing else of, because their faults need one another."""


@dataclass(frozen=True, slots=True)
class Odds:
    """What goes wrong during the storm; shares are 0 to 1.

    Args:
        agencies: How many take part, 3 to 6.
        letters: How many messages they send between them.
        kind: The only kind of message that is sent (see ``Letters``); None for all kinds.
        worked_on: Share of messages that their recipients ever answer.
        loss: Share of requests, and of answers, that never arrive.
        duplicates: Share of requests, and of answers, that arrive twice.
        delay_s_mean: How long one way takes, s; the draw is exponential, so requests overtake one another.
        cut: Share of requests whose connection breaks within the documents.
        crash_steps_mean: Steps of the program between two crashes that may come anywhere, on average.
        crash_at: What a crash may aim at: a kind of step, or None for any step.
        crashes_max: No more crashes than this, 0 to 6.
        power_cut: Share of crashes in which what was not synced is lost as well.
        commit_refused: Share of commits that the database refuses.
        sync_fails: Share of syncs, of the database and of files, that fail.
        answer_lost: Share of commits that succeed and are reported as failed.
        late: Share of commits that are reported as failed and go on in the database for a while.
        late_s_mean: For how long, s.
        orphan_age_s: So old is a file that no message has before it is collected, s.
        full_share: Share of the storm in which the disk is full.
        gone_share: Share of the storm in which the database cannot be reached.
        clock_jumps: Jumps of each clock.
        suspended: True where an agency is suspended for a part of the storm.
        revoked: True where an agency's certificate is revoked in the middle of the storm.
        effect_s_mean: How long an effect takes, s.
        sync_s_mean: How long a sync takes, s.
        group_max: Items of one group.
    """

    agencies: int
    letters: int
    kind: str | None
    worked_on: float
    loss: float
    duplicates: float
    delay_s_mean: float
    cut: float
    crash_steps_mean: int
    crash_at: tuple[str | None, ...]
    crashes_max: int
    power_cut: float
    commit_refused: float
    sync_fails: float
    answer_lost: float
    late: float
    late_s_mean: float
    orphan_age_s: int
    full_share: float
    gone_share: float
    clock_jumps: int
    suspended: bool
    revoked: bool
    effect_s_mean: float
    sync_s_mean: float
    group_max: int

    @classmethod
    def drawn(cls, rng: Random) -> Self:
        """The odds of one run."""

        def share(*choices: float) -> float:
            return rng.choice((0.0, *choices))

        return cls(
            agencies=rng.randint(3, 6),
            letters=rng.randint(20, 34),
            kind=rng.choice(KINDS) if rng.random() < 0.15 else None,
            worked_on=share(0.6, 0.9, 0.9),
            loss=share(0.05, 0.2, 0.4),
            duplicates=share(0.1, 0.4),
            delay_s_mean=rng.choice((0.01, 0.1, 1.0)),
            cut=share(0.05, 0.2),
            crash_steps_mean=rng.choice((100, 300, 600)),
            crash_at=(None, *STEPS),
            crashes_max=rng.choice((0, 3, 6)),
            power_cut=rng.choice((0.0, 0.5, 1.0)),
            commit_refused=share(0.02, 0.1),
            sync_fails=share(0.02, 0.1),
            answer_lost=share(0.05, 0.2),
            late=share(0.05, 0.3),
            late_s_mean=rng.choice((0.05, 1.0, 5.0)),
            orphan_age_s=rng.choice((1, 30)),
            full_share=share(0.1, 0.3),
            gone_share=share(0.1, 0.3),
            clock_jumps=rng.randint(0, 3),
            suspended=rng.random() < 0.3,
            revoked=rng.random() < 0.3,
            effect_s_mean=rng.choice((0.001, 0.01, 0.05)),
            sync_s_mean=rng.choice((0.001, 0.02, 0.2)),
            group_max=rng.choice((1, 3, 8)),
        )
