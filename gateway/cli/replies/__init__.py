"""Commands on mail for the importer."""
