"""The feed as configured."""
