"""Forwarded replies: the reference, the forwarded mail, the inbox."""
