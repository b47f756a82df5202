"""Triggers, their files, and the applications whose changes they mail about."""
