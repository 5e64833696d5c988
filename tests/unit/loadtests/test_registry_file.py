"""The registry as a file: what is written is read back, and every fault names its place."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exchange import registry_file
from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.registry import Agency, Registered, Registry, RegistryError, Right, Suspension
from loadtests.exchange.strict import TIME_MAX, encode_base64url
from tests.unit.loadtests.authorities import AT, CODE, DAY_S, OTHER_CODE, agency, leaf, registered

NAMES = ("leaf", "renewed", "third", "fourth", "fifth", "sixth")
SEEN = st.characters(codec="utf-8", exclude_categories=("C", "Z", "M"))
LETTERS = st.text(SEEN, min_size=1, max_size=20).map(partial(unicodedata.normalize, "NFC"))
TIMES = st.integers(0, TIME_MAX)


@st.composite
def _suspensions(draw: st.DrawFn) -> tuple[Suspension, ...]:
    """Some in the order of time; the last one may have no end."""
    times = sorted(draw(st.lists(TIMES, max_size=6)))
    pairs = [Suspension(*times[at : at + 2]) for at in range(0, len(times), 2)]
    return tuple(pairs)


@st.composite
def _registries(draw: st.DrawFn) -> Registry:
    """Some agencies, among whom some certificates are distributed, registered and removed at any time."""
    codes = draw(
        st.lists(st.from_regex(r"[0-9]{3}\.0[0-3]\.00\.H4[0-9]", fullmatch=True), unique=True, max_size=4)
    )
    left = list(NAMES)
    found = []
    for code in codes:
        mine = draw(st.lists(st.sampled_from(left), unique=True, max_size=3)) if left else []
        left = [name for name in left if name not in mine]
        certificates = []
        for name in mine:
            added_at = draw(TIMES)
            removed_at = draw(st.none() | st.integers(added_at, TIME_MAX))
            own = Registered.of(leaf(name), added_at=added_at)
            certificates.append(replace(own, removed_at=removed_at))
        names = draw(st.tuples(LETTERS, LETTERS))
        rights = frozenset(draw(st.sets(st.sampled_from(Right))))
        found.append(Agency(code, *names, tuple(certificates), rights, draw(_suspensions())))
    return Registry.of(found)


@settings(max_examples=60, deadline=None)
@given(_registries())
def test_what_is_written_is_read_back(registry: Registry) -> None:
    """Certificates that came and went, rights, suspensions, names; whatever the order they were made in."""
    data = registry_file.render(registry)
    assert registry_file.parse(data) == registry
    assert registry_file.render(Registry.of(reversed(list(registry.agencies.values())))) == data


def changed_registry() -> Registry:
    """A registry with a life behind it: one agency rotated, one suspended twice and without the right to send."""
    made = Registry.of([agency(CODE, registered()), agency(OTHER_CODE)])
    made = made.rotate(CODE, registered("renewed", AT), overlap_s=DAY_S)
    made = made.suspend(OTHER_CODE, at=AT).resume(OTHER_CODE, at=AT + 5).suspend(OTHER_CODE, at=AT + 5)
    return made.entitle(OTHER_CODE, {Right.RECEIVE})


GOOD = json.loads(registry_file.render(changed_registry()))


def test_the_file_says_what_an_operator_looks_for() -> None:
    """Codes in order, times in whole seconds, certificates as everywhere in the protocol; nothing stands twice."""
    first, second = GOOD["agencies"]
    assert GOOD["schema"] == 1
    assert (first["code"], second["code"]) == (CODE, OTHER_CODE)
    assert first["rights"] == ["receive", "send"]
    assert second["rights"] == ["receive"]
    old, new = first["certificates"]
    assert old == {
        "certificate": encode_base64url(registered().certificate),
        "added_at": AT - DAY_S,
        "removed_at": AT + DAY_S,
    }
    assert new.keys() == {"certificate", "added_at"}
    assert second["suspensions"] == [{"from_at": AT, "until_at": AT + 5}, {"from_at": AT + 5}]


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    """Put a value in a place; ``...`` takes away what is there."""

    def change(values: Any) -> None:
        for step in path[:-1]:
            values = values[step]
        if to is ...:
            del values[path[-1]]
        else:
            values[path[-1]] = to

    return change


FIRST, SECOND = ("agencies", 0), ("agencies", 1)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (_set("schema", to=2), "schema"),
        (_set("schema", to=...), "schema"),
        (_set("roots", to=[]), "'roots'"),
        (_set("agencies", to={}), "agencies"),
        (_set("agencies", 1, to=7), "agencies[1]"),
        (_set(*SECOND, "code", to="H41"), "agencies[1].code"),
        (_set(*SECOND, "name_vi", to=""), "agencies[1].name_vi"),
        (_set(*SECOND, "name_en", to="a\u202eb"), "agencies[1].name_en"),
        (_set(*SECOND, "name_en", to="x" * 201), "agencies[1].name_en"),
        (_set(*SECOND, "rights", to=["rule"]), "agencies[1].rights[0]"),
        (_set(*SECOND, "rights", to=["send", "send"]), "agencies[1].rights"),
        (_set(*SECOND, "rights", to=...), "agencies[1].rights"),
        (_set(*SECOND, "note", to="x"), "agencies[1].'note'"),
        (
            _set(*FIRST, "certificates", 1, "certificate", to="AAAA"),
            "agencies[0].certificates[1].certificate",
        ),
        (_set(*FIRST, "certificates", 1, "certificate", to="AA="), "agencies[0].certificates[1].certificate"),
        (_set(*FIRST, "certificates", 1, "certificate", to="A"), "agencies[0].certificates[1].certificate"),
        (_set(*FIRST, "certificates", 1, "added_at", to=-1), "agencies[0].certificates[1].added_at"),
        (_set(*FIRST, "certificates", 0, "removed_at", to=5), "agencies[0].certificates[0].removed_at"),
        (_set(*FIRST, "certificates", 0, "removed_at", to=None), "agencies[0].certificates[0].removed_at"),
        (_set(*FIRST, "certificates", 0, "sha256", to="x"), "agencies[0].certificates[0].'sha256'"),
        (_set(*SECOND, "suspensions", 0, "until_at", to=AT - 1), "agencies[1].suspensions[0].until_at"),
        (_set(*SECOND, "suspensions", 0, "until_at", to=AT + 6), "agencies[1].suspensions[1].from_at"),
        (_set(*SECOND, "suspensions", 0, "until_at", to=...), "agencies[1].suspensions[1].from_at"),
        (_set(*SECOND, "suspensions", 0, "why", to="x"), "agencies[1].suspensions[0].'why'"),
    ],
)
def test_a_fault_names_its_place(change: Callable[[Any], None], place: str) -> None:
    """An operator who edited the file finds the line; nothing is passed over in silence."""
    values = json.loads(json.dumps(GOOD))
    change(values)
    with pytest.raises(Refusal) as caught:
        registry_file.parse(json.dumps(values).encode())
    assert caught.value.code == "registry-malformed"
    assert caught.value.message.startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json-invalid"),
        (b"[]", "json-invalid"),
        (b'{"schema":1,"schema":1,"agencies":[]}', "json-duplicate-key"),
        (json.dumps({**GOOD, "agencies": GOOD["agencies"] * 2}).encode(), "agency-known"),
        (
            json.dumps(
                {**GOOD, "agencies": [GOOD["agencies"][0], {**GOOD["agencies"][0], "code": OTHER_CODE}]}
            ).encode(),
            "certificate-known",
        ),
    ],
)
def test_what_is_no_registry_is_refused(data: bytes, code: str) -> None:
    """Not JSON, a member twice, an agency twice, a certificate of two agencies."""
    with pytest.raises(ExchangeError) as caught:
        registry_file.parse(data)
    assert caught.value.code == code


def test_an_agency_without_rights_keeps_none() -> None:
    """No rights are no reason to give some."""
    made = changed_registry().entitle(CODE, ())
    assert registry_file.parse(registry_file.render(made)).agencies[CODE].rights == frozenset()


def test_what_could_not_be_read_back_is_not_written() -> None:
    """A validity that its certificate does not state, and bytes that are no certificate."""
    other = Registry.of([agency(CODE, replace(registered(), not_after_at=AT))])
    with pytest.raises(RegistryError) as caught:
        registry_file.render(other)
    assert caught.value.code == "registration-invalid"
    early = Registry.of([agency(CODE, registered(added_at=-1))])
    with pytest.raises(Refusal):
        registry_file.render(early)
