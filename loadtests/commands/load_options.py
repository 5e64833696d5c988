"""The options that describe a load, shared by ``load run``, ``load plan`` and ``load search``.

Rule kept here: each option stands here once; a command gets them as one ``Options`` value.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from loadtests.harness.options import Options

WHERE, WHAT, HOW = "Where to", "What load", "How it is sent and judged"
Text = str | None


def _option(
    help_: str, panel: str, *names: str, metavar: str | None = None, least: float | None = None
) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=panel, metavar=metavar, min=least)


LOAD: Final[dict[str, tuple[Any, Any]]] = {
    "target": (
        Annotated[Text, _option("URL of an exchange; default: one of our own, on this machine", WHERE)],
        None,
    ),
    "adapter": (
        Annotated[str, _option("how to talk to it: reference, as2, null, or module:Class", WHERE)],
        "reference",
    ),
    "adapter_options": (
        Annotated[
            list[str] | None, _option("of the adapter; repeat it", WHERE, "--option", metavar="NAME=VALUE")
        ],
        None,
    ),
    "authorised": (
        Annotated[
            str,
            _option(
                "by whom, until when: needed for a target that is not this machine, and kept with the run",
                WHERE,
            ),
        ],
        "",
    ),
    "rate": (
        Annotated[
            Text,
            _option("messages, such as 50/s or 3000/min (default: 20/s); or --profile or --scenario", WHAT),
        ],
        None,
    ),
    "arrivals": (
        Annotated[str, _option("with --rate: poisson (at random, as people send) or constant", WHAT)],
        "poisson",
    ),
    "profile": (
        Annotated[
            Path | None,
            _option("a YAML file of stages: ramp, step, spike, soak, or a trace of arrivals", WHAT),
        ],
        None,
    ),
    "scenario": (
        Annotated[Text, _option("replay its simulated documents: times, senders, fan-out, sizes", WHAT)],
        None,
    ),
    "day": (Annotated[Text, _option("of the scenario, such as 2015-03-02", WHAT, metavar="DATE")], None),
    "days": (
        Annotated[int, _option("so many independently simulated days at once", WHAT, least=1)],
        1,
    ),
    "speed": (
        Annotated[
            float, _option("send instants come so many times faster; waiting stays real", WHAT, least=0.001)
        ],
        1.0,
    ),
    "start": (
        Annotated[
            Text,
            _option(
                "time of day at which the window begins; default: the busiest one",
                WHAT,
                "--from",
                metavar="HH:MM",
            ),
        ],
        None,
    ),
    "alternative": (
        Annotated[Text, _option("of the scenario: count only what it carries over an exchange", WHAT)],
        None,
    ),
    "size_max": (
        Annotated[Text, _option("of the scenario's documents, such as 100kB; larger ones are cut", WHAT)],
        None,
    ),
    "duration": (
        Annotated[Text, _option("of the schedule, such as 2min; default: 1 min, 2 min of a scenario", WHAT)],
        None,
    ),
    "size": (
        Annotated[Text, _option("of documents, such as 4 KiB; default: pdf, the sizes of real ones", WHAT)],
        None,
    ),
    "fan_out": (
        Annotated[Text, _option("recipients of a message; default: 2", WHAT)],
        None,
    ),
    "agencies": (
        Annotated[int | None, _option("how many take part; default: 20, or the scenario's", WHAT, least=2)],
        None,
    ),
    "poison": (
        Annotated[
            Text,
            _option(
                "share of messages that must be refused; default: 1 %, and none beyond this machine", WHAT
            ),
        ],
        None,
    ),
    "replays": (
        Annotated[Text, _option("share of messages that are sent again; default: as --poison", WHAT)],
        None,
    ),
    "poll": (Annotated[str, _option("each agency looks into its inbox once in so long", WHAT)], "10 s"),
    "human": (Annotated[str, _option("mean time before a message found is accepted", WHAT)], "2 s"),
    "collect": (
        Annotated[
            bool,
            _option("recipients look for their messages and accept them", WHAT, "--collect/--no-collect"),
        ],
        True,
    ),
    "seed": (Annotated[int, _option("the same seed is the same load", WHAT, least=0)], 1),
    "objectives": (
        Annotated[
            list[str] | None,
            _option(
                'what shall hold: "submit p99 < 500 ms", "failed < 0.1 %"; repeat it; default: submit p99 < 500 ms',
                HOW,
                "--slo",
            ),
        ],
        None,
    ),
    "workers": (Annotated[int, _option("processes that send", HOW, least=1)], 1),
    "warmup": (
        Annotated[Text, _option("first part that is not judged; default: 10 %, 10 s at most", HOW)],
        None,
    ),
    "drain": (Annotated[str, _option("how long to wait for what is open at the end", HOW)], "30 s"),
    "timeout": (Annotated[str, _option("after which a request has got no answer", HOW)], "10 s"),
    "in_flight": (
        Annotated[
            int, _option("messages of one worker under way; what is due beyond is shed, a miss", HOW, least=1)
        ],
        1000,
    ),
    "attempts": (
        Annotated[int, _option("requests for one message, where no answer or “later” came", HOW, least=1)],
        1,
    ),
    "signing": (
        Annotated[
            str,
            _option("presigned (before it begins), processes (meanwhile), inline (part of the time)", HOW),
        ],
        "presigned",
    ),
    "receipts": (
        Annotated[str, _option("live (checked as they come) or after (when all is sent)", HOW)],
        "live",
    ),
}
"""Type and default of each, by the name that ``Options`` has for it."""


def takes_load(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command take the options above; it gets them as its first argument.

    Args:
        without: Names that this command does not have.
    """
    taken = {name: one for name, one in LOAD.items() if name not in without}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=type_)
            for name, (type_, default) in taken.items()
        ]
        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]

        @functools.wraps(command)
        def wrapped(**given: Any) -> None:
            command(_options({name: given.pop(name) for name in taken}), **given)

        described: Any = wrapped
        described.__signature__ = inspect.Signature([*shared, *own])
        described.__annotations__ = {one.name: one.annotation for one in (*shared, *own)}
        del described.__wrapped__
        return wrapped

    return decorate


def _options(given: dict[str, Any]) -> Options:
    lists = ("objectives", "adapter_options")
    values: Any = {name: tuple(value or ()) if name in lists else value for name, value in given.items()}
    return Options(**values)
