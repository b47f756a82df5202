"""`gateway demo`: a whole gateway with a sample CRM before it and a relay behind it."""

from gateway.cli.demo.command import demo

__all__ = ["demo"]
