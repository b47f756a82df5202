"""Notices to staff about a filed reply, and replies to senders whose mail was not filed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from gateway.core import ids
from gateway.core.languages import in_language
from gateway.core.people.applications import KnownApplication
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.people.people import Staff, role_key
from gateway.core.replies.document_types import type_in_words
from gateway.core.replies.inbox import AttentionReason, InboxRow
from gateway.core.sending.mail_wording import MailWording, console_page
from gateway.core.sending.notice import Notice, build
from gateway.core.sending.outbox import OutboxDraft
from gateway.inbound.filing import Applicant

#: Roles of those who assess applications (seed 004). Somebody with only these roles isn't notified
#: of a reply. All other responsible staff are (personnel managers, departments; seed 002), whatever
#: the CRM calls their roles.
_JUDGING = frozenset(("manager", "evaluator"))
MOST_ANSWERS = 5  #: To one sender within an hour.
MOST_SUGGESTED = 5  #: References suggested to a sender who gave none, or a wrong one.
#: Reasons that get a reply. A sender that may be forged gets none.
ANSWERED = frozenset(AttentionReason) - {AttentionReason.UNTRUSTED_ORIGIN}
#: Reasons whose replies suggest references: everything was in order but the reference.
SUGGESTING = frozenset((AttentionReason.NO_REFERENCE, AttentionReason.UNKNOWN_REFERENCE))
_MB = 1_000_000
_LINES = 12
_LONGEST_LINE = 300
_LINK = re.compile(r"<?https?://[^\s<>]{1,2100}>?", re.IGNORECASE)
_IMPORTED = "reply_imported"
_REFUSED = "reply_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettings:
    """The settings for the gateway's notices."""

    sender: str
    hostname: str
    language: str
    zone: tzinfo
    imported: Mapping[str, MailWording]  #: For filed replies, by language.
    refused: Mapping[str, MailWording]
    lookup: Callable[[str], str]
    fallback_to: str = ""
    max_size: int = 0  #: Octets.
    import_address: str = ""  #: Where staff forward replies to; empty: not set.
    console_url: str = ""  #: The console's address; empty: not set.


@dataclass(frozen=True, slots=True)
class NoticeReader:
    """Who gets a notice, and in which language."""

    address: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledReply:
    """A filed reply, with what its notice says about it."""

    entry: HistoryEntry
    application: KnownApplication
    candidate: Applicant
    staff_name: str  #: Who forwarded it.


def addressees(
    responsible: Sequence[Staff], owner: Sequence[Staff], fallback_to: str
) -> list[NoticeReader]:
    """Return who is notified of a reply: the responsible staff, or the owner, or `fallback_to`."""
    members = [member for member in responsible if member.email and not _only_judges(member)]
    members = members or [member for member in owner if member.email]
    readers = [NoticeReader(member.email, member.language) for member in members]
    return readers or [NoticeReader(fallback_to, "")] * bool(fallback_to)


def _only_judges(staff: Staff) -> bool:
    return bool(staff.roles) and _JUDGING.issuperset(map(role_key, staff.roles))


def of_imported(
    notice_settings: NoticeSettings,
    news: FiledReply,
    *,
    to: Sequence[NoticeReader],
    now: datetime,
    new_id: Callable[[], int],
) -> Iterator[OutboxDraft]:
    """Yield the notices about a filed reply, one per address."""
    by_address: dict[str, NoticeReader] = {}
    for reader in to:
        by_address.setdefault(notice_settings.lookup(reader.address), reader)
    for address, reader in by_address.items():
        wording = in_language(notice_settings.imported, reader.language, notice_settings.language)
        values = values_of(news, wording, notice_settings)
        number = new_id()
        yield _draft(
            Notice(
                id=number,
                at=now.astimezone(notice_settings.zone),
                sender=notice_settings.sender,
                hostname=notice_settings.hostname,
                recipient=reader.address,
                language=wording.language,
                subject=wording.head(values),
                text=wording.body(values),
            ),
            kind=_IMPORTED,
            key=f"{_IMPORTED}:{ids.show(news.entry.id)}:{address}",
            now=now,
        )


@dataclass(frozen=True, slots=True)
class LikelyOwner:
    """Whose reply an unfiled mail seems to be, and the applications it may belong to."""

    candidate: str = ""  #: By name, else `candidate:17`; empty: nobody on file.
    applications: tuple[KnownApplication, ...] = ()


