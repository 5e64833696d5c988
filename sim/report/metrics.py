"""Names and units of metrics by their dotted path in the summary.

Rule kept here: a path whose parts are known is named in the language of the page; any other is shown as written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sim.report.context import Context
from sim.report.numbers import ONE, SHARE, Unit

_SECONDS = re.compile(r"_s(\.|$)")
_SHARE = re.compile(r"(^|\.)(inside_deadline|[a-z_]*within(_working_days)?\.\d+|procedures\.[^.]+)$")
_WITHIN = re.compile(r"^(within_working_days|registered_within|all_registered_within)\.(\d+)$")
_STATISTIC = re.compile(r"^(.+)\.(mean|p50|p90|p95)$")


def flow_title(context: Context, flow: str) -> str:
    """Return the title of a flow, or its name."""
    for each in context.alternatives:
        part = (each.data.get("by_flow") or {}).get(flow)
        if part and part.get("title"):
            return context.texts.title(part["title"], flow)
    return flow


def in_seconds(metric: str) -> bool:
    """Tell whether a metric is a time."""
    return bool(_SECONDS.search(metric))


def metric_unit(context: Context, metric: str, values: list[Mapping[str, Any]]) -> Unit:
    """Return the unit that values of a metric are shown in: of time, percent for a share, or none.

    Args:
        context: The run.
        metric: Dotted path below an alternative.
        values: Estimates to be shown together.
    """
    if in_seconds(metric) or metric.startswith("difference_of_each."):
        return context.unit_of(list(values), working="_working_" in metric)
    return SHARE if _SHARE.search(metric) else ONE


def metric_name(context: Context, metric: str) -> str:
    """Return the name of a metric for people."""
    texts = context.texts
    known = texts.name("metric", metric)
    if known != metric.replace("-", " "):
        return known
    first, _, rest = metric.partition(".")
    if first == "by_flow" and "." in rest:
        flow, _, rest = rest.partition(".")
        return f"{flow_title(context, flow)}: {metric_name(context, rest)}"
    if first == "by_flow_level" and rest.count(".") > 1:
        flow, level, rest = rest.split(".", 2)
        where = f"{flow_title(context, flow)} → {texts.name('level', level)}"
        return f"{where}: {metric_name(context, rest)}"
    within = _WITHIN.match(metric)
    if within:
        days = int(within[2])
        section = "metrics" if within[1] == "within_working_days" else "reach"
        return texts.count(f"{section}.{within[1]}", days, context.numbers.plain(days))
    statistic = _STATISTIC.match(metric)
    if statistic and texts.name("measure", statistic[1]) != statistic[1].replace("-", " "):
        which = texts.name("statistic", statistic[2])
        return f"{texts.name('measure', statistic[1])}, {which}"
    return metric
