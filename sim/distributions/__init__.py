"""The distribution mini-language; whole arrays at a time.

Rule kept here: a distribution is written by meaning (``{lognormal: {mean: 2 h, p95: 6 h}}``), is never
negative, and is drawn by its inverse CDF only, so that the same uniform gives a comparable value under every
parameter.
"""

from sim.distributions.base import Distribution, Floats
from sim.distributions.continuous import (
    Exponential,
    Gamma,
    Lognormal,
    Triangular,
    Uniform,
    Weibull,
    lognormal,
)
from sim.distributions.discrete import Constant, Empirical, Geometric, IntegerUniform, Poisson
from sim.distributions.language import DIMENSIONLESS, KINDS, build
from sim.distributions.mixture import Mixture

__all__ = [
    "DIMENSIONLESS",
    "KINDS",
    "Constant",
    "Distribution",
    "Empirical",
    "Exponential",
    "Floats",
    "Gamma",
    "Geometric",
    "IntegerUniform",
    "Lognormal",
    "Mixture",
    "Poisson",
    "Triangular",
    "Uniform",
    "Weibull",
    "build",
    "lognormal",
]
