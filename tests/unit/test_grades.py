"""Every source, grade and range of every bundled scenario and library, held against what PROVENANCE.md says.

Rule kept here: files are read as a run reads them; nothing here knows one scenario from another, so that a new one
is held to the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from pydantic import BaseModel

from sim.experiment.summary import look_up
from sim.scenario import ScenarioFile, Stated, bundled, documents, load, numbers, scenarios_folder
from sim.scenario.params import RANGE_TOLERANCE, DistParam, Grade, Param
from sim.scenario.schema import Library, Procedure
from sim.scenario.steps import step_name
from tests.analytic.through import simulated
from tests.builders import scenario
from tests.unit.provenance import Row, rows

pytestmark = pytest.mark.usefixtures("full_speed")

SCENARIOS = tuple(bundled())
LIBRARIES = tuple(sorted(path.stem for path in (scenarios_folder() / "library").glob("*.yaml")))
OF_LIBRARY = ("fragments", "procedures", "transports")

LEGAL = {
    "28/2018/QD-TTg": "Decision on sending and receiving e-documents",
    "30/2020/ND-CP": "Decree on records work",
    "15/CT-TTg": "Directive on more use of e-documents (2012)",
    "30/2000/PL-UBTVQH10": "Ordinance on the protection of State secrets",
    "05/2011/QH13": "Law on Cipher",
    "43/2011/ND-CP": "Decree on online information and public services",
}
"""Legal texts that need no entry in PROVENANCE.md."""

LAW = re.compile(r"\b\d+(?:/\d{4})?/[A-Z][A-Za-z]+\d*(?:-[A-Za-z]+\d*)*")
SITE = re.compile(r"\b[a-z][\w.-]*\.(?:vn|com|org|net|cc|gov)\b(?: (?:item )?[\w=/]*\d+)?")
ARTICLE = re.compile(r"\b[a-z]{3,} (?!(?:19|20)\d\d\b)(?:[a-z]+/)?[A-Za-z]{0,4}\d{4,}\b")

Number = Param | DistParam


@cache
def of(name: str) -> ScenarioFile:
    """A bundled scenario, loaded once."""
    return load(bundled()[name], strict_ids=True)


@cache
def library(name: str) -> Library:
    """A library file, read once."""
    path = scenarios_folder() / "library" / f"{name}.yaml"
    data = documents.parse_yaml(path.read_text(encoding="utf-8"), path.name).data
    return Library.model_validate(data, context={"folders": (path.parent,)})


@cache
def provenance(name: str) -> str:
    """What a scenario says of its sources."""
    return (bundled()[name].parent / "PROVENANCE.md").read_text(encoding="utf-8")


def within(value: Any, path: str) -> Iterator[tuple[str, Number]]:
    """Give every number at and below a value, with its path; those inside a distribution as well."""
    if isinstance(value, (Param, DistParam)):
        yield path, value
        for field, part in value.parts if isinstance(value, DistParam) else ():
            yield f"{path}.{field}", part
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from within(getattr(value, field), f"{path}.{field}")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from within(one, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from within(one, f"{path}.{step_name(one) or index}")


@cache
def everything(name: str) -> tuple[tuple[str, Number], ...]:
    """Every number of a scenario in any of its alternatives, or of a library; used or not."""
    if name in LIBRARIES:
        return tuple(within(library(name), name))
    cases = of(name).cases
    return tuple(item for case in cases.values() for item in within(case.scenario, f"{name}: {case.name}"))


def named_in(source: str) -> list[str]:
    """Return the documents that a source names: legal texts, sites with or without an item, articles."""
    plain = source.replace("Đ", "D")
    return [found.group() for pattern in (LAW, SITE, ARTICLE) for found in pattern.finditer(plain)]


def is_findable(document: str, name: str) -> bool:
    """Tell whether a document is a known legal text or stands in a scenario's PROVENANCE.md."""
    text = provenance(name).replace("Đ", "D").replace(", ", " ")
    return document in LEGAL or document in text


