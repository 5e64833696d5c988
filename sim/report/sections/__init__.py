"""The sections of the report: each turns its part of the summary into plain dicts for the template.

Rule kept here: one function per section, ``(Context) -> dict``; no HTML here, no numbers in the template.
"""
