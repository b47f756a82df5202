"""The worker that sends what the gateway itself must send."""
