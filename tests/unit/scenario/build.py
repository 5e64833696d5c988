"""A valid scenario, in which a test changes the one thing that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sim.errors import Diagnostic, ScenarioError
from sim.scenario import ScenarioFile, load

VALID = """\
schema: 1
id: small
title: {en: Small, vi: Nhỏ}
period:
  start: 2024-03-04
  warm_up: 1 week
  measure: 4 weeks
  cool_down: 2 weeks
calendar:
  hours: ["08:00-12:00", "13:00-17:00"]
agencies:
  - {id: top, level: province}
  - {id: east, level: district, parent: top}
  - {id: west, level: district, parent: top}
staff:
  province:
    clerk: 1
    leader: {count: 1, cover: {by: clerk, after: 1 working day}}
  district:
    clerk: {count: 2, duty: counter}
    leader: 1
equipment: {seal: 1}
duties:
  counter: {hours: ["08:00-10:00"]}
absence:
  leader: {away: 0.2, spell: 2 working days}
profiles:
  busy: {hours: {"08:00": 2, "13:00": 1}, weekdays: {mon: 2, tue: 1}}
flows:
  letter:
    from: {level: province}
    to: {level: district, all: true}
    volume: 4 / working day
    profile: busy
    asks: {information: 0.4, reply: 0.6}
    reply: answer
    urgency: {normal: 0.9, urgent: 0.1}
    pages: {geometric: {mean: 4}}
    deadline: 5 working days
  answer:
    from: {level: district}
    to: {which: parent}
    volume: 0 / working day
channels:
  electronic: {procedure: signed, share: 0}
  paper: {procedure: paper}
transports:
  post: {kind: post, pick_ups: ["15:30"], transit: {gamma: {mean: 1 day, cv: 0.3}}}
  exchange: {kind: exchange, transit: 5 s, outages: {up: 30 days, down: 2 h}}
fragments:
  drafting:
    - work: draft
      by: clerk
      takes: {lognormal: {mean: 1 h, p95: 2 h}}
    - decide: returned
      to: {draft: 0.1}
procedures:
  paper:
    title: Paper
    sender:
      - use: drafting
      - {work: sign, by: leader, takes: 5 min}
      - {work: stamp, by: clerk, uses: seal, takes: 2 min}
    leg:
      - {work: envelope, by: clerk, at: sender, per: envelope, via: post, takes: 1 min}
      - {transport: carry, via: post}
      - {work: register, by: clerk, takes: 3 min}
  signed:
    title: Signed
    law: {basis: A decree, network: [state], from: 2020-01-01}
    sender:
      - use: drafting
      - {work: sign, by: leader, takes: 5 min}
    leg:
      - {transport: send, via: exchange}
      - {work: accept, by: clerk, takes: 1 min}
alternatives:
  paper: {}
  signed: {channels.electronic.share: 1}
"""


def changed(*pairs: tuple[str, str], text: str = VALID) -> str:
    """Return the valid scenario with texts replaced; each must occur exactly once."""
    for old, new in pairs:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    return text


def without(key: str) -> str:
    """Return the valid scenario without a key of the top level."""
    lines = VALID.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
    end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
    return "".join(lines[:start] + lines[end:])


def laid(folder: Path, text: str = VALID) -> Path:
    """Write a scenario into a folder of its own; return its path."""
    path = folder / "small" / "scenario.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str = VALID, sets: Mapping[str, str] | None = None) -> ScenarioFile:
    """Load what must be right."""
    return load(laid(folder, text), sets=sets)


def refused(folder: Path, text: str, sets: Mapping[str, str] | None = None) -> tuple[Diagnostic, ...]:
    """Load what must be refused; return the findings, each of which says what would be right."""
    with pytest.raises(ScenarioError) as caught:
        load(laid(folder, text), sets=sets)
    assert caught.value.code == "E-SCENARIO"
    assert caught.value.exit_code == 2
    assert all(one.hint for one in caught.value.diagnostics)
    return caught.value.diagnostics


def only(folder: Path, text: str, sets: Mapping[str, str] | None = None) -> Diagnostic:
    """Load what must be refused for one reason; return it."""
    found = refused(folder, text, sets)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def place(text: str, needle: str) -> tuple[int, int]:
    """Return line and column, from 1, of the only occurrence of a text."""
    assert text.count(needle) == 1, f"{needle!r} occurs {text.count(needle)} times"
    before = text[: text.index(needle)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
