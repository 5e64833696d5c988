"""The sequencer: leaf indices, signed receipts and one commit for a group of items.

Rule kept here: a group is stored as a whole or not at all, and nobody learns a receipt of it before it is stored.
"""

from __future__ import annotations

from loadtests.exchange.effects import Commit, Locate, Machine, Sign, ask
from loadtests.exchange.merkle import Frontier, Node
from loadtests.exchange.receipts import log_leaf
from loadtests.exchange.records import Group, Item, Unit


class Sequencer:
    """The only one that gives out leaf indices; a process has one, and seals one group after the other.

    Args:
        origin: The log's name: what the exchange calls itself.
    """

    __slots__ = ("_head", "_origin")

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._head: Frontier | None = None

    def seal(self, items: tuple[Item, ...], at: int) -> Machine[tuple[Unit, ...]]:
        """Give the items consecutive leaves and signed receipts, and commit all of it together.

        The head of the log is remembered between two groups, and only there: after anything but success it is read
        from the store again, which alone knows whether a failed commit was none. Indices of what was not stored are
        given out anew; nobody has seen receipts with them.

        Args:
            items: At least one, with keys that are all different and reserved.
            at: The time of acceptance, s since the epoch, UTC.

        Returns:
            The units in the order of the items; now, and not before, may receipts be given out.

        Raises:
            ValueError: There is no item, or a key stands twice.
            Exception: What an effect failed with; none of them may be answered with a receipt.
        """
        if not items or len({item.key for item in items}) < len(items):
            raise ValueError("a group has items, and each of them once")
        head, self._head = self._head, None
        before = head if head is not None else (yield from ask(Locate()))
        evidences = tuple(
            item.evidence(self._origin, before.size + place, at) for place, item in enumerate(items)
        )
        receipts = yield from ask(Sign(evidences))
        after, units, nodes = before, list[Unit](), list[Node]()
        for item, evidence, receipt in zip(items, evidences, receipts, strict=True):
            leaf = log_leaf(receipt)
            after, made = after.append(leaf)
            nodes += made
            units.append(Unit(item, evidence, receipt, leaf))
        yield from ask(Commit(Group(before, after, tuple(units), tuple(nodes))))
        self._head = after
        return tuple(units)
