"""The steps that procedures are made of, as a planner writes them.

Rule kept here: a step is recognised by its first key (``work``, ``transport``, ``wait``, ``decide``,
``fork``, ``relay``, ``reply``, ``use``, ``end``), whose value is the step's name. A name is the identity of a
task: a task of the same name in two procedures is the same task, draws the same random numbers, and is done
once per document when both procedures serve one document.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from sim.scenario.fields import distribution, number
from sim.scenario.params import DistParam, Param
from sim.units import Dimension

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="lower-case name with hyphens")]
ClockTime = Annotated[
    str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description='time of day, such as "09:30"')
]
ClockTimes = Annotated[
    list[ClockTime],
    Field(min_length=1, description="times of day"),
    AfterValidator(lambda times: sorted(set(times))),
]
Flag = Annotated[bool, Field(strict=True)]
DATE_FIRST, DATE_LAST = date(1900, 1, 1), date(2199, 12, 31)  # holidays are known for about this span


def _date(raw: Any) -> date:
    """Read a date; a number is none, although pydantic would take it as seconds since 1970."""
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    read: date | None = None
    if isinstance(raw, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", raw, re.ASCII):
        with suppress(ValueError):
            read = date.fromisoformat(raw)
    if read is None or not DATE_FIRST <= read <= DATE_LAST:
        hint = f"write a date from {DATE_FIRST} to {DATE_LAST} as 2015-01-05"
        found = f"found {raw!r}, which is no such date"
        raise PydanticCustomError("E-DATE", "{found}", {"found": found, "hint": hint})
    return read


Date = Annotated[date, BeforeValidator(_date)]

if TYPE_CHECKING:  # a type checker sees what the fields hold, pydantic sees how they are read
    Duration: TypeAlias = Param
    Share: TypeAlias = Param
    DurationDist: TypeAlias = DistParam
else:
    Duration = number(Dimension.DURATION, Dimension.WORKING_DAYS)
    DurationDist = distribution(Dimension.DURATION, Dimension.WORKING_DAYS)
    Share = number(Dimension.SHARE, high=1.0)


class Strict(BaseModel):
    """A mapping in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Urgency(StrEnum):
    """Urgency of a document (Decree 30/2020): normal, khẩn, thượng khẩn, hỏa tốc."""

    NORMAL = "normal"
    URGENT = "urgent"
    VERY_URGENT = "very-urgent"
    EXPRESS = "express"


class Asks(StrEnum):
    """What a document asks of its recipient."""

    INFORMATION = "information"
    ACTION = "action"
    REPLY = "reply"


class Mark(StrEnum):
    """A moment in a document's life from which turnaround is told."""

    SIGNED = "signed"
    SENT = "sent"
    ARRIVED = "arrived"
    REGISTERED = "registered"


class Text(Strict):
    """A text in English and Vietnamese."""

    en: str = Field(description="English")
    vi: str = Field(default="", description="Vietnamese")


class When(Strict):
    """Conditions on the document and its two ends; a step whose conditions fail is passed over."""

    asks: list[Asks] | None = Field(default=None, description="what the document asks for")
    urgency: list[Urgency] | None = Field(default=None, description="urgencies")
    classified: Flag | None = Field(default=None, description="state secret or not")
    flow: list[str] | None = Field(default=None, description="flows")
    sender_level: list[str] | None = Field(default=None, description="levels of the sender")
    recipient_level: list[str] | None = Field(default=None, description="levels of the recipient (legs only)")


class _Step(Strict):
    when: When | None = Field(default=None, description="the step is passed over when this does not hold")
    share: Share | None = Field(
        default=None, description="share of documents that need the step; default all"
    )
    stage: Slug | None = Field(default=None, description="stage of the report that the step's time counts to")
    marks: Mark | None = Field(default=None, description="moment that the end of this step marks")
    title: Text | str | None = Field(default=None, description="for the report")


