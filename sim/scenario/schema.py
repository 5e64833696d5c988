"""The scenario file as a typed model: every field described, unknown keys refused.

Rule kept here: shape, units and ranges of single fields. What needs two fields to be seen together
(a role nobody holds, a cycle in the hierarchy) is in ``checks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sim.calendars import parse_hours
from sim.errors import InputError
from sim.scenario.costs import Costs
from sim.scenario.fields import distribution, number
from sim.scenario.params import DistParam, Param
from sim.scenario.steps import (
    Asks,
    ClockTime,
    ClockTimes,
    Date,
    Duration,
    DurationDist,
    Flag,
    Share,
    Slug,
    Step,
    Strict,
    Text,
    Urgency,
    When,
)
from sim.units import Dimension

SCHEMA_VERSION = 1
PEOPLE_MAX = 10_000  # of one role, or pieces of equipment, in one agency: beyond it is a slip of the pen
ROUND_THE_CLOCK = "round the clock"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

if TYPE_CHECKING:  # a type checker sees what the fields hold, pydantic sees how they are read
    Span: TypeAlias = Param
    Rate: TypeAlias = Param
    Factor: TypeAlias = Param
    Speed: TypeAlias = Param
    AnyNumber: TypeAlias = Param
    CountDist: TypeAlias = DistParam
    SizeDist: TypeAlias = DistParam
else:
    Span = number(Dimension.DURATION, Dimension.WORKING_DAYS)
    Rate = number(Dimension.RATE, Dimension.RATE_PER_AGENCY, Dimension.CLOCK_RATE)
    Factor = number(Dimension.COUNT)
    Speed = number(Dimension.SPEED, low=0.1)
    AnyNumber = number(*Dimension)
    CountDist = distribution(Dimension.COUNT)
    SizeDist = distribution(Dimension.SIZE)


def _hours(text: str) -> str:
    try:
        parse_hours(text)
    except InputError as error:
        raise PydanticCustomError(
            "E-HOURS", "{found}", {"found": error.message, "hint": error.hint}
        ) from None
    return text


def _version(raw: object) -> object:
    if type(raw) is not int or raw != SCHEMA_VERSION:
        hint = f"write schema: {SCHEMA_VERSION}, the version that this congvan reads"
        raise PydanticCustomError("E-SCHEMA", "{found}", {"found": f"found schema {raw!r}", "hint": hint})
    return raw


HeadCount = Annotated[int, Field(ge=0, le=PEOPLE_MAX, strict=True)]
Version = Annotated[Literal[1], BeforeValidator(_version)]
Hours = Annotated[str, AfterValidator(_hours), Field(description='a span of the day, such as "07:30-11:30"')]


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _office_days() -> list[Weekday]:
    return ["mon", "tue", "wed", "thu", "fri"]


class Period(Strict):
    """When the simulated time starts and how long it lasts."""

    start: Date = Field(description="first simulated day")
    kind: Literal["steady", "terminating"] = Field(default="steady", description="terminating: no warm-up")
    warm_up: Span = Field(description="whole weeks before measuring; 0 for terminating")
    measure: Span = Field(description="documents created in this time are the cohort that is measured")
    cool_down: Span = Field(
        description="at most so long the run goes on, with arrivals, until the cohort is finished"
    )


class Calendar(Strict):
    """Working time of every office."""

    country: str | None = Field(default=None, description="ISO code for public holidays, such as VN")
    hours: list[Hours] | Literal["round the clock"] = Field(description="spans of duty in a working day")
    weekdays: list[Weekday] = Field(
        default_factory=_office_days,
        min_length=1,
        description="working weekdays",
    )
    days_off: dict[Date, str] = Field(default_factory=dict, description="further days off, with their reason")
    make_up: dict[Date, str] = Field(
        default_factory=dict, description="weekend days that are worked, with their reason"
    )


class Cover(Strict):
    """Who stands in when everybody of a role is off duty."""

    by: Slug = Field(description="role that stands in")
    after: Duration = Field(description="working time of absence after which it may")


class Staff(Strict):
    """People of one role in one agency."""

    count: HeadCount = Field(description="how many people")
    also: list[Slug] = Field(default_factory=list, description="further roles the same people hold")
    duty: Slug | None = Field(default=None, description="duty that takes them away for part of each day")
    hours: list[Hours] | None = Field(default=None, description="presence, when not the office's hours")
    away: Share | None = Field(
        default=None, description="share of working days away, below one; default: the role's absence"
    )
    cover: Cover | None = Field(default=None, description="who stands in")
    fields: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        default=1, description="fields (divisions) they are split into; for steps with assign: field"
    )


class Duty(Strict):
    """A duty elsewhere that takes part of each day, such as the one-stop counter."""

    title: Text | str | None = None
    hours: list[Hours] = Field(description="spans of the day in which these people are away")


class Absence(Strict):
    """Days on which a person of a role is away: leave, missions, meetings."""

    away: Share = Field(description="share of working days away, below one")
    spell: Duration | None = Field(
        default=None, description="mean length of an absence; default 1 working day"
    )
    levels: list[str] | None = Field(default=None, description="levels it holds for; default all")


class Selector(Strict):
    """A set of agencies: those that meet every condition given."""

    level: list[str] | str | None = Field(default=None, description="levels")
    id: list[str] | str | None = Field(default=None, description="agency ids")
    within: list[str] | str | None = Field(default=None, description="agencies whose subtree counts")
    exclude: list[str] | str | None = Field(default=None, description="agency ids left out")


Which = Literal["any", "parent", "children", "siblings"]


class Recipients(Selector):
    """Who receives a document; relations are seen from its sender, who never receives it."""

    which: Which = Field(default="any", description="relation to the sender")
    all: Flag = Field(default=False, description="every one of them; otherwise `count` of them at random")
    count: CountDist | None = Field(default=None, description="how many recipients; default 1")


class Relay(Strict):
    """Recipients who get the document through their parent's copy (sao lục)."""

    levels: list[str] = Field(description="levels of those recipients")


