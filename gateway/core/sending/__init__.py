"""What the gateway itself sends: the outbox, events, notices."""
