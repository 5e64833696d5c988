"""Evidence of hand-over: when a recipient has been sent all of a message.

Rule kept here: a hand-over is sealed only after the last byte of every document was handed to a connection that still
stood, and what goes wrong with the evidence is the operator's affair: the recipient has its documents.

What was sent so far is kept in memory. After a restart, or where more is begun than is remembered, a recipient that
collected a part collects it again, and the evidence is made then.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from loadtests.endpoint.serving import Serving
from loadtests.exchange.errors import Refusal
from loadtests.exchange.records import EntryKey
from loadtests.exchange.reporting import hand_over

BEGUN_MAX: Final = 50_000
"""Messages that recipients have begun to collect and not finished: about 20 MB."""


class Handovers:
    """Who was sent what.

    Args:
        service: Drives the machine that seals the evidence.
        begun_max: Messages begun that are remembered, at least 1; the oldest are forgotten.
    """

    def __init__(self, service: Serving, begun_max: int = BEGUN_MAX) -> None:
        self._service = service
        self._begun: OrderedDict[EntryKey, set[int]] = OrderedDict()
        self._begun_max = begun_max

    async def sent(self, key: EntryKey, position: int, number: int) -> None:
        """A document was sent completely; if it was the last one, the hand-over is sealed. Never raises for it.

        Args:
            key: Message and recipient.
            position: Which document, from 0.
            number: How many the message has, at least 1.
        """
        sent = self._begun.setdefault(key, set())
        self._begun.move_to_end(key)
        sent.add(position)
        if len(sent) >= number and await self.whole(key):
            self._begun.pop(key, None)
        while len(self._begun) > self._begun_max:
            self._begun.popitem(last=False)

    async def whole(self, key: EntryKey) -> bool:
        """All of the message was sent.

        Returns:
            True where evidence is stored; False where that failed, so that the next request tries again.
        """
        service = self._service
        named = {"message_id": key.message.message_id, "recipient": key.recipient}
        try:
            evidence = await service.run(hand_over(key, service.terms))
        except Refusal as refusal:
            service.log.tell("hand-over-failed", code=refusal.code, message=refusal.message, **named)
        except Exception as fault:  # whatever it is, the recipient has its documents
            service.log.fault("hand-over-failed", fault, **named)
        else:
            service.metrics.handed_over("known" if evidence is None else "sealed")
            return True
        service.metrics.handed_over("failed")
        return False
