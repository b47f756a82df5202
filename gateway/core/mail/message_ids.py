"""Message-IDs (RFC 5322, 3.6.4): the identity of a mail, and which mail it replies to."""

import re

from gateway.core.mail.headers import Headers

MAX_LENGTH = 500  #: Octets of one id; longer ones don't count.
MAX_CHAIN = 20  #: Ids of a conversation that are carried over: the first, and the latest.

_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_COMMENT = re.compile(r"\([^()]*\)")
_ALNUM = re.compile(r"[^\W_]")
#: What programs write instead of a missing value.
_FILLERS = frozenset(
    [
        "empty", "false", "id", "message-id", "message_id", "messageid", "missing", "n/a", "nan",
        "nil", "none", "null", "true", "undefined", "unknown",
    ]
)  # fmt: skip
#: What a template language left unfilled: `{{id}}`, `${id}`, `#{id}`, `{% id %}`, `%s`, `*|ID|*`,
#: `[[id]]`, `<%= id %>`, `[object Object]`; and as a whole part `$id`, `%id%`, `__ID__`.
_TEMPLATE = re.compile(
    r"\{\{|\}\}|[$#]\{|\{%|%s|\*\||\[\[|%=|%%|\[object\b|\A(?:\$[A-Za-z_]\w*|%\w+%|__\w+__)\Z"
)
#: An id with none of these, like most: searching for all of them takes ten times as long.
_ORDINARY = re.compile(r"[A-Za-z0-9.-][\w.+-]*", re.ASCII)


def well_formed(value: bytes) -> list[str]:
    """Return the ids in the unfolded value of a field, in order, each once.

    `<undefined>`, `<>`, ids with spaces and anything that is not printable ASCII don't count.
    """
    text = _COMMENT.sub(" ", value.decode("ascii", "replace"))
    ids = (message_id for message_id in _ID.findall(text) if len(message_id) <= MAX_LENGTH)
    return list(dict.fromkeys(ids))


def is_unfilled(part: str) -> bool:
    """Whether the part before or after the @ is a placeholder for a missing value.

    An id such as `<undefined@crm.example>` doesn't identify a mail: all mails of that program have
    it.
    """
    if part.casefold() in _FILLERS or not _ALNUM.search(part):
        return True
    return not _ORDINARY.fullmatch(part) and bool(_TEMPLATE.search(part))


def own(headers: Headers) -> str:
    """Return the Message-ID of a mail; empty if it has no well-formed one."""
    values = headers.raw("message-id")
    ids = well_formed(values[0]) if values else []
    return ids[0] if len(ids) == 1 else ""


def chain(headers: Headers) -> list[str]:
    """Return the References for a reply to a mail: those of the mail itself, then its id.

    Empty if it has no id: a reply can't be threaded then.
    """
    parent = own(headers)
    if not parent:
        return []
    earlier = _ids_in(headers, "references")
    if not earlier:
        answered = _ids_in(headers, "in-reply-to")
        earlier = answered if len(answered) == 1 else []
    ids = [message_id for message_id in dict.fromkeys(earlier) if message_id != parent]
    if len(ids) > MAX_CHAIN:
        ids = ids[:1] + ids[1 - MAX_CHAIN :]
    return [*ids, parent]


def _ids_in(headers: Headers, field: str) -> list[str]:
    """Return the ids in a field, even if a library has put them into encoded words."""
    values = headers.raw(field)
    ids = [message_id for value in values for message_id in well_formed(value)]
    if ids or not values:
        return ids
    # Python's EmailMessage writes long ids as `=?utf-8?q?=3C…=3E?=`, against RFC 2047 (5).
    return [
        message_id for text in headers.texts(field) for message_id in well_formed(text.encode())
    ]
