"""The gateway measured beside its peers, in one run on one machine."""
