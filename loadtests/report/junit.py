"""The verdict as JUnit XML, for build servers: one test case for each objective, gate and invariant of the ledger.

Rule kept here: a build server says what the verdict says. FAIL is a failure, INVALID an error (nothing was measured),
INCONCLUSIVE is skipped with its reason, never passed in silence; the case ``verdict`` carries the outcome itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from loadtests.report.context import reach

INVARIANTS = ("lost", "lost-unproved", "undelivered", "duplicated", "phantom", "forged-accepted", "receipt-wrong",
              "receipt-without-document", "replay-differs", "replay-refused")  # fmt: skip
"""What the ledger looks for; each is a test case, found or not."""
ELEMENTS = {"PASS": "", "FAIL": "failure", "INVALID": "error", "INCONCLUSIVE": "skipped"}
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case.

    Args:
        area: ``verdict``, ``objective``, ``validity`` or ``ledger``.
        name: What was looked at.
        outcome: PASS, FAIL, INVALID or INCONCLUSIVE.
        text: What was found.
    """

    area: str
    name: str
    outcome: str
    text: str = ""


def junit(summary: Mapping[str, Any]) -> bytes:
    """Return the JUnit file of a load run.

    Args:
        summary: ``summary.json`` as a mapping, kind ``load``.

    Returns:
        UTF-8 XML with one ``testsuite``; its time is the length of the schedule in seconds, which every judged case
        took; a character that XML forbids is shown as U+FFFD.
    """
    found = list(cases(summary))
    length_s = f"{float(reach(summary, 'plan.duration_s', 0.0)):.3f}"
    counts = {
        "tests": str(len(found)),
        **{
            f"{kind}s": str(sum(ELEMENTS[one.outcome] == kind for one in found))
            for kind in ("failure", "error")
        },
        "skipped": str(sum(one.outcome == "INCONCLUSIVE" for one in found)),
        "time": length_s,
    }
    root = ET.Element("testsuites", {"name": "congvan load", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _clean(_title(summary)), **counts})
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(summary).items():
        ET.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    for one in found:
        named = {"classname": f"load.{one.area}", "name": _clean(one.name)}
        case = ET.SubElement(
            suite, "testcase", {**named, "time": length_s if one.area == "verdict" else "0.000"}
        )
        if ELEMENTS[one.outcome]:
            told = ET.SubElement(case, ELEMENTS[one.outcome], {"message": _clean(one.text)})
            if one.outcome != "INCONCLUSIVE":
                told.set("type", one.outcome)
                told.text = _clean(one.text)
    ET.indent(root)
    out: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return out + b"\n"


def cases(summary: Mapping[str, Any]) -> Iterator[Case]:
    """Give the test cases: the verdict, the objectives, the gates of the generator, the ledger."""
    yield _verdict(summary)
    for one in reach(summary, "objectives", []):
        met = one.get("met")
        outcome = "INCONCLUSIVE" if met is None else "PASS" if met else "FAIL"
        yield Case("objective", str(one.get("text", "")), outcome, str(one.get("why", "")))
    for one in reach(summary, "verdict.checks", []):
        name, passed = str(one.get("name", "")), one.get("passed")
        if name.partition(": ")[0] not in {"objective", "ledger"}:  # those have cases of their own
            outcome = "INCONCLUSIVE" if passed is None else "PASS" if passed else "INVALID"
            yield Case("validity", name, outcome, str(one.get("text", "")))
    yield from _ledger(summary)


def _verdict(summary: Mapping[str, Any]) -> Case:
    outcome = str(reach(summary, "verdict.outcome", "INVALID"))
    reasons = [
        f"{one.get('code', '')}: {one.get('text', '')}" for one in reach(summary, "verdict.reasons", [])
    ]
    return Case(
        "verdict", "verdict", outcome if outcome in ELEMENTS else "INVALID", "\n".join(reasons) or outcome
    )


def _ledger(summary: Mapping[str, Any]) -> Iterator[Case]:
    """Give one case for each invariant; what an invalid run did not prove is not held against the server."""
    ledger = summary.get("ledger")
    if not isinstance(ledger, Mapping):
        return
    invalid = reach(summary, "verdict.outcome") == "INVALID"
    found = {str(one.get("code", "")): one for one in ledger.get("findings") or []}
    for code in (*INVARIANTS, *(code for code in found if code not in INVARIANTS)):
        one = found.get(code)
        if one is None or not one.get("count"):
            yield Case("ledger", code, "PASS")
            continue
        examples = ", ".join(str(each) for each in one.get("examples") or [])
        text = f"{one['count']}: {one.get('text', '')}" + (f" ({examples})" if examples else "")
        yield Case("ledger", code, "INCONCLUSIVE" if invalid and not one.get("proved") else "FAIL", text)
    if not ledger.get("audited"):
        yield Case("ledger", "audit", "INCONCLUSIVE", str(ledger.get("audit_text") or "there was no audit"))


def _title(summary: Mapping[str, Any]) -> str:
    title = summary.get("title") or "load"
    return (
        str(title.get("en") or next(iter(title.values()), "load"))
        if isinstance(title, Mapping)
        else str(title)
    )


def _properties(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what the run was, as far as the summary tells."""
    found = {
        "plan_digest": summary.get("plan_digest"),
        "seed": reach(summary, "plan.seed"),
        "adapter": reach(summary, "plan.adapter"),
        "target": reach(summary, "plan.target"),
        "rate_per_s": reach(summary, "offered.rate_per_s"),
        "messages": reach(summary, "offered.messages"),
        "completed": summary.get("completed"),
        "shed": reach(summary, "counts.shed"),
        "outcome": reach(summary, "verdict.outcome"),
        "exit_code": reach(summary, "verdict.exit_code"),
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _clean(text: str) -> str:
    """Return the text without what XML 1.0 forbids (section 2.2)."""
    return _ILLEGAL.sub("\ufffd", text)
