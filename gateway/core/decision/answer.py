"""Which mail answers somebody else's: it names that mail's message id (RFC 5322, 3.6.4).

That a field is there says nothing. Templates leave it empty or write `undefined`, programs put the
mail's own id in, and the steps of a campaign name the step before. What is unclear is no answer.
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
#: Labels that stand before a country's where it registers names below them: co.uk, com.au, gv.at.
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
    not_meant = _own_ids(headers) | _addresses(headers, sender)
    others = [one for one in _ids(headers, name) if one.casefold() not in not_meant]
    if others and is_campaign(headers):
        own = _own_domains(headers, sender)
        # A service that sends for many makes the ids of all of them: there the host tells.
        hosts = {domain_of(one) for one in _own_ids(headers)}
        others = [one for one in others if not _is_own(domain_of(one), own, hosts)]
    return f"<{others[0]}>" if others else None


def is_a_forward(headers: Headers) -> bool:
    """Whether a subject says that the mail forwards another."""
    return any(map(is_forward, headers.texts("subject")))


def _ids(headers: Headers, name: str) -> Iterator[str]:
    """Yield the well-formed ids of a field: in brackets, something before and behind the @."""
    for value in headers.texts(name):
        for left, right in _ID.findall(_without_comments(value)):
            if not (is_unfilled(left) or is_unfilled(right)):
                yield f"{left}@{right}"


def _without_comments(value: str) -> str:
    """Return a value without comments (RFC 5322, 3.2.2): what stands in them is no id."""
    for _ in range(_DEEPEST_COMMENT):
        if "(" not in value:
            break
        value = _COMMENT.sub(" ", value)
    return value


def _own_ids(headers: Headers) -> set[str]:
    """Return the mail's own ids, without brackets, in lower case."""
    values = headers.texts("message-id")
    ids = {f"{left}@{right}".casefold() for value in values for left, right in _ID.findall(value)}
    return ids | {value.strip(" \t<>").casefold() for value in values}


def _addresses(headers: Headers, sender: str) -> set[str]:
    """Return who the mail is between: some name a person, as in `In-Reply-To: Ann <ann@x>`."""
    named = {address for name in _ADDRESS_FIELDS for _, address in headers.addresses(name)}
    return {address.casefold() for address in named | {sender}}


def _own_domains(headers: Headers, sender: str) -> set[str]:
    """Return the domains of who sends it."""
    addresses = {address for name in _OWN_FIELDS for _, address in headers.addresses(name)}
    return {domain_of(one) for one in addresses | {sender}} - {""}


def _is_own(domain: str, own: set[str], hosts: set[str]) -> bool:
    return domain in hosts or _organisation(domain) in set(map(_organisation, own))


def _organisation(domain: str) -> str:
    """Return what all names of an organisation end in: `crm.example` for mail.crm.example."""
    labels = domain.split(".")
    long = len(labels[-1]) == 2 and len(labels) > 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3 if long else -2 :])
