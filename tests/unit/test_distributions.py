"""The distribution mini-language, as a specification."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sim import units
from sim.distributions import (
    DIMENSIONLESS,
    KINDS,
    Constant,
    Distribution,
    Empirical,
    Gamma,
    Lognormal,
    Mixture,
    Poisson,
    Uniform,
    Weibull,
    build,
)
from sim.errors import InputError
from sim.units import Dimension

HOUR = 3600.0
U = np.array([0.0, 1e-9, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1 - 1e-9])


def read(raw: object, _field: str) -> float:
    """Read a time or a count, as a scenario does."""
    assert isinstance(raw, (str, int, float))
    return units.read(raw, Dimension.DURATION, Dimension.COUNT).value


def made(spec: object, folder: Path | None = None) -> Distribution:
    """Build what must be right."""
    return build(spec, read, folder=folder)


def refused(spec: object, folder: Path | None = None) -> InputError:
    """Build what must be refused, and return the error."""
    with pytest.raises(InputError) as caught:
        build(spec, read, folder=folder)
    assert caught.value.hint
    return caught.value


SPECS: dict[str, object] = {
    "constant": {"constant": "5 min"},
    "uniform": {"uniform": {"min": "1 h", "max": "3 h"}},
    "triangular": {"triangular": {"min": "1 h", "mode": "2 h", "max": "5 h"}},
    "exponential": {"exponential": {"mean": "2 h"}},
    "lognormal": {"lognormal": {"mean": "2 h", "p95": "6 h"}},
    "gamma": {"gamma": {"mean": "2 h", "cv": 0.5}},
    "weibull": {"weibull": {"mean": "2 h", "shape": 1.5}},
    "integer": {"integer": {"min": 1, "max": 6}},
    "geometric": {"geometric": {"mean": 3.5}},
    "poisson": {"poisson": {"mean": 4.2}},
    "empirical": {"empirical": {"values": ["1 h", "2 h", "4 h"], "weights": [0.5, 0.3, 0.2]}},
    "mixture": {
        "mixture": {"of": [{"weight": 0.7, "constant": 60}, {"weight": 0.3, "poisson": {"mean": 9}}]}
    },
}


# --- every kind ---------------------------------------------------------------------------------------------


def test_every_kind_has_an_example_here() -> None:
    """No kind of distribution is left out of this specification."""
    assert set(SPECS) == set(KINDS)


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_survives_pickling(kind: str) -> None:
    """A distribution sent to a worker process is equal to the original and draws the same values."""
    original = made(SPECS[kind])
    copy = pickle.loads(pickle.dumps(original))
    assert copy == original
    assert hash(copy) == hash(original)
    np.testing.assert_array_equal(copy.ppf(U), original.ppf(U))


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_is_finite_up_to_the_top(kind: str) -> None:
    """A uniform of 1, or of anything outside [0, 1), is clipped and gives a finite value of 0 or more."""
    values = made(SPECS[kind]).ppf(np.array([-1.0, 0.0, 1 - 2.0**-53, 1.0, 2.0]))
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert values[0] == values[1]
    assert values[2] == values[3] == values[4]


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_keeps_the_shape_of_its_argument(kind: str) -> None:
    """Whole arrays of any shape go in and come out, empty and scalar ones too."""
    distribution = made(SPECS[kind])
    for shape in ((), (0,), (3,), (2, 3)):
        assert distribution.ppf(np.full(shape, 0.5)).shape == shape
        assert distribution.cdf(np.full(shape, 0.5)).shape == shape


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_starts_at_zero_or_above(kind: str) -> None:
    """No probability lies below zero, all of it below infinity."""
    np.testing.assert_array_equal(made(SPECS[kind]).cdf(np.array([-np.inf, -1.0, np.inf])), [0.0, 0.0, 1.0])


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_scale_factor_must_be_above_zero(kind: str, factor: float) -> None:
    """Scaling by nothing, by a negative or by an endless factor is refused."""
    with pytest.raises(InputError) as caught:
        made(SPECS[kind]).scaled(factor)
    assert caught.value.code == "E-DIST-IMPOSSIBLE"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("constant", "constant, 5 min"),
        ("uniform", "uniform, min 60 min, max 3.0 h"),
        ("triangular", "triangular, min 60 min, mode 2.0 h, max 5.0 h"),
        ("exponential", "exponential, mean 2.0 h"),
        ("lognormal", "lognormal, mean 2.0 h, p95 6.0 h"),
        ("gamma", "gamma, mean 2.0 h, cv 0.5"),
        ("weibull", "weibull, mean 2.0 h, shape 1.5"),
        ("empirical", "empirical, of 3 values, mean 1.9 h"),
    ],
)
def test_described_as_it_was_written(kind: str, text: str) -> None:
    """A description gives kind and parameters in the reader's units."""
    assert made(SPECS[kind]).describe(units.format_duration) == text


