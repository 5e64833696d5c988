"""The documents of one replication, and what one alternative has of them, as arrays.

Rule kept here: plain columns, documents and legs numbered from 0; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.scenario.steps import Asks, Urgency

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

URGENCIES = tuple(Urgency)
ASKS = tuple(Asks)


@dataclass(frozen=True, slots=True)
class Workload:
    """Documents and legs of one replication: the superset over all alternatives.

    Args:
        agencies: Ids of all agencies of any alternative; indices below point into it.
        flows: Names of all flows of any alternative.
        flow: Flow of each document.
        sender: Sender of each document.
        number: Number of the document among those of its flow and sender, from 0.
        created_s: When it is asked for; NaN for a reply, which is asked for while the model runs.
        extension: True for documents that only alternatives with a larger volume have.
        keep: Uniform that decides which alternatives keep it.
        reply_to: Leg that a reply answers, -1 for documents that are no reply.
        leg_start: First leg of each document; its legs are contiguous. Length documents + 1.
        doc_of: Document of each leg.
        recipient: Recipient of each leg.
        reply_doc: Document that would answer the leg, -1 where none.
        draws: Uniforms of each document by purpose: urgency, classified, asks, pages, size.
        base_rate_per_s: Documents per open second in the base case: shape (flows, agencies).
        top_rate_per_s: The largest of any alternative, same shape.
    """

    agencies: tuple[str, ...]
    flows: tuple[str, ...]
    flow: Ints
    sender: Ints
    number: Ints
    created_s: Floats
    extension: Bools
    keep: Floats
    reply_to: Ints
    leg_start: Ints
    doc_of: Ints
    recipient: Ints
    reply_doc: Ints
    draws: Mapping[str, Floats]
    base_rate_per_s: Floats
    top_rate_per_s: Floats

    @property
    def documents(self) -> int:
        """Number of documents, replies included."""
        return len(self.flow)

    @property
    def legs(self) -> int:
        """Number of legs."""
        return len(self.doc_of)


@dataclass(frozen=True, slots=True)
class View:
    """What one alternative has of a workload.

    Args:
        doc_on: The alternative has the document (a reply: if it is ever asked for).
        leg_on: The alternative has the leg.
        urgency: 0 normal … 3 express, per document.
        classified: State secret, per document.
        asks: 0 information, 1 action, 2 reply, per document.
        pages: Per document.
        size_bytes: Per document.
        deadline_s: Working seconds from asked to finished, per document, NaN where none.
    """

    doc_on: Bools
    leg_on: Bools
    urgency: Ints
    classified: Bools
    asks: Ints
    pages: Floats
    size_bytes: Floats
    deadline_s: Floats
