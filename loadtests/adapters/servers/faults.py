"""Which faults a faulty exchange has, whom they strike, and the file that tells of each one that was planted.

Rule kept here: whether a message is struck depends on seed, fault and message id alone, so a message that comes again
is struck again; and no fault is planted without a line that tells of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from loadtests.adapters.base import AdapterError

_SECONDS: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)?")
_HINT: Final = (
    "lose=SHARE, duplicate=SHARE, forge=SHARE, wrong-receipt=SHARE, hollow=SHARE (0 to 1, or 1%), "
    "early=SECONDS (2s), stall=SECONDS@EVERY (2s@10s)"
)


@dataclass(frozen=True, slots=True)
class Faults:
    """How faulty an exchange is; without arguments it has no fault.

    Args:
        lose: Share of accepted messages that stand in no inbox.
        duplicate: Share of accepted messages that stand twice in every inbox that they are in.
        forge: Share of forgeries that are accepted: no signature, revocation, sender, digest or nonce is checked.
        wrong_receipt: Share of accepted messages that are answered with another's receipt, or one whose signature
            does not hold.
        hollow: Share of accepted messages whose document is not given out.
        early_s: Messages are answered at once and stored so much later, s.
        stall_s: No answer is begun for so long, s,
        stall_every_s: at the end of each so many s.
    """

    lose: float = 0.0
    duplicate: float = 0.0
    forge: float = 0.0
    wrong_receipt: float = 0.0
    hollow: float = 0.0
    early_s: float = 0.0
    stall_s: float = 0.0
    stall_every_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read ``lose=0.01,duplicate=1%,early=2s,stall=2s@10s``; an empty text is no fault.

        Raises:
            AdapterError: ``E-FAULTS``.
        """
        found: dict[str, float] = {}
        shares = {one.name for one in fields(cls) if not one.name.endswith("_s")}
        for part in filter(None, (one.strip() for one in text.split(","))):
            name, equals, value = part.partition("=")
            name = name.strip().replace("-", "_")
            if not equals or name not in shares | {"early", "stall"}:
                raise AdapterError("E-FAULTS", f"found {part[:40]!r}", _HINT)
            if name == "stall":
                long, at, every = value.partition("@")
                found |= {"stall_s": _seconds(long, part), "stall_every_s": _seconds(every, part)}
                if not at or found["stall_s"] >= found["stall_every_s"]:
                    raise AdapterError(
                        "E-FAULTS", f"found {part[:40]!r}", "stall=2s@10s, the first the shorter"
                    )
            elif name == "early":
                found["early_s"] = _seconds(value, part)
            else:
                found[name] = _share(value, part)
        return cls(**found)


class Planted:
    """Draws who is struck, and writes down who was; may be asked from several threads.

    Args:
        seed: Of the draws.
        path: Where each planted fault is appended as a line of JSON; None to tell nobody.
    """

    def __init__(self, seed: int, path: Path | None) -> None:
        self._seed = seed
        self._path = path
        self._lock = Lock()
        self._told: set[tuple[str, str]] = set()

    def strikes(self, kind: str, share: float, message_id: str) -> bool:
        """True where this message is struck by this fault."""
        if share <= 0:
            return False
        drawn = sha256(f"{self._seed} {kind} {message_id}".encode()).digest()
        return int.from_bytes(drawn[:7], "big") < share * 2**56

    def tell(self, kind: str, message_id: str, **more: object) -> None:
        """Write down a fault; once for each kind and message."""
        with self._lock:
            if (kind, message_id) in self._told:
                return
            self._told.add((kind, message_id))
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"kind": kind, "id": message_id, **more}) + "\n")


def read_planted(path: Path) -> dict[str, set[str]]:
    """The ids of what was planted, by kind; nothing where nothing was."""
    found: dict[str, set[str]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            found.setdefault(told["kind"], set()).add(told["id"])
    return found


def _share(text: str, part: str) -> float:
    percent = text.endswith("%")
    try:
        share = float(text.rstrip("%")) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise AdapterError("E-FAULTS", f"found {part[:40]!r}", _HINT)
    return share


def _seconds(text: str, part: str) -> float:
    found = _SECONDS.fullmatch(text.strip())
    if found is None:
        raise AdapterError("E-FAULTS", f"found {part[:40]!r}", _HINT)
    return float(found[1]) / (1000 if found[2] == "ms" else 1)
