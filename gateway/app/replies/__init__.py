"""The importer of forwarded replies as configured."""