def holds(number: Number) -> bool:
    """Tell whether the range of a number has two ends with the number, or the mean, between them."""
    value = number.value if isinstance(number, Param) else number.dist.mean
    if number.range is None:
        return False
    low, high = number.range
    slack = RANGE_TOLERANCE * value
    return low < high and low - slack <= value <= high + slack


# --- ranges and grades ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SCENARIOS, *LIBRARIES])
def test_an_assumed_number_has_a_range_that_holds_it(name: str) -> None:
    """In the base case, in every alternative and in every library, used or not."""
    assumed = [(path, one) for path, one in everything(name) if one.grade is Grade.ASSUMED]
    assert assumed
    assert [path for path, one in assumed if not holds(one)] == []


@pytest.mark.parametrize("name", [*SCENARIOS, *LIBRARIES])
def test_what_is_known_is_inside_its_range_too(name: str) -> None:
    """A published, measured or legal number needs no range; where it has one, it lies in it."""
    known = [(path, one) for path, one in everything(name) if one.grade not in {None, Grade.ASSUMED}]
    assert [path for path, one in known if one.range is not None and not holds(one)] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_number_of_a_scenario_is_without_a_grade(name: str) -> None:
    """Whatever some alternative uses is graded, or the planner's own choice."""
    assert [one.path for one in numbers(of(name)) if one.grade == "unstated"] == []


@pytest.mark.parametrize("name", LIBRARIES)
def test_no_number_of_a_library_is_without_a_grade(name: str) -> None:
    """None or all of something is how a procedure is built, and not a claim."""
    bare = [(path, one) for path, one in everything(name) if one.grade is None]
    claims = [path for path, one in bare if not (isinstance(one, Param) and one.value in {0.0, 1.0})]
    inside = {path.rsplit(".", 2)[0] for path, one in everything(name) if one.grade is not None}
    assert [path for path in claims if path not in inside] == []


# --- sources ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_known_names_a_document_that_can_be_found(name: str) -> None:
    """The source of a published, measured or legal number, published figures included, names at least one."""
    known = {one.source: path for path, one in everything(name) if one.grade not in {None, Grade.ASSUMED}}
    assert known
    assert [path for source, path in known.items() if not named_in(source)] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_document_that_is_named_is_in_provenance(name: str) -> None:
    """Whatever the grade, and for figures that are only set beside results as well."""
    sources = {one.source: path for path, one in everything(name) if one.source}
    lost = [
        (path, document)
        for source, path in sources.items()
        for document in named_in(source)
        if not is_findable(document, name)
    ]
    assert lost == []


def test_no_number_of_a_library_claims_to_be_known() -> None:
    """A library has no PROVENANCE.md: what is known belongs to a scenario, which has one."""
    known = [
        path for name in LIBRARIES for path, one in everything(name) if one.grade not in {None, Grade.ASSUMED}
    ]
    assert known == []


def _procedures() -> Iterator[tuple[str, Procedure]]:
    for name in LIBRARIES:
        yield from ((f"{name}: {key}", one) for key, one in library(name).procedures.items())
    for name in SCENARIOS:
        yield from ((f"{name}: {key}", one) for key, one in of(name).scenario.procedures.items())


def test_every_procedure_names_its_law() -> None:
    """A known legal text, or rules and practice that are called so."""
    for path, one in _procedures():
        assert one.law is not None, path
        laws = LAW.findall(one.law.basis)
        assert set(laws) <= set(LEGAL), path
        assert laws or re.search(r"\b(practice|rules?)\b", one.law.basis), path


# --- published figures --------------------------------------------------------------------------------------------


