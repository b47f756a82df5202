"""The reply table: how a relay's reply is passed on to the CRM."""

import re
from collections.abc import Sequence

from gateway.core.mail.reply import Reply

TRY_LATER = Reply.of("451 4.4.1 The relay can't be reached just now; try again later")
LOST = Reply.of("451 4.4.2 The relay gave no answer; try again later")
OUR_FAULT = Reply.of("451 4.3.5 The gateway and its relay disagree; the operator has been told")
BUSY = Reply.of("451 4.3.2 The relay is busy; try again later")
TLS_FAILED = Reply.of("451 4.7.5 The relay's TLS failed; the operator has been told")
NO_LONGER_OFFERED = Reply.of("451 4.3.0 The relay no longer offers what this message asks for")

END_OF_DATA = "END"  #: The stage after the final dot; the others are named after their commands.

_LOGIN = frozenset({530, 534, 535, 538})  #: RFC 4954, 6; RFC 3207, 4.
_COMMAND = frozenset({500, 501, 502, 503, 504})  #: RFC 5321, 4.2.2.
#: Subjects of enhanced status codes (RFC 3463, 3.2 to 3.8).
_ADDRESS, _MAILBOX, _PROTOCOL, _CONTENT, _POLICY = "1", "2", "5", "6", "7"
#: `5.1.3`, also in qmail's form: `(#5.1.3)`.
_QMAIL_STATUS = re.compile(r"\(#[45]\.(\d{1,3})\.\d{1,3}")
_WANTS_LOGIN = re.compile(
    r"\bauth(?:entication|entifikation)?\b.{0,9}\b(?:required|needed|first)\b|\bmust\b.{0,9}"
    r"\b(?:authenticate|issue a starttls|log ?in)\b|\bstarttls\b.{0,20}\bfirst\b"
    r"|\bclient was not authenticated\b",
    re.IGNORECASE,
)
_GREETED_WRONG = re.compile(r"\b(?:helo|ehlo)\b", re.IGNORECASE)
_ABOUT_ADDRESS = re.compile(
    r"\b(?:address|recipient|sender|mailbox|user|domain|local[ -]?part)|fully[ -]qualified"
    r"|\btoo long\b|@",
    re.IGNORECASE,
)
_ABOUT_CONTENT = re.compile(
    r"\b(?:message|mail|content|header|attachment|spam|virus)\b.*"
    r"\b(?:reject|refus|den(?:y|ied)|block|not accept|malformed|invalid|too)|\bspam\b|\bvirus\b",
    re.IGNORECASE,
)


def is_our_fault(
    reply: Reply, patterns: Sequence[re.Pattern[str]] = (), *, stage: str = END_OF_DATA
) -> bool:
    """Whether the operator must act: the relay refuses the gateway, not the mail.

    `patterns` are the relay's `our_fault`. `stage` is the command the reply is for (`MAIL`, `RCPT`,
    `DATA`, or an earlier one), or `END_OF_DATA`.
    """
    if reply.code >= 400 and any(pattern.search(reply.text) for pattern in patterns):
        return True
    if not 500 <= reply.code < 600:
        return False
    qmail_status = _QMAIL_STATUS.search(reply.text)
    subject: str | None = qmail_status[1] if qmail_status else None
    if reply.enhanced is not None:
        subject = reply.enhanced.split(".")[1]
    if reply.code in _LOGIN:
        return subject != _ADDRESS
    if subject in (None, _POLICY, "0") and _WANTS_LOGIN.search(reply.text):
        return True
    if reply.code not in _COMMAND or subject in (_ADDRESS, _MAILBOX, _CONTENT):
        return False
    if reply.code in (502, 503):
        return True  # The commands are the gateway's.
    if stage in ("MAIL", "RCPT"):
        return not blames_address(reply, subject)
    if stage in ("DATA", END_OF_DATA):
        is_about_content = _ABOUT_CONTENT.search(reply.text) is not None
        return subject != _POLICY and (subject == _PROTOCOL or not is_about_content)
    return True


def blames_address(reply: Reply, subject: str | None) -> bool:
    """Whether a 500, 501 or 504 to MAIL or RCPT is about the address, not the gateway.

    Postfix says `504 5.5.2 <bob@x>: Recipient address rejected: need fully-qualified address`, but
    also, as it delays that until RCPT: `504 5.5.2 <gw>: Helo command rejected: need fully-qualified
    hostname`. Exim gives no status: `501 bob: recipient address must contain a domain`.
    """
    if _GREETED_WRONG.search(reply.text):
        return False
    if reply.code == 500 or subject in (_PROTOCOL, _POLICY):
        return _ABOUT_ADDRESS.search(reply.text) is not None
    return True  # The command's argument is the CRM's, octet for octet.


def for_client(
    reply: Reply, patterns: Sequence[re.Pattern[str]] = (), *, stage: str = END_OF_DATA
) -> Reply:
    """Return the reply for the CRM at a stage where 2xx is success.

    421 becomes 451 with the same text (it ends the relay's connection, not the CRM's); what is our
    fault becomes 451; a 1xx or 3xx makes no sense there and also becomes 451.
    """
    if reply.positive:  # Nearly always.
        return reply
    if reply.code == 421:
        return Reply(451, reply.lines)
    if is_our_fault(reply, patterns, stage=stage):
        return Reply(451, (f"4.3.5 The relay refuses the gateway: {reply.lines[0]}"[:500],))
    if 400 <= reply.code < 600:
        return reply
    return OUR_FAULT
