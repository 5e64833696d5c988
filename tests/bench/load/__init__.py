"""The load harness beside tools of its kind; run by ``make bench``."""