def of_refused(
    notice_settings: NoticeSettings,
    row: InboxRow,
    *,
    staff: Staff,
    reference: str,
    now: datetime,
    number: int,
    owner: LikelyOwner = LikelyOwner(),
) -> OutboxDraft:
    """Return the reply to a member of staff whose mail was not filed.

    It names only references from `owner`: people would take an invented example for a real one.
    """
    wording = in_language(notice_settings.refused, staff.language, notice_settings.language)
    largest = notice_settings.max_size
    # The open ones, or if none is open, all.
    suggested = [application for application in owner.applications if not application.closed]
    suggested = suggested or list(owner.applications)
    values = {
        "subject": row.subject or "-",
        "reference": reference,
        "number": ids.show(row.id),
        "max_size": f"{largest // 1000} kB" if largest < _MB else f"{largest / _MB:g} MB",
        "import_address": notice_settings.import_address,
        "candidate": owner.candidate,
        "page": console_page(notice_settings.console_url, "inbox", ids.show(row.id)),
        "references": "".join(
            f"\n- {suggestion.application.reference}"
            + (f" ({suggestion.about})" if suggestion.about else "")
            for suggestion in suggested[:MOST_SUGGESTED]
        ),
    }
    values["reason"] = wording.section(row.reason, values)
    notice = Notice(
        id=number,
        at=now.astimezone(notice_settings.zone),
        sender=notice_settings.sender,
        hostname=notice_settings.hostname,
        recipient=staff.email,
        language=wording.language,
        subject=wording.head(values),
        text=wording.body(values),
        in_reply_to=row.message_id,
        answers=True,
    )
    return _draft(notice, kind=_REFUSED, key=f"{_REFUSED}:{ids.show(row.id)}", now=now)


def _draft(notice: Notice, *, kind: str, key: str, now: datetime) -> OutboxDraft:
    return OutboxDraft(
        id=notice.id,
        type=kind,
        key=key,
        recipient=notice.recipient,
        body=build(notice),
        due=now,
    )


def values_of(
    news: FiledReply, wording: MailWording, notice_settings: NoticeSettings
) -> dict[str, str]:
    """Return the values for the placeholders in the notice about a filed reply."""
    entry, candidate = news.entry, news.candidate
    date = entry.date.astimezone(notice_settings.zone) if entry.date else None
    values = {
        "candidate": candidate.name or str(entry.person),
        "person": str(entry.person),
        "sender": entry.sender_name or entry.sender or candidate.name or str(entry.person),
        "about": news.application.about,
        "reference": entry.reference,
        "subject": entry.subject or "-",
        "date": date.strftime(wording.words["date"]) if date else entry.date_text,
        "lines": _first_lines(entry.text, wording),
        "documents": "".join(
            f"\n- {document.filename} ({_type_of(document, wording)})"
            for document in entry.documents
        ),
        "staff": news.staff_name,
        "staff_text": _first_lines(entry.staff_text, wording),
        "entry": ids.show(entry.id),
        "remarks": "",
        "person_remarked": "",
        "import_address": notice_settings.import_address,
        "where": console_page(notice_settings.console_url, "replies", ids.show(entry.id))
        or f"gateway history show {ids.show(entry.id)}",
    }
    remarks = []
    for remark in entry.remarks:
        name, _, person = remark.partition(" ")
        remarks.append(wording.section(name, {**values, "person_remarked": person}))
    return {**values, "remarks": "\n".join(filter(None, remarks))}


def _type_of(document: Document, wording: MailWording) -> str:
    """Return the type of a document as the wording calls it, or else as its language does."""
    name = document.type
    return wording.words.get(name) or type_in_words(name, wording.language)


def _first_lines(text: str, wording: MailWording) -> str:
    lines = [_beginning_of(line.rstrip()) for line in text.split("\n") if line.strip()]
    quoted = "\n".join(f"> {line}" for line in lines[:_LINES])
    return f"{quoted}\n{wording.words['more']}" if len(lines) > _LINES else quoted


def _beginning_of(line: str) -> str:
    """Return the first characters of a line; a link among them is kept whole."""
    if len(line) <= _LONGEST_LINE:
        return line
    links = _LINK.finditer(line)
    cut = (link.end() for link in links if link.start() < _LONGEST_LINE < link.end())
    return line[: next(cut, _LONGEST_LINE)]
