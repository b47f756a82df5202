"""Campaigns sent through Mailchimp, on the command line."""

from gateway.cli.campaigns import report
from gateway.cli.campaigns.command import app

__all__ = ["app", "report"]
