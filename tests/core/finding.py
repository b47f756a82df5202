"""What a text was forwarded with, by all forms."""

from datetime import UTC, tzinfo

from gateway.core.replies.forwarded.lines import split_lines
from gateway.core.replies.forwarded.original import Original, find_originals


def find_original(text: str, *, subject: str = "", zone: tzinfo = UTC) -> Original | None:
    """Return the outermost mail forwarded in a text; None if nothing is found."""
    originals = find_originals(split_lines(text), subject=subject, zone=zone)
    return originals[0] if originals else None
