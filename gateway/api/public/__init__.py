"""Routes open to the internet: unsubscribe links, under a separate host name."""