class WorkStep(_Step):
    """Work by one person of a role; waits until such a person is free and on duty."""

    work: Slug = Field(description="name of the task")
    by: Slug = Field(description="role that does it")
    at: Literal["sender", "recipient"] | None = Field(
        default=None, description="whose staff; default: sender in a sender part, recipient in a leg part"
    )
    assign: Literal["pool", "field", "owner"] = Field(
        default="pool", description="anyone of the role; of the document's field; or who did it first"
    )
    owner: Slug | None = Field(default=None, description="task whose performer owns this one (assign: owner)")
    takes: DurationDist | None = Field(default=None, description="working time per document")
    parts: dict[Slug, DurationDist] | None = Field(
        default=None, description="acts done in one sitting, instead of takes; their times add up"
    )
    per_recipient: Duration | None = Field(default=None, description="added per recipient on this procedure")
    per_page: Duration | None = Field(default=None, description="added per page")
    per: Literal["document", "envelope"] = Field(
        default="document", description="envelope: done once for all that shares the open envelope"
    )
    via: Slug | None = Field(default=None, description="transport whose envelope it is (per: envelope)")
    uses: Slug | None = Field(default=None, description="equipment that is needed too, such as seal or token")
    off_shift: Literal["suspend", "finish"] = Field(
        default="suspend", description="at the end of duty: suspend and resume, or finish what was begun"
    )


class TransportStep(_Step):
    """Carriage to the recipient."""

    transport: Slug = Field(description="name of the step")
    via: Slug = Field(description="one of the scenario's transports")


class WaitStep(_Step):
    """A wait for a clock time or a delay; nobody is kept busy."""

    wait: Slug = Field(description="name of the step")
    at: Literal["sender", "recipient"] | None = Field(default=None, description="whose office hours count")
    until: Literal["next-morning", "opening"] | ClockTimes | None = Field(
        default=None,
        description="next working morning; next moment the office is open; or next of these times",
    )
    takes: DurationDist | None = Field(default=None, description="a delay in calendar time instead")


class DecideStep(_Step):
    """A choice by probability; backward targets are loops and bounded."""

    decide: Slug = Field(description="name of the step")
    to: dict[str, Share] = Field(
        description="share that goes to each step of the same list, or to completed, refused, recalled; "
        "the rest goes on. Shares that add up to more than one are an error"
    )
    loops_max: Annotated[int, Field(ge=0, le=20, strict=True)] = Field(
        default=3, description="after so many times back the document goes on"
    )


class ForkStep(_Step):
    """Branches that run side by side."""

    fork: Slug = Field(description="name of the step")
    branches: dict[Slug, list[Step]] = Field(description="two or more lists of steps")
    join: str = Field(
        default="all", description="all, first, or the name of the branch after which the leg goes on"
    )


class RelayStep(_Step):
    """Where the recipient's copy is passed on to those who receive it through this agency (sao lục)."""

    relay: Slug = Field(description="name of the step")


class ReplyStep(_Step):
    """Where a document that asks for a reply waits until the linked reply is issued."""

    reply: Slug = Field(description="name of the step")


class UseStep(_Step):
    """Stands for the steps of a fragment."""

    use: Slug = Field(description="name of the fragment")


class EndStep(_Step):
    """Ends the leg."""

    end: Literal["completed", "refused", "recalled"] = Field(description="how the leg ends")


STEP_KEYS = ("work", "transport", "wait", "decide", "fork", "relay", "reply", "use", "end")


def _kind_of(raw: Any) -> str | None:
    """Tell a step's kind: the one key of STEP_KEYS that it has."""
    keys = raw if isinstance(raw, dict) else vars(raw) if isinstance(raw, BaseModel) else ()
    found = [key for key in STEP_KEYS if key in keys]
    return found[0] if len(found) == 1 else None


Step = Annotated[
    Union[  # noqa: UP007 - a tagged union reads better as a list
        Annotated[WorkStep, Tag("work")],
        Annotated[TransportStep, Tag("transport")],
        Annotated[WaitStep, Tag("wait")],
        Annotated[DecideStep, Tag("decide")],
        Annotated[ForkStep, Tag("fork")],
        Annotated[RelayStep, Tag("relay")],
        Annotated[ReplyStep, Tag("reply")],
        Annotated[UseStep, Tag("use")],
        Annotated[EndStep, Tag("end")],
    ],
    Discriminator(
        _kind_of,
        custom_error_type="E-STEP-KIND",
        custom_error_message="found a step without exactly one of: " + ", ".join(STEP_KEYS),
    ),
]
ForkStep.model_rebuild()


def step_name(step: Any) -> str:
    """Return a step's name: the value of the key that tells its kind."""
    kind = _kind_of(step)
    return str(getattr(step, kind)) if kind else ""
