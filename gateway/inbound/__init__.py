"""Forwarded replies: taken from mailboxes and listeners, read, and filed."""
