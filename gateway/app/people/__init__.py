"""Erasing people, and exporting the data held on them."""
