"""Pages for people: complete, and without a script or anything from elsewhere."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loadtests.endpoint.openapi import OPERATIONS, document
from loadtests.endpoint.pages import docs_page, problems_page
from loadtests.exchange.errors import CODES, SECTIONS
from loadtests.exchange.lifecycle import TRANSITIONS
from tests.unit.loadtests.endpoint.reading import Exchange, run


class Page(HTMLParser):
    """A page taken apart: ids, links, tags, and the text of each row by its id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.rows: dict[str, list[str]] = {}
        self._row: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what it is."""
        values = dict(attrs)
        self.tags.add(tag)
        self.ids += [found] if (found := values.get("id")) else []
        self.links += [found] if (found := values.get("href")) else []
        if tag == "tr":
            self._row = values.get("id")
        elif tag == "td" and self._row:
            self.rows.setdefault(self._row, []).append("")

    def handle_data(self, data: str) -> None:
        """Add to the cell."""
        if self._row and self.rows.get(self._row):
            self.rows[self._row][-1] += data

    def handle_endtag(self, tag: str) -> None:
        """A row ends."""
        if tag == "tr":
            self._row = None


@cache
def codes_page() -> Page:
    """The page of codes, taken apart once."""
    return Page(problems_page())


@pytest.mark.parametrize("code", CODES)
def test_every_code_stands_on_the_page_with_all_that_is_known_of_it(code: str) -> None:
    """The type of every problem document leads to this place."""
    page, kind = codes_page(), CODES[code]
    assert page.ids.count(code) == 1
    name, status, retryable, meaning = page.rows[code]
    assert (name, status, retryable) == (code, str(kind.status), "yes" if kind.retryable else "no")
    assert meaning == f"{kind.title}. {kind.meaning}"


def test_the_page_of_codes_has_every_area_and_the_whole_lifecycle() -> None:
    """A table for people, and the source of its picture."""
    html = problems_page()
    for section in SECTIONS:
        assert re.search(rf"<h2 [^>]*>{section}</h2>", html)
    for row in TRANSITIONS:
        assert f"<td>{row.action}</td><td>{row.role}</td>" in html
    assert html.count(" --&gt; ") > len(TRANSITIONS)
    assert "stateDiagram-v2" in html


def test_the_page_of_the_interface_has_every_operation_parameter_and_shape() -> None:
    """Whoever writes a client needs no other tool to read it."""
    page = Page(html := docs_page())
    for operation in OPERATIONS:
        assert page.ids.count(operation.name) == 1
        assert f"<code>{operation.path}</code>" in html
        for parameter in operation.parameters:
            assert f"<code>{parameter.name}</code>" in html
    for name in document()["components"]["schemas"]:
        assert f"schema-{name}" in page.ids


@pytest.mark.parametrize("html", [docs_page(), problems_page()], ids=["docs", "problems"])
def test_a_page_loads_nothing_and_every_link_leads_somewhere(html: str) -> None:
    """It works without any network but ours, and can do nothing but be read."""
    page, codes = Page(html), codes_page()
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form"}
    assert "url(" not in html
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        path, _, anchor = link.partition("#")
        assert path in {"", "/problems", "/openapi.json"}
        if anchor:
            assert anchor in (codes if path else page).ids


@pytest.mark.parametrize("target", ["/docs", "/problems"])
def test_a_page_is_served_with_a_policy_that_forbids_scripts(tmp_path: Path, target: str) -> None:
    """Whatever comes to stand in a meaning one day."""

    async def test(exchange: Exchange) -> None:
        answer = await exchange.get(target)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]

    run(tmp_path, test)
