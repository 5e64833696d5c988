"""What alternatives ask for that is drawn for another case: warned of, and true of the workload."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import generate, view

from .build import VALID, changed, loaded

AGENCIES = """\
    agencies:
      - {id: top, level: province}
      - {id: east, level: district, parent: top}
      - {id: north, level: district, parent: top}
"""
FLOW = """\
    flows:
      news:
        from: {level: province}
        to: {level: district, all: true}
        volume: 4 / working day
      up:
        from: {level: district}
        to: {which: parent}
        volume: 2 / working day / agency
"""


def with_alternative(body: str) -> str:
    """Return the valid scenario with an alternative more."""
    return f"{VALID}  other:\n{body}"


def told(file: ScenarioFile) -> list[tuple[str, str]]:
    """Return code and message of the warnings that this check gives."""
    return [(one.code, one.message) for one in file.warnings if one.code in {"W-SENDERS", "W-RECIPIENTS"}]


def written_to(file: ScenarioFile, name: str) -> set[str]:
    """Return the agencies that receive anything in an alternative, replies included."""
    workload = generate(file, Streams(1, 1))
    seen = view(workload, file, file.cases[name])
    return {workload.agencies[index] for index in workload.recipient[seen.leg_on]}


class TestTogether:
    def test_alternatives_that_change_nothing_of_the_kind_are_not_warned_of(self, tmp_path: Path) -> None:
        """Shares, procedures and smaller volumes are drawn as they are asked for."""
        body = "    channels.electronic.share: 0.5\n    flows.letter.volume: 1 / working day\n"
        assert told(loaded(tmp_path, with_alternative(body))) == []

    def test_an_agency_of_the_alternative_alone_gets_no_documents_of_the_base_case(
        self, tmp_path: Path
    ) -> None:
        """It is named, and the workload shows that the warning is right."""
        file = loaded(tmp_path, with_alternative(AGENCIES))
        assert [code for code, _ in told(file)] == ["W-RECIPIENTS"]
        message = told(file)[0][1]
        assert "other, flow letter: found north among the recipients, who get none" in message
        assert "drawn for 'paper'" in message
        assert "north" not in written_to(file, "other")

    def test_an_agency_of_the_alternative_alone_sends_no_documents_of_the_base_case(
        self, tmp_path: Path
    ) -> None:
        """Where its level sends some."""
        text = changed(("    volume: 0 / working day\n", "    volume: 1 / working day / agency\n"))
        file = loaded(tmp_path, f"{text}  other:\n{AGENCIES}")
        assert tuple(sorted((c for c, _ in told(file)), reverse=True)) == ("W-SENDERS", "W-RECIPIENTS")
        assert any("flow answer: found north among the senders" in message for _, message in told(file))

    def test_flows_of_another_name_are_drawn_for_the_alternative(self, tmp_path: Path) -> None:
        """So that its new agency gets and sends documents, and nothing is warned of."""
        file = loaded(tmp_path, with_alternative(AGENCIES + FLOW))
        assert told(file) == []
        assert {"north", "top"} <= written_to(file, "other")

    @pytest.mark.parametrize(
        ("path", "value", "found"),
        [
            ("id", "east", "west not among the recipients, who get it all the same"),
            ("count", "{integer: {min: 1, max: 2}}", "another number of recipients"),
        ],
    )
    def test_recipients_that_an_alternative_changes_are_drawn_as_before(
        self, tmp_path: Path, path: str, value: str, found: str
    ) -> None:
        """A narrower selection or another count within the same flow does nothing."""
        text = changed((", all: true", "")) if path == "count" else VALID
        file = loaded(tmp_path, f"{text}  other:\n    flows.letter.to.{path}: {value}\n")
        assert [code for code, _ in told(file)] == ["W-RECIPIENTS"]
        assert found in told(file)[0][1]
        assert {"east", "west"} <= written_to(file, "other")

    def test_a_flow_is_drawn_for_the_first_alternative_that_has_it(self, tmp_path: Path) -> None:
        """The second one's further agency gets none of it."""
        wider = AGENCIES + "      - {id: south, level: district, parent: top}\n" + FLOW
        file = loaded(tmp_path, f"{with_alternative(AGENCIES + FLOW)}  wider:\n{wider}")
        assert {code for code, _ in told(file)} == {"W-RECIPIENTS", "W-SENDERS"}
        assert all("south" in message and "drawn for 'other'" in message for _, message in told(file))
