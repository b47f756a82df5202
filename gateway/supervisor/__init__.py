"""Runs the gateway's roles as separate processes and restarts those that die."""
