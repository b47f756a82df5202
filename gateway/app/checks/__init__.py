"""The checks of `gateway check`, by subject."""
