"""The whole exchange, from the client to the database, against a model of a few dictionaries.

Hypothesis sends, repeats, tampers, recalls, reports, collects, suspends, revokes and restarts in any order; after each
step the exchange has answered as the model says, and stores what the model holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from shutil import rmtree
from typing import Final

import pytest
from cryptography import x509
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loadtests.attempts import Problem
from loadtests.client import File, Letter
from loadtests.exchange import events, jws
from loadtests.exchange.evidence import Event
from loadtests.exchange.lifecycle import NEEDS_REASON, Action, Role, State
from loadtests.exchange.manifest import MessageKind
from loadtests.received import Ref
from tests.integration.exchange.databases import Postgres
from tests.property.exchange_world import AGENCIES, ANSWER_S_MAX, TABLE, URL, World
from tests.unit.loadtests.authorities import issuing, leaf
from tests.unit.loadtests.exchanges import SENDER, crl

BODIES: Final = {"small": b"a", "usual": b"tai lieu" * 50, "file": bytes(range(256)) * 300}
"""Documents: the last one is large enough to become a file."""
AGENCY = st.sampled_from(AGENCIES)
PICK = st.integers(0, 999)
"""Which of what there is; taken modulo their number."""


class Api(World, RuleBasedStateMachine):
    """Agencies, an operator, and an exchange between them."""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        World.__init__(self)

    @rule()
    def restart(self) -> None:
        """The exchange is stopped and started again."""
        self.stop()
        self.exchange = self.started()

    # --- sending ----------------------------------------------------------------------------------------------

    @initialize()
    def first(self) -> None:
        """There is a message from the beginning."""
        self.send(SENDER, both=True, bodies=["usual"], subject="Một")

    @rule(
        sender=AGENCY,
        both=st.booleans(),
        bodies=st.lists(st.sampled_from(tuple(BODIES)), min_size=1, max_size=2),
        subject=st.sampled_from(("Một", "Hai")),
    )
    def send(self, sender: str, *, both: bool, bodies: list[str], subject: str) -> None:
        """A new message."""
        others = [code for code in AGENCIES if code != sender]
        letter = Letter(tuple(others if both else others[:1]), subject, "Công văn", "1", "VP")
        self.submit(letter, [File(BODIES[name], f"{n}.txt") for n, name in enumerate(bodies)], sender)

    @rule(pick=PICK)
    def send_again(self, pick: int) -> None:
        """The same bytes give the same receipt, however often."""
        message = self.one(pick)
        sender = message.ref.sender
        prepared = message.prepared
        got = self.expect(
            self.fault_of(sender), lambda: self.clients[sender].submit(prepared.compact, prepared.documents)
        )
        assert got is None or (got.replayed, got.receipt) == (True, message.receipt)

    @rule(pick=PICK)
    def reuse_an_id(self, pick: int) -> None:
        """Other content under the same id is refused, and the message stands."""
        message = self.one(pick)
        sender = message.ref.sender
        payload = jws.parse(message.prepared.compact).payload
        changed = payload.replace(b'"urgency":0', b'"urgency":4')
        assert changed != payload
        signer = self.clients[sender]._own()
        compact = jws.sign(
            changed, signer.key, signer.certificate_sha256, at=int(self.clock.now), typ=jws.MANIFEST_TYPE
        )
        code = self.fault_of(sender) or "message-id-reused"
        self.expect(code, lambda: self.clients[sender].submit(compact, message.prepared.documents))
        if code == "message-id-reused":
            self.refused[message.ref] = self.refused.get(message.ref, 0) + 1

    @rule(pick=PICK, at=st.integers(0, 10_000), document=st.booleans())
    def tamper(self, pick: int, at: int, *, document: bool) -> None:
        """What was changed on its way is never taken."""
        sender = self.one(pick).ref.sender
        recipients = tuple(code for code in AGENCIES if code != sender)
        letter = Letter(recipients, "Ba", "Công văn", "1", "VP")
        prepared = self.clients[sender].prepare(letter, [File(b"abc", "a.txt")])
        compact, documents = prepared.compact, prepared.documents
        if document:
            documents = (b"abd",)
        else:
            at = len(compact) - 87 - at % 200  # in the payload's last letters, before dot and signature
            letter_ = b"B" if compact[at : at + 1] != b"B" else b"C"
            compact = compact[:at] + letter_ + compact[at + 1 :]
        with pytest.raises(Problem) as caught:
            self.post(compact, documents[0])
        assert caught.value.status in {400, 403, 422}
        if document and not self.fault_of(sender) and not self.suspended & set(recipients):
            assert caught.value.code == "document-mismatch"
            self.refused[Ref(sender, prepared.manifest.message_id)] = 1

    @rule(pick=PICK, kind=st.sampled_from(list(MessageKind)[1:]), both=st.booleans(), known=st.integers(0, 5))
    def refer(self, pick: int, kind: MessageKind, *, both: bool, known: int) -> None:
        """A recall, an update or a replacement of an earlier message, or of one that is not there."""
        message = self.one(pick)
        sender, code = message.ref.sender, None
        recipients = tuple(message.states) if both else tuple(message.states)[:1]
        refers_to = message.ref.message_id
        if not known:
            refers_to, code = "no-such-message", "reference-unknown"
        elif kind is MessageKind.RECALL and not known - 1:
            recipients = tuple(code for code in AGENCIES if code != sender)
            code = "recall-recipient-unknown" if set(recipients) - message.states.keys() else None
        letter = Letter(recipients, "Thu hồi", "Công văn", "2", "VP", kind=kind, refers_to=refers_to)
        before = len(self.sent)
        self.submit(letter, [File(b"abc", "a.txt")], sender, code)
        if len(self.sent) > before and kind is MessageKind.RECALL:
            for recipient in recipients:
                self.move(message, recipient, Action.ASK_RECALL, Role.SENDER)

    # --- reporting --------------------------------------------------------------------------------------------

    @rule(
        pick=PICK,
        agency=AGENCY,
        action=st.sampled_from(events.REPORTABLE),
        reason=st.sampled_from(("", "vì thế")),
    )
    def report(self, pick: int, agency: str, action: Action, reason: str) -> None:
        """A recipient says what it did; the table says whether it can."""
        message = self.one(pick)
        code = self.fault_of(agency)
        row = None
        if code is None and agency not in message.states:
            code = "message-unknown"
        elif code is None:
            row = TABLE.get((message.states[agency], action))
            code = None if row else "event-out-of-order"
        why = reason or ("vì thế" if action in NEEDS_REASON else None)
        got = self.expect(code, lambda: self.clients[agency].report(message.ref, action, why))
        if got is not None and row is not None:
            assert got.evidence.log is not None
            assert got.evidence.log.leaf_index == self.leaves
            self.leaves += 1
            message.states[agency] = row.after
            report = self.reports(message, agency)[-1]
            message.reports.append((agency, report, got.evidence_bytes))

    @rule(pick=PICK)
    @precondition(lambda self: any(message.reports for message in self.sent))
    def report_again(self, pick: int) -> None:
        """The same report again gives the same evidence."""
        told = [(message, *report) for message in self.sent for report in message.reports]
        message, agency, compact, evidence = told[pick % len(told)]
        answer = self.http.post(
            f"{URL}/v1/messages/{message.ref}/events",
            content=compact,
            headers={"Content-Type": "application/jose"},
        )
        if fault := self.fault_of(agency):
            assert answer.json()["code"] == fault
        else:
            assert (answer.status_code, answer.content) == (200, evidence)

    # --- reading ----------------------------------------------------------------------------------------------

    @rule(agency=AGENCY, after=st.integers(-1, 20), limit=st.sampled_from((1, 2, 1000)))
    def read_inbox(self, agency: str, after: int, limit: int) -> None:
        """An inbox after a cursor holds what the model says, in its order."""
        got = self.expect(self.fault_of(agency), lambda: self.clients[agency].inbox(after, limit))
        if got is not None:
            expected = [one for one in self.inbox_of(agency) if one[0] > after][:limit]
            assert [(one.leaf_index, one.ref, one.state) for one in got.entries] == expected
            assert got.next == (expected[-1][0] if expected else after)

    @rule(pick=PICK, agency=AGENCY, stranger=st.booleans())
    def read_message(self, pick: int, agency: str, *, stranger: bool) -> None:
        """Sender and recipients see a message, with the states that concern them; to all others there is none."""
        message = self.one(pick)
        ref = Ref(agency, "never-sent-message") if stranger else message.ref
        unknown = stranger or agency not in self.parties(message)
        code = self.fault_of(agency) or ("message-unknown" if unknown else None)
        got = self.expect(code, lambda: self.clients[agency].message(ref))
        if got is not None:
            seen = message.states if agency == ref.sender else {agency: message.states[agency]}
            assert (got.receipt, got.compact, dict(got.states)) == (
                message.receipt,
                message.prepared.compact,
                seen,
            )

    @rule(pick=PICK, agency=AGENCY, position=st.integers(0, 1))
    def collect(self, pick: int, agency: str, position: int) -> None:
        """A document comes as it was sent; the last one of them to a recipient is put on record once."""
        message = self.one(pick)
        documents = message.prepared.documents
        position %= len(documents)
        unknown = agency not in self.parties(message)
        code = self.fault_of(agency) or ("message-unknown" if unknown else None)
        out = self.place / "out"
        got = self.expect(code, lambda: self.clients[agency].download(message.ref, position, out))
        if got is not None:
            assert out.read_bytes() == documents[position]
            if agency in message.states:
                collected = message.collected.setdefault(agency, set())
                collected.add(position)
                if len(collected) == len(documents) and agency not in message.handed_over:
                    message.handed_over.add(agency)
                    self.leaves += 1

    @rule(pick=PICK, agency=AGENCY)
    def read_evidence(self, pick: int, agency: str) -> None:
        """Evidence stays the same bytes, and is about who may see it."""
        message = self.one(pick)
        unknown = agency not in self.parties(message)
        code = self.fault_of(agency) or ("message-unknown" if unknown else None)
        got = self.expect(code, lambda: self.clients[agency].evidence(message.ref))
        if got is None:
            return
        seen = set(message.states) if agency == message.ref.sender else {agency}
        assert got.receipt.evidence_bytes == message.receipt
        for one in got.consignments:
            (recipient,) = one.evidence.recipients
            assert message.consignments.setdefault(recipient, one.evidence_bytes) == one.evidence_bytes
        assert {one.evidence.recipients[0] for one in got.consignments} == seen
        kinds = [one.evidence.event for one in got.events]
        assert kinds.count(Event.CONTENT_HANDOVER) == len(message.handed_over & seen)
        reported = [one.evidence_bytes for one in got.events if one.report is not None]
        assert reported == [evidence for who, _, evidence in message.reports if who in seen]

    @rule(pick=PICK, agency=AGENCY)
    def read_rejections(self, pick: int, agency: str) -> None:
        """Each final refusal of a known sender is on record, for that sender alone."""
        refs = sorted({*self.refused, *(one.ref for one in self.sent)}, key=str)
        ref = refs[pick % len(refs)]
        code = self.fault_of(agency) or ("message-unknown" if agency != ref.sender else None)
        got = self.expect(code, lambda: self.clients[agency].rejections(ref))
        if got is not None:
            assert len(got) <= self.refused.get(
                ref, 0
            )  # equal refusals of one second are one piece of evidence
            assert bool(got) == bool(self.refused.get(ref, 0))

    # --- operator and time ------------------------------------------------------------------------------------

    @rule(agency=AGENCY)
    def suspend_or_resume(self, agency: str) -> None:
        """The operator suspends an agency, or lifts it."""
        folder, now = self.exchange.service.folder, int(self.clock.now)
        registry = folder.registry()
        if agency in self.suspended:
            folder.write_registry(registry.resume(agency, at=now))
        else:
            folder.write_registry(registry.suspend(agency, at=now))
        self.suspended ^= {agency}
        self.reload()

    @rule(agency=AGENCY)
    @precondition(lambda self: len(self.sent) > 2 and not self.revoked)
    def revoke(self, agency: str) -> None:
        """The authority revokes an agency's certificate, for good."""
        self.revoked.add(agency)
        serials = (serial_of(leaf(code, code=code)) for code in sorted(self.revoked))
        self.exchange.service.folder.write_crl(
            crl(issuing(), *serials, number=next(self.lists), at=int(self.clock.now))
        )
        self.reload()

    @rule(seconds=st.sampled_from((1, 60, ANSWER_S_MAX + 1)))
    def time_goes_on(self, seconds: int) -> None:
        """What nobody answered in time expires; nothing else changes."""
        self.clock.now += seconds
        before = int(self.clock.now) - ANSWER_S_MAX
        self.runner.run(self.exchange.service.expire_overdue())
        for message in self.sent:
            for recipient, state in message.states.items():
                waits = state in {State.AVAILABLE, State.RECALL_OF_AVAILABLE}
                if waits and message.accepted_at < before:
                    message.states[recipient] = State.EXPIRED
                    message.expired += 1
                    self.leaves += 1

    # --- what always holds ------------------------------------------------------------------------------------

    @invariant()
    def the_log_has_a_leaf_for_each_thing(self) -> None:
        """And no other; refusals leave none."""
        assert self.exchange.store.size() == self.leaves
        assert not self.exchange.told("internal-error")
        assert not self.exchange.told("hand-over-failed")
        assert len(self.exchange.service.driver.reservations) == 0

    @rule()
    def read_the_log(self) -> None:
        """Its head covers everything and extends each one that was seen, across restarts."""
        self.clock.now += 1
        client = self.clients[SENDER]
        self.head = client.checkpoint()
        assert self.head.checkpoint.size == self.leaves
        for other in self.clients.values():
            other.seen = self.head

    def teardown(self) -> None:
        """In the end all receipts stand in the log, and every inbox is as the model says."""
        try:
            if self.sent:
                self._check_all()
        finally:
            self.stop()
            self.runner.close()
            rmtree(self.place)

    def _check_all(self) -> None:
        self.read_the_log()
        for message in self.sent:
            self.clients[SENDER].logged(message.receipt)
        for agency in AGENCIES:
            stored = self.exchange.store.inbox(agency, -1, 1000)
            found = [(one.leaf_index, Ref(one.key.sender, one.key.message_id), one.state) for one in stored]
            assert found == self.inbox_of(agency)
            after = -1
            for leaf_index, ref, state in () if self.fault_of(agency) else found:  # one by one, by the cursor
                (one,) = self.clients[agency].inbox(after, 1).entries
                assert (one.leaf_index, one.ref, one.state) == (leaf_index, ref, state)
                after = leaf_index


def serial_of(certificate: x509.Certificate) -> int:
    """What a revocation list names it by."""
    return certificate.serial_number


USUAL: Final = settings(
    max_examples=16,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_on_sqlite() -> None:
    """Whatever is done in whatever order, SQLite holds what the model holds."""
    run_state_machine_as_test(Api, settings=USUAL)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of its own."""
    server = Postgres()
    yield server
    server.close()


def test_on_postgresql(postgres: Postgres) -> None:
    """The same on PostgreSQL."""

    class OnPostgres(Api):
        def new_database(self) -> str:
            return postgres.create()

    run_state_machine_as_test(OnPostgres, settings=settings(USUAL, max_examples=3))


@pytest.mark.soak
def test_for_long(postgres: Postgres) -> None:
    """The same on both, for longer."""

    class OnPostgres(Api):
        def new_database(self) -> str:
            return postgres.create()

    run_state_machine_as_test(Api, settings=settings(USUAL, max_examples=1000, stateful_step_count=50))
    run_state_machine_as_test(OnPostgres, settings=settings(USUAL, max_examples=200, stateful_step_count=50))
