"""What a scenario must keep to beyond the shape of single fields.

Rule kept here: every check looks at the typed case and reports findings by path; none stops at the first.
"""

from sim.scenario.checks.all import check, examine
from sim.scenario.checks.together import Drawn, examine_together
from sim.scenario.selection import roles_held, select, staff_of

__all__ = ["Drawn", "check", "examine", "examine_together", "roles_held", "select", "staff_of"]
