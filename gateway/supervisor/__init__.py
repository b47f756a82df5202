"""Runs the gateway's roles as processes of their own and starts again what dies."""
