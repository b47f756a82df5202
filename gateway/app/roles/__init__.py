"""The roles, from their settings to their end."""