def test_counts_and_mixtures_are_described() -> None:
    """Counts are described by their numbers, a mixture by its shares and components."""
    assert made(SPECS["integer"]).describe("{:g}".format) == "integer, min 1, max 6"
    assert made(SPECS["geometric"]).describe("{:g}".format) == "geometric, mean 3.5"
    assert made(SPECS["poisson"]).scaled(2).describe("{:g}".format) == "poisson, mean 8.4, in steps of 2"
    text = "mixture, 70 % (constant, 60), 30 % (poisson, mean 9)"
    assert made(SPECS["mixture"]).describe("{:g}".format) == text


def test_scaled_description_scales_times_and_keeps_plain_numbers() -> None:
    """Twice a lognormal of mean 2 h and cv 0.5 has mean 4 h and cv 0.5; the factor 1 changes nothing."""
    distribution = made({"lognormal": {"mean": "2 h", "cv": 0.5}})
    assert distribution.scaled(2).describe(units.format_duration) == "lognormal, mean 4.0 h, cv 0.5"
    assert distribution.scaled(1) is distribution


def test_lognormal_without_written_parameters_describes_mean_and_cv() -> None:
    """A fitted lognormal is described by its mean and coefficient of variation."""
    assert Lognormal(0.0, 1.0).describe("{:.3f}".format) == "lognormal, mean 1.649, cv 1.31083"


