"""Forwarded replies: the reference, the mail that was forwarded, the inbox."""
