"""One document's life: forks, loops, relays, replies, refusals, and what each leaves in the records."""

from __future__ import annotations

import numpy as np
import pytest

from sim.engine.presence import posts
from sim.observations import Outcome
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.units import HOUR_S
from tests.builders import WORK_WEEK, Doc, documents, row, rows, scenario, simulate, time_of

MONDAY = "2015-01-05"
ROUND = "{hours: round the clock}"
OTHER = "other: {title: Other, leg: []}"
PASSED_ON = """
    letter:
      from: {id: a}
      to: {level: [district, commune], all: true}
      volume: 1 / working day
      procedure: paper
      relay: {levels: [commune]}
    """
TREE = """
    [{id: a, level: province}, {id: d, level: district, parent: a}, {id: e, level: district, parent: a},
     {id: x, level: commune, parent: d}, {id: y, level: commune, parent: d},
     {id: z, level: commune, parent: e}]
    """


def one_procedure(sender: str = "[]", leg: str = "[{end: completed}]", **sections: str) -> ScenarioFile:
    """Return a scenario with one procedure, serving letters from a to b round the clock."""
    given = {"staff": "{office: {clerk: 2, officer: 3}}"} | sections
    return scenario(procedures=f"serve: {{title: Serve, sender: {sender}, leg: {leg}}}\n{OTHER}", **given)


def outcomes(file: ScenarioFile, *docs: Doc, name: str | None = None) -> list[Outcome]:
    """Return how each leg ended."""
    return [
        Outcome(one) for one in simulate(file, name, documents=documents(file, *docs)).legs.outcome.tolist()
    ]


# --- loops and owners ---------------------------------------------------------------------------------------


