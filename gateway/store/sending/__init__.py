"""The outbox, and the events for webhooks."""
