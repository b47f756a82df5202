"""What happens to a message, its journal record and its note."""