@cache
def _any_summary() -> dict[str, Any]:
    """What a run says of an alternative: every metric that does not hang on a scenario's own names."""
    file = scenario(
        calendar='{hours: ["08:00-12:00", "13:00-17:00"]}',
        procedures="""
            serve:
              title: Serve
              sender: [{work: sign, by: clerk, takes: 5 min, marks: signed}]
              leg: [{work: register, by: clerk, takes: 5 min, marks: registered}]
            """,
    )
    return simulated(file, [file.base], 1, 2).summary(file.base, 0.95)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_published_figure_says_what_it_is_and_what_it_is_good_for(name: str) -> None:
    """Source, grade and use; why, whatever the use; a metric and an alternative exactly if it is set beside them."""
    file = of(name)
    assert file.scenario.published
    for key, one in file.scenario.published.items():
        assert one.value.source, key
        assert one.value.grade in {Grade.PUBLISHED, Grade.MEASURED, Grade.LAW}, key
        assert one.why, key
        if one.use == "not-compared":
            assert one.metric is one.alternative is None, key
        else:
            assert one.alternative in file.cases, key
            assert one.metric, key
            assert isinstance(look_up(_any_summary(), one.metric), Mapping), (key, one.metric)


# --- PROVENANCE.md ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_provenance_names_every_file_of_its_folder(name: str) -> None:
    """But for itself and for the scenario, which it is about."""
    files = {path.name for path in bundled()[name].parent.iterdir() if path.is_file()}
    assert {one for one in files - {"PROVENANCE.md", "scenario.yaml"} if one not in provenance(name)} == set()


@pytest.mark.parametrize("name", SCENARIOS)
def test_provenance_has_a_row_for_every_number(name: str) -> None:
    """With the same value, grade and range as the scenario: no number changes without its reason being seen."""
    own = list(rows(provenance(name)))
    libraries = [
        row for other in SCENARIOS for row in rows(provenance(other)) if row.names[0][0] in OF_LIBRARY
    ]
    stated = [one for one in numbers(of(name)) if one.grade != "decision"]
    assert [
        f"{one.path}: {one.text}, {one.range_text}" for one in stated if not _has_row(one, own, libraries)
    ] == []


def _has_row(one: Stated, own: list[Row], libraries: list[Row]) -> bool:
    """Tell whether a number has its row: its own, the library's, or in an alternative that of the base case's like."""
    said = [row for row in own if row.is_about(one.path)]
    path = one.path
    if not said and path.startswith("alternatives."):
        path = path.split(".", 2)[2]
        said = [row for row in own if row.is_about(path, any_name=path.startswith(("flows.", "staff.")))]
    if not said and path.startswith(OF_LIBRARY):
        said = [row for row in libraries if row.is_about(path)]
    return any(row.says(one.text, one.grade, one.range_text) for row in said)


def test_a_row_is_about_what_its_pattern_says() -> None:
    """Stars stay within one name, brackets are choices, labels do not count."""
    text = "| `flows.[broad: *-letter, note].asks.reply` | 0.2 | assumed | 0.1 to 0.4 | why |\n| flow | volume |\n"
    (row,) = rows(text)
    assert row.is_about("flows.unit-letter.asks.reply")
    assert row.is_about("flows.note.asks.reply")
    assert not row.is_about("flows.order.asks.reply")
    assert row.is_about("flows.order.asks.reply", any_name=True)
    assert not row.is_about("flows.unit-letter.asks")
    assert row.says("0.2", "assumed", "0.1 to 0.4")
    assert not row.says("0.2", "assumed", "0.1 to 0.5")
    assert not row.says("0.2", "published", "0.1 to 0.4")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (
            "2012, techmartvietnam.vn item 342; repeated by vietnamnet E85442",
            ["techmartvietnam.vn item 342", "vietnamnet E85442"],
        ),
        ("4,695,747 (baomoi c/28287009) over 959 working days", ["baomoi c/28287009"]),
        ("Decision 28/2018/QĐ-TTg, article 5", ["28/2018/QD-TTg"]),
        ("about 2016, by arithmetic over 609 units", []),
    ],
)
def test_namedare_found_in_a_source(source: str, named: list[str]) -> None:
    """Years and counts are no documents."""
    assert named_in(source) == named
