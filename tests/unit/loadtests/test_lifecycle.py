"""What follows what at one recipient, and who signs it."""

from __future__ import annotations

import itertools
import re

import pytest

from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import (
    ACTION_CODES,
    NEEDS_REASON,
    STATUS_CODES,
    TERMINAL,
    TRANSITIONS,
    Action,
    Entry,
    Event,
    Outcome,
    Role,
    State,
    apply,
    followers,
    mermaid,
    roles,
)

SENDER, RECIPIENT, EXCHANGE, STRANGER = "000.00.00.H49", "000.00.01.H49", "000.00.99.H49", "000.00.02.H49"
RECIPIENT_ONLY = frozenset({Role.RECIPIENT})
SIGNED_BY = {
    Action.ASK_RECALL: frozenset({Role.SENDER}),
    Action.EXPIRE: frozenset({Role.EXCHANGE}),
}


def entry(state: State = State.AVAILABLE) -> Entry:
    """A message at one recipient."""
    return Entry(SENDER, RECIPIENT, state)


def event(action: Action, number: int = 1, content: bytes = b"\x11" * 32) -> Event:
    """An event with a reason where it needs one."""
    return Event(
        f"event-{number}", action, content, "sent to the wrong office" if action in NEEDS_REASON else ""
    )


def signer(action: Action) -> frozenset[Role]:
    """Roles of whoever may sign it."""
    return SIGNED_BY.get(action, RECIPIENT_ONLY)


def play(*actions: Action) -> Outcome:
    """One event after another on a new entry."""
    current, outcome = entry(), None
    for number, action in enumerate(actions):
        outcome = apply(current, event(action, number), signer(action))
        current = outcome.entry
    assert outcome is not None
    return outcome


def code_of(current: Entry, happened: Event, by: frozenset[Role]) -> str:
    """Code with which an event is refused."""
    with pytest.raises(Refusal) as caught:
        apply(current, happened, by)
    return caught.value.code


A = Action
HISTORIES = [
    ((A.ACCEPT, A.ASSIGN, A.START, A.FINISH), State.DONE, "06"),
    ((A.ACCEPT, A.START, A.FINISH), State.DONE, "06"),
    ((A.ACCEPT, A.FINISH), State.DONE, "06"),
    ((A.ACCEPT, A.ASSIGN, A.FINISH), State.DONE, "06"),
    ((A.REFUSE,), State.REFUSED, "02"),
    ((A.ASK_RECALL,), State.RECALL_OF_AVAILABLE, "13"),
    ((A.ASK_RECALL, A.CONSENT_TO_RECALL), State.RECALLED, "15"),
    ((A.ACCEPT, A.ASK_RECALL, A.REFUSE_RECALL), State.ACCEPTED, "03"),
    ((A.ACCEPT, A.ASSIGN, A.START, A.ASK_RECALL, A.REFUSE_RECALL, A.FINISH), State.DONE, "06"),
    (
        (A.ACCEPT, A.START, A.ASK_RECALL, A.REFUSE_RECALL, A.ASK_RECALL, A.CONSENT_TO_RECALL),
        State.RECALLED,
        "15",
    ),
]


@pytest.mark.parametrize(("actions", "state", "code"), HISTORIES)
def test_a_life_ends_where_it_should(actions: tuple[Action, ...], state: State, code: str) -> None:
    """With its status code and one entry of history for each event."""
    outcome = play(*actions)
    assert outcome.entry.state is state
    assert STATUS_CODES[state] == code
    assert [applied.event_id for applied in outcome.entry.history] == [
        f"event-{n}" for n in range(len(actions))
    ]
    assert outcome.applied.state is state
    assert not outcome.replayed


def test_only_an_unanswered_message_expires() -> None:
    """Also while its recall is asked; never one that was accepted."""
    for before in State:
        if before in {State.AVAILABLE, State.RECALL_OF_AVAILABLE}:
            assert apply(entry(before), event(A.EXPIRE), SIGNED_BY[A.EXPIRE]).entry.state is State.EXPIRED
        else:
            assert code_of(entry(before), event(A.EXPIRE), SIGNED_BY[A.EXPIRE]) == "event-out-of-order"


def test_what_is_not_in_the_table_is_out_of_order() -> None:
    """Every state with every action: a row of the table decides, and only it."""
    rows = {(row.before, row.action): row.after for row in TRANSITIONS}
    for before, action in itertools.product(State, Action):
        if after := rows.get((before, action)):
            assert apply(entry(before), event(action), signer(action)).entry.state is after
        else:
            assert code_of(entry(before), event(action), signer(action)) == "event-out-of-order"


def test_only_whom_the_table_names_may_sign() -> None:
    """In every state, whatever the order: nobody learns the state by a signature that does not count."""
    for before, action, role in itertools.product(State, Action, Role):
        if role not in signer(action):
            assert code_of(entry(before), event(action), frozenset({role})) == "event-not-permitted"
    assert code_of(entry(), event(A.ACCEPT), frozenset()) == "event-not-permitted"


