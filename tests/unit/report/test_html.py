"""The page as a whole: complete, self-contained, harmless and the same every time."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import InputError, RunError
from sim.report import render, write_report
from sim.report.view import SECTIONS, build
from tests.unit.report import fixtures
from tests.unit.report.pages import Page

MAKE = """
import hashlib
from sim.report import render
from tests.unit.report import fixtures
{before}
print(hashlib.sha256(render(fixtures.summary(), fixtures.manifest()).encode()).hexdigest())
"""


@pytest.mark.parametrize("which", ["english", "vietnamese"])
def test_every_section_is_there_once(which: str, request: pytest.FixtureRequest) -> None:
    """A page has the answer, the contents and each section, and no id twice."""
    page: Page = request.getfixturevalue(which)
    assert {"answer", "open-note", "warnings", *(key for key, _ in SECTIONS)} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("which", ["english", "vietnamese"])
def test_tags_balance(which: str, request: pytest.FixtureRequest) -> None:
    """Every tag that is opened is closed, in order."""
    page: Page = request.getfixturevalue(which)
    assert page.faults == []


def test_sections_have_their_figures(english: Page) -> None:
    """Eight kinds of figure, each with a role, a label and a view box that scales it."""
    figures = [value for tag, name, value in english.attributes if (tag, name) == ("svg", "role")]
    labels = [value for tag, name, value in english.attributes if (tag, name) == ("svg", "aria-label")]
    assert figures == ["img"] * 10  # desks: one per alternative
    assert len([label for label in labels if label]) == 10
    assert not re.search(r"<svg[^>]* (width|height)=", english.source)


def test_nothing_is_loaded_from_elsewhere(english: Page) -> None:
    """No attribute names the network, no script runs, and urls in drawings stay inside the page."""
    loading = {"src", "href", "xlink:href", "action", "data", "srcset", "poster", "background", "style"}
    for tag, name, value in english.attributes:
        if name in loading:
            assert "//" not in value, (tag, name, value)
        assert not name.startswith("on")
    ids = set(english.ids)
    for target in re.findall(r"url\(([^)]*)\)", english.source):
        assert target[:1] == "#"
        assert target[1:] in ids
    for tag, name, value in english.attributes:
        if (tag, name) == ("a", "href"):
            assert value[1:] in ids
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(english.tags)
    assert "@import" not in english.source
    assert "default-src 'none'" in english.source


def test_hostile_texts_stay_texts() -> None:
    """Whatever a scenario's texts hold, they are shown and do nothing."""
    summary, manifest = fixtures.summary(), fixtures.manifest()
    hostile = {"en": fixtures.HOSTILE, "vi": fixtures.HOSTILE}
    summary["scenario"] |= {"title": hostile, "question": hostile}
    summary["published"][0] |= {"title": hostile, "source": fixtures.HOSTILE, "text": fixtures.HOSTILE}
    summary["assumptions"][0] |= {"path": fixtures.HOSTILE, "value": fixtures.HOSTILE}
    summary["warnings"][0] |= {"code": fixtures.HOSTILE, "message": fixtures.HOSTILE}
    summary["laws"][0]["note"] = fixtures.HOSTILE
    manifest["command"] = [fixtures.HOSTILE]
    manifest["machine"] = {fixtures.HOSTILE: fixtures.HOSTILE}
    for each in summary["alternatives"].values():
        each["title"] = hostile
        each["by_flow"]["directive"]["title"] = hostile
        each["utilisation"]["busiest"][0]["agency_name"] = fixtures.HOSTILE
        each["stages"][fixtures.HOSTILE] = each["stages"].pop("drafting")
        each["unstable_reasons"] = [hostile]
    page = Page(render(summary, manifest))
    assert page.faults == []
    assert "script" not in page.tags
    assert "<script" not in page.source
    assert fixtures.HOSTILE in page.text


