"""Whether a mail that isn't a report by its form is a bounce: a server's notice for people."""

import re
from functools import partial

from gateway.core.bounces.notice_text import MOST_LINES, failures_in, notice_of
from gateway.core.mail.automatic import Automatic, automatic_kind
from gateway.inbound.reading.bounces.bounce_parts import BounceParts, field
from gateway.inbound.reading.bounces.mailman_detectors import addresses_by_mailman
from gateway.inbound.reading.bounces.ses_notifications import NOTIFIES
from gateway.inbound.reading.bounces.status_fields import groups_in

#: Senders of bounces. People and their programs also quote bounces, and write about addresses that
#: don't work; from them, only a mail in the form of a report counts.
_SERVER = re.compile(
    r"\A\s*\Z|<>|daemon|post[-_ ]?master|mail.{0,3}(?:delivery|system|server|gateway)"
    r"|(?:system|mail) ?administrator",
    re.IGNORECASE,
)
_AMAZON = "@sns.amazonaws.com"
_DOMAIN = re.compile(r"@[^\s<>@]{1,255}")  #: People have addresses at `mailserver.example`, too.
#: Some mobile carriers send bounces from such an address, and many auto-responders use one; only
#: the carriers return the mail.
_NO_REPLY = re.compile(r"\bno[-_.]?reply", re.IGNORECASE)
_ANSWER = re.compile(r"\s*(?:re|aw|antw|antwort|antwoord|rép|sv|vs)\s*:", re.IGNORECASE)
#: Senders that are never a person.
_DAEMON = re.compile(r"\A\s*\Z|<>|\bmailer[-_.]?daemon\b", re.IGNORECASE)
_ID_BELOW = re.compile(r"^[ \t]{0,10}message-id:", re.IGNORECASE | re.MULTILINE)
#: Subjects of mails that list other people's bounces, or mail held in quarantine.
_DIGEST = re.compile(
    r"digest|quarant|summary|statistic|overview|\b(?:daily|weekly|monthly|nightly)\b|zusammenfassung"
    r"|tagesbericht|wochenbericht|übersicht|samenvatting|overzicht|résumé|récapitulatif|résum",
    re.IGNORECASE,
)
#: A server's words about a failure, with the status (RFC 3463) at the start of a line, or after the
#: reply: `550 5.1.10 …`. On its own, the status ends in a single digit: `4.7.26` is a date.
_FAILED = re.compile(
    r"(?:\A[\s>*\-•·]*[45]\.[0-7]\.\d|(?<!\d)[45]\d\d[ -][45]\.[0-7]\.\d{1,3})[ :-]{1,3}[^\W\d]"
)
_RCPT_LINE = re.compile(r"^[ \t]{0,40}rcpt to:", re.IGNORECASE | re.MULTILINE)


def is_notice(parts: BounceParts) -> bool:
    """Whether a mail is a server's notice about a mail that came back."""
    return _is_of_a_server(parts) and _has_form_of_bounce(parts)


def _is_of_a_server(parts: BounceParts) -> bool:
    """Whether a mail seems to be written by a mail server or a related program."""
    mail = parts.mail
    sender = str(mail.get("from", ""))
    if mail.get("x-failed-recipients"):
        return True
    # A server on the way has put the report into another mail, to add a footer (`multipart/mixed`).
    if parts.groups and _has_null_sender(parts):
        return True
    # Somebody who reads a postmaster's mailbox, or has such a name, also replies to mail. Bounces
    # from gateways to mobile phones also begin like a reply (`post_master@vtext.com`, 2012), but
    # they say `RCPT TO: …`.
    is_answer = _ANSWER.match(str(mail.get("subject", ""))) is not None
    if is_answer and parts.original is None and not _RCPT_LINE.search(parts.notice):
        return False
    if _SERVER.search(_DOMAIN.sub("@", sender)) or _AMAZON in sender.casefold():
        return True
    # An auto-responder names no failed address, or one that nothing was sent to.
    if parts.original is not None and _NO_REPLY.search(sender) and failures_in(parts.notice):
        return True
    refers = mail.get("in-reply-to") is not None or mail.get("references") is not None
    kind = automatic_kind(lambda name: str(mail.get(name, "")))
    return kind is Automatic.DELIVERY_REPORT and not refers


def _has_form_of_bounce(parts: BounceParts) -> bool:
    """Whether a server's mail is about a returned one.

    Servers also send lists of other people's mail (`Quarantine digest`), and people write as
    `postmaster@`. A bounce returns the mail or its id, has the fields, subject or wording of one,
    or comes from `MAILER-DAEMON`.
    """
    if parts.groups or parts.feedback or parts.original is not None:
        return True
    notice, failed = parts.notice, parts.mail.get("x-failed-recipients")
    if failed or (notice.lstrip().startswith("{") and NOTIFIES.search(notice)):
        return True
    subject = field(parts.mail, "subject")
    is_subject = (
        automatic_kind(lambda name: subject if name == "subject" else "")
        is Automatic.DELIVERY_REPORT
    )
    # In `Undeliverable: Weekly overview` the digest's name is the subject of the returned mail.
    if _DIGEST.search(subject) and not (is_subject and len(failures_in(notice)) < 2):
        return False
    return bool(
        is_subject
        or _DAEMON.search(str(parts.mail.get("from", "")))
        or _RCPT_LINE.search(notice)
        or _ID_BELOW.search(notice)
        or len(notice_of(notice)) < len(notice.splitlines()[:MOST_LINES])
        or next(groups_in(notice), None) is not None
        or (_is_report_by_envelope(parts) and _says_what_failed(notice))
        or addresses_by_mailman(parts)
    )


def _is_report_by_envelope(parts: BounceParts) -> bool:
    """Whether a mail has the null sender (RFC 5321, 4.5.5) and isn't an automatic reply."""
    is_answer = automatic_kind(partial(field, parts.mail)) is Automatic.AUTO_REPLY
    return _has_null_sender(parts) and not is_answer


def _has_null_sender(parts: BounceParts) -> bool:
    return field(parts.mail, "return-path").strip() == "<>"


def _says_what_failed(notice: str) -> bool:
    """Whether a notice names one address and the status of a failure: `5.4.1 Access denied`.

    A list of other people's mail names more. Anybody's text may contain numbers and `error:`, such
    as that of somebody who left a company, and delivered mail has codes, too: `251 User not local`.
    """
    failed = any(map(_FAILED.search, notice_of(notice)))
    return failed and len(failures_in(notice)) == 1
