"""The journal: written in groups, read by message; who writes it, and attempts before."""
