"""References in the feed by text: what each one leads to, and what still waits for it."""
