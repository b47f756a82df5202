"""People, their suppressions, and everything else known about them."""
