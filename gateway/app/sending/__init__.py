"""The gateway's own mail."""
