"""Which mail is a reply to somebody else's: it names that mail's Message-ID (RFC 5322, 3.6.4).

The presence of the field means nothing. Templates leave it empty or write `undefined`, programs put
in the mail's own id, and each step of a campaign names the one before. In doubt it is no reply.
"""

import re
from collections.abc import Iterator

from gateway.core.decision.bulk_marks import is_campaign
from gateway.core.mail.address import domain_of
from gateway.core.mail.headers import Headers
from gateway.core.mail.message_ids import is_unfilled
from gateway.core.replies.subject_prefixes import is_forward

THREAD_FIELDS = ("in-reply-to", "references")
_COMMENT = re.compile(r"\([^()]*\)")
_DEEPEST_COMMENT = 5
_ID = re.compile(r"<\s*([^\s<>]+)@([^\s<>@]+)\s*>")
_ADDRESS_FIELDS = ("from", "sender", "reply-to", "to", "cc")
_OWN_FIELDS = ("from", "sender", "reply-to")
#: Labels under which a country registers names at the third level: co.uk, com.au, gv.at.
_SECOND_LEVEL = frozenset(
    [
        "ac",
        "asso",
        "co",
        "com",
        "edu",
        "gob",
        "gouv",
        "gov",
        "gv",
        "ltd",
        "mil",
        "ne",
        "net",
        "nhs",
        "nom",
        "or",
        "org",
        "plc",
        "sch",
    ]
)


def answered_id(headers: Headers, name: str, sender: str) -> str | None:
    """Return an id of somebody else's mail that a field names, or None.

    `name` is one of `THREAD_FIELDS`; `sender` the envelope sender.
    """
    if name not in headers:
        return None
    own_ids = {
        f"{left}@{right}".casefold()
        for value in headers.whole_texts("message-id")
        for left, right in _ID.findall(value)
    }
    own_ids |= {value.strip(" \t<>").casefold() for value in headers.whole_texts("message-id")}
    # Some name a person instead: `In-Reply-To: Ann <ann@x>`.
    people = {address for field in _ADDRESS_FIELDS for _, address in headers.addresses(field)}
    not_meant = own_ids | {address.casefold() for address in people | {sender}}
    others = [
        named_id for named_id in ids_named(headers, name) if named_id.casefold() not in not_meant
    ]
    if others and is_campaign(headers):
        # A service that sends for many customers makes the ids for all of them: go by the host.
        hosts = set(map(domain_of, own_ids))
        senders = {address for field in _OWN_FIELDS for _, address in headers.addresses(field)}
        domains = set(map(domain_of, senders | {sender})) - {""}
        organisations = set(map(organisation, domains))
        others = [
            named_id
            for named_id in others
            if (domain := domain_of(named_id)) not in hosts
            and organisation(domain) not in organisations
        ]
    return f"<{others[0]}>" if others else None


def is_a_forward(headers: Headers) -> bool:
    """Whether the subject says that the mail is a forward."""
    return any(map(is_forward, headers.texts("subject")))


def ids_named(headers: Headers, name: str) -> Iterator[str]:
    """Yield the well-formed ids of a field: in brackets, with text on both sides of the @.

    Ids in comments (RFC 5322, 3.2.2) don't count.
    """
    for text in headers.whole_texts(name):
        value = text
        for _ in range(_DEEPEST_COMMENT):
            if "(" not in value:
                break
            value = _COMMENT.sub(" ", value)
        for left, right in _ID.findall(value):
            if not (is_unfilled(left) or is_unfilled(right)):
                yield f"{left}@{right}"


def organisation(domain: str) -> str:
    """Return the registered domain of an organisation: `crm.example` for mail.crm.example."""
    labels = domain.split(".")
    has_three = len(labels[-1]) == 2 and len(labels) > 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if has_three else -2 :])
