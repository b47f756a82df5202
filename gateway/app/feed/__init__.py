"""The feed by the settings."""
