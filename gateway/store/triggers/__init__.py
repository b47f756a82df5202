"""Triggered mail: what is due, the ledger of what was sent, the runs."""
