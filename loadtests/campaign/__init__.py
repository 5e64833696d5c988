"""One load run from plan to report: the server, the generator, the faults, the audit, the verdict; search and compare.

Rule kept here: this room starts the generator as a process and never imports it.
"""
