"""Loading a scenario: what is refused, with which code, where, and how many faults at once."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from sim.errors import Diagnostic, InputError, ScenarioError
from sim.scenario import bundled, find, load, template
from sim.scenario.documents import parse_yaml
from sim.units import DAY_S, HOUR_S

from .build import VALID, changed, laid, loaded, only, place, refused, without


class TestWhatIsRight:
    def test_a_valid_scenario_gives_its_alternatives_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        """The first alternative is the base case unless the file names another."""
        file = loaded(tmp_path)
        assert list(file.cases) == ["paper", "signed"]
        assert file.base == "paper"
        assert file.scenario.channels["electronic"].share is not None
        assert file.scenario.period.start == date(2024, 3, 4)
        assert [agency.id for agency in file.cases["paper"].agencies] == ["top", "east", "west"]
        assert file.warnings == ()

    def test_a_scenario_without_alternatives_is_its_own_base_case(self, tmp_path: Path) -> None:
        """The only case is called base."""
        assert list(loaded(tmp_path, without("alternatives")).cases) == ["base"]

    def test_the_run_times_are_counted_from_the_first_midnight(self, tmp_path: Path) -> None:
        """Warm-up, measuring and the latest end follow one another."""
        horizon = loaded(tmp_path).horizon
        assert horizon.measure_start_s == 7 * DAY_S
        assert horizon.measure_end_s == 35 * DAY_S
        assert horizon.cap_s == 49 * DAY_S
        assert horizon.days * DAY_S > horizon.cap_s

    def test_a_span_of_working_days_ends_at_the_midnight_after_the_last_of_them(self, tmp_path: Path) -> None:
        """Ten working days from a Monday end on the second Friday's midnight; weekends do not count."""
        text = changed(
            ("warm_up: 1 week", "warm_up: 0 days"), ("measure: 4 weeks", "measure: 10 working days")
        )
        assert loaded(tmp_path, text).horizon.measure_end_s == 12 * DAY_S

    def test_an_office_that_works_one_day_a_week_has_enough_calendar(self, tmp_path: Path) -> None:
        """A hundred Mondays take a hundred weeks."""
        text = changed(
            ("calendar:\n", "calendar:\n  weekdays: [mon]\n"),
            ("measure: 4 weeks", "measure: 100 working days"),
        )
        horizon = loaded(tmp_path, text).horizon
        assert horizon.measure_end_s - horizon.measure_start_s == (99 * 7 + 1) * DAY_S

    def test_round_the_clock_has_days_of_24_hours(self, tmp_path: Path) -> None:
        """Then a working day is a day."""
        text = changed(
            ('hours: ["08:00-12:00", "13:00-17:00"]', "hours: round the clock"),
            ("warm_up: 1 week", "warm_up: 1 h"),
            ("measure: 4 weeks", "measure: 2 working days"),
        )
        horizon = loaded(tmp_path, text).horizon
        assert horizon.measure_end_s == HOUR_S + 2 * DAY_S

    def test_a_calendar_that_leaves_too_few_working_days_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However far it is looked at."""
        monkeypatch.setattr("sim.scenario.horizon.SPAN_DAYS_MAX", 300)
        off = "".join(f"    {date(2024, 3, 4) + timedelta(days=i)}: off\n" for i in range(1200))
        text = changed(
            ("calendar:\n", f"calendar:\n  days_off:\n{off}"),
            ("warm_up: 1 week", "warm_up: 0 days"),
            ("measure: 4 weeks", "measure: 5 working days"),
            ("cool_down: 2 weeks", "cool_down: 0 days"),
        )
        assert only(tmp_path, text).code == "E-PERIOD"

    def test_the_digest_changes_with_every_file_and_every_set(self, tmp_path: Path) -> None:
        """It stands for all that was read, and for the command line."""
        plain = loaded(tmp_path)
        assert plain.digest == loaded(tmp_path).digest
        assert plain.digest != loaded(tmp_path, VALID + "# a note\n").digest
        assert plain.digest != loaded(tmp_path, sets={"seed": "2"}).digest

    def test_the_law_is_told_as_a_warning(self, tmp_path: Path) -> None:
        """A procedure that is used outside its law's time does not forbid the run."""
        text = changed(("from: 2020-01-01", "from: 2030-01-01"))
        file = loaded(tmp_path, text)
        assert [one.code for one in file.warnings] == ["W-LAW-DATE"]
        assert (file.warnings[0].line, file.warnings[0].column) == place(text, "law: {basis")

    def test_sample_files_are_among_the_files_that_were_read(self, tmp_path: Path) -> None:
        """An empirical distribution's file counts for the digest."""
        path = laid(tmp_path, changed(("takes: 3 min", "takes: {empirical: {file: times.csv}}")))
        (path.parent / "times.csv").write_text("value\n2 min\n4 min\n")
        assert set(load(path).files) == {"scenario.yaml", "times.csv"}


