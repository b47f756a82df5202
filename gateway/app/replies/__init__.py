"""The importer of forwarded replies by the settings."""