class Profile(Strict):
    """How arrivals vary; every list is relative and scaled to mean one."""

    hours: dict[ClockTime, Factor] | None = Field(
        default=None, description="weight from this time of day on, until the next one"
    )
    weekdays: dict[Weekday, Factor] | None = Field(default=None, description="weight by weekday")
    months: dict[Annotated[int, Field(ge=1, le=12)], Factor] | None = Field(
        default=None, description="weight by month"
    )
    day_cv: Factor | None = Field(
        default=None, description="over-dispersion: coefficient of variation of the daily rate (gamma)"
    )


class Flow(Strict):
    """Documents of one kind: who sends them to whom, how many, and what they ask for."""

    title: Text | str | None = None
    sender: Selector = Field(alias="from", description="agencies that send them")
    to: Recipients = Field(description="agencies that receive them")
    volume: Rate = Field(
        description="originals: / working day, / working day / agency, or / h of open office"
    )
    profile: Slug | None = Field(default=None, description="one of the scenario's profiles")
    asks: dict[Asks, Share] = Field(
        default_factory=dict, description="shares by what they ask for; default information"
    )
    reply: Slug | None = Field(default=None, description="flow whose attributes replies have; volume 0 there")
    urgency: dict[Urgency, Share] = Field(
        default_factory=dict, description="shares by urgency; default normal"
    )
    classified: Share | None = Field(default=None, description="share that is a state secret")
    pages: CountDist | None = Field(default=None, description="pages; default 1")
    size: SizeDist | None = Field(default=None, description="size of the file")
    deadline: Duration | None = Field(
        default=None, description="measured, never a mechanism; from asked to finished"
    )
    relay: Relay | None = Field(
        default=None, description="recipients served through their parent's copy on paper"
    )
    procedure: Slug | None = Field(
        default=None, description="one procedure for every leg, instead of channels"
    )