class TestAgenciesInAFile:
    CSV = (
        "id,name,level,parent,latitude,longitude\n"
        "top,Top,province,,,\neast,East,district,top,,\nwest,,district,top,,\n"
    )

    def _text(self) -> str:
        start, end = VALID.index("agencies:"), VALID.index("staff:")
        return f"{VALID[:start]}agencies: agencies.csv\n{VALID[end:]}"

    def test_a_csv_beside_the_scenario_is_read_and_counted_among_the_files(self, tmp_path: Path) -> None:
        """Names fall back on ids."""
        path = laid(tmp_path, self._text())
        (path.parent / "agencies.csv").write_text(self.CSV, encoding="utf-8")
        file = load(path)
        assert [agency.name for agency in file.cases["paper"].agencies] == ["Top", "East", "west"]
        assert set(file.files) == {"scenario.yaml", "agencies.csv"}

    def test_a_missing_csv_is_told_where_it_is_named(self, tmp_path: Path) -> None:
        """E-FILE at the key, with the file's name."""
        found = only(tmp_path, self._text())
        assert found.code == "E-FILE"
        assert "agencies.csv" in found.message
        assert (found.line, found.column) == place(self._text(), "agencies: ")

    def test_a_fault_in_the_csv_is_told_in_the_csv(self, tmp_path: Path) -> None:
        """File, line and column are those of the cell."""
        path = laid(tmp_path, self._text())
        (path.parent / "agencies.csv").write_text(
            self.CSV.replace("west,,district,top", "west,,district,nowhere")
        )
        with pytest.raises(ScenarioError) as caught:
            load(path)
        (found,) = caught.value.diagnostics
        assert (found.code, found.line, found.column, found.field) == ("E-PARENT", 4, 16, "parent")
        assert found.file.endswith("agencies.csv")


