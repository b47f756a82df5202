"""What happens to a message, and the note that says why."""
