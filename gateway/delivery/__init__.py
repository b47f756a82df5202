"""How all mail leaves: relays, connections to them, and what their replies mean."""
