"""What a scenario says about money: prices, each with what it is counted by, and the worth of an hour of work.

Rule kept here: one list of items serves every alternative. An item names what it is counted by; where an
alternative has none of that, the item costs nothing there by itself.

How a planner uses it:

- **Counted in the simulation** (``per: envelope, delivery, original, original-page, copied-page``): the item costs
  its price for each one of the measured period. ``procedures`` says on which ways of travelling, so that
  paper is paid for what travels on paper; an envelope is told by its transports (``via``) instead, because
  one envelope may hold documents of several procedures.
- **Standing** (``per: agency, person, system``): an agency counts where it has staff and sends or receives
  documents on one of ``procedures`` (``at: sender``: where it sends some); a person of ``roles`` counts in such
  an agency; a system counts once where there is such an agency at all. So tokens are paid where documents are
  signed, and nothing for them is paid on paper. Without ``every`` it is an outlay, paid once at the start;
  with ``every: 3 years`` a third of its price is paid each year, as if renewals were spread evenly.
- **Decided by the alternative** (rented or bought, maintained or not): list both items, give one of them
  ``applies: false``, and let the alternative say ``costs.items.NAME.applies: true``.

Cash and staff time are never added up: what an hour is worth stands in ``wage`` and ``overhead``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from sim.scenario.fields import number
from sim.scenario.params import Param
from sim.scenario.steps import Flag, Share, Slug, Strict, Text
from sim.units import Dimension

if TYPE_CHECKING:  # a type checker sees what the fields hold, pydantic sees how they are read
    Price: TypeAlias = Param
    Wage: TypeAlias = Param
    Years: TypeAlias = Param
    Overhead: TypeAlias = Param
else:
    Price = number(Dimension.MONEY)
    Wage = number(Dimension.WAGE)
    Years = number(Dimension.YEARS, low=0.1, high=100.0)
    Overhead = number(Dimension.COUNT, low=1.0)

Per = Literal[
    "envelope", "delivery", "original", "original-page", "copied-page", "agency", "person", "system"
]
STANDING: tuple[Per, ...] = ("agency", "person", "system")
"""What does not grow with the number of documents."""


class CostItem(Strict):
    """One thing that cash is paid for."""

    title: Text | str = Field(description="for the report")
    per: Per = Field(
        description="what it is counted by: envelope that left; delivery, original, page of originals or page "
        "of deliveries (copied-page) of the measured period; agency, person or system"
    )
    price: Price = Field(description="for one of them, such as 7_028 VND or 12 billion VND")
    share: Share | None = Field(default=None, description="share of them that it is paid for; default all")
    applies: Flag = Field(
        default=True, description="false: not here, but an alternative may say costs.items.NAME.applies: true"
    )
    via: list[Slug] | None = Field(default=None, description="envelope: transports whose envelopes count")
    procedures: list[Slug] | None = Field(
        default=None, description="procedures whose documents, or whose agencies, count; default all"
    )
    levels: list[str] | None = Field(
        default=None,
        description="levels that count: of the sender (envelope, original, original-page), of the recipient "
        "(delivery, copied-page), of the agency (agency, person); default all",
    )
    at: Literal["sender", "recipient"] | None = Field(
        default=None,
        description="agency, person, system: agencies that send, or receive, on the procedures; default both",
    )
    roles: list[Slug] | None = Field(default=None, description="person: roles whose people count")
    every: Years | None = Field(
        default=None,
        description="agency, person, system: years after which it is paid again; default: paid once",
    )

    @model_validator(mode="after")
    def _fits(self) -> CostItem:
        standing = self.per in STANDING
        wrong = [
            (self.per == "envelope" and not self.via, "per: envelope without via", "name its transports"),
            (self.per != "envelope" and self.via, "via without per: envelope", "only an envelope has them"),
            (
                self.per == "envelope" and self.procedures,
                "procedures beside per: envelope",
                "an envelope may hold several procedures: tell it by via",
            ),
            (self.per == "person" and not self.roles, "per: person without roles", "name the roles"),
            (self.per != "person" and self.roles, "roles without per: person", "only a person has them"),
            (self.per == "system" and self.levels, "levels beside per: system", "leave levels out"),
            (
                not standing and (self.every or self.at),
                f"every or at beside per: {self.per}",
                f"only {', '.join(STANDING)} have them",
            ),
        ]
        for is_wrong, found, hint in wrong:
            if is_wrong:
                raise PydanticCustomError("E-COST", "{found}", {"found": f"found {found}", "hint": hint})
        return self


class Arithmetic(Strict):
    """A published total set beside a published count times a price.

    It checks arithmetic, and confirms nothing: such totals are usually made that way.
    """

    count: Annotated[int, Field(ge=1, strict=True)] = Field(description="as published")
    item: Slug = Field(description="item whose price it is multiplied by")
    published: Slug = Field(description="published figure that holds the total, with its source")
    alternative: Slug | None = Field(
        default=None, description="alternative whose simulated cost of the item in a year stands beside it"
    )


class Costs(Strict):
    """Prices, and what an hour of work is worth."""

    currency: Literal["VND"] = Field(description="of every price: one currency per scenario")
    price_year: Annotated[int, Field(ge=1990, le=2100, strict=True)] = Field(
        description="year of the price level; nothing is converted between years"
    )
    items: dict[Slug, CostItem] = Field(min_length=1, description="what cash is paid for")
    wage: Wage = Field(description="pay for an hour of work, such as 19_800 VND / h")
    overhead: Overhead = Field(
        description="loaded wage / wage: contributions, allowances, workplace; 1 or more"
    )
    discount_rate: Share = Field(description="a year, in real terms; for the net present value")
    horizon: Years = Field(description="years over which the net present value counts")
    arithmetic: dict[Slug, Arithmetic] = Field(
        default_factory=dict, description="published totals checked as count times price"
    )