def test_a_loop_is_bounded_and_draws_anew() -> None:
    """A document that is always returned goes round as often as allowed, every time with other draws."""
    file = one_procedure(
        "[{work: draft, by: officer, takes: {exponential: {mean: 1 h}}}, "
        "{decide: returned, to: {draft: 1.0}, loops_max: 4}]"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert len(rows(file, obs, "draft")) == 5
    assert len(set(obs.steps.work_s.tolist())) == 5
    assert outcomes(file, Doc(f"{MONDAY} 08:00")) == [Outcome.COMPLETED]


def test_a_fork_inside_a_loop_draws_anew() -> None:
    """Work in the branches of a fork is not the same work again when a loop leads back to it."""
    file = one_procedure(
        "[{fork: both, branches: {one: [{work: left, by: officer, takes: {exponential: {mean: 1 h}}}], "
        "two: [{work: right, by: officer, takes: {exponential: {mean: 1 h}}}]}}, "
        "{decide: returned, to: {both: 1.0}, loops_max: 2}]"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert len(obs.steps.work_s) == len(set(obs.steps.work_s.tolist())) == 6


def test_a_jump_ahead_skips_steps() -> None:
    """A decision may send a document past steps of its list."""
    file = one_procedure(
        "[{decide: short, to: {sign: 1.0}}, {work: draft, by: officer, takes: 1 h}, "
        "{work: sign, by: clerk, takes: 1 h}]"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert [one.task for one in rows(file, obs)] == ["sign"]


@pytest.mark.parametrize("part", ["sender", "leg"])
def test_rework_returns_to_its_drafter(part: str) -> None:
    """Whoever drafted first drafts again, though others are free and the drafter is at other work."""
    steps = (
        "[{work: draft, by: officer, assign: owner, owner: draft, takes: 1 h}, "
        "{work: check, by: clerk, takes: 10 min}, {decide: returned, to: {draft: 1.0}, loops_max: 2}]"
    )
    file = one_procedure(**{part: steps})
    docs = [Doc(f"{MONDAY} 08:00"), Doc(f"{MONDAY} 08:30"), Doc(f"{MONDAY} 09:05")]
    obs = simulate(file, documents=documents(file, *docs))
    for doc in range(3):
        drafts = [one for one in rows(file, obs, "draft") if one.doc == doc]
        assert len(drafts) == 3
        assert len({one.who for one in drafts}) == 1
    assert len({one.who for one in rows(file, obs, "draft")}) == 3


def test_rework_goes_to_a_colleague_when_its_drafter_is_away_for_long() -> None:
    """An owner off duty for more than a working day is not waited for; a shorter absence is."""
    file = scenario(
        calendar=WORK_WEEK,
        staff="{office: {officer: 2}}",
        absence="{officer: {away: 0.5, spell: 3 working days}}",
        flows="{letter: {from: {id: a}, to: {id: b}, volume: 4 / working day, procedure: serve}}",
        procedures="""
            serve:
              title: Serve
              sender:
                - {work: draft, by: officer, assign: owner, owner: draft, takes: 10 min}
                - {wait: thinking, takes: 1 day}
                - {decide: returned, to: {draft: 1.0}, loops_max: 1}
              leg: [{end: completed}]
            """,
    )
    case = file.cases["base"]
    duties = [one.duty for one in posts(file, case.scenario, case.agencies, [0, 1], Streams(1, 1))]
    obs = simulate(file)
    steps, kept, moved = obs.steps, 0, 0
    drafts = steps.task == obs.names.tasks.index("draft")
    for doc in set(steps.doc[drafts].tolist()):
        mine = np.flatnonzero(drafts & (steps.doc == doc))
        if len(mine) < 2:
            continue
        first, second = mine.tolist()
        asked = float(steps.enabled_s[second])
        back = duties[steps.person[first]].next_open(asked)
        if file.office.elapsed(asked, back) <= file.office.day_s:
            assert steps.person[second] == steps.person[first]
            kept += 1
        else:
            moved += bool(steps.person[second] != steps.person[first])
    assert kept > 10
    assert moved > 3


# --- forks --------------------------------------------------------------------------------------------------

BOTH_WAYS = """
    serve:
      title: Double running
      sender: [{{work: issue, by: clerk, takes: 10 min, marks: sent}}]
      leg:
        - fork: both
          join: {join}
          branches:
            electronic:
              - {{wait: network, takes: 1 min}}
              - {{work: receive, by: clerk, takes: 9 min{mark}}}
            paper:
              - {{work: envelope, by: clerk, at: sender, takes: 20 min}}
              - {{wait: post, takes: 1 day}}
              - {{work: open, by: clerk, takes: 10 min, marks: registered}}
        - {{work: handle, by: officer, takes: 1 h}}
    """
STAFF = "{office: {clerk: 1, officer: 1}}"


def test_double_running_counts_the_first_valid_copy() -> None:
    """The leg goes on with the electronic copy; both clerks handle the paper too, off the leg's path."""
    file = scenario(staff=STAFF, procedures=BOTH_WAYS.format(join="first", mark=", marks: registered"))
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00"), Doc("2015-01-08 08:00")))
    assert time_of(file, obs.legs, "registered_s") == f"{MONDAY} 08:20"
    assert time_of(file, obs.legs, "finished_s") == f"{MONDAY} 09:20"
    assert row(file, obs, "open").completed == "2015-01-06 08:40"
    on_path = {
        obs.names.tasks[steps] for steps in obs.steps.task[obs.steps.on_path & (obs.steps.doc == 0)].tolist()
    }
    assert on_path == {"issue", "network", "receive", "handle"}


def test_an_unsigned_copy_does_not_end_the_wait_for_paper() -> None:
    """The e-mail comes first and is read; the leg goes on when the paper is registered."""
    file = scenario(staff=STAFF, procedures=BOTH_WAYS.format(join="paper", mark=""))
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert row(file, obs, "receive").completed == f"{MONDAY} 08:20"
    assert time_of(file, obs.legs, "registered_s") == "2015-01-06 08:40"
    assert time_of(file, obs.legs, "finished_s") == "2015-01-06 09:40"


def test_a_join_of_all_waits_for_the_last() -> None:
    """The branch that ends last is the one on the path."""
    file = scenario(staff=STAFF, procedures=BOTH_WAYS.format(join="all", mark=""))
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert time_of(file, obs.legs, "finished_s") == "2015-01-06 09:40"
    off = {obs.names.tasks[task] for task in obs.steps.task[~obs.steps.on_path].tolist()}
    assert off == {"network", "receive"}


@pytest.mark.parametrize("join", ["all", "first", "two"])
def test_a_leg_refused_in_one_branch_is_over(join: str) -> None:
    """Refused once, the leg neither goes on nor ends a second time; the other branch does its work."""
    file = one_procedure(
        leg="[{fork: both, join: " + join + ", branches: {one: [{work: look, by: clerk, takes: 10 min}, "
        "{decide: wrong, to: {refused: 1.0}}], two: [{work: assist, by: officer, takes: 1 h}]}}, "
        "{work: handle, by: officer, takes: 1 h}]"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert obs.legs.outcome.tolist() == [Outcome.REFUSED]
    assert time_of(file, obs.legs, "closed_s") == f"{MONDAY} 08:10"
    assert [one.task for one in rows(file, obs)] == ["look", "assist"]


def test_marks_inside_a_fork_of_the_sender_part_count() -> None:
    """Signed in one branch, sent in the other: the legs carry both moments."""
    file = one_procedure(
        "[{fork: both, branches: {one: [{work: sign, by: officer, takes: 10 min, marks: signed}], "
        "two: [{work: send, by: clerk, takes: 1 h, marks: sent}]}}]"
    )
    legs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00"))).legs
    assert (legs.signed_s - legs.created_s).tolist() == pytest.approx([600.0])
    assert (legs.sent_s - legs.created_s).tolist() == pytest.approx([3600.0])


# --- outcomes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "outcome"), [("refused", Outcome.REFUSED), ("recalled", Outcome.RECALLED)])
@pytest.mark.parametrize("how", ["{end: %s}", "{decide: fate, to: {%s: 1.0}}"])
def test_a_document_that_ends_in_its_sender_part_ends_all_its_legs(
    end: str, outcome: Outcome, how: str
) -> None:
    """Every leg of the document, and no leg of another, ends with it."""
    file = one_procedure(
        "[{work: draft, by: officer, takes: 1 h}, " + how % end + "]",
        agencies="[{id: a, level: office}, {id: b, level: office}, {id: c, level: office}]",
        flows="""
            letter: {from: {id: a}, to: {level: office}, volume: 1 / working day, procedure: serve}
            note: {from: {id: a}, to: {level: office}, volume: 1 / working day, procedure: other}
            """,
    )
    docs = [Doc(f"{MONDAY} 08:00", to=("b", "c")), Doc(f"{MONDAY} 08:00", to=("b",), flow="note")]
    obs = simulate(file, documents=documents(file, *docs))
    assert obs.legs.outcome.tolist() == [outcome, outcome, Outcome.COMPLETED]
    assert np.all(np.isnan(obs.legs.released_s[:2]))
    assert time_of(file, obs.legs, "closed_s") == f"{MONDAY} 09:00"


def test_a_refused_leg_ends_there() -> None:
    """A leg refused at the recipient's desk has no finish, and its siblings go on."""
    file = one_procedure(
        leg="[{work: open, by: clerk, takes: 10 min}, {decide: wrong, to: {refused: 1.0}}, "
        "{work: handle, by: officer, takes: 1 h}]"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert obs.legs.outcome.tolist() == [Outcome.REFUSED]
    assert np.isnan(obs.legs.finished_s[0])
    assert [one.task for one in rows(file, obs)] == ["open"]


# --- conditions and durations -------------------------------------------------------------------------------


def test_conditions_let_steps_be_passed_over() -> None:
    """A step is done where its condition holds, and by the stated share of documents."""
    file = one_procedure(
        "[{work: hurry, by: clerk, takes: 1 min, when: {flow: [urgent]}}, "
        "{work: some, by: clerk, takes: 1 min, share: 0.5}, "
        "{wait: round, until: ['10:00'], when: {urgency: [normal]}}]",
        flows="""
            letter: {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: serve}
            urgent:
              {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: serve, urgency: {urgent: 1}}
            """,
    )
    docs = [Doc(f"{MONDAY} 08:00", flow=flow) for flow in ("letter", "urgent") * 50]
    obs = simulate(file, documents=documents(file, *docs))
    assert {one.doc % 2 for one in rows(file, obs, "hurry")} == {1}
    assert {one.doc % 2 for one in rows(file, obs, "round")} == {0}
    assert 30 <= len(rows(file, obs, "some")) <= 70


def test_working_time_is_added_per_recipient_and_per_page() -> None:
    """Two minutes, three recipients at one, one page at half a minute; parts are done in one sitting."""
    file = one_procedure(
        "[{work: copy, by: clerk, takes: 2 min, per_recipient: 1 min, per_page: 30 s}]",
        leg="[{work: open, by: clerk, parts: {cut: 1 min, stamp: 30 s}}]",
        agencies="[" + ", ".join(f"{{id: {one}, level: office}}" for one in "abcd") + "]",
        flows="{letter: {from: {id: a}, to: {level: office}, volume: 1 / working day, procedure: serve}}",
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=("b", "c", "d"))))
    assert obs.steps.work_s.tolist() == pytest.approx([330.0, 90.0, 90.0, 90.0])


# --- one document on two procedures -------------------------------------------------------------------------


def test_procedures_that_serve_one_document_share_steps_of_one_name() -> None:
    """Drafted once, signed once; then the paper copies are made, after the electronic ones have gone."""
    file = scenario(
        staff="{office: {clerk: 1, officer: 1}, bureau: {clerk: 1}}",
        agencies="[{id: a, level: office}, {id: b, level: office}, {id: c, level: bureau}]",
        flows="{letter: {from: {id: a}, to: {level: [office, bureau]}, volume: 1 / working day}}",
        channels="{electronic: {procedure: signed, agencies: {level: office}}, post: {procedure: paper}}",
        procedures="""
            paper:
              title: Paper
              sender: [{work: draft, by: officer, takes: 1 h}, {work: copy, by: clerk, takes: 10 min}]
              leg: [{wait: post, takes: 1 day}]
            signed:
              title: Signed
              sender:
                - {work: draft, by: officer, takes: 1 h}
                - {work: issue, by: clerk, takes: 5 min, marks: sent}
              leg: [{wait: network, takes: 1 min}]
            """,
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=("b", "c"))))
    assert [one.task for one in rows(file, obs)][:2] == ["draft", "issue"]
    assert len(rows(file, obs, "draft")) == 1
    assert [time_of(file, obs.legs, "released_s", leg) for leg in (0, 1)] == [
        f"{MONDAY} 09:05",
        f"{MONDAY} 09:15",
    ]
    assert [obs.names.procedures[one] for one in obs.legs.procedure.tolist()] == ["signed", "paper"]


# --- relays -------------------------------------------------------------------------------------------------


def relaying(leg: str, relay: str, **sections: str) -> ScenarioFile:
    """Return a province that sends to districts, and to communes through their districts."""
    given = {
        "agencies": TREE,
        "staff": "{province: {clerk: 1}, district: {clerk: 1, officer: 1}, commune: {clerk: 1, officer: 1}}",
        "flows": PASSED_ON,
    } | sections
    return scenario(
        procedures=f"""
paper:
  title: Paper
  sender: [{{work: copy, by: clerk, takes: 10 min, per_recipient: 1 min, marks: signed}}]
  leg: {leg}
  relay: {relay}
""",
        **given,
    )


LEG = (
    "[{work: send, by: clerk, at: sender, takes: 1 min, marks: sent}, {wait: post, takes: 1 day}, "
    "{work: open, by: clerk, takes: 10 min, marks: registered}, {relay: pass-on}"
)
ALL = ("d", "e", "x", "y", "z")


def test_copies_set_out_when_the_relaying_agency_has_made_them() -> None:
    """Though the relaying leg is filed at once, its communes wait for the copies that the district sends."""
    file = relaying(LEG + "]", "[{work: copies, by: clerk, takes: 1 h, per_recipient: 10 min}]")
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=ALL)))
    legs = obs.legs
    copies = {one.leg: one for one in rows(file, obs, "copies")}
    assert set(copies) == {0, 1}  # by the two districts, once each
    assert legs.released_by.tolist() == [-1, -1, 0, 0, 1]
    for leg, parent in ((2, 0), (3, 0), (4, 1)):
        assert time_of(file, legs, "released_s", leg) == copies[parent].completed
        assert time_of(file, legs, "signed_s", leg) == time_of(file, legs, "signed_s", parent)
    took_s = obs.steps.work_s[obs.steps.task == obs.names.tasks.index("copies")]
    assert sorted((took_s / 60).tolist()) == pytest.approx(
        [70.0, 80.0]
    )  # an hour, and ten minutes per commune
    assert row(file, obs, "copy").completed == f"{MONDAY} 08:12"  # the province copies for two districts
    senders = {one.leg: one.who for one in rows(file, obs, "send")}
    assert senders[2] == "d/clerk/1"
    assert senders[4] == "e/clerk/1"
    assert np.all(obs.steps.relay[obs.steps.task == obs.names.tasks.index("copies")] == 0)


