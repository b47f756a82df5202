"""What each role does, from its settings to its end."""
