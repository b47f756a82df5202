"""Mail on events: when it is due, to whom, and what it says."""