FAULTS: list[tuple[str, str, str, str, str]] = [
    # what is changed, into what, the code, where it is told (a text of the changed file), what the hint says
    ("seed", "seed: 1\nseeed: 2\n", "E-UNKNOWN-KEY", "seeed", "did you mean 'seed'"),
    ("profile: busy", "profil: busy", "E-UNKNOWN-KEY", "profil:", "did you mean 'profile'"),
    ("{count: 2, duty: counter}", "{count: 2, duti: counter}", "E-UNKNOWN-KEY", "duti:",
     "did you mean 'duty'"),
    ("by: leader, takes: 5 min}\n      - {work: stamp", "bye: leader, takes: 5 min}\n      - {work: stamp",
     "E-UNKNOWN-KEY", "bye", "did you mean 'by'"),
    ("takes: 3 min", "takes: 3 parsec", "E-UNIT", "takes: 3 parsec", "known units"),
    ("takes: 3 min", "takes: 3", "E-UNIT-MISSING", "takes: 3}", "min"),
    ("takes: 3 min", "takes: 3 km", "E-UNIT-WRONG", "takes: 3 km", "min"),
    ("takes: 3 min", "takes: -3 min", "E-NEGATIVE", "takes: -3", "negative"),
    ("takes: 3 min", "takes: .nan", "E-NOT-FINITE", "takes: .nan", "finite"),
    ("takes: 3 min", "takes: .inf", "E-NOT-FINITE", "takes: .inf", "finite"),
    ("takes: 3 min", "takes: 1,5 min", "E-UNIT-MISSING", "takes: 1,5", "min"),
    ("takes: 3 min", 'takes: "1,5 min"', "E-QUANTITY", 'takes: "1,5', "point"),
    ("{mean: 1 h, p95: 2 h}", "{mean: 1 h, p95: 2 hh}", "E-UNIT", "p95: 2 hh", "did you mean"),
    ("{mean: 1 h, p95: 2 h}", "{mean: 1 h, p95: 30 min}", "E-DIST-IMPOSSIBLE", "takes: {lognormal", ""),
    ("{mean: 1 h, p95: 2 h}", "{mean: 1 h, p59: 2 h}", "E-DIST-PARAMETER", "takes: {lognormal",
     "did you mean"),
    ("{lognormal: {mean", "{lognormall: {mean", "E-DIST-KIND", "takes: {lognormall", "did you mean"),
    ("takes: 3 min", "takes: {empirical: {file: none.csv}}", "E-DIST-FILE", "takes: {empirical", "CSV"),
    ("takes: 3 min", "takes: {constant: 3 min, grade: assumed}", "E-ASSUMED-RANGE", "takes: {constant",
     "range"),
    ("takes: 3 min", "takes: {constant: 3 min, grade: assumed, range: [4 min, 5 min]}", "E-RANGE",
     "range: [4", "hold"),
    ("takes: 3 min", "takes: {constant: 3 min, grade: assumed, range: [1 working day, 2 working days]}",
     "E-UNIT-WRONG", "range: [1", "one kind of unit"),
    ("away: 0.2", "away: {value: 0.2, grade: published}", "E-SOURCE", "away: {", "source"),
    ("away: 0.2", "away: {value: 0.2, grade: guessed}", "E-GRADE", "grade: guessed", "assumed"),
    ("away: 0.2", "away: {value: 0.2, range: [0.3, 0.1]}", "E-RANGE", "range: [0.3", "lowest"),
    ("away: 0.2", "away: {valu: 0.2}", "E-UNKNOWN-KEY", "valu:", "value"),
    ("away: 0.2", "away: 1.2", "E-OUT-OF-RANGE", "away: 1.2", "between 0 and 1"),
    ("away: 0.2", "away: 1", "E-ABSENCE", "away: 1", "below one"),
    ("duty: counter}", "duty: counter, away: 1}", "E-ABSENCE", "away: 1", "below one"),
    ("spell: 2 working days", "spell: 0 h", "E-ABSENCE", "spell: 0", "more than nothing"),
    ("{normal: 0.9, urgent: 0.1}", "{normal: 0.9, urgent: 0.2}", "E-SHARES", "urgency: {", "add up to 1"),
    ("{normal: 0.9, urgent: 0.1}", "{normal: 0.9, urgnt: 0.1}", "E-VALUE", "urgnt", "urgent"),
    ("{information: 0.4, reply: 0.6}", "{information: 0.4, reply: 0.5}", "E-SHARES", "asks: {",
     "add up to 1"),
    ("to: {draft: 0.1}", "to: {draft: 0.6, refused: 0.5}", "E-SHARES", "to: {draft", "at most 1"),
    ("to: {draft: 0.1}", "to: {drafd: 0.1}", "E-TARGET", "drafd: ", "did you mean 'draft'"),
    ("to: {draft: 0.1}", "to: {returned: 0.1}", "E-TARGET", "returned: 0.1", "another"),
    ("to: {draft: 0.1}", "to: {draft: 0.1}\n      loops_max: 99", "E-OUT-OF-RANGE", "loops_max",
     "at most 20"),
    ("id: east, level: district, parent: top", "id: east, level: district, parent: west", "", "", ""),
    ("id: top, level: province", "id: top, level: province, parent: east", "E-CYCLE", "- {id: top",
     "another parent"),
    ("id: west, level: district, parent: top", "id: west, level: district, parent: pot", "E-PARENT",
     "- {id: west", "id"),
    ("id: west", "id: east", "E-AGENCY-TWICE", "- {id: east, level: district, parent: top}\nstaff",
     "unique"),
    ("id: west, level: district", "id: west, level: district, latitude: 95", "E-OUT-OF-RANGE", "latitude",
     "at most 90"),
    ("id: west", "id: 00123", "E-TYPE", "id: 00123", "quotes"),
    ("by: leader, takes: 5 min}\n      - {work: stamp",
     "by: minister, takes: 5 min}\n      - {work: stamp", "E-ROLE", "by: minister",
     "known here: clerk, leader"),
    ("    clerk: 1\n    leader: {count: 1, cover: {by: clerk, after: 1 working day}}", "    clerk: 1",
     "E-STEP-NOBODY", "", "add the role"),
    ("cover: {by: clerk,", "cover: {by: officer,", "E-ROLE", "by: officer", "known here"),
    ("cover: {by: clerk,", "cover: {by: leader,", "E-ROLE", "by: leader, after", "another"),
    ("absence:\n  leader:", "absence:\n  minister:", "E-ROLE", "minister", "known here"),
    ("duty: counter", 'hours: ["08:00-12:00", "11:00-13:00"]', "E-HOURS",
     'hours: ["08:00-12:00", "11', "overlap"),
    ("away: 0.2", "levels: [distrikt], away: 0.2", "E-LEVEL", "levels: [distrikt", "did you mean 'district'"),
    ("id: west", "id: west, latitude: .nan, longitude: 1", "E-NOT-FINITE", "latitude: .nan", "finite"),
    ("measure: 4 weeks", "measure: 40000 working days", "E-PERIOD", "period:", "at most"),
    ("alternatives:\n", "alternatives: [a]\nx:\n", "E-TYPE", "alternatives: [a]", "a mapping"),
    ("duty: counter", "duty: conter", "E-DUTY", "duty: conter", "did you mean 'counter'"),
    ("count: 2, duty", "count: -2, duty", "E-NEGATIVE", "count: -2", "negative"),
    ("count: 2, duty", "count: 2.5, duty", "E-TYPE", "count: 2.5", "whole number"),
    ("count: 2, duty", "count: true, duty", "E-TYPE", "count: true", "whole number"),
    ("    leader: 1\n", "    leader: -1\n", "E-NEGATIVE", "leader: -1", "negative"),
    ("    leader: 1\n", "    leader: 100000\n", "E-OUT-OF-RANGE", "leader: 100000", "at most 10000"),
    ("    leader: 1\n", "    leader: many\n", "E-TYPE", "leader: many", "a mapping or a whole number"),
    ("    leader: 1\n", "    leader: [1]\n", "E-TYPE", "leader: [1]", "a mapping or a whole number"),
    ("    leader: 1\n", "    leader: {also: [clerk]}\n", "E-MISSING", "leader: {also", "add count"),
    ("    leader: 1\n", "    leader: {count: 1, also: [leader]}\n", "E-ROLE", "also: [leader]", "once"),
    ("    leader: 1\n", "    leader: {count: 2, fields: 3}\n", "E-FIELDS", "fields: 3",
     "one field per person"),
    ("    leader: 1\n", "    Leader: 1\n", "E-NAME", "Leader: 1", "lower-case"),
    ("start: 2024-03-04", "start: 2024-02-30", "E-DATE", "start: ", "2015-01-05"),
    ("start: 2024-03-04", "start: 20240304", "E-DATE", "start: ", "2015-01-05"),
    ("start: 2024-03-04", "start: 2024-03-04T08:00:00", "E-DATE", "start: ", "2015-01-05"),
    ("start: 2024-03-04", "start: 9999-03-04", "E-DATE", "start: ", "2199"),
    ("warm_up: 1 week", "warm_up: 3 days", "E-WARM-UP", "warm_up: 3", "whole weeks"),
    ("warm_up: 1 week", "warm_up: 1 week\n  kind: terminating", "E-WARM-UP", "warm_up: 1", "0 days"),
    ("measure: 4 weeks", "measure: 0 weeks", "E-PERIOD", "measure: 0", "more than nothing"),
    ("measure: 4 weeks", "measure: 2.5 working days", "E-PERIOD", "measure: 2.5", "whole working days"),
    ("measure: 4 weeks", "measure: 100000 weeks", "E-PERIOD", "period:", "at most"),
    ('["08:00-12:00", "13:00-17:00"]', '["08:00-12:00", "11:00-17:00"]', "E-HOURS",
     'hours: ["08:00-12:00", "11', "overlap"),
    ('["08:00-12:00", "13:00-17:00"]', '["17:00-08:00"]', "E-HOURS", '"17:00-08:00"', "two ranges"),
    ('["08:00-12:00", "13:00-17:00"]', '["8h-12h"]', "E-HOURS", '"8h-12h"', "07:30-11:30"),
    ('["08:00-12:00", "13:00-17:00"]', "[]", "E-HOURS", "hours: []", "at least one"),
    ('["08:00-12:00", "13:00-17:00"]', "08:00-12:00", "E-TYPE", "hours: 08:00-12:00",
     "a list or 'round the clock'"),
    ("calendar:\n", "calendar:\n  country: XX\n", "E-COUNTRY", "country: XX", "VN"),
    ("calendar:\n", "calendar:\n  weekdays: []\n", "E-EMPTY", "weekdays: []", "at least one"),
    ("calendar:\n", "calendar:\n  days_off: {2024-03-99: x}\n", "E-DATE", "2024-03-99", "2015-01-05"),
    ("calendar:\n", "calendar:\n  days_off: {2024-03-09: x}\n  make_up: {2024-03-09: y}\n", "E-DAYS",
     "2024-03-09: y", "one of the two"),
    ('counter: {hours: ["08:00-10:00"]}', 'counter: {hours: ["08:00-10:00", "09:00-11:00"]}', "E-HOURS",
     'hours: ["08:00-10:00", "09', "overlap"),
    ('pick_ups: ["15:30"]', 'pick_ups: ["3:30"]', "E-TIME", '"3:30"', "time of day"),
    ('pick_ups: ["15:30"]', "pick_ups: []", "E-EMPTY", "pick_ups: []", "at least one"),
    ('pick_ups: ["15:30"], ', "", "E-TRANSPORT", "post: {kind: post, transit", "pick_ups"),
    ("kind: exchange,", 'kind: exchange, pick_ups: ["09:00"],', "E-TRANSPORT", "exchange: {kind",
     "only the post"),
    ("kind: exchange,", "kind: courier,", "E-TRANSPORT", "exchange: {kind", "only an exchange"),
    ("kind: exchange,", "kind: pigeon,", "E-VALUE", "kind: pigeon", "'post', 'courier' or 'exchange'"),
    ("level: district, all: true", "level: distrikt, all: true", "E-LEVEL", "", "did you mean 'district'"),
    ("level: district, all: true", "level: district, all: yes", "E-TYPE", "all: yes", "true or false"),
    ("level: district, all: true", "level: district, all: true, count: 1", "E-RECIPIENTS", "to: {level",
     "one of them"),
    ("level: district, all: true", "id: nowhere", "E-AGENCY", "", "known here"),
    ("from: {level: province}", "from: {level: province, exclude: top}", "E-NOBODY",
     "from: {level: province", "widen"),
    ("from: {level: province}\n    to: {level: district, all: true}",
     "from: {level: province}\n    to: {which: parent}", "E-NOBODY", "to: {which: parent}\n    volume: 4",
     "widen"),
    ("profile: busy", "profile: bussy", "E-PROFILE", "profile: bussy", "did you mean 'busy'"),
    ('{"08:00": 2, "13:00": 1}', '{"08:00": 0, "13:00": 0}', "E-PROFILE", 'hours: {"08:00": 0',
     "at least one"),
    ('{"08:00": 2, "13:00": 1}', '{"08:00": 0, "18:00": 1, "23:00": 0}', "E-PROFILE", 'hours: {"08:00": 0',
     "office"),
    ("{mon: 2, tue: 1}", "{mon: 0}", "E-PROFILE", "weekdays: {mon: 0}", "at least one"),
    ("reply: answer", "reply: anser", "E-FLOW", "reply: anser", "did you mean 'answer'"),
    ("    reply: answer\n", "", "E-REPLY", "reply: 0.6", "volume 0"),
    ("reply: answer", "reply: letter", "E-REPLY", "reply: letter", "inform"),
    ("paper: {procedure: paper}", "paper: {procedure: papier}", "E-PROCEDURE", "procedure: papier",
     "did you mean 'paper'"),
    ("paper: {procedure: paper}", "paper: {procedure: paper, share: 0.5}", "E-CHANNEL",
     "paper: {procedure", "last channel"),
    ("uses: seal", "uses: seel", "E-EQUIPMENT", "uses: seel", "did you mean 'seal'"),
    ("{transport: carry, via: post}", "{transport: carry, via: pest}", "E-TRANSPORT", "via: pest",
     "did you mean 'post'"),
    ("{transport: carry, via: post}", "{transprt: carry, via: post}", "E-STEP-KIND", "{transprt",
     "did you mean 'transport'"),
    ("{transport: carry, via: post}", "{transport: carry, wait: x, via: post}", "E-STEP-KIND",
     "{transport: carry, w", "one of them"),
    ("{transport: carry, via: post}", "carry", "E-STEP-KIND", "carry", "start it with"),
    ("{transport: carry, via: post}", "{use: nothing}", "E-FRAGMENT", "use: nothing",
     "known here: drafting"),
    ("{transport: carry, via: post}", "{wait: carry}", "E-STEP", "{wait: carry", "one of them"),
    ("{transport: carry, via: post}", "{wait: carry, until: noon}", "E-TYPE", "until: noon",
     "'next-morning' or 'opening' or a list"),
    ("{transport: carry, via: post}", "{fork: f, branches: {a: []}}", "E-FORK", "branches: {a",
     "two or more"),
    ("{transport: carry, via: post}", "{fork: f, branches: {a: [], b: []}, join: c}", "E-FORK", "join: c",
     "known here"),
    ("work: envelope", "work: register", "E-STEP-TWICE", "- {work: register, by: clerk, takes: 3",
     "different names"),
    (", via: post, takes: 1 min", ", takes: 1 min", "E-STEP", "- {work: envelope", "transport"),
    ("at: sender, per: envelope, via: post, takes: 1 min", "at: sender, via: post", "E-STEP", "", ""),
    ("uses: seal, takes: 2 min", "uses: seal", "E-STEP", "- {work: stamp", "one of them"),
    ("uses: seal, takes: 2 min", "assign: owner, takes: 2 min", "E-STEP", "- {work: stamp", "owning task"),
    ("uses: seal, takes: 2 min", "assign: owner, owner: dig, takes: 2 min", "E-OWNER", "owner: dig",
     "known here"),
    ("uses: seal, takes: 2 min", "per: envelope, via: post, takes: 2 min", "E-STEP-PLACE",
     "per: envelope, via: post, takes: 2", "leg part"),
    ("uses: seal, takes: 2 min", "at: recipient, takes: 2 min", "E-STEP-PLACE", "at: recipient",
     "leg part"),
    ("- {work: stamp, by: clerk, uses: seal, takes: 2 min}", "- {transport: early, via: post}",
     "E-STEP-PLACE", "- {transport: early", "leg part"),
    ("uses: seal, takes: 2 min", "when: {recipient_level: [district]}, takes: 2 min", "E-STEP-PLACE",
     "- {work: stamp", "leg"),
    ("uses: seal, takes: 2 min", "when: {sender_level: [provinze]}, takes: 2 min", "E-LEVEL",
     "sender_level", "did you mean"),
    ("uses: seal, takes: 2 min", "when: {flow: [leter]}, takes: 2 min", "E-FLOW", "flow: [leter",
     "did you mean"),
    ("channels.electronic.share: 1", "channels.electronic.shar: 1", "E-PATH", "channels.electronic.shar:",
     "did you mean 'share'"),
    ("channels.electronic.share: 1", "chanels.electronic.share: 1", "E-PATH", "chanels",
     "did you mean 'channels'"),
    ("channels.electronic.share: 1", "channels.electronic.share: 2", "E-OUT-OF-RANGE",
     "channels.electronic.share", "between"),
    ("channels.electronic.share: 1", "channels.electronic: {procedure: signed, share: x}", "E-QUANTITY",
     "share: x", "number"),
    ("channels.electronic.share: 1", "period.measure: 8 weeks", "E-PATH", "period.measure", "base case"),
    ("channels.electronic.share: 1", "library: []", "E-PATH", "library: []", "file itself"),
    ("signed: {channels.electronic.share: 1}", "signed: 1", "E-TYPE", "signed: 1", "a mapping"),
    ("schema: 1", "schema: 2", "E-SCHEMA", "schema: 2", "1"),
    ("schema: 1", "schema: true", "E-SCHEMA", "schema: true", "1"),
    ("alternatives:\n", "titles: {payper: Paper}\nalternatives:\n", "E-ALTERNATIVE", "payper: ",
     "did you mean 'paper'"),
    ("alternatives:\n", "titles: 5\nalternatives:\n", "E-TYPE", "titles: 5", "a mapping"),
    ("alternatives:\n", "base: nothing\nalternatives:\n", "E-ALTERNATIVE", "base: nothing", "known here"),
    ("alternatives:\n",
     "published: {x: {title: X, value: 2 h, use: comparison, alternative: z}}\nalternatives:\n",
     "E-ALTERNATIVE", "alternative: z", "known here"),
    ("alternatives:\n", "library: [nothing]\nalternatives:\n", "E-LIBRARY", "nothing", "known here"),
    ("alternatives:\n", "library: [../quang-ninh/scenario]\nalternatives:\n", "E-LIBRARY", "../quang",
     "known here"),
    ("alternatives:\n", "library: nothing\nalternatives:\n", "E-TYPE", "library: nothing", "a list"),
]  # fmt: skip


