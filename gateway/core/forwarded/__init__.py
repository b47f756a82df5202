"""What was forwarded inline: its sender, date, subject, recipients and text."""

from gateway.core.forwarded.mailboxes import Mailbox, parse_mailbox, parse_mailboxes
from gateway.core.forwarded.original import Original, find_original

__all__ = ["Mailbox", "Original", "find_original", "parse_mailbox", "parse_mailboxes"]