def test_a_copy_is_signed_and_sent_anew_where_the_relay_says_so() -> None:
    """Marks in the relay part are moments of the copies, not of the leg whose recipient makes them."""
    file = relaying(
        "[{wait: network, takes: 1 min}, {work: open, by: clerk, takes: 10 min, marks: registered}, "
        "{relay: pass-on}]",
        "[{work: sign-copy, by: officer, takes: 1 h, marks: signed}, "
        "{work: issue-copy, by: clerk, takes: 1 h, marks: sent}]",
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=ALL)))
    signed = {one.leg: one.completed for one in rows(file, obs, "sign-copy")}
    sent = {one.leg: one.completed for one in rows(file, obs, "issue-copy")}
    assert time_of(file, obs.legs, "signed_s", 2) == signed[0]
    assert time_of(file, obs.legs, "sent_s", 2) == sent[0] == time_of(file, obs.legs, "released_s", 2)
    assert time_of(file, obs.legs, "signed_s", 0) == f"{MONDAY} 08:12"
    assert np.isnan(obs.legs.sent_s[0])  # nothing marks it on the district's own way


def test_a_refused_relay_still_lets_the_others_have_it() -> None:
    """A leg refused before it was passed on releases its communes, with no copying."""
    file = relaying(
        LEG.replace(
            "{relay:", "{decide: wrong, when: {recipient_level: [district]}, to: {refused: 1.0}}, {relay:"
        )
        + "]",
        "[{work: copies, by: clerk, takes: 1 h}]",
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=ALL)))
    assert obs.legs.outcome.tolist() == [2, 2, 1, 1, 1]
    assert rows(file, obs, "copies") == []
    assert time_of(file, obs.legs, "released_s", 2) == time_of(file, obs.legs, "closed_s", 0)


