"""The core of the load harness: schedules, measurement, verdicts; neither locust nor gevent, no network.

Rule kept here: everything is computed from what was planned and what was recorded; the clock, the randomness and the
disk are passed in. What these modules say is the same whatever sent the load.
"""