class Channel(Strict):
    """A rule that gives a leg its procedure; the first channel that fits takes the leg."""

    procedure: Slug = Field(description="procedure of the legs it takes")
    share: Share | None = Field(
        default=None,
        description="share of the fitting legs it takes, beside those of earlier channels; default all",
    )
    agencies: Selector | None = Field(default=None, description="both ends must be among these")
    when: When | None = Field(default=None, description="what the document must be")
    relay: Flag = Field(
        default=True, description="false: legs on it go direct even where the flow has a relay"
    )


class Outages(Strict):
    """When a system is down; drawn per system and replication, the same for every alternative."""

    up: DurationDist = Field(description="time between outages, calendar time")
    down: DurationDist = Field(description="length of an outage, calendar time")


class Transport(Strict):
    """A way of carrying documents."""

    kind: Literal["post", "courier", "exchange"] = Field(
        description="post: pick-ups and delivery rounds; courier: leaves at once; exchange: a network"
    )
    title: Text | str | None = None
    pick_ups: ClockTimes | None = Field(
        default=None, description="post: pick-ups on the sender's working days"
    )
    rounds: ClockTimes | None = Field(
        default=None, description="post: rounds on the recipient's working days"
    )
    transit: DurationDist | None = Field(default=None, description="handling and carriage, calendar time")
    speed: Speed | None = Field(default=None, description="adds distance / speed")
    detour: Factor | None = Field(
        default=None, description="road distance / great-circle distance; default 1"
    )
    outages: Outages | None = Field(default=None, description="exchange: when the system is down")

    @model_validator(mode="after")
    def _fits(self) -> Transport:
        if self.kind == "post" and not self.pick_ups:
            raise PydanticCustomError(
                "E-TRANSPORT",
                "{found}",
                {"found": "post without pick_ups", "hint": 'add pick_ups: ["15:30"]'},
            )
        if self.kind != "post" and (self.pick_ups or self.rounds):
            raise PydanticCustomError(
                "E-TRANSPORT",
                "{found}",
                {"found": f"{self.kind} with pick_ups or rounds", "hint": "only the post has them"},
            )
        if self.kind != "exchange" and self.outages:
            raise PydanticCustomError(
                "E-TRANSPORT",
                "{found}",
                {"found": f"{self.kind} with outages", "hint": "only an exchange has them"},
            )
        return self


class Law(Strict):
    """The law that a procedure describes, and when and where it is in force."""

    basis: str = Field(description="decree, decision or practice")
    network: list[Literal["state", "party"]] = Field(description="whose agencies it governs")
    from_: Date | None = Field(default=None, alias="from", description="in force from; empty: practice")
    to: Date | None = Field(default=None, description="in force until; empty: still")
    note: str = Field(default="", description="what a reader must know")


class Procedure(Strict):
    """How a document travels.

    A sender part, once; a leg part, per recipient; a relay part, per relaying agency.
    """

    title: Text | str = Field(description="for the report")
    law: Law | None = Field(default=None, description="legal basis")
    legally_valid: Flag = Field(default=True, description="false where the copy is for information only")
    sender: list[Step] = Field(default_factory=list, description="steps at the sender, once per document")
    leg: list[Step] = Field(description="steps per recipient")
    relay: list[Step] = Field(
        default_factory=list, description="steps at an agency that passes copies on, once per document"
    )


class Published(Strict):
    """A published figure set beside the simulated one."""

    title: Text | str
    value: AnyNumber = Field(description="as published, with source and grade")
    metric: str | None = Field(default=None, description="metric of the summary it is compared with")
    alternative: str | None = Field(default=None, description="alternative whose metric it is")
    use: Literal["comparison", "calibration", "not-compared"] = Field(
        description="calibration: it set a parameter and confirms nothing"
    )
    why: str = Field(default="", description="why it is or is not comparable")


