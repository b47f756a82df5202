"""What was forwarded inline: its sender, date, subject, recipients and text."""

from gateway.core.replies.forwarded.app_lines import without_app_lines
from gateway.core.replies.forwarded.banners import banner_end, without_banner
from gateway.core.replies.forwarded.buttons import without_buttons
from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.labels import begins_field
from gateway.core.replies.forwarded.lines import joined, unquoted
from gateway.core.replies.forwarded.local_time import in_zone_of_writer
from gateway.core.replies.forwarded.mailboxes import (
    Mailbox,
    parse_agent,
    parse_mailbox,
    parse_mailboxes,
)
from gateway.core.replies.forwarded.original import (
    Heading,
    Original,
    find_original,
    find_other_original,
    original_at,
)
from gateway.core.replies.forwarded.places import Place, find_place
from gateway.core.replies.forwarded.signature_below import divide_signature

__all__ = [
    "Heading",
    "Mailbox",
    "Original",
    "Place",
    "banner_end",
    "begins_field",
    "divide_signature",
    "find_original",
    "find_other_original",
    "find_place",
    "in_zone_of_writer",
    "joined",
    "original_at",
    "parse_agent",
    "parse_date",
    "parse_mailbox",
    "parse_mailboxes",
    "unquoted",
    "without_app_lines",
    "without_banner",
    "without_buttons",
]
