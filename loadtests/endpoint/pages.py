"""Pages for people: the interface, and every code with its meaning.

Rule kept here: a page is drawn from the tables that the program itself works with, loads nothing from elsewhere and
runs no script.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from loadtests.endpoint.openapi import document
from loadtests.endpoint.openapi_schemas import Schema
from loadtests.endpoint.serving import Serving
from loadtests.exchange.errors import CODES, SECTIONS
from loadtests.exchange.lifecycle import STATUS_CODES, TRANSITIONS, State, mermaid

_HEADER: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
}


def routes(_: Serving) -> list[BaseRoute]:
    """The routes of the pages."""
    return [
        Route("/docs", _page(docs_page()), methods=["GET"], name="docs"),
        Route("/problems", _page(problems_page()), methods=["GET"], name="problems"),
    ]


def _page(html: str) -> Any:
    async def page(_: Request) -> Response:
        return HTMLResponse(html, headers=_HEADER)

    return page


@cache
def problems_page() -> str:
    """Every code by area, with an anchor of its own, and what may happen to a message."""
    sections = [
        {"id": f"section-{number}", "name": name, "codes": codes}
        for number, (name, codes) in enumerate(SECTIONS.items(), start=1)
    ]
    transitions = [
        {"before": _state(row.before), "action": row.action, "role": row.role, "after": _state(row.after)}
        for row in TRANSITIONS
    ]
    template = _environment().get_template("problems.html.j2")
    return template.render(sections=sections, transitions=transitions, picture=mermaid())


@cache
def docs_page() -> str:
    """The OpenAPI document, to be read."""
    found = document()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            one = {"path": path, "method": method, "operation": operation}
            groups.setdefault(operation["tags"][0], []).append(one)
    template = _environment().get_template("docs.html.j2")
    return template.render(document=found, groups=groups, shape=_shape, answer_of=_answer)


def _shape(schema: Schema) -> Markup:  # noqa: PLR0911 - one sentence for each kind of schema
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "allOf" in schema:
        return Markup(" and ").join(_shape(one) for one in schema["allOf"])
    if "enum" in schema:
        values = ", ".join("null" if value is None else str(value) for value in schema["enum"])
        return Markup("one of {}").format(values)
    if schema.get("type") == "array":
        return Markup("list of {}").format(_shape(schema["items"]))
    if "properties" in schema:
        members = (
            Markup("<code>{}</code> ({})").format(name, _shape(of))
            for name, of in schema["properties"].items()
        )
        return Markup("object with {}").format(Markup(", ").join(members))
    if schema.get("type") == "integer":
        return Markup("whole number, {} to {}").format(schema["minimum"], schema["maximum"])
    if "pattern" in schema:
        return Markup("text, <code>{}</code>").format(schema["pattern"])
    kind = schema.get("type", schema.get("const", "any bytes"))
    return escape(" or ".join(kind) if isinstance(kind, list) else kind)


def _answer(status: str, answer: Schema) -> Markup:
    """An answer in a few words; of a refusal the codes, each with its place on the page of codes."""
    if "$ref" in answer:
        codes = (code for code, kind in CODES.items() if str(kind.status) == status)
        link = Markup('<a href="/problems#{0}"><code>{0}</code></a>')
        return Markup(", ").join(link.format(code) for code in sorted(codes))
    content = answer.get("content", {})
    kinds = (Markup("{} ({})").format(kind, _shape(value["schema"])) for kind, value in content.items())
    return Markup(": ").join([escape(answer["description"]), *kinds])


def _state(state: State) -> str:
    return f"{STATUS_CODES.get(state, '')} {state}".strip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("loadtests.endpoint", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
