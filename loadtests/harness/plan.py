"""What a load run is to do: one plain value that every worker gets, and that says which runs may be compared.

Rule kept here: a plan with its schedule decides everything that is sent; two runs with the same ``digest`` sent the
same load, whatever they sent it to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sim.errors import InputError

SCHEMA: Final = 1
NOT_COMPARED: Final = frozenset({"target", "nonce", "adapter_options", "workers", "authorised"})
"""What two runs that are compared may differ in: where it went, and how it was spread."""


class Signing(StrEnum):
    """Where messages are signed."""

    PRESIGNED = "presigned"  # all of them before the first is sent, to a file
    PROCESSES = "processes"  # meanwhile, in processes of their own, ahead of time
    INLINE = "inline"  # at the intended time, in a native thread: part of the response time


class Receipts(StrEnum):
    """When receipts are checked."""

    LIVE = "live"  # as they come, in a native thread
    AFTER = "after"  # after the drain: costs the generator nothing while it sends


@dataclass(frozen=True, slots=True)
class Plan:
    """One load run.

    Args:
        adapter: ``reference``, ``as2``, ``null`` or ``module:Class``.
        target: URL of the exchange, without a path at its end.
        seed: Of schedule, contents and poison; the same seed is the same load.
        nonce: Part of every message id, 12 hexadecimal digits, new for each run: a server may have seen the seed.
        profile: What the load looks like, for people and for ``digest``: ``kind`` and its parameters; see ``profiles``.
        schedule_sha256: Digest of the schedule's arrays, in hexadecimal.
        duration_s: Length of the schedule from the first intended time on, warm-up included.
        warmup_s: Its first part, which is sent but not judged.
        drain_s: How long to wait at most for what is still open when the schedule has ended.
        timeout_s: After which a request has got no answer.
        in_flight_max: Messages of one worker under way at a time; what is due beyond is shed.
        workers: Processes that send.
        signing: Where messages are signed.
        receipts: When receipts are checked.
        attempts_max: Requests for one message; more than one only where no answer or "later" came.
        collect: Recipients poll their inboxes.
        poll_s: Each agency polls once in so long.
        acknowledge: Recipients accept what they found, with a signed report (status 03).
        human_s: Mean delay between finding a message and accepting it; real time, never sped up.
        objectives: What shall hold, as given, such as ``submit p99 < 500 ms``.
        adapter_options: By name, for the adapter's ``setup``.
        authorised: By whom and until when this target may be loaded; empty on loopback.
        extra: What else the adapter's plan must name for two runs to be comparable.
    """

    adapter: str
    target: str
    seed: int
    nonce: str
    profile: Mapping[str, Any]
    schedule_sha256: str
    duration_s: float
    warmup_s: float = 0.0
    drain_s: float = 30.0
    timeout_s: float = 10.0
    in_flight_max: int = 1000
    workers: int = 1
    signing: Signing = Signing.PRESIGNED
    receipts: Receipts = Receipts.LIVE
    attempts_max: int = 1
    collect: bool = True
    poll_s: float = 10.0
    acknowledge: bool = True
    human_s: float = 0.0
    objectives: tuple[str, ...] = ()
    adapter_options: Mapping[str, str] = field(default_factory=dict)
    authorised: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over all that two comparable runs must share, in hexadecimal."""
        shared = {name: value for name, value in asdict(self).items() if name not in NOT_COMPARED}
        return sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {"schema": SCHEMA, **asdict(self), "objectives": list(self.objectives)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Read what ``to_json`` gave.

        Raises:
            InputError: ``E-PLAN``: unknown or missing members, another schema.
        """
        values = dict(data)
        known = {one.name for one in fields(cls)}
        if values.pop("schema", None) != SCHEMA or (set(values) - known):
            odd = ", ".join(sorted(set(values) - known)) or "another schema"
            raise InputError(
                "E-PLAN", f"found {odd} in a plan", f"a plan of schema {SCHEMA}, as this version writes"
            )
        try:
            values["objectives"] = tuple(values.get("objectives", ()))
            values["signing"] = Signing(values.get("signing", Signing.PRESIGNED))
            values["receipts"] = Receipts(values.get("receipts", Receipts.LIVE))
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise InputError(
                "E-PLAN", f"a plan does not hold: {error}", "a plan as this version writes it"
            ) from None
