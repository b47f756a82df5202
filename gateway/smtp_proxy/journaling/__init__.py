"""What is written down of a transaction, and what earlier ones left to know."""