def test_a_relay_part_that_breaks_off_still_lets_the_others_have_it() -> None:
    """An outcome in a relay part ends the copying, never the leg of the agency that copies."""
    file = relaying(LEG + ", {work: file, by: officer, takes: 5 h}]", "[{end: refused}]")
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=ALL)))
    assert obs.legs.outcome.tolist() == [1, 1, 1, 1, 1]


def test_a_relay_is_passed_once() -> None:
    """A loop that leads back over the relay makes no second set of copies."""
    file = relaying(
        LEG + ", {decide: again, to: {open: 1.0}, loops_max: 2}]", "[{work: copies, by: clerk, takes: 3 h}]"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", to=("d", "x"))))
    assert len(rows(file, obs, "copies")) == 1
    assert len([one for one in rows(file, obs, "open") if one.leg == 0]) == 3


def test_a_document_withdrawn_at_the_sender_is_not_relayed() -> None:
    """Legs that would go through another leg end with it when the document never leaves."""
    text = "[{work: copy, by: clerk, takes: 10 min}, {end: recalled}]"
    file = scenario(
        agencies=TREE,
        staff="{province: {clerk: 1}, district: {clerk: 1}, commune: {clerk: 1}}",
        flows=PASSED_ON,
        procedures=f"paper: {{title: P, sender: {text}, leg: [{{relay: on}}], relay: []}}\n{OTHER}",
    )
    assert outcomes(file, Doc(f"{MONDAY} 08:00", to=ALL)) == [Outcome.RECALLED] * 5


# --- replies ------------------------------------------------------------------------------------------------

REPLIES = """
    letter:
      {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: ask, asks: {reply: 1}, reply: answer}
    answer: {from: {id: b}, to: {id: a}, volume: 0 / working day, procedure: tell}
    """


WRITE = "sender: [{work: write, by: officer, takes: 2 h"
BACK = "{wait: back, takes: 1 day}"
POSTED = "leg: [{work: post, by: clerk, at: sender, takes: 1 h, marks: sent}, "


@pytest.mark.parametrize(
    ("tell", "hours"),
    [
        (f"{WRITE}, marks: sent}}], leg: [{BACK}]", 2.5),
        (f"{WRITE}}}], {POSTED}{BACK}]", 3.5),
        (f"{WRITE}}}], leg: [{BACK}]", 26.5),
        (f"{WRITE}}}, {{end: recalled}}], leg: []", 2.5),
    ],
)
def test_a_leg_that_asks_for_a_reply_waits_until_it_is_issued(tell: str, hours: float) -> None:
    """Issued is sent; where nothing marks it, the end of the reply; a dropped reply ends the wait too."""
    file = scenario(
        staff="{office: {clerk: 1, officer: 1}}",
        flows=REPLIES,
        procedures="ask: {title: Ask, leg: [{work: open, by: clerk, takes: 30 min}, {reply: answered}]}\n"
        f"tell: {{title: Tell, {tell}}}",
    )
    legs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", reply=True))).legs
    assert legs.reply_doc.tolist() == [1, -1]
    assert (legs.created_s - legs.created_s[0]).tolist() == [0.0, 1800.0]
    assert (legs.finished_s - legs.created_s)[0] == pytest.approx(hours * HOUR_S)
    assert legs.sender.tolist() == legs.recipient.tolist()[::-1]


def test_a_leg_without_a_reply_document_does_not_wait() -> None:
    """What is for information passes the reply step."""
    file = scenario(
        staff="{office: {clerk: 1, officer: 1}}",
        flows=REPLIES.replace("asks: {reply: 1}", "asks: {information: 1}"),
        procedures="ask: {title: Ask, leg: [{reply: answered}]}\ntell: {title: Tell, leg: []}",
    )
    legs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00", reply=True))).legs
    assert legs.finished_s.tolist() == legs.created_s.tolist()
