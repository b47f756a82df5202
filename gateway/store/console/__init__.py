"""What the console keeps: sessions, and what was done there."""
