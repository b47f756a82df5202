"""The HTTP API, with health and metrics, and the console."""
