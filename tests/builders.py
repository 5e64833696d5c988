"""Small scenarios in the public format, documents asked for at chosen moments, and runs of them.

A test writes only the sections of the scenario file that it is about; the rest is one office ``a`` that sends
to one office ``b``.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent

import numpy as np
from numpy.typing import NDArray

from sim import engine, workload
from sim.observations import Legs, Observations, StepKind
from sim.scenario import ScenarioFile, load
from sim.streams import Streams
from sim.workload import Workload

Floats = NDArray[np.float64]

WORK_WEEK = '{hours: ["08:00-12:00", "13:00-17:00"]}'
"""Monday to Friday, forty hours."""

WEEK = "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 7 days, cool_down: 7 days}"
"""A week from an empty start, and one more to finish."""

SECTIONS: dict[str, str] = {
    "schema": "1",
    "id": "test",
    "title": "Test",
    "period": "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 28 days, cool_down: 28 days}",
    "calendar": "{hours: round the clock}",
    "agencies": "[{id: a, level: office}, {id: b, level: office}]",
    "staff": "{office: {clerk: 1}}",
    "flows": "{letter: {from: {id: a}, to: {id: b}, volume: 10 / working day, procedure: serve}}",
}


def scenario_text(**sections: str) -> str:
    """Return a scenario file; a section is YAML, in one line or as a block."""
    parts = []
    for name, given in (SECTIONS | sections).items():
        body = dedent(given).strip("\n")
        if "\n" in body or (body and body[0] not in "[{" and ": " in body):
            parts.append(f"{name}:\n" + "\n".join("  " + line for line in body.splitlines()))
        else:
            parts.append(f"{name}: {body}")
    return "\n".join(parts) + "\n"


def scenario(**sections: str) -> ScenarioFile:
    """Return a scenario as loaded from a file with these sections."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(scenario_text(**sections), encoding="utf-8")
        return load(path)


def simulate(
    file: ScenarioFile,
    name: str | None = None,
    *,
    documents: Workload | None = None,
    seed: int = 1,
    replication: int = 1,
) -> Observations:
    """Run one replication of one alternative, the base case by default."""
    streams = Streams(seed, replication)
    given = documents if documents is not None else workload.generate(file, streams)
    return engine.run(file, file.cases[name or file.base], given, streams)


# --- documents at chosen moments ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Doc:
    """A document to be asked for.

    Args:
        at: When, such as ``2015-01-05 08:00``.
        to: Ids of the recipients.
        flow: Its flow; the file's first by default.
        sender: Id of the sender.
        reply: A reply is there to be asked for by its first leg.
    """

    at: str
    to: Sequence[str] = ("b",)
    flow: str = ""
    sender: str = "a"
    reply: bool = False


def seconds(file: ScenarioFile, at: str) -> float:
    """Return a date and time as seconds of the run."""
    start = datetime.combine(file.scenario.period.start, datetime.min.time())
    return (datetime.fromisoformat(at) - start).total_seconds()


def moment(file: ScenarioFile, time_s: float) -> str:
    """Return seconds of the run as a date and time, to the minute."""
    start = datetime.combine(file.scenario.period.start, datetime.min.time())
    return (start + timedelta(seconds=round(time_s))).isoformat(" ", "minutes")


def documents(file: ScenarioFile, *docs: Doc) -> Workload:
    """Return the workload that consists of these documents; every uniform kept with one is a half."""
    agencies, flows = workload.superset_agencies(file), workload.superset_flows(file)
    rows = [(one, agencies.index(one.sender), [agencies.index(to) for to in one.to]) for one in docs]
    legs = sum(len(to) for _, _, to in rows)
    flow = [flows.index(one.flow or flows[0]) for one in docs]
    sender = [at for _, at, _ in rows]
    created = [seconds(file, one.at) for one in docs]
    recipients = [to for _, _, to in rows]
    reply_to = [-1] * len(docs)
    reply_doc = [-1] * legs
    first = 0
    for (one, at, to), index in zip(rows, list(flow), strict=True):
        if one.reply:
            spec = file.scenario.flows[flows[index]]
            assert spec.reply is not None
            reply_doc[first] = len(flow)
            flow.append(flows.index(spec.reply))
            sender.append(to[0])
            created.append(float("nan"))
            recipients.append([at])
            reply_to.append(first)
            reply_doc.append(-1)
        first += len(to)
    n = len(flow)
    counts = [len(to) for to in recipients]
    half: Floats = np.full(n, 0.5)
    return Workload(
        agencies=agencies,
        flows=flows,
        flow=np.array(flow, dtype=np.int32),
        sender=np.array(sender, dtype=np.int32),
        number=np.arange(n, dtype=np.int32),
        created_s=np.array(created),
        extension=np.zeros(n, dtype=bool),
        keep=np.zeros(n),
        reply_to=np.array(reply_to, dtype=np.int32),
        leg_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        doc_of=np.repeat(np.arange(n), counts).astype(np.int32),
        recipient=np.array([to for row in recipients for to in row], dtype=np.int32),
        reply_doc=np.array(reply_doc, dtype=np.int32),
        draws=dict.fromkeys(("urgency", "classified", "asks", "pages", "size"), half),
        base_rate_per_s=np.full((len(flows), len(agencies)), 1e-12),  # kept whatever the volume
        top_rate_per_s=np.full((len(flows), len(agencies)), 1e-12),
    )


