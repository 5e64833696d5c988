"""Who receives a document.

Rule kept here: recipients are drawn by flow and sender, in the order of the documents, from the base case; no
document goes to its own sender, and none twice to the same agency.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.scenario import Agency, select
from sim.scenario.schema import Flow
from sim.streams import Streams
from sim.workload.tables import Floats


def candidates(flow: Flow, agencies: Sequence[Agency], sender: int) -> list[int]:
    """Return the agencies that may receive a document of a flow from one sender."""
    me = agencies[sender]
    out = []
    for index in select(flow.to, agencies):
        other = agencies[index]
        related = {
            "any": True,
            "parent": other.id == me.parent,
            "children": other.parent == me.id,
            "siblings": other.parent == me.parent,
        }[flow.to.which]
        if related and index != sender:
            out.append(index)
    return out


def choose(among: Sequence[int], counts: NDArray[np.int64], u: Floats) -> list[int]:
    """Choose distinct recipients for each document by partial shuffles; ``u`` holds one uniform per leg."""
    out: list[int] = []
    at = 0
    n = len(among)
    for count in counts.tolist():
        if count == n:
            out += among
        elif count == 1:
            out.append(among[int(u[at] * n)])
        else:
            pool = list(among)
            for k in range(count):
                pick = k + int(u[at + k] * (n - k))
                pool[k], pool[pick] = pool[pick], pool[k]
            out += sorted(pool[:count])
        at += count
    return out


def counts(flow: Flow, n: int, available: int, streams: Streams, key: str) -> NDArray[np.int64]:
    """Draw the number of recipients of each document."""
    if flow.to.all or flow.to.which == "parent":
        return np.full(n, available, dtype=np.int64)
    if flow.to.count is None:
        return np.ones(n, dtype=np.int64)
    drawn = np.rint(flow.to.count.dist.ppf(streams.uniforms(n, "fan-out", key))).astype(np.int64)
    return np.clip(drawn, 1, available)
