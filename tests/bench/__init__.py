"""Performance as ratios against named references; run by ``make bench``, never by ``make test``."""