def test_importing_is_quick() -> None:
    """The slow scipy.stats is not loaded with the room."""
    code = "import sys, sim.distributions; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- oracles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "oracle"),
    [
        (SPECS["uniform"], stats.uniform(HOUR, 2 * HOUR)),
        (SPECS["triangular"], stats.triang(0.25, HOUR, 4 * HOUR)),
        ({"triangular": {"min": 0, "mode": 0, "max": "1 h"}}, stats.triang(0, 0, HOUR)),
        ({"triangular": {"min": 0, "mode": "1 h", "max": "1 h"}}, stats.triang(1, 0, HOUR)),
        (SPECS["exponential"], stats.expon(scale=2 * HOUR)),
        (SPECS["gamma"], stats.gamma(4, scale=HOUR / 2)),
        ({"weibull": {"scale": "2 h", "shape": 0.7}}, stats.weibull_min(0.7, scale=2 * HOUR)),
        (
            {"lognormal": {"p50": "1 h", "p90": "5 h"}},
            stats.lognorm(math.log(5) / stats.norm.ppf(0.9), scale=HOUR),
        ),
        (SPECS["integer"], stats.randint(1, 7)),
        (SPECS["geometric"], stats.geom(1 / 3.5)),
        (SPECS["poisson"], stats.poisson(4.2)),
        ({"poisson": {"mean": 1e5}}, stats.poisson(1e5)),
        ({"poisson": {"mean": 0.01}}, stats.poisson(0.01)),
    ],
)
def test_agrees_with_scipy(spec: object, oracle: stats.rv_frozen) -> None:  # type: ignore[name-defined]
    """Quantiles, CDF and moments agree with scipy.stats."""
    distribution = made(spec)
    u = U[1:]
    x = distribution.ppf(u)
    np.testing.assert_allclose(x, oracle.ppf(u), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(distribution.cdf(x), oracle.cdf(x), rtol=1e-9, atol=1e-12)
    assert distribution.mean == pytest.approx(oracle.mean(), rel=1e-9)
    assert distribution.variance == pytest.approx(oracle.var(), rel=1e-8)


# --- lognormal: any two sensible properties ---------------------------------------------------------------


@pytest.mark.parametrize("first", ["mean", "p50", "median"])
@pytest.mark.parametrize(("name", "level"), [("p90", 0.90), ("p95", 0.95), ("p99", 0.99)])
def test_lognormal_has_the_percentile_it_was_written_with(first: str, name: str, level: float) -> None:
    """Of a lognormal written with mean or median and a percentile, both are exactly as written."""
    distribution = made({"lognormal": {first: "1 h", name: "2 h"}})
    assert distribution.ppf(level) == pytest.approx(2 * HOUR)
    assert (distribution.mean if first == "mean" else distribution.ppf(0.5)) == pytest.approx(HOUR)


def test_lognormal_from_mean_and_spread() -> None:
    """Mean with median, cv or sd gives a lognormal with these."""
    by_median = made({"lognormal": {"mean": "2 h", "p50": "1 h"}})
    assert by_median.mean == pytest.approx(2 * HOUR)
    assert by_median.ppf(0.5) == pytest.approx(HOUR)
    for spread in ({"cv": 1.5}, {"cv": "150 %"}, {"sd": "3 h"}):
        distribution = made({"lognormal": {"mean": "2 h", **spread}})
        assert distribution.mean == pytest.approx(2 * HOUR)
        assert math.sqrt(distribution.variance) == pytest.approx(3 * HOUR)


def test_lognormal_takes_the_smaller_of_two_sigmas() -> None:
    """Mean 1 h and p95 3 h: sigma solves ln 3 = z s - s²/2 and is the root below z = 1.645."""
    distribution = made({"lognormal": {"mean": "1 h", "p95": "3 h"}})
    assert isinstance(distribution, Lognormal)
    z = 1.6448536269514722
    assert distribution.sigma < z
    assert z * distribution.sigma - distribution.sigma**2 / 2 == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"mean": "1 h", "p95": "4 h"}, "at most 3.86 times"),
        ({"mean": "1 h", "p90": "3 h"}, "at most 2.27 times"),
        ({"mean": "1 h", "p99": "16 h"}, "at most 14.9"),
        ({"mean": "1 h", "p95": "1 h"}, "p95 above its mean"),
        ({"mean": "1 h", "p95": "30 min"}, "p95 above its mean"),
        ({"mean": "1 h", "p50": "1 h"}, "mean above its p50"),
        ({"p50": "1 h", "p90": "1 h"}, "p90 above its p50"),
        ({"mean": "1 h", "cv": 0}, "above 0"),
        ({"mean": 0, "cv": 1}, "above 0"),
        ({"mean": "1 h", "sd": 0}, "above 0"),
    ],
)
def test_lognormal_that_cannot_be_is_refused(given: dict[str, object], hint: str) -> None:
    """Contradicting properties are refused, with the bound that was crossed and the text as written."""
    error = refused({"lognormal": given})
    assert error.code == "E-DIST-IMPOSSIBLE"
    assert hint in error.hint
    assert "{lognormal: {" in error.message


# --- discrete kinds ---------------------------------------------------------------------------------------


def test_bare_scalar_and_long_form_mean_constant() -> None:
    """`5 min`, `{constant: 5 min}` and `{constant: {value: 5 min}}` say the same."""
    assert (
        made("5 min")
        == made({"constant": "5 min"})
        == made({"constant": {"value": "5 min"}})
        == Constant(300)
    )


