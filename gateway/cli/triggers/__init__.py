"""Commands for mail on events, and for the applications it is about."""
