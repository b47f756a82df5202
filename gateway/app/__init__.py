"""Wires the parts together: which role runs what, with which settings."""
