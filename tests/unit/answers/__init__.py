"""Tests of sim.answers."""