def test_roles_come_from_the_codes_of_sender_recipient_and_exchange() -> None:
    """Who sends to itself has two roles, a stranger none."""
    assert roles(entry(), RECIPIENT, EXCHANGE) == {Role.RECIPIENT}
    assert roles(entry(), SENDER, EXCHANGE) == {Role.SENDER}
    assert roles(entry(), EXCHANGE, EXCHANGE) == {Role.EXCHANGE}
    assert roles(entry(), STRANGER, EXCHANGE) == frozenset()
    to_itself = Entry(SENDER, SENDER)
    both = roles(to_itself, SENDER, EXCHANGE)
    assert both == {Role.SENDER, Role.RECIPIENT}
    asked = apply(to_itself, event(A.ASK_RECALL), both).entry
    assert apply(asked, event(A.CONSENT_TO_RECALL, 2), both).entry.state is State.RECALLED


def test_the_same_event_again_gives_the_same_answer() -> None:
    """Also when the message has gone on since, and when it is over."""
    first = apply(entry(), event(A.ACCEPT, 1), RECIPIENT_ONLY)
    later = apply(first.entry, event(A.FINISH, 2), RECIPIENT_ONLY)
    again = apply(later.entry, event(A.ACCEPT, 1), RECIPIENT_ONLY)
    assert again == Outcome(later.entry, first.applied, replayed=True)
    assert again.applied.state is State.ACCEPTED


def test_an_event_id_with_other_content_is_refused() -> None:
    """Before anything else is asked, and the entry stays as it was."""
    taken = apply(entry(), event(A.ACCEPT, 1), RECIPIENT_ONLY).entry
    other = event(A.ACCEPT, 1, content=b"\x22" * 32)
    assert code_of(taken, other, RECIPIENT_ONLY) == "event-id-reused"
    assert code_of(taken, event(A.START, 1, content=b"\x22" * 32), RECIPIENT_ONLY) == "event-id-reused"
    assert taken.state is State.ACCEPTED


def test_a_replay_by_somebody_else_is_not_answered() -> None:
    """The sender does not get the answer to the recipient's event."""
    taken = apply(entry(), event(A.ACCEPT), RECIPIENT_ONLY).entry
    assert code_of(taken, event(A.ACCEPT), frozenset({Role.SENDER})) == "event-not-permitted"


def test_terminal_states_are_those_that_nothing_leaves() -> None:
    """And every other state can be reached and left."""
    assert {State.REFUSED, State.DONE, State.RECALLED, State.EXPIRED} == TERMINAL
    reached = {row.after for row in TRANSITIONS} | {State.AVAILABLE}
    assert reached == set(State)


def test_a_table_names_each_step_once() -> None:
    """Two rows for one state and action would leave open what follows."""
    steps = [(row.before, row.action) for row in TRANSITIONS]
    assert len(steps) == len(set(steps))


def test_every_event_of_an_agency_has_its_code() -> None:
    """Only expiry, which the exchange reports, has none in the vocabulary."""
    assert set(Action) - set(ACTION_CODES) == {A.EXPIRE}
    assert set(State) - set(STATUS_CODES) == {State.EXPIRED}


def test_the_hint_says_what_could_be_reported() -> None:
    """So that whoever is refused can act on it."""
    with pytest.raises(Refusal) as caught:
        apply(entry(State.ASSIGNED), event(A.ACCEPT), RECIPIENT_ONLY)
    assert caught.value.hint.endswith("start, finish")
    with pytest.raises(Refusal) as caught:
        apply(entry(State.DONE), event(A.ACCEPT), RECIPIENT_ONLY)
    assert caught.value.hint.endswith("nothing")
    assert followers(State.ASSIGNED, frozenset({Role.SENDER})) == (A.ASK_RECALL,)


@pytest.mark.parametrize(
    ("event_id", "action", "digest", "reason"),
    [
        ("", A.ACCEPT, b"\x11" * 32, ""),
        ("x" * 65, A.ACCEPT, b"\x11" * 32, ""),
        ("x", A.ACCEPT, b"\x11" * 31, ""),
        ("x", A.ACCEPT, b"\x11" * 32, "r" * 501),
        ("x", A.REFUSE, b"\x11" * 32, " \n"),
        ("x", A.REFUSE_RECALL, b"\x11" * 32, ""),
    ],
)
def test_an_event_out_of_its_range_is_refused(
    event_id: str, action: Action, digest: bytes, reason: str
) -> None:
    """Id, digest and reason; who refuses must say why."""
    with pytest.raises(Refusal) as caught:
        Event(event_id, action, digest, reason)
    assert caught.value.code == "event-invalid"


def test_the_picture_shows_exactly_the_table() -> None:
    """Every state once, every row as one arrow with its signer, begin and ends."""
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    shown = {name: label for label, name in (re.findall(r'state "(.+)" as (\w+)', "\n".join(lines)))}
    assert len(shown) == len(State)
    assert shown["in_process"] == "05 in-process"
    assert shown["expired"] == "expired"
    arrows = re.findall(r"^    (\w+) --> (\w+): (\S+) \((\w+)\)$", "\n".join(lines), re.MULTILINE)
    table = [
        (row.before.replace("-", "_"), row.after.replace("-", "_"), row.action, row.role)
        for row in TRANSITIONS
    ]
    assert arrows == table
    assert "    [*] --> available" in lines
    assert {line.split()[0] for line in lines if line.endswith("--> [*]")} == set(TERMINAL)
