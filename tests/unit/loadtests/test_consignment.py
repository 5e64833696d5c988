"""Evidence that a message stands in an inbox."""

from __future__ import annotations

from loadtests.exchange import evidence
from loadtests.exchange.consignment import consignment, consignment_id
from loadtests.exchange.evidence import Event
from loadtests.exchange.lifecycle import State
from loadtests.exchange.receipts import check_document, check_evidence
from loadtests.exchange.records import EntryKey
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.exchanges import (
    EXCHANGE_CERTIFICATE,
    ISSUER,
    NAME,
    SECOND,
    SENDER,
    THIRD,
    registered_leaf,
)
from tests.unit.loadtests.journeys import ENTRY, KEY, arrived


def test_it_says_which_message_stands_where() -> None:
    """Signed and read as all evidence is, whatever became of the entry; without a leaf, for one recipient."""
    for state in (State.AVAILABLE, State.DONE):
        standing = arrived(state).store.standing(ENTRY)
        assert standing is not None
        made = consignment(standing, NAME, AT + 60)
        told = check_evidence(evidence.sign(made, key("exchange"), EXCHANGE_CERTIFICATE), ISSUER)
        assert told == made
        assert (told.event, told.event_at, told.log) == (Event.CONTENT_CONSIGNMENT, AT + 60, None)
        assert (told.sender, told.message_id, told.recipients) == (SENDER, KEY.message_id, (SECOND,))
        assert told.sender_certificate_sha256 == registered_leaf(SENDER).sha256
        document = standing.manifest.documents[0]
        check_document(told, 0, document.sha256, document.size_bytes)


def test_its_id_is_one_for_each_message_and_recipient() -> None:
    """No other pair has it, so that what is kept under it is found again."""
    store = arrived().store
    ids = set()
    for recipient in (SECOND, THIRD):
        standing = store.standing(EntryKey(KEY, recipient))
        assert standing is not None
        ids.add(consignment(standing, NAME, AT).evidence_id)
    assert ids == {consignment_id(0, SECOND), consignment_id(0, THIRD)}
    assert consignment_id(12, SECOND) == "consignment-000000000012-000-00-01-H41"
