"""What a load looks like over time: kinds, rates, stages, and the arrivals that a seed makes of them."""

from loadtests.harness.profiles.files import load, parse_yaml
from loadtests.harness.profiles.pieces import Piece, Played, Stage
from loadtests.harness.profiles.profile import Profile
from loadtests.harness.profiles.terms import Arrivals, Kind, generator, parse_duration, parse_rate

__all__ = [
    "Arrivals",
    "Kind",
    "Piece",
    "Played",
    "Profile",
    "Stage",
    "generator",
    "load",
    "parse_duration",
    "parse_rate",
    "parse_yaml",
]