def test_whole_numbers_stay_whole() -> None:
    """Counts come out as exact whole numbers, every one of them reachable."""
    assert made({"integer": {"min": 1, "max": 6}}).ppf([0, 0.16, 0.17, 0.5, 0.999]).tolist() == [
        1,
        1,
        2,
        3,
        6,
    ]
    u = np.linspace(0, 1, 10_001)[:-1]
    for kind in ("integer", "geometric", "poisson"):
        values = made(SPECS[kind]).ppf(u)
        np.testing.assert_array_equal(values, np.round(values))
        assert max(b - a for a, b in pairwise(np.unique(values)[:8])) == 1


def test_geometric_of_mean_one_is_always_one() -> None:
    """A fan-out of mean 1 has no spread."""
    distribution = made({"geometric": {"mean": 1}})
    np.testing.assert_array_equal(distribution.ppf(U), np.ones_like(U))
    assert distribution.cdf([0.5, 1.0]).tolist() == [0.0, 1.0]
    assert distribution.variance == 0


@pytest.mark.parametrize("kind", ["integer", "geometric", "poisson"])
@pytest.mark.parametrize("factor", [0.1, 1 / 3, 7.7])
def test_scaled_counts_keep_their_atoms(kind: str, factor: float) -> None:
    """Rounding of k times the factor never moves an atom: the CDF at a quantile reaches its uniform."""
    distribution = made(SPECS[kind])
    u = np.linspace(0.001, 0.999, 777)
    scaled = distribution.scaled(factor)
    np.testing.assert_allclose(scaled.ppf(u), factor * distribution.ppf(u), rtol=1e-15)
    np.testing.assert_array_equal(scaled.cdf(scaled.ppf(u)), distribution.cdf(distribution.ppf(u)))


def test_sample_is_used_as_it_is() -> None:
    """An empirical distribution has the sample's values only, and the sample's mean and variance."""
    distribution = made({"empirical": {"values": ["4 h", "1 h", "2 h", "1 h"]}})
    assert distribution.ppf([0, 0.5, 0.51, 0.75, 0.76]).tolist() == [HOUR, HOUR, 2 * HOUR, 2 * HOUR, 4 * HOUR]
    assert distribution.mean == 2 * HOUR
    assert distribution.variance == pytest.approx(1.5 * HOUR**2)
    assert distribution.cdf([HOUR - 1, HOUR, 3 * HOUR]).tolist() == [0, 0.5, 0.75]


def test_zero_weights_drop_out() -> None:
    """A value of weight 0 is never drawn, not even at the ends."""
    distribution = Empirical((1.0, 2.0, 3.0), (0.0, 1.0, 0.0))
    assert distribution.ppf(np.array([0.0, 1.0])).tolist() == [2, 2]


# --- samples in files ---------------------------------------------------------------------------------------


def test_sample_file_without_weights(tmp_path: Path) -> None:
    """A CSV file with the column `value` is a sample of equal weights; blank lines and a BOM are fine."""
    (tmp_path / "times.csv").write_text("\ufeffvalue\n1 h\n\n3 h\n", encoding="utf-8")
    distribution = made({"empirical": {"file": "times.csv"}}, tmp_path)
    assert distribution == Empirical((HOUR, 3 * HOUR), (1, 1))
    assert distribution.mean == 2 * HOUR


def test_sample_file_with_counts(tmp_path: Path) -> None:
    """Weights in a file are relative, such as counts."""
    (tmp_path / "times.csv").write_text("value,weight\n1 h,30\n3 h,10\n", encoding="utf-8")
    assert made({"empirical": {"file": "times.csv"}}, tmp_path).mean == 1.5 * HOUR


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "header (none)"),
        (b"times\n1 h\n", "header times"),
        (b"value,weight,more\n", "header value,weight,more"),
        (b"value\n", "no value"),
        (b"value,weight\n1 h,0\n", "no value"),
        (b"value\n1 h\n2 parsecs\n", "line 3"),
        (b"value\n1 h\n-2 h\n", "line 3: value is -7200"),
        (b"value,weight\n1 h\n", "line 2: 1 cells"),
        (b"value,weight\n1 h,heavy\n", "line 2: weight is 'heavy'"),
        (b"value,weight\n1 h,-1\n", "line 2: weight is -1"),
        (b"value\n\xff\xfe\n", "not a CSV file in UTF-8"),
        (b'value\n"1 h\n', "not a CSV file"),
    ],
)
def test_bad_sample_file_is_refused_with_its_line(tmp_path: Path, content: bytes, found: str) -> None:
    """A fault in a sample file is reported with the file as it was named, and the line."""
    (tmp_path / "times.csv").write_bytes(content)
    error = refused({"empirical": {"file": "times.csv"}}, tmp_path)
    assert error.code == "E-DIST-FILE"
    assert error.message.startswith("times.csv")
    assert found in error.message


