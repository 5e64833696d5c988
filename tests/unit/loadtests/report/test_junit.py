"""The JUnit file: well-formed, counts that agree, and a build server that says what the verdict says."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.report.junit import ELEMENTS, INVARIANTS, cases, junit
from tests.unit.loadtests.report import fixture


def suite_of(summary: dict[str, Any]) -> ET.Element:
    """The test suite of a summary's file."""
    root = ET.fromstring(junit(summary))
    found = root.find("testsuite")
    assert root.tag == "testsuites"
    assert found is not None
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        key: found.get(key) for key in ("tests", "failures", "errors", "skipped")
    }
    return found


@pytest.mark.parametrize("outcome", list(ELEMENTS))
def test_counts_agree_and_the_verdict_is_told(outcome: str) -> None:
    """Counted elements equal the attributes, and the case of the verdict has the element of its outcome."""
    suite = suite_of(fixture.summary(outcome))
    assert len(suite.findall("testcase")) == int(suite.get("tests", "-1"))
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert len(suite.findall(f"testcase/{element}")) == int(suite.get(attribute, "-1"))
    verdict = suite.find("testcase[@classname='load.verdict']")
    assert verdict is not None
    assert [child.tag for child in verdict] == ([ELEMENTS[outcome]] if ELEMENTS[outcome] else [])
    assert all(float(case.get("time", "x")) >= 0 for case in suite.findall("testcase"))
    if outcome == "PASS":
        assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


def test_one_case_for_each_objective_gate_and_invariant() -> None:
    """What has a case of its own has only one, and every invariant has one, found or not."""
    summary = fixture.summary("FAIL")
    found = [(one.area, one.name) for one in cases(summary)]
    assert len(found) == len(set(found))
    assert [name for area, name in found if area == "objective"] == [
        one["text"] for one in summary["objectives"]
    ]
    assert {name for area, name in found if area == "ledger"} == set(INVARIANTS)
    assert {name for area, name in found if area == "validity"} == {one["name"] for one in fixture.CHECKS}
    outcomes = {one.name: one.outcome for one in cases(summary) if one.area == "ledger"}
    assert outcomes["lost"] == outcomes["undelivered"] == "FAIL"
    assert outcomes["duplicated"] == "PASS"


def test_an_invalid_run_holds_only_what_is_proved_against_the_server() -> None:
    """Absences of an invalid run are skipped; a proved loss stays a failure; a closed gate is an error."""
    found = {one.name: one.outcome for one in cases(fixture.summary("INVALID"))}
    assert found["lost"] == "FAIL"
    assert found["undelivered"] == "INCONCLUSIVE"
    assert found["generator: schedule"] == "INVALID"
    assert found["generator: warm-up"] == "INCONCLUSIVE"


def test_a_run_without_audit_says_so() -> None:
    """What was not looked at is skipped, not passed."""
    summary = fixture.summary("PASS")
    summary["ledger"] |= {"audited": False, "audit_text": "không hỏi được máy chủ"}
    found = suite_of(summary).find("testcase[@name='audit']/skipped")
    assert found is not None
    assert found.get("message") == "không hỏi được máy chủ"


def test_properties_name_the_plan() -> None:
    """Plan, seed and rate are there for whoever compares builds."""
    summary = fixture.summary("PASS")
    found = {one.get("name"): one.get("value") for one in suite_of(summary).findall("properties/property")}
    assert found["plan_digest"] == summary["plan_digest"]
    assert found["seed"] == "7"
    assert float(found["rate_per_s"] or 0) == summary["offered"]["rate_per_s"]


@given(st.text(max_size=40))
def test_any_text_is_well_formed(text: str) -> None:
    """Control characters, lone surrogates and markup in reasons give XML that parses, with Vietnamese unharmed."""
    reason = {"code": text, "outcome": "FAIL", "text": f"Không đạt: {text}"}
    summary = {"title": text, "verdict": {"outcome": "FAIL", "reasons": [reason]}, "plan": {"target": text}}
    message = suite_of(summary).find("testcase/failure")
    assert message is not None
    assert "Không đạt: " in (message.text or "")


def test_an_empty_summary_is_no_pass() -> None:
    """A summary without a verdict is an error, never green."""
    assert suite_of({}).get("errors") == "1"
