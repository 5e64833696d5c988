"""Named random streams; the same numbers for every alternative.

Rule kept here: a uniform depends on its key (seed, replication, purpose, name, visit) and its position only,
never on what was drawn before, on the machine, or on the release of Python or numpy.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError


@dataclass(frozen=True, slots=True)
class Streams:
    """Uniforms keyed by (seed, replication, purpose, name, visit), indexed by position.

    The key's JSON text is hashed by SHA-256 into the entropy of a numpy ``SeedSequence`` for PCG64DXSM
    (O'Neill 2014), a generator pinned by name. Two keys would share numbers only if 128-bit states collided.

    Args:
        seed: Whole number, 0 or more; the one number that a planner chooses.
        replication: Whole number, 1 or more.

    Raises:
        InputError: ``E-SEED`` for another seed or replication.
    """

    seed: int
    replication: int

    def __post_init__(self) -> None:
        given: tuple[tuple[str, object, int], ...] = (
            ("seed", self.seed, 0),
            ("replication", self.replication, 1),
        )
        for name, value, least in given:
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise InputError(
                    "E-SEED", f"{name} is {value!r}", f"{name} must be a whole number, {least} or more"
                )
            object.__setattr__(self, name, int(value))

    def uniforms(self, n: int, purpose: str, name: str = "", visit: int = 0) -> NDArray[np.float64]:
        """Return the first ``n`` uniforms of one stream; a longer request extends the same sequence.

        Args:
            n: How many, 0 or more.
            purpose: What the numbers decide, such as ``service``.
            name: Whose they are, such as a task's name.
            visit: Which time round, for work that is done again.

        Returns:
            Multiples of 2**-53 in [0, 1): the top 53 bits of each 64-bit output.
        """
        raw = self._bits(purpose, name, visit).random_raw(n)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def generator(self, purpose: str, name: str = "", visit: int = 0) -> np.random.Generator:
        """Return a whole generator for a key, for what :meth:`uniforms` cannot serve.

        Args:
            purpose: What the numbers decide; not one that :meth:`uniforms` serves, the bits are the same.
            name: Whose they are.
            visit: Which time round.

        Returns:
            A generator over the pinned bits; numpy may change how its methods turn bits into variates.
        """
        return np.random.Generator(self._bits(purpose, name, visit))

    def _bits(self, purpose: str, name: str, visit: int) -> np.random.PCG64DXSM:
        key = json.dumps([self.seed, self.replication, purpose, name, int(visit)], separators=(",", ":"))
        digest = hashlib.sha256(key.encode("ascii")).digest()
        return np.random.PCG64DXSM(np.random.SeedSequence(int.from_bytes(digest, "big")))
