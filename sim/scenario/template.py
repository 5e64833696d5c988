"""A scenario to start from: small, complete, and explained line by line.

Rule kept here: what is laid down loads without errors, and every number in it is an example that says so.
"""

from __future__ import annotations

import re

from sim.errors import InputError
from sim.scenario.findings import NAME_HINT

_AGENCIES = """\
id,name,level,parent,latitude,longitude
province,Office of the province,province,,20.95,107.07
d-north,Northern district,district,province,21.05,107.20
d-south,Southern district,district,province,20.85,107.00
c-north-1,Commune North 1,commune,d-north,21.07,107.22
c-north-2,Commune North 2,commune,d-north,21.03,107.25
c-north-3,Commune North 3,commune,d-north,21.08,107.15
c-south-1,Commune South 1,commune,d-south,20.83,107.02
c-south-2,Commune South 2,commune,d-south,20.87,106.97
"""

_PROVENANCE = """\
# Where the numbers of `{id}` come from

The scenario was laid down by `congvan new {id}`. Until a row below says otherwise, every number in it is an
example and describes no real agency.

| number | value | grade | source, or why this range is credible |
|---|---|---|---|
| agencies.csv | 8 agencies | assumed | invented |
| staff | | assumed | |
| absence.leader.away | 25 % | assumed | |
| flows.directive.volume | 2 / working day | assumed | |
| flows.report.volume | 1.5 / working day / agency | assumed | |
| working times of the procedures | see the library | assumed | the library says so step by step |

Grades: `published`, `measured` and `law` need a source; `assumed` needs a range.
"""

_SCENARIO = """\
# yaml-language-server: $schema=%(schema)s
#
# A scenario to start from. `congvan check` says what is wrong in it, `congvan run` runs it, and PROVENANCE.md
# is where to say what each number rests on. All numbers here are examples.
schema: 1
id: %(id)s
title: {en: Paper and signed documents in a small province, vi: Văn bản giấy và văn bản ký số ở một tỉnh nhỏ}
question: {en: How much sooner do documents arrive when they are signed electronically?}

# Procedures (paper, signed and others), with legal basis; a procedure defined below under the same name wins.
library: [state-agencies]

period:
  start: 2024-03-04       # a Monday
  kind: steady            # or terminating: starts empty, no warm-up
  warm_up: 2 weeks        # whole weeks, dropped
  measure: 8 weeks        # documents asked for in these weeks are measured
  cool_down: 4 weeks      # at most so long the run goes on until they are finished
replications: 10          # independent runs; each gives one number
seed: 1

calendar:
  country: VN             # its public holidays
  hours: ["07:30-11:30", "13:00-17:00"]

agencies: agencies.csv    # id, name, level, parent, latitude, longitude

# People per agency, by level (or by id for a single agency), then by role.
staff:
  province:
    clerk: 2
    officer: {count: 16, fields: 4}     # divided into 4 fields
    head: {count: 4, fields: 4}
    office: 2
    leader: {count: 1, cover: {by: deputy, after: 1 working day}}
    deputy: 3
  district:
    clerk: 1
    officer: {count: 8, fields: 2}
    head: {count: 2, fields: 2}
    office: 1
    leader: {count: 1, cover: {by: deputy, after: 1 working day}}
    deputy: 2
  commune:
    clerk: {count: 1, duty: one-stop, cover: {by: officer, after: 4 h}}
    officer: 4
    leader: {count: 1, cover: {by: deputy, after: 1 working day}}
    deputy: 1

equipment: {seal: 1, token: 1}          # pieces per agency

duties:
  one-stop:               # takes these people away for part of each day
    title: {en: One-stop counter, vi: Bộ phận một cửa}
    hours: ["07:30-11:30"]

# A number says how well it is known: published, measured and law need a source, assumed needs a range.
absence:
  leader: {away: {value: 25 %%, grade: assumed, range: [10 %%, 40 %%]}}

flows:
  directive:
    title: {en: Directive to districts and communes, vi: Chỉ thị}
    from: {level: province}
    to: {level: [district, commune], all: true}       # one leg per recipient
    volume: {value: 2 / working day, grade: assumed, range: [1 / working day, 4 / working day]}
    asks: {information: 0.5, action: 0.5}             # shares add up to 1
    urgency: {normal: 0.9, urgent: 0.1}
    pages: {geometric: {mean: 4}, grade: assumed, range: [2, 8]}
    deadline: 10 working days                         # measured, never a mechanism
  report:
    title: {en: Report to the district, vi: Báo cáo}
    from: {level: commune}
    to: {which: parent}
    volume:
      value: 1.5 / working day / agency
      grade: assumed
      range: [0.5 / working day / agency, 3 / working day / agency]
    asks: {information: 0.8, action: 0.2}

# The first channel that fits takes the leg. Adopted shares nest: who is online at 30 %% is online at 60 %%.
channels:
  electronic: {procedure: signed, share: 0}           # in the base case nobody is online
  paper: {procedure: paper}                           # the last channel takes what is left

# Alternatives are dotted paths laid over all of the above; a path that does not exist is an error.
alternatives:
  paper: {}
  signed: {channels.electronic.share: 1}
"""

FOLDER_SCHEMA = "../schema.json"
"""Where the JSON Schema lies beside a bundled scenario."""


def template(id: str, *, schema: str = FOLDER_SCHEMA) -> dict[str, str]:  # noqa: A002 - the field's name
    """Return the files of a new scenario.

    Args:
        id: The scenario's id, the name of its folder.
        schema: Where editors find the JSON Schema, seen from the scenario's folder.

    Returns:
        Content by file name: ``scenario.yaml``, ``agencies.csv`` and ``PROVENANCE.md``.

    Raises:
        InputError: ``E-NAME`` where the id is not lower-case letters, digits and hyphens.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9-]*", id) is None:
        raise InputError("E-NAME", f"found {id!r}", f"write {NAME_HINT}")
    return {
        "scenario.yaml": _SCENARIO % {"id": _quoted(id), "schema": schema},
        "agencies.csv": _AGENCIES,
        "PROVENANCE.md": _PROVENANCE.format(id=id),
    }


def _quoted(text: str) -> str:
    """Return an id as YAML text; what YAML would read as a number, a truth value or nothing is quoted."""
    plain = text[0].isalpha() and text not in {"true", "false", "null"}
    return text if plain else f'"{text}"'
