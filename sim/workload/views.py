"""What one alternative has of the documents of a replication.

Rule kept here: an alternative with a smaller volume keeps a nested part of the base documents, by the uniform
kept with each (a thinned Poisson process is Poisson; Lewis and Shedler 1979); attributes are read off each
document's own uniforms, so that a changed share moves no other attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.scenario import Case, ScenarioFile
from sim.scenario.params import in_seconds
from sim.workload.generation import flow_rates
from sim.workload.tables import ASKS, URGENCIES, Bools, Floats, Ints, View, Workload


def _by_share(u: Floats, shares: Mapping[str, float], order: Sequence[str], default: int) -> Ints:
    """Turn uniforms into categories, in a fixed order, by inverse CDF."""
    if not shares:
        return np.full(len(u), default, dtype=np.int32)
    edges = np.cumsum([shares.get(name, 0.0) for name in order])
    edges[-1] = max(edges[-1], 1.0)
    return np.searchsorted(edges, u, side="right").clip(0, len(order) - 1).astype(np.int32)


def view(workload: Workload, file: ScenarioFile, case: Case) -> View:
    """Return what one alternative has of a workload, and the attributes of its documents.

    Args:
        workload: The replication's documents.
        file: The scenario, for the base case's volumes.
        case: The alternative.
    """
    here = {agency.id for agency in case.agencies}
    exists = np.array([name in here for name in workload.agencies])
    n = workload.documents
    doc_on = exists[workload.sender]
    urgency = np.zeros(n, dtype=np.int32)
    asks = np.zeros(n, dtype=np.int32)
    classified = np.zeros(n, dtype=bool)
    rates = flow_rates(file, case)
    pages, size, deadline = np.ones(n), np.zeros(n), np.full(n, np.nan)
    for index, name in enumerate(workload.flows):
        rows = np.flatnonzero(workload.flow == index)
        flow = case.scenario.flows.get(name)
        if flow is None or not len(rows):
            doc_on[rows] = False
            continue
        doc_on[rows] &= _kept(workload, rates[index], rows)
        draw = {purpose: u[rows] for purpose, u in workload.draws.items()}
        urgency[rows] = _by_share(
            draw["urgency"], {k: v.value for k, v in flow.urgency.items()}, URGENCIES, 0
        )
        asks[rows] = _by_share(draw["asks"], {k: v.value for k, v in flow.asks.items()}, ASKS, 0)
        classified[rows] = draw["classified"] < (flow.classified.value if flow.classified else 0.0)
        if flow.pages:
            pages[rows] = flow.pages.dist.ppf(draw["pages"])
        if flow.size:
            size[rows] = flow.size.dist.ppf(draw["size"])
        if flow.deadline:
            deadline[rows] = in_seconds(flow.deadline, file.office.day_s)
    leg_on = doc_on[workload.doc_of] & exists[workload.recipient]
    return View(doc_on, leg_on, urgency, classified, asks, pages, size, deadline)


def _kept(workload: Workload, mine: Floats, rows: NDArray[np.intp]) -> Bools:
    """Decide which documents of a flow the alternative keeps, by their uniform; replies follow their leg."""
    flow = workload.flow[rows[0]]
    usual, most = workload.base_rate_per_s[flow], workload.top_rate_per_s[flow]
    share = np.zeros((2, len(workload.agencies)))
    np.divide(mine, usual, out=share[0], where=usual > 0)
    np.divide(mine - usual, most - usual, out=share[1], where=most > usual)
    which = workload.extension[rows].astype(np.intp)
    kept = workload.keep[rows] < share[which, workload.sender[rows]]
    return np.asarray(kept | (workload.reply_to[rows] >= 0))
