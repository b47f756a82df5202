"""Triggers, their files, and the applications whose changes send mail."""
