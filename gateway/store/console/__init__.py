"""The console's data: sessions, and what was done there."""