def _changed(old: str, new: str) -> str:
    return VALID.replace("schema: 1\n", f"schema: 1\n{new}", 1) if old == "seed" else changed((old, new))


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{one[2]}-{i}" for i, one in enumerate(FAULTS)])
def test_a_fault_is_told_by_code_place_and_what_would_be_right(
    tmp_path: Path, fault: tuple[str, str, str, str, str]
) -> None:
    """Each mistake gives its code, at its line and column, with a hint."""
    old, new, code, needle, hint = fault
    text = _changed(old, new)
    if not code:
        loaded(tmp_path, text)
        return
    found = [one for one in refused(tmp_path, text) if one.code == code]
    assert found, refused(tmp_path, text)
    assert found[0].file.endswith("scenario.yaml")
    assert found[0].line
    assert found[0].column
    if needle:
        line, column = place(text, needle.removeprefix("- "))
        assert found[0].line == line
        assert found[0].column <= column
    assert hint in found[0].hint


@pytest.mark.parametrize("key", ["schema", "id", "title", "period", "calendar", "agencies", "staff", "flows"])
def test_what_is_required_is_asked_for(tmp_path: Path, key: str) -> None:
    """A missing key is told with what it is for."""
    (found,) = [one for one in refused(tmp_path, without(key)) if one.code == "E-MISSING"]
    assert f"add {key}" in found.hint


