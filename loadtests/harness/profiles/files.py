"""Profiles as people write them: a small YAML file.

Rule kept here: an unknown key, a missing one and a value that does not hold are refused with file, line and field;
nothing is made up because a key was mistyped.

Every file has ``kind`` and, but for steps and traces, ``duration`` (else the command line's); soak, ramp, step and
spike may have ``arrivals: poisson`` (the default) or ``even``:

- ``constant`` (even gaps), ``poisson``, ``soak``: ``rate``;
- ``ramp``: ``from``, ``to``, both rates;
- ``step``: ``stages``, a list of ``rate``, ``duration`` and perhaps ``name``;
- ``spike``: ``rate``, ``spike`` (both rates), ``from``, ``until`` (both moments);
- ``trace``: ``file``, and perhaps ``per``, ``column``, ``from`` (where in the trace to begin), ``speed``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from loadtests.harness import traces
from loadtests.harness.profiles.pieces import Piece
from loadtests.harness.profiles.profile import Profile
from loadtests.harness.profiles.terms import Arrivals, Kind, arrivals_of, parse_duration, parse_rate
from sim.errors import InputError

T = TypeVar("T")
_KEYS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.CONSTANT: ("rate", "duration"),
    Kind.POISSON: ("rate", "duration"),
    Kind.SOAK: ("rate", "duration", "arrivals"),
    Kind.RAMP: ("from", "to", "duration", "arrivals"),
    Kind.STEP: ("stages", "arrivals"),
    Kind.SPIKE: ("rate", "spike", "from", "until", "duration", "arrivals"),
    Kind.TRACE: ("file", "per", "column", "from", "duration", "speed"),
}


def load(path: Path, duration_s: float | None = None) -> Profile:
    """Read a profile file; the file of a trace is looked for beside it.

    Args:
        path: The YAML file.
        duration_s: How long, where the file does not say.

    Raises:
        InputError: ``E-PROFILE``: it cannot be read, or something in it does not hold, with its place.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        shown = (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"
        raise InputError("E-PROFILE", f"{path}: {shown}", "give a YAML file that can be read") from None
    return parse_yaml(text, str(path), path.parent, duration_s)


def parse_yaml(text: str, name: str, folder: Path, duration_s: float | None = None) -> Profile:
    """Read a profile.

    Args:
        text: YAML.
        name: Of the file, for messages.
        folder: Where the file of a trace is looked for.
        duration_s: How long, where the text does not say.

    Raises:
        InputError: ``E-PROFILE``: something in it does not hold, with its place.
    """
    try:
        data = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        raise InputError(
            "E-PROFILE", f"{place}: {error.problem or error.context}", "check the YAML"
        ) from None
    except (YAMLError, ValueError) as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError("E-PROFILE", f"{name}: {found}", "check the YAML") from None
    top = _Mapping(data, name, "")
    kind = top.read("kind", _kind)
    top.known("kind", *_KEYS[kind])
    return top.told(None, lambda: _profile(kind, top, folder, duration_s))


class _Mapping:
    """A mapping of the file, which knows where its keys stand.

    Args:
        data: What YAML gave.
        name: Of the file.
        field: Its dotted path, empty for the whole file.
        line: Where it stands, from 1; for what is no mapping.
    """

    def __init__(self, data: Any, name: str, field: str, line: int = 1) -> None:
        self.name = name
        self.field = field
        self.line = line
        if not isinstance(data, Mapping):
            raise self.fault(None, f"found {_shown(data)}", "write a mapping, such as kind: poisson")
        self.data: Mapping[Any, Any] = data

    def fault(self, key: str | None, message: str, hint: str) -> InputError:
        """An error at a key, or at the mapping itself."""
        field = ".".join(part for part in (self.field, key) if part)
        return InputError(
            "E-PROFILE", f"{self.name}:{self._line(key)}: {f'{field}: ' if field else ''}{message}", hint
        )

    def _line(self, key: str | None) -> int:
        if key is None or key not in self.data:
            return self.line
        return int(self.data.lc.key(key)[0]) + 1  # type: ignore[attr-defined] # ruamel's own mapping

    def known(self, *keys: str) -> None:
        """Refuse every other key."""
        for key in self.data:
            if key not in keys:
                near = get_close_matches(str(key), keys, 1, 0.6)
                hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(keys)}"
                raise self.fault(key, "found a key that nothing reads", hint)

    def told(self, key: str | None, make: Callable[[], T]) -> T:
        """Make something; an error about the value gets its place."""
        try:
            return make()
        except InputError as error:
            if error.code == "E-PROFILE":
                raise
            raise self.fault(key, error.message, error.hint) from None

    def read(self, key: str, how: Callable[[str], T], default: T | None = None) -> T:
        """Read one value, which is text or a number."""
        if key not in self.data:
            if default is not None:
                return default
            raise self.fault(None, f"found no {key!r}", f"add {key}")
        value = self.data[key]
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise self.fault(key, f"found {_shown(value)}", "write a text or a number")
        return self.told(key, lambda: how(str(value)))

    def stages(self) -> list[_Mapping]:
        """The mappings of the list ``stages``."""
        if "stages" not in self.data:
            raise self.fault(None, "found no 'stages'", "add stages")
        items = self.data["stages"]
        if not isinstance(items, Sequence) or isinstance(items, str) or not items:
            raise self.fault("stages", f"found {_shown(items)}", "write a list of rate and duration")
        return [
            _Mapping(one, self.name, f"stages.{at + 1}", int(items.lc.item(at)[0]) + 1)  # type: ignore[attr-defined]
            for at, one in enumerate(items)
        ]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return {"CommentedMap": "a mapping", "CommentedSeq": "a list"}.get(type(value).__name__, repr(value))


