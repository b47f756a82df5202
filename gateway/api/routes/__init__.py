"""What can be asked and told, by subject."""
