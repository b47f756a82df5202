"""People, what suppresses them, and all that is known of one of them."""