class TestOneMistakeOneFinding:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("    leader: 1\n", "    leader: many\n"),
            ("    leader: 1\n", "    leader: {count: 1, cover: {by: clerk}}\n"),
            ("title: {en: Small, vi: Nhỏ}", "title: [Small]"),
            ("title: {en: Small, vi: Nhỏ}", "title: {eng: Small, en: Small}"),
            (
                "  - {id: west, level: district, parent: top}",
                "  - {id: west, level: district, parent: top, x: 1}",
            ),
            ("to: {level: district, all: true}", "to: {level: 3, all: true}"),
            ('hours: ["08:00-12:00", "13:00-17:00"]', "hours: never"),
            (
                "{work: register, by: clerk, takes: 3 min}",
                "{work: register, by: clerk, takes: 3 min, at: home}",
            ),
        ],
    )
    def test_where_a_field_may_be_several_things(self, tmp_path: Path, old: str, new: str) -> None:
        """A union is told by the member that was meant, or once for all."""
        only(tmp_path, changed((old, new)))


class TestAllAtOnce:
    def test_faults_of_shape_and_of_meaning_are_told_together(self, tmp_path: Path) -> None:
        """An unknown key hides neither a cycle nor a role nobody holds nor shares that do not add up."""
        text = changed(
            ("equipment: {seal: 1}", "equipmnt: {seal: 1}\nequipment: {seal: 1}"),
            ("takes: 3 min", "takes: 3 parsec"),
            ("{normal: 0.9, urgent: 0.1}", "{normal: 0.9, urgent: 0.2}"),
            ("id: top, level: province", "id: top, level: province, parent: east"),
            ("absence:\n  leader:", "absence:\n  minister:"),
            (
                "by: leader, takes: 5 min}\n      - {work: stamp",
                "by: minister, takes: 5 min}\n      - {work: stamp",
            ),
            ("channels.electronic.share: 1", "channels.electronic.shar: 1"),
        )
        found = refused(tmp_path, text)
        assert {one.code for one in found} == {
            "E-UNKNOWN-KEY", "E-UNIT", "E-SHARES", "E-CYCLE", "E-ROLE", "E-PATH",
        }  # fmt: skip
        assert [one.line for one in found] == sorted(one.line for one in found)

    def test_a_missing_number_hides_nothing_either(self, tmp_path: Path) -> None:
        """A stand-in takes its place while the rest is examined."""
        text = changed(
            ("    volume: 4 / working day\n", ""),
            ("{normal: 0.9, urgent: 0.1}", "{normal: 0.5, urgent: 0.1}"),
        )
        assert {one.code for one in refused(tmp_path, text)} == {"E-MISSING", "E-SHARES"}

    def test_what_follows_from_a_fault_is_not_told(self, tmp_path: Path) -> None:
        """A staff entry of the wrong shape does not also make its steps impossible."""
        assert only(tmp_path, changed(("    clerk: 1\n", "    clerk: one\n"))).code == "E-TYPE"

    def test_a_fault_that_all_alternatives_share_is_told_once(self, tmp_path: Path) -> None:
        """However many alternatives inherit it."""
        assert only(tmp_path, changed(("uses: seal", "uses: seel"))).code == "E-EQUIPMENT"

    def test_the_count_is_in_the_message(self, tmp_path: Path) -> None:
        """Warnings do not count."""
        with pytest.raises(ScenarioError, match="1 error in"):
            loaded(tmp_path, changed(("uses: seal", "uses: seel"), ("from: 2020-01-01", "from: 2030-01-01")))


