"""Exchanges that speak AS2 (RFC 4130).

Rule kept here: nothing is taken from an AS2 implementation; the partner is always another program.
"""
