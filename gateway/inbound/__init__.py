"""Forwarded replies: taken from mailboxes and listeners, parsed, and filed."""