class TestFilesThatAreNone:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        """E-FILE with the name that was given."""
        with pytest.raises(ScenarioError) as caught:
            load(tmp_path / "none.yaml")
        (found,) = caught.value.diagnostics
        assert found.code == "E-FILE"
        assert found.file.endswith("none.yaml")

    def test_a_folder(self, tmp_path: Path) -> None:
        """E-FILE too."""
        with pytest.raises(ScenarioError, match="E-FILE"):
            load(tmp_path)

    def test_bytes_that_are_not_utf8(self, tmp_path: Path) -> None:
        """E-FILE with the offset."""
        path = laid(tmp_path)
        path.write_bytes(b"title: \xff\n")
        with pytest.raises(ScenarioError, match="offset 7"):
            load(path)

    @pytest.mark.parametrize("text", ["", "# nothing\n", "- 1\n", "7\n"])
    def test_what_is_no_mapping(self, tmp_path: Path, text: str) -> None:
        """E-YAML at the top."""
        found = only(tmp_path, text)
        assert (found.code, found.line, found.column) == ("E-YAML", 1, 1)


class TestSets:
    def test_a_set_is_laid_over_every_alternative(self, tmp_path: Path) -> None:
        """It wins over what an alternative says."""
        file = loaded(tmp_path, sets={"channels.electronic.share": "0.5", "period.measure": "8 weeks"})
        for case in file.cases.values():
            share = case.scenario.channels["electronic"].share
            assert share is not None
            assert share.value == 0.5
            assert case.overlay["period.measure"] == "8 weeks"
        assert file.horizon.measure_end_s == 63 * DAY_S

    @pytest.mark.parametrize(
        ("path", "value", "code"),
        [
            ("period.mesure", "8 weeks", "E-PATH"),
            ("", "1", "E-PATH"),
            ("a..b", "1", "E-PATH"),
            ("alternatives.signed", "{}", "E-PATH"),
            ("id", "other", "E-PATH"),
            ("period.measure", "eight", "E-QUANTITY"),
            ("period.measure", "[", "E-YAML"),
            ("seed", "!x 1", "E-YAML-TAG"),
            ("seed", "{a: 1, a: 2}", "E-DUPLICATE-KEY"),
            ("procedures.paper.leg.carry.via", "pest", "E-TRANSPORT"),
            ("procedures.paper.leg.cary.via", "post", "E-PATH"),
        ],
    )
    def test_a_wrong_set_is_told_by_its_path(self, tmp_path: Path, path: str, value: str, code: str) -> None:
        """The place is the command line."""
        found = only(tmp_path, VALID, {path: value})
        assert found.code == code
        assert found.file.startswith("--set")