@pytest.mark.parametrize("before", ["", "render(fixtures.summary(), {}, language='vi')"])
def test_same_input_gives_same_bytes_in_another_process(before: str, english: Page) -> None:
    """Neither the process nor what it rendered before leaves a trace in the page."""
    root = Path(__file__).parents[3]
    ran = subprocess.run(  # fixed arguments, our own interpreter
        [sys.executable, "-W", "error", "-c", MAKE.format(before=before)],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    assert hashlib.sha256(english.source.encode()).hexdigest() == ran.stdout.strip()


def test_both_languages_show_vietnamese_names(english: Page, vietnamese: Page) -> None:
    """Names of agencies are shown as they are; the words around them are in the page's language."""
    for page in (english, vietnamese):
        assert "Văn phòng UBND tỉnh Quảng Ninh" in page.text
        assert "Văn bản ký số thay văn bản giấy ở Quảng Ninh" in page.text
    for words in ("thời gian xử lý", "khoảng tin cậy", "bút phê", "văn thư", "chỉ gồm nhiễu mô phỏng"):
        assert words in vietnamese.text
    assert "Where the time goes" in english.text
    assert "Where the time goes" not in vietnamese.text


def test_missing_title_falls_back_to_the_other_language() -> None:
    """An empty Vietnamese title is shown in English."""
    page = Page(render(fixtures.summary(), fixtures.manifest(), language="vi"))
    assert "Time saved" in page.text


def test_an_empty_manifest_is_enough() -> None:
    """The report shows what the manifest has; nothing in it is needed."""
    page = Page(render(fixtures.summary(), {}))
    assert page.faults == []
    assert "congvan reproduce RUN" in page.text


def test_reproduction_shows_command_versions_and_digests(english: Page) -> None:
    """A reviewer finds the command, the seed, versions and digests; never the report's own digest."""
    text = english.text
    assert "congvan run quang-ninh --set 'period.measure=4 weeks' --replications 5" in text
    for part in (
        "20150105",
        "2.4.6",
        "cd" * 32,
        "0123456789abcdef, with uncommitted changes",
        "Tết Nguyên Đán",
    ):
        assert part in text
    assert "99" * 32 not in text


def test_manifest_in_other_shapes_is_shown() -> None:
    """A command as one text, days as a list, a bare scenario name and a clean revision are shown as well."""
    manifest = fixtures.manifest() | {
        "command": "congvan run x",
        "scenario": "x",
        "days": {"off": ["2015-02-18", "second day"]},
        "git": {"commit": "feed", "dirty": False},
        "sets": {"period.measure": "4 weeks"},
        "fingerprint": {"simd": "AVX2"},
        "machine": {"cores": {"used": 2}, "cache": None, "tags": ["a", "b"]},
    }
    text = Page(render(fixtures.summary(), manifest)).text
    for part in (
        "congvan run x",
        "18 Feb 2015",
        "second day",
        "feed",
        "cores.used 2",
        "tags a, b",
        "period.measure=4 weeks",
        "simd AVX2",
    ):
        assert part in text


def test_sorted_keys_change_nothing() -> None:
    """A run's files have sorted keys: the base still comes first, then the order of the manifest."""
    summary, manifest = fixtures.summary(), fixtures.manifest()
    stored = json.loads(json.dumps(summary, sort_keys=True))
    del manifest["alternatives"][0]
    titles = [row["head"] for row in build(stored, manifest, "en")["answer"]["glance"]["bodies"][0]["rows"]]
    assert titles == ["Paper", "Signed documents", "Signed, and paper copy still sent"]


def test_write_report_replaces_the_file_in_one_step(tmp_path: Path) -> None:
    """The report lands in the run directory with nothing beside it."""
    (tmp_path / "summary.json").write_text(json.dumps(fixtures.summary()), encoding="utf-8")
    (tmp_path / "manifest.json").write_text(json.dumps(fixtures.manifest()), encoding="utf-8")
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    path = write_report(tmp_path)
    assert tmp_path / "report.html" == path
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "report.html", "summary.json"]


def test_write_report_names_what_is_missing_or_broken(tmp_path: Path) -> None:
    """A directory without a summary, or with one that is not JSON, is refused and left alone."""
    with pytest.raises(InputError, match=r"E-RUN: found no readable summary\.json"):
        write_report(tmp_path)
    (tmp_path / "summary.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"E-RUN: .*not JSON"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_failed_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new page cannot be put in place, the old one stays and no scrap is left."""
    (tmp_path / "summary.json").write_text(json.dumps(fixtures.summary()), encoding="utf-8")
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    (tmp_path / "report.html").write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(RunError, match="E-WRITE"):
        write_report(tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "report.html", "summary.json"]


def test_wrong_language_and_wrong_summary_are_refused() -> None:
    """What this version cannot render is named, with what it can."""
    summary = fixtures.summary()
    with pytest.raises(InputError, match="E-LANGUAGE"):
        render(summary, {}, language="fr")  # type: ignore[arg-type]
    for change in ({"kind": "load"}, {"schema": 2}):
        with pytest.raises(InputError, match="E-SUMMARY"):
            render(copy.deepcopy(summary) | change, {})


def test_pooled_percentiles_are_told_with_their_limit() -> None:
    """Where percentiles were pooled over replications the reader learns what such an interval is worth."""
    plain = fixtures.summary()
    assert "bootstrapping the replications" not in Page(render(plain, fixtures.manifest())).text
    pooled = copy.deepcopy(plain)
    name = next(iter(pooled["alternatives"]))
    flow = next(iter(pooled["alternatives"][name]["by_flow"].values()))
    flow["turnaround_s"]["p95"]["method"] = "pooled bootstrap"
    assert "bootstrapping the replications" in Page(render(pooled, fixtures.manifest())).text
