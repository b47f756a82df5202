"""One cell of the feed: the value it stands for in its column, or why it can't be read."""