class TestFinding:
    def test_a_bundled_id_means_its_file(self) -> None:
        """As does its folder."""
        for name, path in bundled().items():
            assert find(name) == path
            assert find(str(path.parent)) == path
            assert find(str(path)) == path

    @pytest.mark.parametrize("name", ["quang-nin", "", "a\0b", "x" * 5000])
    def test_an_unknown_name_is_refused(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E-SCENARIO-NAME, with what there is."""
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError) as caught:
            find(name)
        assert caught.value.code == "E-SCENARIO-NAME"

    def test_a_bundled_scenario_is_called_as_its_folder(self, tmp_path: Path) -> None:
        """E-ID otherwise, when asked for."""
        path = laid(tmp_path, changed(("id: small", "id: other")))
        load(path)
        with pytest.raises(ScenarioError, match="E-ID"):
            load(path, strict_ids=True)


class TestLibrary:
    def test_a_fault_in_a_library_is_told_in_the_library(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its name is seen from the scenarios' folder."""
        _library(tmp_path, monkeypatch, one="transports:\n  mail: {kind: exchange, transit: 5 parsec}\n")
        found = only(tmp_path, f"library: [one]\n{VALID}")
        assert (found.code, found.file, found.line) == ("E-UNIT", "library/one.yaml", 4)

    def test_an_own_entry_wins_over_the_library_s(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever the library has under the same name."""
        _library(tmp_path, monkeypatch, one="transports:\n  post: {kind: courier}\n  mail: {kind: courier}\n")
        transports = loaded(tmp_path, f"library: [one]\n{VALID}").scenario.transports
        assert transports["post"].kind == "post"
        assert transports["mail"].kind == "courier"

    def test_two_libraries_with_the_same_name_contradict_each_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Unless the scenario says which it means."""
        body = "transports:\n  {name}: {{kind: courier}}\n"
        _library(tmp_path, monkeypatch, one=body.format(name="mail"), two=body.format(name="mail"))
        assert only(tmp_path, f"library: [one, two]\n{VALID}").code == "E-LIBRARY"
        _library(tmp_path, monkeypatch, one=body.format(name="post"), two=body.format(name="post"))
        loaded(tmp_path, f"library: [one, two]\n{VALID}")

    def test_what_nobody_uses_needs_neither_levels_nor_equipment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A library serves many scenarios."""
        step = "{work: w, by: scribe, uses: quill, takes: 1 h, when: {sender_level: [empire]}}"
        _library(tmp_path, monkeypatch, one=f"procedures:\n  old: {{title: Old, leg: [{step}]}}\n")
        loaded(tmp_path, f"library: [one]\n{VALID}")

    def test_a_broken_library_is_told_and_nothing_that_follows_from_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """References into it would all seem faults."""
        _library(tmp_path, monkeypatch, one="transports: [\n")
        text = changed(("paper: {procedure: paper}", "paper: {procedure: theirs}"))
        assert only(tmp_path, f"library: [one]\n{text}").code == "E-YAML"


def _library(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    """Put library files where they are looked for."""
    (folder / "library").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "library" / f"{name}.yaml").write_text(f"schema: 1\ntitle: {name}\n{text}")
    monkeypatch.setattr("sim.scenario.loading.scenarios_folder", lambda: folder)


# --- whatever a planner writes ------------------------------------------------------------------------------

ODD: list[Any] = [
    None, True, 0, -1, 1.5, float("nan"), float("inf"), "", "x", "2 h", "-3 min", "1 parsec", "5%",
    "2015-13-45", "07:30", [], [1], ["a", "b"], {}, {"a": 1}, 10**400, "1e308 h",
    {"lognormal": {"mean": "2 h", "p95": "1 h"}},
    {"value": "2 h", "grade": "assumed"}, {"value": 2, "range": [1, "x"]},
    {"empirical": {"file": "a\0b"}},
    "round the clock", "leader", "paper", "{found} {x}", "a.b.c", "10000 weeks", {"use": "drafting"},
    {"work": "a", "wait": "b"}, {"fork": "f", "branches": {"a": []}}, {"end": "completed"}, "\0",
]  # fmt: skip
ROUNDS = 80


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from _paths(child, (*path, key))


def _spoilt(data: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Change, remove, rename or add something, somewhere."""
    data = copy.deepcopy(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        *above, key = rng.choice(list(_paths(data)))
        owner = data
        for part in above:
            owner = owner[part]
        match rng.randrange(5):
            case 0:
                del owner[key]
            case 1 if isinstance(owner, dict):
                owner[rng.choice([f"{key}x", "", "07:30", "when"])] = owner.pop(key)
            case 2 if isinstance(owner, list):
                owner.insert(0, copy.deepcopy(rng.choice(ODD)))
            case _:
                owner[key] = copy.deepcopy(rng.choice(ODD))
    return data


def test_whatever_is_written_the_answer_is_a_scenario_or_a_list_of_findings(tmp_path: Path) -> None:
    """No mistake of a planner ends in a traceback; every finding has a code, a place and a hint."""
    rng = random.Random(1)
    data = parse_yaml(VALID, "").data
    for _ in range(ROUNDS):
        text = json.dumps(_spoilt(data, rng), indent=1, ensure_ascii=False)
        for name, mark in (("-Infinity", "-.inf"), ("Infinity", ".inf"), ("NaN", ".nan")):
            text = text.replace(name, mark)
        _load_or_refuse(laid(tmp_path, text))


def test_whatever_is_cut_off_the_answer_is_a_scenario_or_a_list_of_findings(tmp_path: Path) -> None:
    """The same for a file that is damaged as text."""
    rng = random.Random(1)
    for _ in range(ROUNDS):
        at = rng.randrange(len(VALID))
        piece = rng.choice(
            ["", "{", "}", "[", ": ", "\n", "&a ", "*a ", "!t ", "'", '"', "\t", "- ", "<<: ", "#"]
        )
        _load_or_refuse(laid(tmp_path, VALID[:at] + piece + VALID[at + rng.randrange(3) :]))


def _findings(path: Path) -> tuple[Diagnostic, ...]:
    try:
        return load(path).warnings
    except ScenarioError as error:
        assert error.diagnostics  # noqa: PT017 - a scenario that loads is right too
        return error.diagnostics


def _load_or_refuse(path: Path) -> None:
    for found in _findings(path):
        assert found.code
        assert found.message
        assert found.is_warning or found.hint, found
        assert found.file
        assert found.line, found


def test_the_template_s_names_are_those_of_this_room(tmp_path: Path) -> None:
    """What `congvan new` lays down is found again by its folder."""
    (tmp_path / "mine").mkdir()
    for name, text in template("mine").items():
        (tmp_path / "mine" / name).write_text(text, encoding="utf-8")
    assert find(str(tmp_path / "mine")) == tmp_path / "mine" / "scenario.yaml"
