"""``python -m sim.cli`` is ``congvan``."""

import sys

from sim.cli import main

sys.exit(main())
