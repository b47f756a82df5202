"""What rows of the feed refer to by a text: what it leads to, and what still waits for it."""
