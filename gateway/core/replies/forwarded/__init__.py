"""What was forwarded inline: its sender, date, subject, recipients and text."""

from gateway.core.replies.forwarded.app_lines import without_app_lines
from gateway.core.replies.forwarded.banners import banner_end, without_banner
from gateway.core.replies.forwarded.buttons import without_buttons
from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.labels import begins_field
from gateway.core.replies.forwarded.lines import joined, split_lines, unquoted
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
    find_originals,
)
from gateway.core.replies.forwarded.places import OriginalPlace
from gateway.core.replies.forwarded.signature_below import divide_signature

__all__ = [
    "Heading",
    "Mailbox",
    "Original",
    "OriginalPlace",
    "banner_end",
    "begins_field",
    "divide_signature",
    "find_original",
    "find_originals",
    "in_zone_of_writer",
    "joined",
    "parse_agent",
    "parse_date",
    "parse_mailbox",
    "parse_mailboxes",
    "split_lines",
    "unquoted",
    "without_app_lines",
    "without_banner",
    "without_buttons",
]
