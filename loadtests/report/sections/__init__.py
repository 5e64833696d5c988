"""The sections of the load report, each a function from the context to blocks.

Rule kept here: a section that has nothing to show says so in a sentence.
"""
