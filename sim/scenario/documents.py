"""YAML files as plain data that remembers where every value was written.

Rule kept here: YAML 1.2 core (``7:30``, ``no`` and ``2015-01-05`` are text), keys are text as written, none
stands twice, and there is a place for every path, so that whoever finds a fault later can still say file,
line and column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sim.errors import Diagnostic, ScenarioError

Path_ = tuple[str | int, ...]

VALUES_MAX = 200_000  # a document that unfolds to more, by aliases of aliases, is refused
DEPTH_MAX = 100  # nesting of mappings and lists; the format itself needs about ten


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: file as the user named it, line and column from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data (dict with text keys, list, str, int, float, bool, None) with the place of every path.

    Args:
        data: The root mapping.
        places: Place of each path; keys are tuples of mapping keys and list indices.
    """

    data: dict[str, Any]
    places: dict[Path_, Place] = field(default_factory=dict)

    def place(self, path: Path_) -> Place | None:
        """Return the place of the path, or of its nearest ancestor that has one."""
        for length in range(len(path), -1, -1):
            found = self.places.get(path[:length])
            if found is not None:
                return found
        return None

    def diagnostic(self, code: str, path: Path_, message: str, hint: str = "") -> Diagnostic:
        """Make a finding about a path."""
        place = self.place(path) or Place("", 0, 0)
        dotted = ".".join(str(part) for part in path)
        return Diagnostic(code, message, hint, place.file, place.line, place.column, dotted)


def refusal(found: tuple[Diagnostic, ...], file: str) -> ScenarioError:
    """Return the error that lists ``found``; its message counts the errors among them."""
    count = sum(not one.is_warning for one in found)
    return ScenarioError("E-SCENARIO", f"{count} error{'s' if count != 1 else ''} in {file}", "", found)


_TAG = "tag:yaml.org,2002:"
_IMPLICIT = {
    f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "merge", "value")
}
_NULL = re.compile(r"null|Null|NULL|~|", re.ASCII)
_BOOL = re.compile(r"(true|True|TRUE)|false|False|FALSE", re.ASCII)
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
DIGITS_MAX = 400  # beyond the largest floating-point number; Python refuses integers of 4300 digits


