"""What the open internet may reach: links to unsubscribe, under a name of their own."""
