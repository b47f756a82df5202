"""Joining the lines of flowed text (`format=flowed`) into paragraphs (RFC 3676)."""

from email.message import Message

from gateway.core.replies.forwarded.labels import begins_field

_SIGNATURE = "-- "


def is_flowed(part: Message) -> bool:
    """Whether a part says that its lines may be joined."""
    return _parameter(part, "format") == "flowed"


def unflow(text: str, part: Message) -> str:
    """Join the lines of each paragraph, as declared by their part (RFC 3676, 4).

    Lines that begin with a header word (`From:`) are not joined: some programs leave a space at
    their end, which is the sign for "join".
    """
    deletes_blank = _parameter(part, "delsp") == "yes"
    paragraphs: list[str] = []
    written: list[str] = []
    depth, flows = 0, False
    for line in text.replace("\r\n", "\n").split("\n"):
        # All lines of a paragraph but the last end with a space (RFC 3676, 4.1 to 4.5).
        content = line.lstrip(">")
        quotes = len(line) - len(content)
        content = content.removeprefix(" ")
        is_signature = content == _SIGNATURE
        if not flows or quotes != depth or is_signature or begins_field(content):
            if written:
                paragraphs.append("".join(written))
            written = ["> " * quotes]
        depth, flows = quotes, content.endswith(" ") and not is_signature
        written.append(content[:-1] if flows and deletes_blank else content)
    return "\n".join([*paragraphs, "".join(written)])


def _parameter(part: Message, name: str) -> str:
    value = part.get_param(name)
    return value.strip().casefold() if isinstance(value, str) else ""
