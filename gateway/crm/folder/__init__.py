"""The folder of the feed: files dropped there, and what became of them."""
