"""The page: every outcome in both languages, hostile text, missing parts, and nothing but itself."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pytest

from loadtests.report import render, write_report
from loadtests.report.texts import load
from sim.errors import InputError
from tests.unit.loadtests.report import fixture

LANGUAGES: tuple[Literal["en", "vi"], ...] = ("en", "vi")
VOID = frozenset({"meta", "br", "img", "input", "link", "hr"})
HOSTILE = "<script>alert('x')</script> & \"q\""


class Tree(HTMLParser):
    """Checks that every element is closed in order, and collects what a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.names.append(tag)
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.links += [str(value) for name, value in attrs if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself, as in SVG."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text outside of styles."""
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        """All text in one line."""
        return " ".join(" ".join(self.text).split())


def checked(page: str) -> Tree:
    """The page as a tree, after checks that hold for every page."""
    tree = Tree(page)
    assert not tree.open
    assert "script" not in tree.names
    assert "default-src 'none'" in page
    assert len(tree.ids) == len(set(tree.ids))
    assert all(link.startswith("#") and link[1:] in tree.ids for link in tree.links)
    assert not re.search(r"https?://(?!127\.0\.0\.1)", page)
    assert not re.search(r"\b(?:nan|inf|None)\b", tree.words)
    return tree


def as_json(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary as it comes out of its file."""
    found: dict[str, Any] = json.loads(json.dumps(summary, allow_nan=False, sort_keys=True))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", ["PASS", "FAIL", "INCONCLUSIVE", "INVALID"])
def test_every_outcome_is_told_in_words_and_shape(outcome: str, language: Literal["en", "vi"]) -> None:
    """The word, all reasons, and a sign of its own stand on the first screen."""
    summary = as_json(fixture.summary(outcome))
    page = render(summary, fixture.manifest(), language)
    tree = checked(page)
    first = tree.words.partition(load(language)["document"]["contents"])[0]
    assert load(language)["verdict"][outcome]["word"] in first
    for reason in summary["verdict"]["reasons"]:
        assert reason["text"] in first
        assert reason["code"] in first
    assert f'class="verdict {outcome.lower()}"' in page


def test_same_input_gives_the_same_bytes() -> None:
    """Rendered twice from equal data in another order of keys: the same page."""
    summary = fixture.summary("FAIL")
    turned = {key: summary[key] for key in reversed(list(summary))}
    for key in ("steps", "spectrum", "series"):
        turned[key] = {name: summary[key][name] for name in sorted(summary[key])}
    page = render(summary, fixture.manifest())
    assert page == render(turned, fixture.manifest())
    assert (
        page.index("Receipt checked</th>")
        < page.index("Accepted (03)</th>")
        < page.index("Poll of an inbox</th>")
    )


def test_signs_of_outcomes_differ_in_shape() -> None:
    """No two outcomes have the same outline, so that a print without colour tells them apart."""
    pages = [render(fixture.summary(one), fixture.manifest()) for one in fixture.EXIT]
    signs = [re.search(r'class="shield".*?<path d="([^"]+)"', page) for page in pages]
    assert len({sign.group(1) for sign in signs if sign}) == len(fixture.EXIT)


def test_first_screen_has_each_objective_with_bound_and_sample_size() -> None:
    """Estimate, interval, bound, sample size and method; the share of misses is told as a share."""
    tree = checked(render(fixture.summary("FAIL"), fixture.manifest()))
    first = tree.words.partition("Contents")[0].replace("\u00a0", " ")
    for shown in (
        "submit p99 < 500 ms",
        "500 ms",
        "allowed 1 %",
        "459",
        "binomial bound",
        "failed < 0.1 %",
        "0.1 %",
    ):
        assert shown in first
    assert "of completed only" in first
    assert "no answer" in first


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_search_stands_first_and_tells_what_it_found(language: Literal["en", "vi"]) -> None:
    """A search has its sentence on the first screen and a row for each probe; a comparison in it is shown, too."""
    summary = fixture.summary("PASS")
    summary |= {"search": fixture.search(), "compare": fixture.comparison()}
    page = render(as_json(summary), fixture.manifest(), language)
    tree = checked(page)
    sections = [one for one in tree.ids if one in {"search", "rate", "compare", "checks"}]
    assert sections == ["search", "rate", "compare", "checks"]
    assert "168/s" in tree.words.partition(load(language)["document"]["contents"])[0]
    assert tree.words.count(load(language)["names"]["phase"]["bisect"]) >= 5


def test_a_search_never_says_more_than_it_found() -> None:
    """At least, not confirmed, and nothing found stand in the first sentence."""
    told = []
    for change in (
        {"at_least": True, "first_fail": None},
        {"confirmed": False},
        {"last_pass": None},
        {"last_pass": None, "first_fail": None},
    ):
        summary = {**fixture.summary("PASS"), "search": {**fixture.search(), **change}}
        told.append(checked(render(as_json(summary), fixture.manifest())).words.partition("Offered")[0])
    assert "at least 168/s" in told[0]
    assert "generator’s" in told[0]
    assert "not confirmed" in told[1]
    assert "the lowest that failed is 184/s" in told[2]
    assert "No rate passed." in told[3]


def test_a_search_alone_leaves_out_what_belongs_to_one_run() -> None:
    """A summary that holds a search and no run renders without empty sections."""
    whole = fixture.summary("PASS")
    summary = {key: whole[key] for key in ("schema", "kind", "title", "plan", "verdict", "environment")}
    tree = checked(render(as_json({**summary, "search": fixture.search()}), fixture.manifest()))
    assert "search" in tree.ids
    assert not {"ledger", "steps", "spectrum"} & set(tree.ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_comparison_is_a_page_of_its_own(language: Literal["en", "vi"]) -> None:
    """Each metric has a row with its sentence, and there is no verdict."""
    summary = fixture.comparison_summary()
    tree = checked(render(as_json(summary), fixture.manifest(), language))
    for one in summary["differences"]:
        assert one["text"] in tree.words
    assert "answer" not in tree.ids


def test_hostile_text_is_shown_as_text() -> None:
    """Names, reasons, findings, metrics, stages and commands may hold anything; nothing of it becomes an element."""
    summary = fixture.summary("FAIL")
    summary["title"] = HOSTILE
    summary["verdict"]["reasons"] = [{"code": HOSTILE, "outcome": HOSTILE, "text": HOSTILE}]
    summary["verdict"]["checks"].append({"name": HOSTILE, "passed": None, "text": HOSTILE})
    summary["stages"][1]["name"] = HOSTILE
    summary["server"]["metrics"][0]["name"] = HOSTILE
    summary["server"]["described"] = {HOSTILE: HOSTILE}
    summary["ledger"]["findings"][0] |= {"code": HOSTILE, "text": HOSTILE, "examples": [HOSTILE]}
    summary["faults"][0] |= {"kind": HOSTILE, "detail": HOSTILE}
    summary["capacity"][0]["beside"][0]["name"] = HOSTILE
    summary["objectives"][0] |= {"text": HOSTILE, "why": HOSTILE}
    summary["steps"][HOSTILE] = summary["steps"]["submit"]
    summary["spectrum"][HOSTILE] = summary["spectrum"]["submit"]
    manifest = {**fixture.manifest(), "command": ["congvan", HOSTILE]}
    page = render(summary, manifest)
    assert "<script" not in page
    assert HOSTILE in checked(page).words


OPTIONAL = ("offered", "counts", "objectives", "steps", "spectrum", "series", "heat", "stages", "faults", "ledger",
            "generator", "server", "capacity", "environment", "completed", "plan_digest")  # fmt: skip


@pytest.mark.parametrize("blank", ["missing", "null", "empty"])
def test_missing_parts_are_told_not_guessed(blank: str) -> None:
    """Any part may be missing, or null, or empty, and all of them together: the page stands."""
    whole = fixture.summary("FAIL")
    whole["series"] = {name: values[:20] for name, values in whole["series"].items()}  # small, to be fast
    whole["heat"] = {}
    for without in (*((one,) for one in OPTIONAL), OPTIONAL):
        kept: dict[str, Any] = {key: value for key, value in whole.items() if key not in without}
        if blank == "null":
            kept |= dict.fromkeys(without)
        if blank == "empty":
            kept |= {key: type(whole[key])() for key in without}
        page = render(kept, {}, "vi" if len(without) > 1 else "en")
        assert page.count("<section") == page.count("</section>")
    checked(page)


def test_a_run_in_which_nothing_was_answered_renders() -> None:
    """All percentiles null: everything is "no answer", and no curve is drawn."""
    summary = fixture.summary("FAIL")
    nothing: dict[str, None] = dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max", "mean"))
    for one in summary["steps"].values():
        one |= {"missed": one["count"], "response_s": nothing, "completed_s": nothing, "service_s": nothing}
    summary["spectrum"] = {"submit": [[50.0, None], [99.0, None]]}
    summary["series"] |= {name: [None] * 120 for name in ("p50_s", "p99_s", "lateness_p99_s")}
    summary["heat"]["counts"] = [[0] * 120 for _ in summary["heat"]["counts"]]
    summary["objectives"][0] |= {"estimate_s": None, "low_s": None, "high_s": None}
    summary["stages"] = summary["stages"][:1]
    summary |= {"completed": 0, "completed_per_s": 0.0, "capacity": []}
    tree = checked(render(as_json(summary), fixture.manifest()))
    assert "This run offered one rate only" in tree.words
    assert "There is nothing to draw" in tree.words


def test_a_long_run_is_thinned_and_keeps_its_worst_second() -> None:
    """A soak of three hours is drawn in groups, the worst second of each; the page stays small."""
    summary = fixture.summary("PASS")
    seconds = 10_800
    columns = {name: [0.01] * seconds for name in summary["series"]}
    summary["series"] = {**columns, "second_s": [float(k) for k in range(seconds)]}
    summary["series"]["p99_s"][7_777] = 3.0
    small = render(summary, fixture.manifest())
    summary["series"]["p99_s"][7_777] = 0.01
    assert small != render(summary, fixture.manifest())
    assert "Drawn in groups of 24" in checked(small).words
    assert len(small) < 400_000


def test_faults_and_stages_are_marked_in_the_figures() -> None:
    """A fault has its number and name over the heat map and over the response; a stage its name and rate."""
    page = render(fixture.summary("FAIL"), fixture.manifest())
    assert page.count(">1 freeze</text>") >= 2
    assert page.count(">2 cut network</text>") >= 2
    assert page.count("busy · 140/s") >= 2
    assert page.count("<rect") < 120 * 60


def test_the_own_digest_is_not_shown(tmp_path: Path) -> None:
    """A report made again has the same bytes, though the manifest then holds the digest of the first."""
    (tmp_path / "summary.json").write_text(json.dumps(fixture.summary("PASS")), encoding="utf-8")
    manifest = fixture.manifest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    first = write_report(tmp_path).read_bytes()
    manifest["files"]["report.html"] = "dd" * 32
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert write_report(tmp_path).read_bytes() == first


def test_wrong_input_is_refused() -> None:
    """Another kind of summary, another schema, an unknown language: exit code 2, and what would be right."""
    for wrong in ({"kind": "simulation", "schema": 1}, {"kind": "load", "schema": 2}, {}):
        with pytest.raises(InputError, match="schema 1") as found:
            render(wrong, {})
        assert found.value.code == "E-SUMMARY"
    with pytest.raises(InputError, match="one of: en, vi"):
        render(fixture.summary(), {}, "fr")  # type: ignore[arg-type]


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, text)."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_both_languages_have_the_same_keys_and_fields() -> None:
    """Each text exists twice, is a text, and has the same fields."""
    english, vietnamese = (dict(leaves(load(language))) for language in LANGUAGES)
    assert english.keys() == vietnamese.keys()
    for key, text in english.items():
        assert isinstance(text, str)
        assert isinstance(vietnamese[key], str)
        fields = [
            {field for _, field, _, _ in string.Formatter().parse(each) if field}
            for each in (text, vietnamese[key])
        ]
        assert fields[0] == fields[1], key
