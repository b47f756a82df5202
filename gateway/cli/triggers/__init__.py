"""Commands on mail on events, and on the applications it is about."""