def test_missing_sample_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there is named as the scenario names it, without the folder of this machine."""
    error = refused({"empirical": {"file": "nowhere.csv"}}, tmp_path)
    assert error.code == "E-DIST-FILE"
    assert "nowhere.csv" in error.message
    assert str(tmp_path) not in str(error)


# --- mixtures -----------------------------------------------------------------------------------------------


def test_mixture_inverts_its_own_cdf() -> None:
    """Half 1 h and half 2 h: the lower half of the uniforms gives 1 h, exactly, the upper half 2 h."""
    distribution = Mixture((Constant(2 * HOUR), Constant(HOUR)), (0.5, 0.5))
    assert distribution.ppf([0, 0.25, 0.5, 0.5000001, 0.99]).tolist() == [3600, 3600, 3600, 7200, 7200]


def test_mixture_of_atom_and_density() -> None:
    """An atom of weight w inside a density takes uniforms of width w; around it the density goes on."""
    distribution = Mixture((Uniform(0, 10), Constant(5)), (0.5, 0.5))
    values = distribution.ppf([0.1, 0.25, 0.2500001, 0.5, 0.75, 0.85])
    np.testing.assert_allclose(values, [2, 5, 5, 5, 5, 7], rtol=1e-12)
    assert (values[2:5] == 5).all()


def test_mixture_of_counts_gives_counts() -> None:
    """A mixture of whole-number kinds gives exact whole numbers, 0 among them."""
    values = made(
        {"mixture": {"of": [{"weight": 0.4, "constant": 0}, {"weight": 0.6, "poisson": {"mean": 6}}]}}
    )
    drawn = values.ppf(np.linspace(0, 0.9999, 999))
    np.testing.assert_array_equal(drawn, np.round(drawn))
    assert drawn[0] == 0
    assert values.mean == pytest.approx(3.6)
    assert values.variance == pytest.approx(0.6 * (6 + 36) - 3.6**2)


def test_mixture_of_one_is_that_one() -> None:
    """A component of weight 1 gives its own quantiles; components of weight 0 do not count."""
    gamma = Gamma(2.0, 30.0)
    distribution = Mixture((gamma, Constant(1e6)), (1.0, 0.0))
    np.testing.assert_allclose(distribution.ppf(U), gamma.ppf(U), rtol=1e-9)


def test_mixtures_nest() -> None:
    """A component may itself be a mixture."""
    inner = {"mixture": {"of": [{"weight": 0.5, "constant": 1}, {"weight": 0.5, "constant": 2}]}}
    distribution = made({"mixture": {"of": [{"weight": "50 %", "constant": 3}, {"weight": "50 %", **inner}]}})
    assert distribution.ppf([0.2, 0.4, 0.9]).tolist() == [1, 2, 3]


def test_large_arrays_are_inverted_in_blocks() -> None:
    """The value at a position does not depend on how many are drawn with it."""
    distribution = made(SPECS["mixture"])
    u = np.random.Generator(np.random.PCG64DXSM(1)).random(20_000)
    np.testing.assert_array_equal(distribution.ppf(u)[-3:], distribution.ppf(u[-3:]))


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ({"lognorml": {"mean": 1}}, "did you mean lognormal?"),
        ({"Gamma": {"mean": 1}}, "did you mean gamma?"),
        ({"zeta": {"mean": 1}}, "known kinds: constant, uniform"),
        ({}, "one kind"),
        ({"gamma": {}, "weibull": {}}, "one kind"),
        ([1, 2], "one kind"),
        (None, "one kind"),
        (True, "one kind"),
        ({3: {"mean": 1}}, "known kinds"),
    ],
)
def test_unknown_kind_is_refused(spec: object, hint: str) -> None:
    """Anything but one known kind, or a scalar, is refused; a typing error is met with the likely kind."""
    error = refused(spec)
    assert error.code == "E-DIST-KIND"
    assert hint in error.hint


@pytest.mark.parametrize(
    ("spec", "found", "hint"),
    [
        ({"gamma": {"mean": 1, "cvv": 1}}, "no parameter 'cvv'", "did you mean cv?"),
        ({"gamma": {"mean": 1, "colour": 1}}, "no parameter 'colour'", "write {cv, mean}"),
        ({"gamma": {"mean": 1}}, "has only mean", "write {cv, mean}"),
        ({"gamma": {}}, "no parameters", "write {cv, mean}"),
        ({"lognormal": {"mean": 1, "p50": 1, "p95": 3}}, "mean and p50 and p95 together", "{mean, p95}"),
        ({"lognormal": {"p90": 1, "p95": 3}}, "p90 and p95 together", "{p50, p95}"),
        ({"exponential": "2 h"}, "'2 h'", "write {mean}"),
        ({"constant": None}, "None", "write {value}"),
        ({"constant": [1]}, "[1]", "write {value}"),
        ({"gamma": {"mean": 1, "cv": "wide"}}, "cv is 'wide'", "number without a unit"),
        ({"gamma": {"mean": 1, "cv": "2 h"}}, "cv is '2 h'", "number without a unit"),
        ({"gamma": {"mean": 1, "cv": math.inf}}, "cv is inf", "number without a unit"),
        ({"gamma": {"mean": 1, "cv": True}}, "cv is True", "number without a unit"),
        ({"gamma": {"mean": 1, "cv": [1]}}, "cv is [1]", "number without a unit"),
        ({"empirical": {"values": "1 h"}}, "values is '1 h'", "values: ["),
        ({"empirical": {"values": []}}, "values is []", "values: ["),
        ({"empirical": {"values": [1], "weights": 1}}, "weights is 1", "weights: ["),
        ({"empirical": {"weights": [1]}}, "has only weights", "{file}"),
        ({"mixture": {"of": []}}, "mixture.of is []", "weight: 0.7"),
        ({"mixture": {"of": {"constant": 1}}}, "mixture.of is", "weight: 0.7"),
        ({"mixture": {"of": [{"constant": 1}]}}, "component 1 has no weight", "weight: 0.7"),
        ({"mixture": {"of": [3]}}, "component 1 has no weight", "weight: 0.7"),
    ],
)
def test_wrong_parameters_are_refused(spec: object, found: str, hint: str) -> None:
    """Unknown, missing, surplus and unreadable parameters are refused with the sets that would be right."""
    error = refused(spec)
    assert error.code == "E-DIST-PARAMETER"
    assert found in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("-5 min", "value is -300"),
        ({"uniform": {"min": "3 h", "max": "1 h"}}, "min 10800 is above max 3600 (in {uniform: {min: 3 h"),
        ({"uniform": {"min": "-1 h", "max": "1 h"}}, "min is -3600"),
        ({"triangular": {"min": 1, "mode": 5, "max": 3}}, "mode 5 is above max 3"),
        ({"triangular": {"min": 2, "mode": 1, "max": 3}}, "min 2 is above mode 1"),
        ({"exponential": {"mean": 0}}, "mean is 0"),
        ({"gamma": {"mean": 1, "cv": -1}}, "cv is -1"),
        ({"gamma": {"mean": 0, "cv": 1}}, "mean is 0"),
        ({"weibull": {"mean": 1, "shape": 0}}, "shape is 0"),
        ({"weibull": {"scale": -1, "shape": 1}}, "scale is -1"),
        ({"integer": {"min": 1, "max": 2.5}}, "max is 2.5"),
        ({"integer": {"min": 3, "max": 2}}, "min 3 is above max 2"),
        ({"geometric": {"mean": 0.5}}, "mean is 0.5"),
        ({"poisson": {"mean": 0}}, "mean is 0"),
        ({"poisson": {"mean": 1e12}}, "mean is 1e+12"),
        ({"empirical": {"values": [1, -1]}}, "value is -1"),
        ({"empirical": {"values": [1, 2], "weights": [1]}}, "2 values with 1 weights"),
        ({"empirical": {"values": [1, 2], "weights": [0.5, 0.4]}}, "sum to 0.9"),
        ({"empirical": {"values": [1, 2], "weights": [0, 0]}}, "no value"),
        ({"empirical": {"values": [1, 2], "weights": [2, -1]}}, "weight is -1"),
        ({"mixture": {"of": [{"weight": 0.5, "constant": 1}]}}, "sum to 0.5"),
        (
            {"mixture": {"of": [{"weight": -0.5, "constant": 1}, {"weight": 1.5, "constant": 1}]}},
            "weight is -0.5",
        ),
        ({"lognormal": {"mean": 1, "cv": 1e160}}, "no finite number"),
        ({"weibull": {"mean": 1, "shape": 0.001}}, "no finite number"),
        ({"gamma": {"mean": 1e200, "cv": 1}}, "no finite number"),
    ],
)
def test_impossible_parameters_are_refused(spec: object, found: str) -> None:
    """Negative or endless values, wrong order and weights that do not sum to 1 are refused, and say so."""
    error = refused(spec)
    assert error.code == "E-DIST-IMPOSSIBLE"
    assert found in error.message


def test_classes_refuse_what_the_language_refuses() -> None:
    """A distribution made in code, by a calibration for instance, is checked as strictly."""
    for make in (
        lambda: Constant(math.nan),
        lambda: Uniform(2, 1),
        lambda: Lognormal(math.inf, 1),
        lambda: Lognormal(0, 0),
        lambda: Gamma(0, 1),
        lambda: Weibull(1, math.inf),
        lambda: Poisson(-1),
        lambda: Empirical((), ()),
        lambda: Mixture((), ()),
        lambda: Mixture((Constant(1),), (0.5, 0.5)),
    ):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.code == "E-DIST-IMPOSSIBLE"


# --- the callback -------------------------------------------------------------------------------------------


def test_callback_is_told_where_a_scalar_stands() -> None:
    """Every dimensional scalar is read by the callback with its dotted path; plain numbers are not."""
    asked: list[tuple[object, str]] = []

    def spy(raw: object, field: str) -> float:
        asked.append((raw, field))
        return float(len(asked))

    parts = [
        {"weight": 0.5, "gamma": {"mean": "m", "cv": 0.5}},
        {"weight": 0.5, "empirical": {"values": ["a", "b"]}},
    ]
    build({"mixture": {"of": parts}}, spy)
    build("c", spy)
    build({"constant": "d"}, spy)
    assert asked == [
        ("m", "mixture.of.0.gamma.mean"),
        ("a", "mixture.of.1.empirical.values.0"),
        ("b", "mixture.of.1.empirical.values.1"),
        ("c", ""),
        ("d", "constant"),
    ]


def test_errors_of_the_callback_pass_through() -> None:
    """What the callback refuses is reported as the callback says it."""
    assert refused({"gamma": {"mean": "2 parsecs", "cv": 1}}).code == "E-UNIT"


def test_plain_parameters_are_named_for_a_schema() -> None:
    """Every parameter that `build` reads itself is a parameter of some kind, or the weight of a component."""
    named = frozenset[str]().union(*(names for sets in KINDS.values() for names in sets)) | {"weight"}
    assert named > DIMENSIONLESS
