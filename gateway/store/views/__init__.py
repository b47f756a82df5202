"""What commands, API and webhooks show: JSON documents, timelines, how things stand."""
