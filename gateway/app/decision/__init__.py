"""The policy of the proxy, and its decisions explained."""
