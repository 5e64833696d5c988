"""Cases of working time that a reader can check on paper: a task of six hours, asked for at a given moment.

Rule kept here: exact to the minute, no chance. Office hours 08:00-12:00 and 13:00-17:00; work is suspended off
duty and resumes. The Vietnamese cases also check that this installation's holidays are those of the decrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from sim import engine, workload
from sim.scenario import ScenarioFile
from sim.selftest.models import loaded
from sim.streams import Streams
from sim.workload import Workload

HOURS = 'hours: ["08:00-12:00", "13:00-17:00"]'
SIX_HOURS = """
    serve:
      title: serve
      sender: [{work: serve, by: clerk, takes: 6 h}]
      leg: [{end: completed}]
    """
ANY_RATE_PER_S = 1e-12  # documents are given, not drawn; equal in both rates, so that all are kept


@dataclass(frozen=True, slots=True)
class CalendarCase:
    """One document and the moment at which its task of six hours must end.

    Args:
        name: What it is about, for people.
        country: Whose holidays count, or empty.
        asked: Date and time at which the document is asked for.
        completed: Date and time at which the task must end.
    """

    name: str
    country: str
    asked: str
    completed: str

    def file(self) -> ScenarioFile:
        """Return the scenario; it starts on the Monday of the week of the document."""
        asked = datetime.fromisoformat(self.asked).date()
        monday = asked - timedelta(days=asked.weekday())
        country = f"country: {self.country}, " if self.country else ""
        return loaded(
            period=f"{{start: {monday}, kind: terminating, warm_up: 0 days, measure: 7 days, "
            "cool_down: 28 days}",
            calendar=f"{{{country}{HOURS}}}",
            staff="{office: {clerk: 1}}",
            flows="{letter: {from: {id: a}, to: {id: b}, volume: 10 / working day, procedure: serve}}",
            procedures=SIX_HOURS,
        )

    def simulated(self) -> str:
        """Return when the task ended in the simulation, as ``completed`` is written; empty if never."""
        file = self.file()
        midnight = datetime.combine(file.scenario.period.start, datetime.min.time())
        asked_s = (datetime.fromisoformat(self.asked) - midnight).total_seconds()
        obs = engine.run(file, file.cases[file.base], _one_document(file, asked_s), Streams(1, 1))
        if obs.steps.completed_s.size != 1:
            return ""
        ended = midnight + timedelta(seconds=round(float(obs.steps.completed_s[0]), 3))
        return ended.isoformat(" ", "minutes" if not ended.second and not ended.microsecond else "auto")


def _one_document(file: ScenarioFile, asked_s: float) -> Workload:
    """Return the workload of one letter from the first office to the second."""
    agencies, flows = workload.superset_agencies(file), workload.superset_flows(file)
    one, rates = np.array([0], dtype=np.int32), np.full((len(flows), len(agencies)), ANY_RATE_PER_S)
    return Workload(
        agencies=agencies,
        flows=flows,
        flow=one,
        sender=np.array([agencies.index("a")], dtype=np.int32),
        number=one,
        created_s=np.array([asked_s]),
        extension=np.array([False]),
        keep=np.zeros(1),
        reply_to=np.array([-1], dtype=np.int32),
        leg_start=np.array([0, 1], dtype=np.int32),
        doc_of=one,
        recipient=np.array([agencies.index("b")], dtype=np.int32),
        reply_doc=np.array([-1], dtype=np.int32),
        draws=dict.fromkeys(("urgency", "classified", "asks", "pages", "size"), np.full(1, 0.5)),
        base_rate_per_s=rates,
        top_rate_per_s=rates,
    )


CASES: tuple[CalendarCase, ...] = (
    CalendarCase("across lunch", "", "2015-01-05 08:00", "2015-01-05 15:00"),
    CalendarCase("ends with the day", "", "2015-01-05 10:00", "2015-01-05 17:00"),
    CalendarCase("over night", "", "2015-01-05 10:30", "2015-01-06 08:30"),
    CalendarCase("asked at lunch", "", "2015-01-06 12:30", "2015-01-07 10:00"),
    CalendarCase("over a weekend", "", "2015-01-09 15:00", "2015-01-12 12:00"),
    CalendarCase("asked at closing", "", "2015-01-09 17:00", "2015-01-12 15:00"),
    CalendarCase("asked on a Saturday", "", "2015-01-10 09:00", "2015-01-12 15:00"),
    # Vietnam 2015: 28 April Hung Kings, the 29th swapped for Saturday the 25th, 30 April and 1 May
    CalendarCase("make-up Saturday", "VN", "2015-04-24 15:00", "2015-04-25 12:00"),
    CalendarCase("Sunday after it", "VN", "2015-04-25 15:00", "2015-04-27 12:00"),
    CalendarCase("holidays of April", "VN", "2015-04-27 15:00", "2015-05-04 12:00"),
)
"""In order of their dates."""
