"""Commands on the journal and on decisions."""
