"""Checks of the documents: flows, how they vary, and the channels they take."""

from __future__ import annotations

import math

from sim.calendars import merge_hours, parse_hours
from sim.errors import InputError
from sim.scenario.checks.subject import SUM_TOLERANCE, Subject
from sim.scenario.documents import Path_
from sim.scenario.schema import ROUND_THE_CLOCK, Flow, Profile, Scenario
from sim.scenario.selection import circles, partner_levels, select
from sim.scenario.steps import Asks
from sim.units import DAY_S, HOUR_S, MINUTE_S


def check_shares(subject: Subject) -> None:
    """Shares of what documents ask for, and of their urgency, add up to one."""
    for name, flow in subject.scenario.flows.items():
        for field, shares in (("asks", flow.asks), ("urgency", flow.urgency)):
            total = math.fsum(one.value for one in shares.values())
            if shares and abs(total - 1) > SUM_TOLERANCE:
                found = f"found shares that add up to {total:g}"
                subject.report("E-SHARES", ("flows", name, field), found, "they must add up to 1")


def asks_for_reply(flow: Flow) -> bool:
    """Tell whether some documents of a flow ask for a reply."""
    return Asks.REPLY in flow.asks and flow.asks[Asks.REPLY].value > 0


def check_flows(subject: Subject) -> None:
    """What a flow names exists, and it has senders, recipients and a way to go."""
    scenario = subject.scenario
    for name, flow in scenario.flows.items():
        path: Path_ = ("flows", name)
        _check_reply(subject, path, flow)
        if flow.profile is not None:
            subject.known("E-PROFILE", (*path, "profile"), flow.profile, scenario.profiles, "profile")
        if flow.procedure is not None:
            subject.known(
                "E-PROCEDURE", (*path, "procedure"), flow.procedure, scenario.procedures, "procedure"
            )
        elif not scenario.channels:
            subject.report("E-CHANNEL", path, "found neither procedure nor channels", "add one of them")
        if flow.to.all and flow.to.count is not None:
            subject.report("E-RECIPIENTS", (*path, "to"), "found both all and count", "keep one of them")
        _check_ends(subject, path, flow)


def _check_reply(subject: Subject, path: Path_, flow: Flow) -> None:
    flows = subject.scenario.flows
    if flow.reply is None:
        if asks_for_reply(flow):
            found = "found documents that ask for a reply, and no flow for the replies"
            hint = "add reply: the name of a flow with volume 0"
            subject.report("E-REPLY", (*path, "asks", "reply"), found, hint)
    elif subject.known("E-FLOW", (*path, "reply"), flow.reply, flows, "flow") and asks_for_reply(
        flows[flow.reply]
    ):
        subject.report("E-REPLY", (*path, "reply"), "found replies that ask for a reply", "let them inform")


def _check_ends(subject: Subject, path: Path_, flow: Flow) -> None:
    senders, receivers = select(flow.sender, subject.agencies), select(flow.to, subject.agencies)
    hint = "widen the selection"
    if not senders:
        subject.report("E-NOBODY", (*path, "from"), "found no agency that sends it", hint)
    if not receivers:
        subject.report("E-NOBODY", (*path, "to"), "found no agency that receives it", hint)
    pairs = circles(flow.to.which, senders, receivers, subject.agencies)
    if senders and receivers and not partner_levels(pairs, subject.agencies)[0]:
        found = f"found no sender with a recipient (which: {flow.to.which})"
        subject.report("E-NOBODY", (*path, "to"), found, hint)


def check_profiles(subject: Subject) -> None:
    """Weights are not all zero: they are scaled to mean one."""
    for name, profile in subject.scenario.profiles.items():
        for field in ("hours", "weekdays", "months"):
            weights = getattr(profile, field)
            if weights is not None and not any(one.value > 0 for one in weights.values()):
                found, hint = "found no weight above zero", "give at least one"
                subject.report("E-PROFILE", ("profiles", name, field), found, hint)
            elif field == "hours" and weights and not _open_weight(profile, subject.scenario):
                found = "found no weight above zero in office hours"
                subject.report("E-PROFILE", ("profiles", name, field), found, "weigh the hours of the office")


def _open_weight(profile: Profile, scenario: Scenario) -> bool:
    """Tell whether some moment of the office's hours has a weight above zero."""
    weights = {int(k[:2]) * HOUR_S + int(k[3:]) * MINUTE_S: v.value for k, v in (profile.hours or {}).items()}
    starts = sorted(weights)
    pieces = [(a, b, weights[a]) for a, b in zip(starts, [*starts[1:], DAY_S], strict=True)]
    pieces.append((0.0, starts[0], weights[starts[-1]]))  # until the first, the last one of the day before
    if scenario.calendar.hours == ROUND_THE_CLOCK:
        return True
    try:
        hours = merge_hours([parse_hours(one) for one in scenario.calendar.hours])
    except InputError:  # told where the calendar is checked
        return True
    return any(weight > 0 and max(a, c) < min(b, d) for a, b, weight in pieces for c, d in hours)


def check_channels(subject: Subject) -> None:
    """Channels name procedures that exist, and the last one takes every leg that is left."""
    channels = subject.scenario.channels
    for name, channel in channels.items():
        path: Path_ = ("channels", name, "procedure")
        subject.known("E-PROCEDURE", path, channel.procedure, subject.scenario.procedures, "procedure")
    if channels:
        name, last = list(channels.items())[-1]
        if last.when or last.agencies or (last.share is not None and last.share.value < 1):
            found = "found a last channel that does not take every leg"
            hint = "let the last channel have neither when nor agencies nor share"
            subject.report("E-CHANNEL", ("channels", name), found, hint)