def _scalar(text: str) -> Any:
    """Resolve a plain scalar after the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if found := _BOOL.fullmatch(text):
        return bool(found.group(1))
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    if len(text) <= DIGITS_MAX and _INT.fullmatch(text):
        return int(text, 0) if text[1:2] in {"o", "x"} else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class _Reader:
    """Turns composed nodes into plain data and notes places and faults."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Path_, Place] = {(): Place(file, 1, 1)}
        self.found: list[Diagnostic] = []
        self.values = 0

    def place(self, node: Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def fault(self, node: Node, code: str, message: str, hint: str, path: Path_) -> None:
        place = self.place(node)
        dotted = ".".join(map(str, path))
        self.found.append(Diagnostic(code, message, hint, self.file, place.line, place.column, dotted))

    def value(self, node: Node, path: Path_, within: tuple[int, ...] = ()) -> Any:
        self.values += 1
        if id(node) in within or self.values > VALUES_MAX or len(within) > DEPTH_MAX:
            if self.values <= VALUES_MAX + 1:  # told once
                hint = "write it out, or use a fragment"
                self.fault(node, "E-YAML", "found aliases or nesting without end", hint, path)
            return None
        within = (*within, id(node))
        if isinstance(node, MappingNode):
            self._tag(node, {f"{_TAG}map"}, path)
            return self._mapping(node, path, within)
        if isinstance(node, SequenceNode):
            self._tag(node, {f"{_TAG}seq"}, path)
            items = []
            for index, item in enumerate(node.value):
                self.places[*path, index] = self.place(item)
                items.append(self.value(item, (*path, index), within))
            return items
        self._tag(node, _IMPLICIT, path)
        plain = isinstance(node, ScalarNode) and not node.style and node.tag != f"{_TAG}str"
        return _scalar(node.value) if plain else node.value

    def _tag(self, node: Node, allowed: set[str], path: Path_) -> None:
        if str(node.tag) not in allowed:
            shown = str(node.tag).replace(_TAG, "!!")
            self.fault(node, "E-YAML-TAG", f"found the tag {shown}", "write the value without a tag", path)

    def _mapping(self, node: MappingNode, path: Path_, within: tuple[int, ...]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        merges = []
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fault(key, "E-YAML-KEY", "found a mapping or a list as a key", "keys are text", path)
                continue
            name = str(key.value)
            if name == "<<" and not key.style:
                merges.append(value)
                continue
            if name in out:
                message = f"found key {name!r} twice in one mapping"
                self.fault(key, "E-DUPLICATE-KEY", message, "keep one of them", (*path, name))
                continue
            self.places[*path, name] = self.place(key)
            out[name] = self.value(value, (*path, name), within)
        for merge in merges:
            self._merge(merge, out, path, within)
        return out

    def _merge(self, node: Node, out: dict[str, Any], path: Path_, within: tuple[int, ...]) -> None:
        """Put the entries of ``<<`` under the mapping's own."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode) or id(source) in within:
                self.fault(source, "E-YAML", "found << without a mapping", "write <<: *name", path)
                continue
            before = dict(self.places)
            for name, value in self._mapping(source, path, (*within, id(source))).items():
                if name in out:
                    self._keep(before, (*path, name))
                else:
                    out[name] = value

    def _keep(self, before: Mapping[Path_, Place], path: Path_) -> None:
        """Restore the places of an entry that won over a merged one."""
        for known in [one for one in self.places if one[: len(path)] == path]:
            del self.places[known]
        self.places |= {known: place for known, place in before.items() if known[: len(path)] == path}


def _compose(text: str, file: str) -> Node | None:
    """Let the YAML library read the text's structure; raise its faults as ours."""
    try:
        return cast("Node | None", YAML(typ="safe", pure=True).compose(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = Diagnostic(
            "E-YAML",
            ", ".join(str(part) for part in (error.context, error.problem) if part),
            "check indentation, quotes and brackets",
            file,
            mark.line + 1 if mark else 0,
            mark.column + 1 if mark else 0,
        )
    except YAMLError as error:
        found = Diagnostic("E-YAML", str(error).splitlines()[0], "the file is not YAML 1.2", file, 1, 1)
    except (RecursionError, ValueError, LookupError) as error:  # the library's own slips on odd input
        hint = "the file is not YAML 1.2, or nested too deeply"
        found = Diagnostic("E-YAML", f"found what cannot be read ({type(error).__name__})", hint, file, 1, 1)
    raise refusal((found,), file)


def _read(text: str, file: str) -> tuple[Any, _Reader]:
    reader = _Reader(file)
    node = _compose(text, file)
    data = None if node is None else reader.value(node, ())
    if reader.found:
        raise refusal(tuple(reader.found), file)
    return data, reader


def parse_yaml(text: str, file: str) -> Document:
    """Read YAML text.

    Args:
        text: The file's content.
        file: Its name, for messages.

    Returns:
        Data with places.

    Raises:
        ScenarioError: ``E-YAML``, ``E-YAML-TAG``, ``E-YAML-KEY`` or ``E-DUPLICATE-KEY`` with line and column.
    """
    data, reader = _read(text, file)
    if not isinstance(data, dict):
        shown = {"NoneType": "nothing", "list": "a list"}.get(type(data).__name__, repr(data))
        found = Diagnostic("E-YAML", f"found {shown} at the top", "write a mapping: schema: 1 …", file, 1, 1)
        raise refusal((found,), file)
    return Document(data, reader.places)


def parse_value(text: str, file: str) -> Any:
    """Read one value, as after ``--set path=``.

    Raises:
        ScenarioError: As :func:`parse_yaml`.
    """
    return _read(text, file)[0]


def merged(base: Document, extra: Document, keys: tuple[str, ...]) -> Document:
    """Lay named entries of ``extra`` under those of ``base`` (whose own entries win) for the given keys."""
    data = dict(base.data)
    places = dict(base.places)
    for key in keys:
        theirs = extra.data.get(key)
        ours = data.get(key, {})
        if not isinstance(theirs, Mapping) or not isinstance(ours, Mapping):
            continue
        data[key] = {**theirs, **ours}
        places.setdefault((key,), extra.places.get((key,), Place("", 0, 0)))
        below = {path: place for path, place in extra.places.items() if len(path) > 1 and path[0] == key}
        places |= {path: place for path, place in below.items() if path[1] not in ours}
    return Document(data, places)
