"""The ``congvan`` command: parse, call the library, print with units.

Rule kept here: no logic. Each module holds the commands of one subject and registers them on being imported;
``--help`` lists them in the order of the imports below.
"""

from sim.cli.app import COMMANDS_GROUP, app, main

# isort: off
from sim.cli import (
    scenario_commands,
    run_commands,
    compare_commands,
    look_commands,
    explain_commands,
    answer_commands,
)

# isort: on

__all__ = [
    "COMMANDS_GROUP",
    "answer_commands",
    "app",
    "compare_commands",
    "explain_commands",
    "look_commands",
    "main",
    "run_commands",
    "scenario_commands",
]
