"""One cell of the feed: its value in its column, or why it can't be read."""
