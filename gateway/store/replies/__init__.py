"""Mail for the importer, and the mailboxes it came from."""
