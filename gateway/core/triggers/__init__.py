"""Mail on events: when it is due, for whom, and what it says."""
