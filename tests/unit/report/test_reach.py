"""Reaching the recipients: by flow and level, with shares within working days."""

from __future__ import annotations

from sim.report import render
from tests.unit.report import fixtures
from tests.unit.report.pages import Page

LAST = "Until the last recipient has registered the document: Mean"


def test_the_last_recipient_is_told_by_flow_and_level(english: Page) -> None:
    """A flow with several levels has a row for all of them; levels go from the top down."""
    (rows,) = (rows for caption, rows in english.tables.items() if caption.startswith(LAST))
    heads = [row[0] for row in rows]
    at = heads.index("Directives from the province")
    assert heads[at + 1 : at + 4] == ["all recipients", "District", "Commune"]
    assert heads[heads.index("Reports of the communes") + 1] == "District"
    part = fixtures.summary()["alternatives"]["paper"]["by_flow_level"]["directive"]["commune"]
    days = part["last_registered_s"]["mean"]["estimate"] / fixtures.CALENDAR_DAY_S
    assert rows[at + 3][1].startswith(f"{days:.1f} ±")


def test_shares_within_a_working_day_are_told_per_document_and_delivery(english: Page) -> None:
    """A tenth over 1.2 of the documents, a quarter of the deliveries to communes, within one working day."""
    documents = english.rows("Share of documents that every recipient has registered within 1 working day")
    assert documents["Commune"][0].startswith("8.3 ± 1.0")
    for words in ("registered within 1 working day", "registered within 5 working days"):
        assert f"Share of deliveries {words}" in english.text


def test_both_languages_tell_it(vietnamese: Page) -> None:
    """The section has its Vietnamese words."""
    assert "Văn bản đến nơi nhận" in vietnamese.text
    assert "Tỷ lệ văn bản được mọi nơi nhận vào sổ trong 1 ngày làm việc" in vietnamese.text


def test_a_quantile_among_open_documents_is_not_reached(english: Page) -> None:
    """Where the 90 % quantile lies among documents that are still open the table says so."""
    summary = fixtures.summary()
    part = summary["alternatives"]["paper"]["by_flow_level"]["directive"]["commune"]["last_registered_s"]
    part["p90"] = fixtures.estimate(None, None)
    shown = Page(render(summary, fixtures.manifest())).text.count("not reached")
    assert shown == english.text.count("not reached") + 1


def test_a_summary_without_levels_has_an_empty_section() -> None:
    """An older summary is rendered all the same."""
    summary = fixtures.summary()
    for each in summary["alternatives"].values():
        del each["by_flow_level"]
        for part in each["by_flow"].values():
            del part["last_registered_s"], part["all_registered_within"]
    page = Page(render(summary, fixtures.manifest()))
    assert page.faults == []
    assert "The summary does not tell recipients by level." in page.text
