"""The journal: written in groups, read by message; its writers, and earlier attempts."""
