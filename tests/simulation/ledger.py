"""What is in anybody's hands, and whether the exchange can still keep what it promised with it.

Rule kept here: a promise is compared with what would be there if the power were cut now, never with what the program
believes; and with what agencies were given, never with what the program meant to give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise

import simpy

from loadtests.exchange import checkpoint, jws, lifecycle, merkle
from loadtests.exchange.evidence import Event, Evidence
from loadtests.exchange.manifest import Manifest, parse
from loadtests.exchange.receipts import check_evidence, check_receipt, log_leaf
from loadtests.exchange.records import EntryKey, EventKey, Happening, Message, MessageKey
from tests.simulation.database import Database
from tests.simulation.files import Files
from tests.simulation.parties import ISSUER
from tests.simulation.reads import bodies_of
from tests.simulation.tables import Tables
from tests.simulation.trace import Trace, promised, require


@dataclass(frozen=True, slots=True)
class Content:
    """What tells one submission from another: sender, id, and SHA-256 of the manifest."""

    key: MessageKey
    manifest_sha256: bytes


@lru_cache(maxsize=2000)
def opened(compact: bytes) -> tuple[jws.Unverified, Manifest, Content]:
    """What is in a signed manifest; whose it is has been checked by who took it."""
    signed = jws.parse(compact)
    said = parse(signed.payload)
    return signed, said, Content(MessageKey(said.sender, said.message_id), sha256(signed.payload).digest())


class Ledger:
    """Watches the promises of the exchange.

    Args:
        env: Time.
        trace: Told what comes into anybody's hands.
        database: What is durable.
        files: What is durable.
    """

    def __init__(self, env: simpy.Environment, trace: Trace, database: Database, files: Files) -> None:
        self._env = env
        self._trace = trace
        self._database = database
        self._files = files
        self._read: dict[bytes, Evidence] = {}
        self._signed_at_s: dict[bytes, float] = {}
        self._receipts: dict[Content, bytes] = {}
        self._rejections: dict[bytes, Content] = {}
        self._reports: dict[tuple[EventKey, bytes], bytes] = {}
        self._heads: dict[bytes, checkpoint.Checkpoint] = {}
        self._leaves: list[bytes] = []
        self._acceptable: set[bytes] = set()

    # --- what comes -----------------------------------------------------------------------------------------

    def may_be_accepted(self, compact: bytes) -> None:
        """Somebody sends this, and nothing is wrong with it that would forbid to take it."""
        self._acceptable.add(compact)

    def signed(self, compact: bytes) -> None:
        """The exchange signed something; nobody has it yet. The same bytes may be signed once more later."""
        self._signed_at_s[compact] = self._env.now

    def receipt(self, compact: bytes, receipt: bytes) -> None:
        """A sender was given a receipt for what it had sent."""
        signed, _, content = opened(compact)
        held = self._receipts.setdefault(content, receipt)
        require(held == receipt, "equal submissions have one receipt", content.key)
        if receipt not in self._read:
            self._trace.note("receipt", content.key.message_id, receipt)
            self._read[receipt] = check_receipt(
                receipt, signed.payload, ISSUER, sender_certificate_sha256=signed.certificate_sha256
            )
            others = [one.key for one in self._receipts if one.key == content.key]
            require(len(others) == 1, "an id has one content", content.key)
        self._check_receipt(content, receipt)

    def rejection(self, compact: bytes, evidence: bytes) -> None:
        """A sender was given evidence of a rejection."""
        told = self._read.get(evidence) or check_evidence(evidence, ISSUER)
        self._read[evidence] = told
        content = opened(compact)[2]
        named = Content(MessageKey(told.sender, told.message_id), told.manifest_sha256)
        require(told.event is Event.SUBMISSION_REJECTION, "a rejection says so", told.message_id)
        require(told.log is None, "a rejection is not in the log", told.message_id)
        require(named == content, "a rejection is about what was sent", told.message_id)
        self._rejections[evidence] = content
        self._check_rejection(evidence)

    def report(self, key: EventKey, compact: bytes, evidence: bytes) -> None:
        """A recipient was given the evidence of what it reported."""
        digest = sha256(jws.parse(compact).payload).digest()
        held = self._reports.setdefault((key, digest), evidence)
        require(held == evidence, "equal reports have one evidence", key)
        told = self._read.get(evidence) or check_evidence(evidence, ISSUER)
        self._read[evidence] = told
        said = (told.message_id, told.recipients, told.progress and told.progress.event_sha256)
        right = (key.entry.message.message_id, (key.entry.recipient,), digest)
        require(said == right, "the evidence is about the report", key)
        self._check_logged(evidence)
        unit = self._database.durable.events.get(key)
        require(unit is not None and unit.receipt == evidence, "the event is stored with its evidence", key)

    def head(self, compact: bytes) -> None:
        """Somebody was given a checkpoint."""
        told = self._heads.get(compact) or checkpoint.check(compact, ISSUER)
        self._heads[compact] = told
        self._check_head(told)

    # --- whether it holds -----------------------------------------------------------------------------------

    def check(self) -> None:
        """All that was ever given out, and all that is stored."""
        for content, receipt in self._receipts.items():
            self._check_receipt(content, receipt)
        for evidence in self._rejections:
            self._check_rejection(evidence)
        for evidence in self._reports.values():
            self._check_logged(evidence)
        self._check_store(self._database.durable)
        self._check_heads()

    def _check_receipt(self, content: Content, receipt: bytes) -> None:
        """Message, documents, inbox entries and leaf are stored, and are the right ones."""
        told, tables = self._read[receipt], self._database.durable
        unit = tables.messages.get(content.key)
        require(unit is not None, "a receipted message is stored", content.key)
        if unit is None or not isinstance(unit.item, Message):
            return
        require(unit.receipt == receipt, "a message is stored with its receipt", content.key)
        require(opened(unit.item.compact)[2] == content, "the manifest is unchanged", content.key)
        bodies = bodies_of(unit, self._files.durable)
        digests = [sha256(body).digest() if body is not None else None for body in bodies]
        right = [document.sha256 for document in told.documents]
        require(digests == right, "every document is stored and unchanged", content.key)
        for code in told.recipients:
            stands = [key for _, key in tables.inboxes.get(code, []) if key == content.key]
            require(len(stands) == 1, "it stands in every inbox once", content.key, code)
            require(EntryKey(content.key, code) in tables.entries, "it has an entry", content.key, code)
        self._check_logged(receipt)

    def _check_logged(self, evidence: bytes) -> None:
        told, units = self._read[evidence], self._database.durable.units
        index = told.log.leaf_index if told.log else -1
        stands = 0 <= index < len(units) and units[index].receipt == evidence
        require(stands and units[index].leaf == log_leaf(evidence), "evidence stands at its leaf", index)

    def _check_rejection(self, evidence: bytes) -> None:
        """It is kept, and it was signed before anything of the same content was: acceptance is for good."""
        content, told = self._rejections[evidence], self._read[evidence]
        kept = self._database.durable.audit.get(told.evidence_id)
        require(kept is not None and kept.compact == evidence, "a rejection is kept", content.key)
        unit = self._database.durable.messages.get(content.key)
        if unit is not None and unit.evidence.manifest_sha256 == content.manifest_sha256:
            earlier = self._signed_at_s[unit.receipt] < self._signed_at_s[evidence]
            require(not earlier, "what was accepted is not rejected", content.key, told.reason)

    def _check_store(self, tables: Tables) -> None:
        """The log holds what is stored and nothing else, each unit once, and it only grew."""
        leaves = [unit.leaf for unit in tables.units]
        require(leaves[: len(self._leaves)] == self._leaves, "the log only grows", len(leaves))
        self._leaves = leaves
        require(tables.head.size == len(leaves), "the log has a leaf for each unit", len(leaves))
        root = merkle.frontier(len(leaves), merkle.nodes_over(leaves.__getitem__))
        require(tables.head == root, "the log's head is made of its leaves", len(leaves))
        named = (len(tables.messages), len(tables.events), len(tables.handovers))
        require(sum(named) == len(leaves), "nothing is stored twice", *named)
        for index, unit in enumerate(tables.units):
            log = unit.evidence.log
            require(log is not None and log.leaf_index == index, "evidence names its leaf", index)
            require(unit.leaf == log_leaf(unit.receipt), "a leaf is that of its evidence", index)
        for key, unit in tables.messages.items():
            compact = unit.item.compact if isinstance(unit.item, Message) else None
            require(compact in self._acceptable, "what is refused leaves no trace", key)
            entries = [one.recipient for one in tables.entries if one.message == key]
            require(sorted(entries) == sorted(unit.evidence.recipients), "entries are the recipients", key)
        self._check_entries(tables)

    def _check_entries(self, tables: Tables) -> None:
        """Every entry stands where its stored events lead, one after the other."""
        replayed = dict[EntryKey, lifecycle.Entry]()
        for unit in tables.units:
            if isinstance(unit.item, Message):
                key = unit.item.key
                replayed |= {EntryKey(key, one.recipient): one for one in unit.item.inbox}
            if isinstance(unit.item, Message | Happening):
                for change in unit.item.changes:
                    at = change.standing.key
                    signer = lifecycle.roles(replayed[at], _signer_of(unit.item), ISSUER.name)
                    with promised("an entry stands where its events lead", at):
                        replayed[at] = lifecycle.apply(replayed[at], _event_of(unit.item), signer).entry
        require(replayed == tables.entries, "an entry stands where its events lead", len(replayed))

    def _check_head(self, told: checkpoint.Checkpoint) -> None:
        tables = self._database.durable
        require(told.size <= tables.head.size, "a checkpoint covers what is stored", told.size)
        require(told.root == tables.root(told.size), "a checkpoint has the log's root", told.size)

    def _check_heads(self) -> None:
        """Each checkpoint that was ever given out is extended by the next one, as its holder would prove it."""
        tables = self._database.durable
        heads = sorted(self._heads.values(), key=lambda one: (one.size, one.issued_at))
        heads = [one for one in heads if one.size]
        for old, new in pairwise(heads):
            with promised("a checkpoint extends the one before", old.size, new.size):
                checkpoint.extends(old, new, merkle.consistency_proof(old.size, new.size, tables.read_node))
                last = old.size - 1
                inclusion = merkle.inclusion_proof(last, new.size, tables.read_node)
                merkle.verify_inclusion(tables.units[last].leaf, last, new.size, inclusion, new.root)


def _event_of(item: Message | Happening) -> lifecycle.Event:
    if isinstance(item, Message):
        authentic = item.verified.authentic
        return lifecycle.Event(item.key.message_id, lifecycle.Action.ASK_RECALL, authentic.manifest_sha256)
    # Reasons are no part of an entry; whether a refusal has one was asked when the report was read.
    return lifecycle.Event(item.applied.event_id, item.action, item.applied.content_sha256, "stored")


def _signer_of(item: Message | Happening) -> str:
    if isinstance(item, Message):
        return item.key.sender
    return item.key.entry.recipient if item.compact is not None else ISSUER.name
