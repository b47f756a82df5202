"""Triggers as configured; previews, runs and changed applications."""