def _kind(text: str) -> Kind:
    if text not in list(_KEYS):
        raise InputError("E-KIND", f"found {text!r}", f"one of: {', '.join(_KEYS)}")
    return Kind(text)


def _profile(kind: Kind, top: _Mapping, folder: Path, duration_s: float | None) -> Profile:
    """Make the profile of a kind whose keys are known."""
    if kind is Kind.TRACE:
        return _trace(top, folder, duration_s)
    even = kind is Kind.CONSTANT
    arrivals = Arrivals.EVEN if even else top.read("arrivals", arrivals_of, Arrivals.POISSON)
    if kind is Kind.STEP:
        return Profile(kind, arrivals, tuple(_stage(one, at + 1) for at, one in enumerate(top.stages())))
    duration = top.read("duration", parse_duration, duration_s)
    if kind is Kind.SPIKE:
        return Profile(kind, arrivals, _spike(top, duration))
    if kind is Kind.RAMP:
        first, last = top.read("from", _rate_or_zero), top.read("to", _rate_or_zero)
        return Profile(kind, arrivals, (Piece("ramp", duration, first, last),))
    rate = top.read("rate", parse_rate)
    return Profile(kind, arrivals, (Piece("soak" if kind is Kind.SOAK else "steady", duration, rate, rate),))


def _stage(one: _Mapping, number: int) -> Piece:
    one.known("name", "rate", "duration")
    rate = one.read("rate", _rate_or_zero)
    return Piece(one.read("name", str, f"step {number}"), one.read("duration", parse_duration), rate, rate)


def _spike(top: _Mapping, duration: float) -> tuple[Piece, ...]:
    base, spike = top.read("rate", _rate_or_zero), top.read("spike", _rate_or_zero)
    start, end = top.read("from", _moment), top.read("until", _moment)
    if not start < end <= duration:
        raise top.fault("until", f"found a spike from {start:g} s until {end:g} s", f"within {duration:g} s")
    parts = (("before", start, base), ("spike", end - start, spike), ("after", duration - end, base))
    return tuple(Piece(name, length, rate, rate) for name, length, rate in parts if length > 0)


def _trace(top: _Mapping, folder: Path, duration_s: float | None) -> Profile:
    per, column = (top.read(key, str) if key in top.data else None for key in ("per", "column"))
    trace = top.read("file", lambda name: traces.read(folder / name, per=per, column=column))
    length = top.read("duration", parse_duration) if "duration" in top.data else duration_s
    return Profile.of_trace(
        trace, from_s=top.read("from", _moment, 0.0), speed=top.read("speed", _speed, 1.0), duration_s=length
    )


def _rate_or_zero(text: str) -> float:
    return parse_rate(text, zero=True)


def _moment(text: str) -> float:
    return parse_duration(text, zero=True)


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1e-6 <= value <= 1e6:
        raise InputError("E-SPEED", f"found {text!r} as a speed", "a number from 1e-6 to 1e6")
    return value
