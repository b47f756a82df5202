"""How the content of a part is encoded on its way, and what it is without that."""

import re
from copy import copy
from email.message import Message

_COMMENT = re.compile(r"\([^()]*\)")
_DEEPEST_COMMENT = 5
_TOKEN = re.compile(r"[^\s;]+")


def transfer_encoding(part: Message) -> str:
    """Return the Content-Transfer-Encoding of a part in lower case; empty without one."""
    return encoding_named(str(part.get("content-transfer-encoding", "")))


def encoding_named(value: str) -> str:
    """Return the encoding that a Content-Transfer-Encoding names, in lower case; empty: none.

    It is one token (RFC 2045, 6.1), but some programs write a blank, a comment (RFC 5322, 3.2.2) or
    a parameter behind it (`base64;`), and then Python's parser knows no such encoding.
    """
    for _ in range(_DEEPEST_COMMENT):
        if "(" not in value:
            break
        value = _COMMENT.sub(" ", value)
    token = _TOKEN.search(value)
    return token[0].lower() if token else ""


def decoded_payload(part: Message) -> bytes:
    """Return the content of a part that isn't multipart, as octets; broken content as it stands."""
    encoding, written = transfer_encoding(part), part.get("content-transfer-encoding")
    if written is not None and str(written).lower() != encoding:
        part = copy(part)
        del part["content-transfer-encoding"]
        if encoding:
            part["Content-Transfer-Encoding"] = encoding
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
