"""What is recorded about a transaction, and what is known from earlier ones."""
