"""The one way mail leaves: relays, their connections, and what their replies mean."""
