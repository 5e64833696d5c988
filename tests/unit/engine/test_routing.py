"""Which way every leg takes."""

from __future__ import annotations

import numpy as np

from sim import workload
from sim.engine.routing import Facts, Routes, levels, resolve
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import Workload
from tests.builders import Doc, documents, scenario

MONDAY = "2015-01-05 08:00"
SECTIONS = {
    "agencies": """
        - {id: p, level: province}
        - {id: d, level: district, parent: p}
        - {id: e, level: district, parent: p}
        - {id: x, level: commune, parent: d}
        - {id: y, level: commune, parent: d}
        - {id: z, level: commune, parent: e}
        """,
    "staff": "{province: {clerk: 1}, district: {clerk: 1}, commune: {clerk: 1}}",
    "flows": """
        directive:
          from: {id: p}
          to: {level: [district, commune], all: true}
          volume: 5 / working day
          relay: {levels: [commune]}
        secret: {from: {id: p}, to: {level: district}, volume: 5 / working day, classified: 1}
        fixed: {from: {id: p}, to: {level: district}, volume: 5 / working day, procedure: cipher}
        express: {from: {id: p}, to: {level: district}, volume: 5 / working day, urgency: {express: 1}}
        report: {from: {level: commune}, to: {which: parent}, volume: 5 / working day}
        """,
    "channels": """
        closed: {procedure: cipher, when: {classified: true}}
        express: {procedure: courier, when: {urgency: [express]}}
        electronic: {procedure: signed, share: 0.4, agencies: {within: [d]}}
        direct: {procedure: signed, share: 0, relay: false}
        post: {procedure: paper}
        """,
    "procedures": """
        paper: {title: Paper, leg: []}
        signed: {title: Signed, leg: []}
        courier: {title: Courier, leg: []}
        cipher: {title: Cipher, leg: []}
        """,
    "alternatives": """
        base: {}
        all: {channels.electronic: {procedure: signed}}
        all-direct: {channels.electronic: {procedure: signed, relay: false}}
        district-d: {channels.electronic.share: 1}
        """,
}
ALL = ("d", "e", "x", "y", "z")


def routes(file: ScenarioFile, docs: Workload, name: str = "base") -> Routes:
    """Return the ways of all legs."""
    case = file.cases[name]
    facts = Facts(docs, workload.view(docs, file, case), levels(docs, case))
    return resolve(case, facts, Streams(1, 1))


def procedures(found: Routes) -> list[str]:
    """Return the procedure of each leg by name."""
    return [found.procedures[one] for one in found.procedure.tolist()]


def test_the_first_channel_that_fits_takes_a_leg() -> None:
    """Secrets take the cipher line, express the courier, a flow's own procedure comes before any channel."""
    file = scenario(**SECTIONS)
    docs = documents(
        file,
        Doc(MONDAY, ("d",), "secret", "p"),
        Doc(MONDAY, ("d",), "express", "p"),
        Doc(MONDAY, ("d",), "fixed", "p"),
        Doc(MONDAY, ("e",), "directive", "p"),
    )
    assert procedures(routes(file, docs)) == ["cipher", "courier", "cipher", "paper"]


def test_both_ends_must_be_among_the_agencies_of_a_channel() -> None:
    """A report inside district d may go electronically, one from outside or to the province may not."""
    file = scenario(**SECTIONS)
    docs = documents(
        file,
        Doc(MONDAY, ("d",), "report", "x"),
        Doc(MONDAY, ("e",), "report", "z"),
        Doc(MONDAY, ("d",), "directive", "p"),
    )
    assert procedures(routes(file, docs, "district-d")) == ["signed", "paper", "paper"]


def test_a_share_is_taken_by_one_uniform_per_leg() -> None:
    """Of many legs the share goes electronically, and more of them contain fewer of them."""
    file = scenario(**SECTIONS)
    docs = documents(file, *(Doc(MONDAY, ("d",), "report", "x") for _ in range(2000)))
    some, every = routes(file, docs).procedure, routes(file, docs, "district-d").procedure
    signed = list(file.scenario.procedures).index("signed")
    assert abs(np.mean(some == signed) - 0.4) < 0.04
    assert np.all(every == signed)
    assert np.array_equal(some == signed, Streams(1, 1).uniforms(2000, "channel") < 0.4)


def test_communes_are_served_through_their_district() -> None:
    """A directive's communes depend on their own district's leg, and are posted from there."""
    file = scenario(**SECTIONS)
    found = routes(file, documents(file, Doc(MONDAY, ALL, "directive", "p")), "all")
    assert found.via.tolist() == [-1, -1, 0, 0, 1]
    assert found.origin.tolist() == [0, 0, 1, 1, 2]
    signed = found.procedures.index("signed")
    assert found.own_legs[0, signed] == 2
    assert found.relayed_legs is not None
    assert found.relayed_legs[:, signed].tolist() == [2, 1, 0, 0, 0]


def test_a_commune_whose_district_is_no_recipient_is_sent_to_directly() -> None:
    """There is nobody to pass the copy on."""
    file = scenario(**SECTIONS)
    found = routes(file, documents(file, Doc(MONDAY, ("d", "x", "z"), "directive", "p")))
    assert found.via.tolist() == [-1, 0, -1]
    assert found.origin.tolist() == [0, 1, 0]


def test_a_channel_may_go_direct() -> None:
    """With relay: false the legs that it takes do not wait for the district's copy."""
    file = scenario(**SECTIONS)
    found = routes(file, documents(file, Doc(MONDAY, ALL, "directive", "p")), "all-direct")
    assert found.via.tolist() == [-1] * 5
    assert found.own_legs.sum() == 5
    assert found.relayed_legs is None


def test_legs_that_an_alternative_does_not_have_have_no_way() -> None:
    """A workload may hold agencies of other alternatives; their legs are left out."""
    fewer = """
        base: {}
        fewer:
          agencies:
            - {id: p, level: province}
            - {id: d, level: district, parent: p}
            - {id: e, level: district, parent: p}
            - {id: x, level: commune, parent: d}
        """
    file = scenario(**SECTIONS | {"alternatives": fewer})
    found = routes(file, documents(file, Doc(MONDAY, ALL, "directive", "p")), "fewer")
    assert (found.procedure >= 0).tolist() == [True, True, True, False, False]
    assert found.own_legs.sum() == 2


def test_shares_of_competing_channels_add_up() -> None:
    """Two channels with a share of 0.4 and 0.3 of the same legs take 0.4 and 0.3 of them, and no leg twice."""
    channels = """
        one: {procedure: signed, share: 0.4}
        two: {procedure: courier, share: 0.3}
        post: {procedure: paper}
        """
    file = scenario(**SECTIONS | {"channels": channels, "alternatives": "{base: {}}"})
    docs = documents(file, *(Doc(MONDAY, ("d",), "report", "x") for _ in range(2000)))
    found, u = procedures(routes(file, docs)), Streams(1, 1).uniforms(2000, "channel")
    wanted = ["signed" if one < 0.4 else "courier" if one < 0.7 else "paper" for one in u]
    assert wanted == found