class AgencyRow(Strict):
    """One agency, where they are listed in the file itself."""

    id: Annotated[str, Field(min_length=1)] = Field(description="unique in the scenario")
    name: str = Field(default="", description="for people; default the id")
    level: Annotated[str, Field(min_length=1)] = Field(description="such as district")
    parent: str = Field(default="", description="id of the agency it belongs to; empty at the top")
    latitude: Annotated[float, Field(ge=-90, le=90, strict=True, allow_inf_nan=False)] | None = Field(
        default=None, description="decimal degrees"
    )
    longitude: Annotated[float, Field(ge=-180, le=180, strict=True, allow_inf_nan=False)] | None = Field(
        default=None, description="decimal degrees"
    )


class Library(Strict):
    """What a library file may hold."""

    schema_: Version = Field(alias="schema", description="version of this file format")
    title: Text | str
    note: str = ""
    fragments: dict[Slug, list[Step]] = Field(
        default_factory=dict, description="steps that several procedures share"
    )
    procedures: dict[Slug, Procedure] = Field(default_factory=dict, description="how documents travel")
    transports: dict[Slug, Transport] = Field(default_factory=dict, description="ways of carrying documents")


class Scenario(Strict):
    """One case of a scenario: the base, or the base with one alternative laid over it."""

    schema_: Version = Field(alias="schema", description="version of this file format")
    id: Slug = Field(description="the folder's name")
    title: Text | str = Field(description="for people")
    question: Text | str | None = Field(default=None, description="what the planner asks")
    network: Literal["state", "party"] = Field(default="state", description="whose network the agencies use")
    library: list[str] = Field(default_factory=list, description="library files, without .yaml")
    period: Period = Field(description="when the simulated time starts and how long it lasts")
    replications: Annotated[int, Field(ge=1, le=100_000, strict=True)] = Field(
        default=10, description="independent runs"
    )
    seed: Annotated[int, Field(ge=0, strict=True)] = Field(
        default=1, description="start of all random numbers"
    )
    calendar: Calendar = Field(description="working time of every office")
    agencies: Annotated[str, Field(min_length=1)] | Annotated[list[AgencyRow], Field(min_length=1)] = Field(
        description="CSV file beside this one, or a list"
    )
    staff: dict[str, dict[Slug, Staff | HeadCount]] = Field(
        description="by level or agency id, then by role: a head-count or details"
    )
    equipment: dict[Slug, Annotated[int, Field(ge=1, le=PEOPLE_MAX, strict=True)]] = Field(
        default_factory=dict, description="pieces per agency"
    )
    duties: dict[Slug, Duty] = Field(
        default_factory=dict, description="what takes people away for part of each day"
    )
    absence: dict[Slug, Absence] = Field(default_factory=dict, description="by role")
    profiles: dict[Slug, Profile] = Field(default_factory=dict, description="how arrivals vary")
    flows: dict[Slug, Flow] = Field(min_length=1, description="the documents")
    channels: dict[Slug, Channel] = Field(
        default_factory=dict, description="in this order; the last takes what is left"
    )
    transports: dict[Slug, Transport] = Field(default_factory=dict, description="ways of carrying documents")
    fragments: dict[Slug, list[Step]] = Field(
        default_factory=dict, description="steps that several procedures share"
    )
    procedures: dict[Slug, Procedure] = Field(default_factory=dict, description="how documents travel")
    costs: Costs | None = Field(default=None, description="prices, and what an hour of work is worth")
    base: Slug | None = Field(
        default=None, description="alternative others are compared with; default the first"
    )
    titles: dict[Slug, Text | str] = Field(
        default_factory=dict, description="titles of the alternatives, for the report; default: their names"
    )
    alternatives: dict[Slug, dict[str, Any]] = Field(
        default_factory=dict, description="named overlays: dotted path -> value"
    )
    published: dict[Slug, Published] = Field(
        default_factory=dict, description="figures set beside the simulated ones"
    )
