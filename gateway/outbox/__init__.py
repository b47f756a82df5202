"""The worker that sends the gateway's own mail and webhooks."""
