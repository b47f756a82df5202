"""The proxy's policy, and explanations of its decisions."""
