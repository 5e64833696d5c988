"""From what a scenario says to a distribution.

Rule kept here: a distribution is a mapping with one key, its kind, over exactly one of the parameter sets in
``KINDS``; whatever else is written is refused with what would be right.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sim import units
from sim.distributions.base import TOP, Distribution, impossible, require_not_negative, require_positive
from sim.distributions.continuous import Exponential, Gamma, Triangular, Uniform, Weibull, lognormal
from sim.distributions.discrete import Constant, Empirical, Geometric, IntegerUniform, Poisson
from sim.distributions.mixture import Mixture
from sim.errors import InputError

Read = Callable[[object, str], float]


def _sets(*written: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split()) for names in written)


KINDS: Mapping[str, tuple[frozenset[str], ...]] = MappingProxyType(
    {
        "constant": _sets("value"),
        "uniform": _sets("min max"),
        "triangular": _sets("min mode max"),
        "exponential": _sets("mean"),
        "lognormal": _sets(
            *(f"mean {other}" for other in ("p50", "median", "p90", "p95", "p99", "cv", "sd")),
            *(f"{middle} {upper}" for middle in ("p50", "median") for upper in ("p90", "p95", "p99")),
        ),
        "gamma": _sets("mean cv"),
        "weibull": _sets("mean shape", "scale shape"),
        "integer": _sets("min max"),
        "geometric": _sets("mean"),
        "poisson": _sets("mean"),
        "empirical": _sets("file", "values", "values weights"),
        "mixture": _sets("of"),
    }
)
"""Every kind, with the sets of parameters that it may be written with."""

DIMENSIONLESS = frozenset({"cv", "shape", "weight", "weights"})
"""Parameters that are plain numbers (or percentages) whatever the distribution measures."""


def build(spec: object, read: Read, *, folder: Path | None = None) -> Distribution:
    """Return the distribution that ``spec`` describes.

    Args:
        spec: A mapping with one key, the kind, over its parameters; or a bare scalar, which means constant.
        read: Turns a raw scalar with a dimension into a number in base units; its second argument is the
            dotted path inside ``spec``, such as ``lognormal.mean`` or ``mixture.of.1.gamma.mean``, and empty
            for a bare scalar.
        folder: Where a relative ``file`` of an empirical distribution is looked for; by default where we run.

    Raises:
        InputError: ``E-DIST-KIND`` unknown kind, ``E-DIST-PARAMETER`` unknown, missing or unreadable
            parameter, ``E-DIST-IMPOSSIBLE`` parameters that contradict one another, ``E-DIST-FILE`` a sample
            that cannot be read; and whatever ``read`` raises.
    """
    return _build(spec, read, folder, "")


def _build(spec: object, read: Read, folder: Path | None, path: str) -> Distribution:
    if not isinstance(spec, Mapping):
        if spec is None or isinstance(spec, (bool, list, tuple)):
            raise InputError("E-DIST-KIND", f"found {spec!r}", _KIND_HINT)
        return Constant(read(spec, path))
    if len(spec) != 1:
        found = f"found {len(spec)} keys: {', '.join(map(str, spec))}" if spec else "found no kind"
        raise InputError("E-DIST-KIND", found, _KIND_HINT)
    kind, given = next(iter(spec.items()))
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known kinds: {', '.join(KINDS)}"
        raise InputError("E-DIST-KIND", f"found kind {kind!r}", hint)
    path = f"{path}.{kind}" if path else kind
    if kind == "constant" and not isinstance(given, (Mapping, list, tuple, bool)) and given is not None:
        return Constant(read(given, path))
    parameters = _parameters(kind, given)
    try:
        if kind == "mixture":
            return _mixture(parameters["of"], read, folder, f"{path}.of")
        if kind == "empirical":
            return _empirical(parameters, read, folder, path)
        numbers = {
            name: _plain(raw, name) if name in DIMENSIONLESS else read(raw, f"{path}.{name}")
            for name, raw in parameters.items()
        }
        return _finite(_BUILDERS[kind], numbers)
    except InputError as error:
        if error.code != "E-DIST-IMPOSSIBLE" or kind in {"mixture", "empirical"}:
            raise
        written = ", ".join(f"{name}: {raw}" for name, raw in parameters.items())
        raise impossible(f"{error.message} (in {{{kind}: {{{written}}}}})", error.hint) from None


def _parameters(kind: str, given: object) -> dict[str, object]:
    allowed = KINDS[kind]
    forms = "write " + " or ".join(f"{{{', '.join(sorted(names))}}}" for names in allowed)
    if not isinstance(given, Mapping):
        raise InputError("E-DIST-PARAMETER", f"{kind} has {given!r} where its parameters should be", forms)
    names = frozenset(map(str, given))
    known = frozenset[str]().union(*allowed)
    for name in sorted(names - known):
        near = difflib.get_close_matches(name, sorted(known), n=1)
        hint = f"did you mean {near[0]}?" if near else forms
        raise InputError("E-DIST-PARAMETER", f"{kind} has no parameter {name!r}", hint)
    if names not in allowed:
        missing = [sorted(each - names) for each in allowed if names < each]
        found = f"has only {', '.join(sorted(names))}" if names else "has no parameters"
        if not missing:
            found = f"cannot be written with {' and '.join(sorted(names))} together"
        raise InputError("E-DIST-PARAMETER", f"{kind} {found}", forms)
    return {str(name): raw for name, raw in given.items()}


def _finite(
    builder: Callable[[Mapping[str, float]], Distribution], numbers: Mapping[str, float]
) -> Distribution:
    """Build, and refuse what cannot be held in a floating-point number."""
    built: Distribution | None
    extremes: tuple[float, ...]
    try:
        with np.errstate(all="ignore"):
            built = builder(numbers)
            extremes = (built.mean, built.variance, float(built.ppf(TOP)))
    except (OverflowError, ValueError, ZeroDivisionError):
        built, extremes = None, ()
    if built is None or not all(map(math.isfinite, extremes)):
        raise impossible("its values or its variance have no finite number", "write less extreme parameters")
    return built


def _gamma(given: Mapping[str, float]) -> Distribution:
    require_positive("mean", given["mean"])
    require_positive("cv", given["cv"])
    return Gamma(given["cv"] ** -2, given["mean"] * given["cv"] ** 2)


def _weibull(given: Mapping[str, float]) -> Distribution:
    for name, value in given.items():
        require_positive(name, value)
    shape = given["shape"]
    scale = given["scale"] if "scale" in given else given["mean"] / math.exp(math.lgamma(1 + 1 / shape))
    return Weibull(shape, scale)


_BUILDERS: Mapping[str, Callable[[Mapping[str, float]], Distribution]] = {
    "constant": lambda given: Constant(given["value"]),
    "uniform": lambda given: Uniform(given["min"], given["max"]),
    "triangular": lambda given: Triangular(given["min"], given["mode"], given["max"]),
    "exponential": lambda given: Exponential(given["mean"]),
    "lognormal": lambda given: lognormal({"p50" if n == "median" else n: v for n, v in given.items()}),
    "gamma": _gamma,
    "weibull": _weibull,
    "integer": lambda given: IntegerUniform(given["min"], given["max"]),
    "geometric": lambda given: Geometric(given["mean"]),
    "poisson": lambda given: Poisson(given["mean"]),
}

_KIND_HINT = f"write a value, or one kind with its parameters; kinds: {', '.join(KINDS)}"


def _mixture(of: object, read: Read, folder: Path | None, path: str) -> Distribution:
    form = "write a list such as [{weight: 0.7, constant: 5 min}, {weight: 0.3, exponential: {mean: 2 h}}]"
    if not isinstance(of, (list, tuple)) or not of:
        raise InputError("E-DIST-PARAMETER", f"mixture.of is {of!r}", form)
    components: list[Distribution] = []
    weights: list[float] = []
    for number, entry in enumerate(of):
        if not isinstance(entry, Mapping) or "weight" not in entry:
            raise InputError("E-DIST-PARAMETER", f"mixture component {number + 1} has no weight", form)
        weights.append(_plain(entry["weight"], "weight"))
        rest = {name: raw for name, raw in entry.items() if name != "weight"}
        components.append(_build(rest, read, folder, f"{path}.{number}"))
    return Mixture(tuple(components), tuple(weights))


def _empirical(parameters: Mapping[str, object], read: Read, folder: Path | None, path: str) -> Distribution:
    if "file" in parameters:
        return _from_file(parameters["file"], read, folder, f"{path}.file")
    raw_values = _sequence(parameters["values"], "values")
    values = tuple(read(raw, f"{path}.values.{number}") for number, raw in enumerate(raw_values))
    if "weights" not in parameters:
        return Empirical(values, (1.0,) * len(values))
    weights = tuple(_plain(raw, "weights") for raw in _sequence(parameters["weights"], "weights"))
    sample = Empirical(values, weights)
    total = math.fsum(weights)
    if abs(total - 1) > 1e-9:
        raise impossible(f"the weights sum to {total:.10g}", "weights must sum to 1")
    return sample


def _from_file(name: object, read: Read, folder: Path | None, path: str) -> Empirical:
    file = Path(str(name)) if folder is None else folder / str(name)
    columns = "write a CSV file with the header `value` or `value,weight`"
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise InputError("E-DIST-FILE", f"{name}: {error.strerror or 'cannot be read'}", columns) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("E-DIST-FILE", f"{name}: not a CSV file in UTF-8 ({error})", columns) from None
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if header not in (["value"], ["value", "weight"]):
        raise InputError("E-DIST-FILE", f"{name}: found the header {','.join(header) or '(none)'}", columns)
    values: list[float] = []
    weights: list[float] = []
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise InputError("E-DIST-FILE", f"{name}, line {number}: {len(row)} cells", columns)
        try:
            values.append(read(row[0].strip(), f"{path}.{number}"))
            weights.append(_plain(row[1].strip(), "weight") if len(row) == 2 else 1.0)
            require_not_negative("value", values[-1])
            require_not_negative("weight", weights[-1])
        except InputError as error:
            raise InputError("E-DIST-FILE", f"{name}, line {number}: {error.message}", error.hint) from None
    if not any(weights):
        raise InputError("E-DIST-FILE", f"{name}: no value with a weight above 0", "give at least one value")
    return Empirical(tuple(values), tuple(weights))


def _sequence(raw: object, name: str) -> list[object]:
    if not isinstance(raw, (list, tuple)) or not raw:
        raise InputError("E-DIST-PARAMETER", f"empirical {name} is {raw!r}", f"write {name}: [..., ...]")
    return list(raw)


def _plain(raw: object, name: str) -> float:
    hint = f"write {name} as a number without a unit, or in %"
    if isinstance(raw, (int, float, str)):
        try:
            quantity = units.parse(raw)
        except InputError:
            quantity = None
        if quantity is not None and quantity.dimension in (None, units.Dimension.SHARE):
            return quantity.value
    raise InputError("E-DIST-PARAMETER", f"{name} is {raw!r}", hint)
