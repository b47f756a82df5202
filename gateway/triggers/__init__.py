"""Mail on events: selected, rendered, sent once, reported."""
