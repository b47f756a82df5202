"""What becomes of a message, and the record and the note of it."""
