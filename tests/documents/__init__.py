"""The JSON documents of commands, API and webhooks, byte for byte."""
