"""The ledger: nothing lost, duplicated, forged or made up goes unnoticed, and nothing is found where all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness.ledger import Books, Finding, Ledger, reconcile, worst
from loadtests.harness.records import (
    ARRIVAL,
    AUDIT,
    DELIVERY,
    MUST_BE_REFUSED,
    UNPLANNED,
    Poison,
    Receipt,
    Rows,
    State,
)
from loadtests.harness.schedule import Schedule

AGENCIES = 5
COUNT = 48


def schedule(poison: dict[int, Poison] | None = None, of: dict[int, int] | None = None) -> Schedule:
    """Forty-eight messages, each to the two agencies after its sender."""
    numbers = np.arange(COUNT)
    kinds, originals = np.zeros(COUNT, dtype=np.uint8), np.full(COUNT, -1, dtype=np.int32)
    for number, kind in (poison or {}).items():
        kinds[number] = kind
    for number, original in (of or {}).items():
        originals[number] = original
    return Schedule(
        due_s=(numbers * 0.1).astype(np.float64),
        sender=(numbers % AGENCIES).astype(np.int32),
        recipient_start=(np.arange(COUNT + 1) * 2).astype(np.int32),
        recipient=np.stack([(numbers + 1) % AGENCIES, (numbers + 2) % AGENCIES], axis=1).ravel().astype(np.int32),
        size_bytes=np.full(COUNT, 4096, dtype=np.int32),
        urgency=np.zeros(COUNT, dtype=np.uint8),
        poison=kinds,
        of=originals,
        agencies=AGENCIES,
        poll_due_s=np.empty(0),
        poll_agency=np.empty(0, dtype=np.int32),
    )  # fmt: skip


def clean(plan: Schedule) -> Books:
    """The books of a run in which everything went as it should."""
    arrivals = np.zeros(COUNT, dtype=ARRIVAL)
    arrivals["number"] = np.arange(COUNT)
    forged = np.isin(plan.poison, tuple(MUST_BE_REFUSED))
    arrivals["state"] = np.where(forged, State.REJECTED, State.ACCEPTED)
    arrivals["receipt"] = np.where(forged, Receipt.NONE, Receipt.GOOD)
    arrivals["status"] = np.where(forged, 400, 201)
    arrivals["sent_s"] = plan.due_s
    arrivals["done_s"] = plan.due_s + 0.01
    there = np.repeat(plan.poison == Poison.NONE, 2)
    deliveries = np.zeros(int(there.sum()), dtype=DELIVERY)
    deliveries["number"] = np.repeat(np.arange(COUNT), 2)[there]
    deliveries["recipient"] = plan.recipient[there]
    deliveries["copies"] = 1
    deliveries["document"] = 1
    audit = np.zeros(len(deliveries), dtype=AUDIT)
    for name in ("number", "recipient", "copies"):
        audit[name] = deliveries[name]
    return Books(plan, arrivals, deliveries, audit, 0, 0, True, lambda number: f"id-{number}")


def codes(ledger: Ledger) -> dict[str, int]:
    """Findings by code."""
    return {one.code: one.count for one in ledger.findings}


def test_nothing_is_found_where_all_is_well() -> None:
    """Poison refused, a replay answered alike, every copy in its place: no finding, and the states add up."""
    plan = schedule({3: Poison.TAMPERED, 4: Poison.REVOKED, 40: Poison.REPLAY}, {40: 16})
    ledger = reconcile(clean(plan))
    assert ledger.findings == ()
    assert (
        ledger.states["accepted"] == ledger.states["delivered"] == ledger.states["acknowledged"] == COUNT - 3
    )
    assert ledger.poison["tampered"] == {"sent": 1, "refused": 1, "accepted": 0, "unanswered": 0}
    assert ledger.replay["sent"] == ledger.replay["same"] == 1
    assert ledger.audited
    assert ledger.documents_checked == 2 * (COUNT - 3)


@given(st.sets(st.integers(0, 2 * COUNT - 1), max_size=20))
def test_every_copy_that_a_receipt_promised_and_is_gone_is_a_proved_loss(gone: set[int]) -> None:
    """As many losses as copies were taken away, each of them proved."""
    books = clean(schedule())
    assert books.audit is not None
    kept = np.delete(books.audit, list(gone))
    found = reconcile(replace(books, audit=kept)).findings
    assert sum(one.count for one in found) == len(gone)
    assert all(one.code == "lost" and one.proved for one in found)


@given(st.sets(st.integers(0, 2 * COUNT - 1), max_size=20))
def test_every_second_copy_is_a_duplicate(twice: set[int]) -> None:
    """As many duplicates as copies were doubled."""
    books = clean(schedule())
    assert books.audit is not None
    books.audit["copies"][list(twice)] = 2
    assert codes(reconcile(books)) == ({"duplicated": len(twice)} if twice else {})


@pytest.mark.parametrize("kind", sorted(MUST_BE_REFUSED))
@pytest.mark.parametrize("seen", ["answer", "inbox"])
def test_a_forgery_is_found_by_its_answer_or_by_its_presence(kind: Poison, seen: str) -> None:
    """It does not matter whether the exchange said so or only did it."""
    plan = schedule({7: kind})
    books = clean(plan)
    if seen == "answer":
        books.arrivals["state"][7] = State.ANSWERED
        ledger = reconcile(books)
    else:
        assert books.audit is not None
        row = np.zeros(1, dtype=AUDIT)
        row["number"], row["recipient"], row["copies"] = 7, plan.recipients_of(7)[0], 1
        ledger = reconcile(replace(books, audit=np.concatenate([books.audit, row])))
    assert codes(ledger) == {"forged-accepted": 1}
    assert ledger.findings[0].examples == ("id-7",)
    assert next(iter(ledger.poison.values()))["accepted"] == 1


def test_a_forgery_with_another_document_is_one_finding() -> None:
    """Accepted with a receipt that holds, and its document is not the one it names: forged, and that is all of it."""
    plan = schedule({7: Poison.WRONG_DIGEST})
    books = clean(plan)
    books.arrivals["state"][7], books.arrivals["receipt"][7] = State.ACCEPTED, Receipt.GOOD
    assert books.audit is not None
    row = np.zeros(1, dtype=AUDIT)
    row["number"], row["recipient"], row["copies"], row["document"] = 7, plan.recipients_of(7)[0], 1, 2
    assert codes(reconcile(replace(books, audit=np.concatenate([books.audit, row])))) == {
        "forged-accepted": 1
    }


def _answered_and_absent(books: Books) -> Books:
    books.arrivals["receipt"][5], books.arrivals["state"][5] = Receipt.NONE, State.ANSWERED
    assert books.audit is not None
    return replace(books, audit=books.audit[books.audit["number"] != 5])


def _never_sent(books: Books) -> Books:
    return replace(books, arrivals=books.arrivals[books.arrivals["number"] != 5])


def _wrong_recipient(books: Books) -> Books:
    assert books.audit is not None
    row = np.zeros(1, dtype=AUDIT)
    row["number"], row["recipient"], row["copies"] = 5, 0, 1  # addressed to 1 and 2
    return replace(books, audit=np.concatenate([books.audit, row]))


def _unplanned(books: Books) -> Books:
    assert books.audit is not None
    row = np.zeros(1, dtype=AUDIT)
    row["number"], row["recipient"], row["copies"] = UNPLANNED, 1, 1
    return replace(books, audit=np.concatenate([books.audit, row]))


def _stranger(books: Books) -> Books:
    return replace(books, foreign=3, foreign_expected=2)


def _wrong_receipt(books: Books) -> Books:
    books.arrivals["receipt"][5], books.arrivals["state"][5] = Receipt.WRONG, State.ANSWERED
    return books


def _wrong_document(books: Books) -> Books:
    books.deliveries["document"][10] = 2
    return books


def _document_gone(books: Books) -> Books:
    assert books.audit is not None
    books.audit["document"][10] = 3
    return books


@pytest.mark.parametrize(
    ("spoil", "code", "count", "proved"),
    [
        (_answered_and_absent, "lost-unproved", 2, False),
        (_never_sent, "phantom", 2, True),
        (_wrong_recipient, "phantom", 1, True),
        (_unplanned, "phantom", 1, True),
        (_stranger, "phantom", 1, True),
        (_wrong_receipt, "receipt-wrong", 1, True),
        (_wrong_document, "receipt-without-document", 1, True),
        (_document_gone, "receipt-without-document", 1, True),
    ],
)
def test_each_fault_has_its_finding_and_no_other(
    spoil: Callable[[Books], Books], code: str, count: int, proved: bool
) -> None:
    """One fault, one finding, as proved as what was seen allows."""
    found = reconcile(spoil(clean(schedule()))).findings
    assert [(one.code, one.count, one.proved) for one in found] == [(code, count, proved)]


def test_ids_of_other_runs_are_no_phantoms_where_they_were_there_before_or_nobody_looked() -> None:
    """A preloaded store holds messages of others."""
    books = clean(schedule())
    for foreign, expected in ((5, 5), (5, None), (None, None)):
        assert reconcile(replace(books, foreign=foreign, foreign_expected=expected)).findings == ()


def test_what_was_not_answered_may_be_there_or_not() -> None:
    """An ambiguous or open message is neither lost nor a phantom; the audit tells how many arrived after all."""
    books = clean(schedule())
    books.arrivals["state"][[5, 6]] = State.AMBIGUOUS, State.SENT
    books.arrivals["receipt"][[5, 6]] = Receipt.NONE
    assert reconcile(books).findings == ()
    assert reconcile(books).ambiguous_stored == 1
    assert books.audit is not None
    books = replace(books, audit=books.audit[~np.isin(books.audit["number"], (5, 6))])
    assert reconcile(books).findings == ()
    assert reconcile(books).ambiguous_stored == 0


def test_without_an_audit_what_no_inbox_showed_is_told_but_not_proved() -> None:
    """An absence is no proof where nobody could ask; and nothing is told where polling had ended too early."""
    books = replace(clean(schedule()), audit=None)
    unseen = replace(books, deliveries=books.deliveries[4:])
    assert [(one.code, one.count, one.proved) for one in reconcile(unseen).findings] == [
        ("undelivered", 4, False)
    ]
    assert reconcile(replace(unseen, collected=False)).findings == ()
    assert reconcile(unseen).states["delivered"] == COUNT - 2


class TestReplays:
    """The same message again gets the same receipt and makes no second copy."""

    def books(self, **changes: int) -> Books:
        """A replay of message 4 as arrival 28, changed."""
        books = clean(schedule({28: Poison.REPLAY}, {28: 4}))
        for name, value in changes.items():
            books.arrivals[name][28] = value
        return books

    def test_another_receipt_is_a_finding(self) -> None:
        """The receipt holds, and is not the one given before."""
        assert codes(reconcile(self.books(receipt=Receipt.DIFFERS))) == {"replay-differs": 1}

    def test_a_refusal_of_what_was_accepted_is_a_finding(self) -> None:
        """Status 409 says something about the message."""
        books = self.books(state=State.REJECTED, receipt=Receipt.NONE, status=409)
        assert codes(reconcile(books)) == {"replay-refused": 1}

    def test_a_refusal_while_the_original_was_under_way_is_none(self) -> None:
        """It had no receipt yet when it was sent again: "in process" is a right answer."""
        books = self.books(state=State.REJECTED, receipt=Receipt.NONE, status=409)
        books.arrivals["done_s"][4] = books.arrivals["sent_s"][28] + 1.0
        assert codes(reconcile(books)) == {}

    @pytest.mark.parametrize("status", [429, 503])
    def test_later_is_no_refusal(self, status: int) -> None:
        """A busy exchange says nothing about the message."""
        books = self.books(state=State.REJECTED, receipt=Receipt.NONE, status=status)
        assert codes(reconcile(books)) == {}

    def test_a_replay_proves_and_sends_for_its_original(self) -> None:
        """The original was shed: what the replay stored is no phantom, and losing it is a loss."""
        books = self.books()
        books.arrivals["state"][4], books.arrivals["receipt"][4] = State.SHED, Receipt.NONE
        assert reconcile(books).findings == ()
        assert books.audit is not None
        books = replace(books, audit=books.audit[books.audit["number"] != 4])
        assert codes(reconcile(books)) == {"lost": 2}


def test_an_empty_run_has_an_empty_ledger() -> None:
    """Nothing was due: nothing is found, and nothing fails."""
    plan = schedule()
    empty = Schedule(
        **{
            name: getattr(plan, name)[: 1 if name == "recipient_start" else 0]
            for name in Schedule.__slots__
            if name != "agencies"
        },
        agencies=0,
    )
    rows: tuple[Rows, Rows, Rows] = (np.zeros(0, ARRIVAL), np.zeros(0, DELIVERY), np.zeros(0, AUDIT))
    ledger = reconcile(Books(empty, *rows, 0, 0, True, str))
    assert ledger.findings == ()
    assert sum(ledger.states.values()) == 0


def test_the_worst_finding_is_a_proved_one() -> None:
    """However frequent the others are."""
    often, proved = Finding("undelivered", 100, False, ""), Finding("lost", 1, True, "")
    assert worst([often, proved]) is proved
    assert worst([]) is None
