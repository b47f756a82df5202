"""What a note calls a suppression, and which section of the wording explains it."""

import shlex
from collections.abc import Iterable

from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.note_template import OPT_OUT, SHARED, STAFF_PERSON, NoteTemplate
from gateway.core.kinds import Scope
from gateway.core.people.people import ENTRY_SOURCES, MAILCHIMP, Suppression, SuppressionSource

#: Sources without a name of their own, for which the template has words.
UNREAD = "unread status"  #: The section for people whose status can't be read.
NAMELESS = (*ENTRY_SOURCES, SuppressionSource.LAST_KNOWN, SuppressionSource.UNREAD_STATUS)


def suppression_name(template: NoteTemplate, suppression: Suppression) -> str:
    """Return a group's or status's name in the template's language, or else what staff did.

    `Geen bulk-mail`; `blocked by a colleague`; `?` if nothing has a name.
    """
    if suppression.source is SuppressionSource.STAFF:
        by_person = suppression.person is not None and "blocked_person" in template.words
        return template.words["blocked_person" if by_person else "blocked_address"]
    if suppression.source in NAMELESS:
        return template.words[suppression.source]
    by_language = dict(suppression.names)
    names = (by_language.get(template.language), suppression.name, *by_language.values())
    return one_line(next(filter(None, names), "")) or "?"


def reason_values(
    template: NoteTemplate, facts: NoteFacts, suppression: Suppression
) -> dict[str, str]:
    """Return the values for the section that explains a suppression; empty if unknown."""
    zone = facts.now.tzinfo
    address, person = one_line(facts.recipient), str(suppression.person or "")
    by_person = suppression_section(template, suppression) in {STAFF_PERSON, UNREAD}
    page = template.page("people", person if by_person else address)
    return {
        "name": suppression_name(template, suppression),
        "scope": template.scope(suppression.scope),
        "since": template.date_in(zone, suppression.since),
        "until": template.date_in(zone, suppression.until),
        "origin": one_line(suppression.origin),
        "remark": one_line(suppression.remark) if suppression.public else "",
        "person": person,
        "address": shlex.quote(address),
        "where": page
        or mending_command(suppression, person if by_person else shlex.quote(address)),
    }


def mending_command(suppression: Suppression, who: str) -> str:
    """Return the command that lifts a suppression, or one that explains it if only the CRM can."""
    match suppression.source:
        case SuppressionSource.LAST_KNOWN:
            return f"gateway suppress show {who}"
        case SuppressionSource.UNREAD_STATUS:
            return f"gateway person show {who}"
        case _:
            return f"gateway suppress release {who}"


def suppression_section(template: NoteTemplate, suppression: Suppression) -> str:
    """Return the section that explains a suppression; an opt-out at Mailchimp has its own."""
    by_mailchimp = suppression.source is SuppressionSource.GROUP and suppression.origin == MAILCHIMP
    if by_mailchimp and OPT_OUT in template.sections and f"short {OPT_OUT}" in template.sections:
        return OPT_OUT
    by_staff = suppression.source is SuppressionSource.STAFF and suppression.person is not None
    if by_staff and STAFF_PERSON in template.sections:
        return STAFF_PERSON
    return suppression.source.replace("_", " ")


def strictest_first(suppressions: Iterable[Suppression]) -> list[Suppression]:
    """Return suppressions, those for all mail first."""
    return sorted(suppressions, key=lambda suppression: not suppression.scope.includes(Scope.ALL))


def is_shared(template: NoteTemplate, facts: NoteFacts) -> bool:
    """Whether a note covers several people: what is true of one may not be of another."""
    of_people = any(suppression.person is not None for suppression in facts.suppressions)
    return facts.sharing > 1 and of_people and f"short {SHARED}" in template.sections


def one_line(text: str) -> str:
    """Remove line ends and unprintable characters from an external text."""
    if text.isprintable():
        return text.strip()
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())
