"""The generator, the environment, how to run it again, and every check that the verdict rests on.

Rule kept here: the manifest is shown as it is; the digest of the report itself is never shown, so that a report made
again from the same run has the same bytes.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from loadtests.report.blocks import View, body, code, column, english, fold, items, row, tabled, words
from loadtests.report.context import Context, flat
from loadtests.report.figures import outcome_icon
from sim.report.numbers import NONE
from sim.runs import REPORT

_NOT_SHOWN = frozenset({REPORT})


def generator(context: Context) -> list[View]:
    """Return how the load was made: workers, signing, receipts, and what this generator can do at most."""
    texts, found = context.texts, context.get("generator", {})
    if not found:
        return [words(texts("generator.empty"))]
    signing = texts.known(f"generator.signing.{found.get('signing')}") or str(found.get("signing", ""))
    receipts = texts.known(f"generator.receipts.{found.get('receipts')}") or str(found.get("receipts", ""))
    names = ("worker", "sent", "lateness", "share", "cpu", "in_flight", "skew", "reports", "state")
    columns = [column(texts(f"generator.{name}"), left=name == "state") for name in names]
    rows = [_worker(context, one) for one in context.rows("generator.workers")]
    errors = [
        f"{one.get('worker', '')}: {error.get('text', error) if isinstance(error, Mapping) else error}"
        for one in context.rows("generator.workers")
        for error in one.get("errors") or []
    ]
    return [
        *(words(line) for line in (signing, receipts) if line),
        *([words(str(found["limit_text"]), language="en")] if found.get("limit_text") else []),
        *tabled(texts("generator.workers"), columns, [body(rows)], [texts("generator.note")], wide=True),
        *([words(texts("generator.errors")), items(errors, language="en")] if errors else []),
    ]


def _worker(context: Context, one: Mapping[str, Any]) -> View:
    texts = context.texts
    faults = [
        texts(f"generator.{key}")
        for key, bad in (
            ("lost", one.get("ended") is False),
            ("gap", one.get("gap") is True),
            ("not_drained", one.get("drained") is False),
            ("bank_empty", one.get("bank_empty_s") is not None),
        )
        if bad
    ]
    cells = [
        context.count(one.get("sent")),
        context.time(one.get("lateness_s_p99")),
        context.share(
            one.get("cpu_share", one.get("cpu_s")), 1.0 if "cpu_share" in one else one.get("wall_s")
        ),
        context.time(one.get("cpu_s")),
        context.count(one.get("in_flight_most")),
        context.time(one.get("skew_s")),
        f"{context.count(one.get('received'))} / {context.count(one.get('reports'))}",
        ", ".join(faults) or texts("generator.well"),
    ]
    name = " · ".join(str(part) for part in (one.get("worker"), one.get("host")) if part not in (None, ""))
    return row(name, cells, flag=texts("generator.attention") if faults else "")


def environment(context: Context) -> list[View]:
    """Return the machine and the packages."""
    texts, manifest = context.texts, context.manifest
    machine = {**dict(manifest.get("machine") or {}), **dict(context.get("environment", {}))}
    machine.pop("fingerprint", None)
    tables = []
    for key, source in (
        ("machine", machine),
        ("fingerprint", context.get("environment.fingerprint")),
        ("packages", manifest.get("packages")),
    ):
        tables.append(_facts(context, texts(f"environment.{key}"), source))
    shown = [block for table in tables[:1] for block in table]
    folds = [
        block
        for key, table in zip(("fingerprint", "packages"), tables[1:], strict=True)
        for block in fold(texts(f"environment.{key}"), table)
    ]
    return [*shown, *folds] or [words(texts("environment.empty"))]


def _facts(context: Context, caption: str, source: Any) -> list[View]:
    texts = context.texts
    rows = [row(name, [value]) for name, value in flat(source or {}) if name not in _NOT_SHOWN]
    columns = [column(texts("reproduce.item")), english(column(texts("reproduce.value"), left=True))]
    return tabled(caption, columns, [body(rows)], wide=True)


def reproduce(context: Context) -> list[View]:
    """Return the command, plan, seed and the digests of the files."""
    texts, manifest = context.texts, context.manifest
    command = manifest.get("command") or context.get("command")
    blocks = []
    if command:
        line = command if isinstance(command, str) else shlex.join(str(part) for part in command)
        blocks.append(code(texts("reproduce.command"), line))
    git: Mapping[str, Any] = manifest.get("git") or {}
    commit = git.get("commit")
    facts = {
        texts("reproduce.keys.git"): texts("reproduce.dirty", commit=commit) if git.get("dirty") else commit,
        texts("reproduce.keys.digest"): context.get("plan_digest"),
        texts("reproduce.keys.seed"): context.get("plan.seed"),
        texts("reproduce.keys.nonce"): context.get("plan.nonce"),
        texts("reproduce.keys.started"): manifest.get("started_utc"),
        texts("reproduce.keys.ended"): manifest.get("ended_utc"),
    }
    blocks += _facts(context, texts("reproduce.facts"), facts)
    blocks += fold(texts("reproduce.plan"), _facts(context, texts("reproduce.plan"), context.get("plan")))
    files = manifest.get("files")
    return [*blocks, *fold(texts("reproduce.files"), _facts(context, texts("reproduce.files"), files))]


def checks(context: Context) -> list[View]:
    """Return every check of the verdict, passed ones too."""
    texts = context.texts
    columns = [
        column(texts("checks.check")),
        column(texts("checks.state"), left=True, short=True),
        english(column(texts("checks.text"), left=True)),
    ]
    rows = []
    for one in context.rows("verdict.checks"):
        passed = one.get("passed")
        state = "unknown" if passed is None else "passed" if passed else "failed"
        mark = {"passed": "PASS", "failed": "FAIL", "unknown": "INCONCLUSIVE"}[state]
        cells = [texts(f"checks.{state}"), str(one.get("text", "")) or NONE]
        rows.append(row(_check_name(context, str(one.get("name", ""))), cells, mark=outcome_icon(mark)))
    return tabled(texts("checks.caption"), columns, [body(rows)]) or [words(texts("checks.empty"))]


def _check_name(context: Context, name: str) -> str:
    """Return the name of a check; those of objectives and findings hold the name of what was looked at."""
    area, _, rest = name.partition(": ")
    if area == "objective":
        return context.texts("checks.objective", text=rest)
    if area == "ledger":
        return context.texts("checks.ledger", text=context.texts.name("finding", rest))
    known = context.texts.name("check", name)
    return name if known == name.replace("-", " ") else known
