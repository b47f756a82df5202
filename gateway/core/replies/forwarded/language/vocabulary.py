"""The form in which the header words of a language are written down."""

from typing import NamedTuple


class Words(NamedTuple):
    """The header words of a language, each with its variants divided by `|`."""

    sender: str
    date: str
    to: str
    cc: str
    bcc: str
    reply_to: str
    subject: str
