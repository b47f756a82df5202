"""`gateway demo`: a complete gateway between a sample CRM and a relay."""

from gateway.cli.demo.command import demo

__all__ = ["demo"]
