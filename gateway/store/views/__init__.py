"""Data shown by commands, API and webhooks: JSON documents, timelines, status."""