# --- reading observations -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One step record with names and times for people.

    Args:
        task: Step name.
        doc: Document.
        leg: Leg, -1 in a sender part.
        who: Person, empty where nobody worked.
        enabled: When it could have begun.
        started: When it was taken up, or left.
        completed: When it ended.
    """

    task: str
    doc: int
    leg: int
    who: str
    enabled: str
    started: str
    completed: str


def rows(file: ScenarioFile, obs: Observations, task: str | None = None) -> list[Row]:
    """Return the step records, in the order in which they ended; of one task only if asked."""
    steps, names = obs.steps, obs.names
    out = []
    for at in range(len(steps.doc)):
        name = names.tasks[steps.task[at]]
        if task is None or name == task:
            person = int(steps.person[at])
            out.append(
                Row(
                    name,
                    int(steps.doc[at]),
                    int(steps.leg[at]),
                    names.people[person] if person >= 0 else "",
                    moment(file, float(steps.enabled_s[at])),
                    moment(file, float(steps.started_s[at])),
                    moment(file, float(steps.completed_s[at])),
                )
            )
    return out


def row(file: ScenarioFile, obs: Observations, task: str, doc: int = 0) -> Row:
    """Return the one record of a task of a document."""
    (found,) = [one for one in rows(file, obs, task) if one.doc == doc]
    return found


def time_of(file: ScenarioFile, legs: Legs, column: str, leg: int = 0) -> str:
    """Return a moment of a leg, such as ``finished_s``."""
    (at,) = np.flatnonzero(legs.leg == leg)
    return moment(file, float(getattr(legs, column)[at]))


def work_waits_s(obs: Observations) -> Floats:
    """Return how long each work step waited, in the order of the records."""
    work = obs.steps.kind == StepKind.WORK
    waits: Floats = (obs.steps.started_s - obs.steps.enabled_s)[work]
    return waits


# --- scenarios of every kind --------------------------------------------------------------------------------


def random_sections(seed: int) -> dict[str, str]:
    """Return the sections of a small scenario that uses every kind of step, its numbers drawn from a seed.

    Seven agencies on three levels; a directive that goes down, reports that go up and may ask for a reply,
    and urgent notes; paper and signed procedures.
    """
    dice = random.Random(seed)

    def minutes(low: int, high: int) -> str:
        mean = dice.randint(low, high)
        return dice.choice(
            [
                f"{mean} min",
                f"{{exponential: {{mean: {mean} min}}}}",
                f"{{gamma: {{mean: {mean} min, cv: 0.6}}}}",
            ]
        )

    hours = dice.choice(['{hours: ["08:00-12:00", "13:00-17:00"]}', "{hours: round the clock}"])
    by_field = dice.choice(["pool", "field"])
    withdrawn = dice.choice(["", "- {decide: dropped, to: {recalled: 0.05, refused: 0.02}}"])
    join = dice.choice(["all", "first", "lead"])
    sender = f"""
        - {{work: draft, by: officer, assign: owner, owner: draft, takes: {minutes(20, 90)}}}
        - {{work: check, by: officer, assign: {by_field}, takes: {minutes(5, 20)}}}
        - {{decide: returned, to: {{draft: {dice.choice([0.0, 0.2])}}}, loops_max: 2}}
        {withdrawn}
        - {{work: sign, by: leader, takes: {minutes(2, 6)}, marks: signed, off_shift: finish}}
        """
    handling = f"""
        - {{decide: accepted, to: {{refused: 0.05}}}}
        - {{relay: pass-on}}
        - fork: divisions
          when: {{asks: [action]}}
          join: {join}
          branches:
            lead: [{{work: handle, by: officer, takes: {minutes(10, 60)}}}]
            other:
              - {{wait: pause, takes: {minutes(5, 300)}}}
              - {{work: assist, by: officer, share: 0.5, takes: {minutes(5, 30)}}}
        - {{reply: answered, when: {{asks: [reply]}}}}
        """
    procedures = f"""
        paper:
          title: Paper
          sender: {_indent(sender, 12)}
            - {{wait: round, until: ["10:00", "15:00"], when: {{urgency: [normal]}}}}
            - {{work: copy, by: clerk, uses: seal, takes: {minutes(2, 6)}, per_recipient: 30 s}}
          leg:
            - {{work: envelope, by: clerk, at: sender, per: envelope, via: post, marks: sent,
               takes: {minutes(1, 4)}}}
            - {{transport: by-post, via: post, marks: arrived}}
            - {{work: open, by: clerk, uses: seal, takes: {minutes(2, 6)}, marks: registered}}
              {_indent(handling, 12)}
          relay: [{{work: relay-copies, by: clerk, uses: seal, takes: {minutes(3, 9)}}}]
        signed:
          title: Signed
          sender: {_indent(sender, 12)}
            - {{work: issue, by: clerk, takes: {minutes(2, 6)}, marks: sent}}
          leg:
            - {{transport: by-network, via: network, marks: arrived}}
            - {{work: receive, by: clerk, takes: {minutes(1, 4)}, marks: registered}} {_indent(handling, 12)}
          relay: [{{work: relay-issue, by: clerk, takes: {minutes(2, 5)}, marks: sent}}]
        """
    cover = "cover: {by: deputy, after: 4 h}"
    sections = {
        "period": WEEK,
        "calendar": hours,
        "agencies": "["
        "{id: p, level: province, latitude: 21.0, longitude: 107.0}, "
        "{id: d1, level: district, parent: p, latitude: 21.1, longitude: 107.1}, "
        "{id: d2, level: district, parent: p, latitude: 21.2, longitude: 107.4}, "
        + ", ".join(f"{{id: c{k}, level: commune, parent: d{1 + k % 2}}}" for k in range(4))
        + "]",
        "staff": f"""
            province: {{clerk: 2, officer: {{count: 6, fields: 2}}, leader: {{count: 1, {cover}}}, deputy: 1}}
            district: {{clerk: 1, officer: {{count: 4, fields: 2}}, leader: {{count: 1, {cover}}}, deputy: 1}}
            commune: {{clerk: {{count: 1, duty: counter}}, officer: {{count: 2, also: [deputy]}}, leader: 1}}
            """,
        "equipment": "{seal: 1}",
        "duties": '{counter: {hours: ["08:00-10:00"]}}',
        "absence": "{leader: {away: 0.3, spell: 2 working days}, officer: {away: 0.1}}",
        "flows": f"""
            directive:
              from: {{id: p}}
              to: {{level: [district, commune], all: true}}
              volume: {dice.randint(1, 4)} / working day
              asks: {{information: 0.4, action: 0.6}}
              relay: {{levels: [commune]}}
            report:
              from: {{level: commune}}
              to: {{which: parent}}
              volume: {dice.randint(1, 3)} / working day / agency
              asks: {{information: 0.3, action: 0.3, reply: 0.4}}
              urgency: {{normal: 0.7, urgent: 0.2, express: 0.1}}
              reply: answer
            answer: {{from: {{level: district}}, to: {{level: commune}}, volume: 0 / working day}}
            note:
              from: {{level: district}}
              to: {{level: [district, commune, province], count: {{integer: {{min: 1, max: 3}}}}}}
              volume: {dice.randint(1, 4)} / working day / agency
              urgency: {{normal: 0.5, very-urgent: 0.5}}
            """,
        "channels": "{electronic: {procedure: signed, share: 0}, post: {procedure: paper}}",
        "transports": """
            post: {kind: post, pick_ups: ["10:30", "16:00"], rounds: ["09:00", "14:00"],
                   transit: {exponential: {mean: 6 h}}, speed: 30 km/h}
            network: {kind: exchange, transit: 2 min,
                      outages: {up: {exponential: {mean: 2 days}}, down: {exponential: {mean: 2 h}}}}
            """,
        "procedures": procedures,
        "alternatives": "{paper: {}, mixed: {channels.electronic.share: 0.5}, "
        "signed: {channels.electronic.share: 1}}",
    }
    return {name: dedent(text).strip("\n") for name, text in sections.items()}


def _indent(text: str, by: int) -> str:
    """Return lines set in by so many blanks, without empty ones, after a line break."""
    lines = [line for line in dedent(text).splitlines() if line.strip()]
    return "\n" + "\n".join(" " * by + line for line in lines)
