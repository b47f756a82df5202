"""The outbox, and the events that webhooks tell."""
