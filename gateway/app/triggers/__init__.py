"""Triggers by the settings; previews, runs and changed applications."""
