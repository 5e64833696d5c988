"""Discrete-event models of document flows between agencies, their statistics and reports."""
