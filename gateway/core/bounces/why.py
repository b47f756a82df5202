"""Why mail bounced: by the server's words, its status code and the command it refused.

Known words come first, because servers often send a status that says less (5.0.0) or something else
(5.1.1 "mailbox full"). Status codes: RFC 3463 and IANA's registry of enhanced status codes (2024).
"""

import re
from collections.abc import Iterable
from functools import cache

from gateway.core.bounces.reason import Reason
from gateway.core.bounces.reason_words import VOCABULARY, patterns_of_reasons
from gateway.core.bounces.system_codes import reason_by_code

MOST_CHARACTERS = 4_000  #: How much of a text is examined.

_STATUS = re.compile(r"\b[245]\.(\d{1,3}\.\d{1,3})\b")
#: Addresses and links are removed before the words are matched, because they contain words
#: themselves (`user.unknown@spam.example`, `…/err/mailbox-full`). A link's host is kept: it
#: identifies the blocklist.
_ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?")
_LINK = re.compile(r"https?://([^\s/]*)\S*")
#: Amazon SES puts its own interpretation before the server's reply: `5.1.0 - Unknown address error
#: 550-'5.2.2 … Mailbox Full'`.
_WRAPPED = re.compile(r"[245]\.\d\.\d - [a-z ]+ (?=\d{3}-')")

_REFUSED = re.compile(r"\brejected\.?\Z")  #: With no explanation: `550 Rejected`.

#: The refused command, as reporting servers name it.
_SAID = r"(?:after|reply to|response to|command:?|for|>>>|\[|our) ?"
_AT_MAIL = re.compile(_SAID + r"\[?mail[ _](?:from|command)|>>> mail|\[mail_from\]")
_AT_HELO = re.compile(
    r"(?:after|reply to|>>>) ?(?:initial connection|[he][he]lo\b)|name was rejected"
)
_AT_DATA = re.compile(
    _SAID + r"(?:the )?(?:end of data|sending data|data|text command|\.)(?: command)?\b"
    r"|\[data\]|>>> data"
)
_OF_RECIPIENT = re.compile(r"\b[45]\.1\.\d|this user doesn'?t have")
_UNKNOWN = re.compile(r"5\.1\.1\b")
#: A policy refusal (RFC 3463, x.7) says nothing about the address, unless the account is disabled
#: or has another owner, or the words are plain: `550 5.7.1 No such user` (Google).
_CODES = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
_OF_POLICY = re.compile(r"[245]\.7\.(?!13\Z|17\Z)")
_PLAIN = re.compile(
    r"\b(?:no(?: such)?|unknown|invalid) (?:user|mail-?box|recipient)\b"
    r"|\b(?:user|mail-?box|recipient) (?:is )?(?:unknown|not found|do(?:es not|esn'?t) exist)",
    re.IGNORECASE,
)
_OF_ADDRESS = (Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.SUSPENDED, Reason.MOVED)
_EXPIRED = re.compile(r"\b[45]\.4\.7\b")  # RFC 3463: delivery time expired
_OF_SENDER = re.compile(r"\b[45]\.1\.[78]\b")

#: Enhanced status codes by subject and detail; the class (4 or 5) is checked separately.
STATUSES: dict[str, Reason] = {
    "1.0": Reason.USER_UNKNOWN,
    "1.1": Reason.USER_UNKNOWN,
    "1.2": Reason.HOST_UNKNOWN,
    "1.3": Reason.USER_UNKNOWN,
    "1.4": Reason.FILTERED,
    "1.5": Reason.UNDEFINED,
    "1.6": Reason.MOVED,
    "1.7": Reason.REJECTED,
    "1.8": Reason.REJECTED,
    "1.9": Reason.SYSTEM_ERROR,
    "1.10": Reason.NOT_ACCEPTING,  # RFC 7505
    "2.0": Reason.FILTERED,
    "2.1": Reason.SUSPENDED,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.TOO_BIG,
    "2.4": Reason.FILTERED,
    "3.0": Reason.SYSTEM_ERROR,
    "3.1": Reason.SYSTEM_FULL,
    "3.2": Reason.SYSTEM_ERROR,
    "3.3": Reason.SYSTEM_ERROR,
    "3.4": Reason.TOO_BIG,
    "3.5": Reason.SYSTEM_ERROR,
    "4.0": Reason.NETWORK_ERROR,
    "4.1": Reason.EXPIRED,
    "4.2": Reason.EXPIRED,
    "4.3": Reason.SYSTEM_ERROR,
    "4.4": Reason.HOST_UNKNOWN,
    "4.5": Reason.RATE_LIMITED,
    "4.6": Reason.NETWORK_ERROR,
    "4.7": Reason.EXPIRED,
    "5.0": Reason.SYNTAX_ERROR,
    "5.1": Reason.SYNTAX_ERROR,
    "5.2": Reason.SYNTAX_ERROR,
    "5.3": Reason.RATE_LIMITED,
    "5.4": Reason.SYNTAX_ERROR,
    "6.0": Reason.CONTENT,
    "6.1": Reason.CONTENT,
    "6.2": Reason.CONTENT,
    "6.3": Reason.CONTENT,
    "6.7": Reason.CONTENT,
    "6.9": Reason.CONTENT,
    "7.0": Reason.POLICY,
    "7.1": Reason.POLICY,
    "7.2": Reason.FILTERED,
    "7.3": Reason.SECURITY,
    "7.4": Reason.SECURITY,
    "7.5": Reason.SECURITY,
    "7.6": Reason.SECURITY,
    "7.7": Reason.SECURITY,
    "7.8": Reason.SECURITY,
    "7.9": Reason.SECURITY,
    "7.10": Reason.SECURITY,
    "7.13": Reason.SUSPENDED,
    "7.17": Reason.MOVED,  # RFC 7293: the mailbox has another owner
    "7.20": Reason.AUTH_FAILURE,
    "7.21": Reason.AUTH_FAILURE,
    "7.22": Reason.AUTH_FAILURE,
    "7.23": Reason.AUTH_FAILURE,
    "7.24": Reason.AUTH_FAILURE,
    "7.25": Reason.REPUTATION,
    "7.26": Reason.AUTH_FAILURE,
    "7.27": Reason.REJECTED,  # RFC 7505: the sender's domain takes no mail
    "7.28": Reason.RATE_LIMITED,
    "7.29": Reason.AUTH_FAILURE,
    "7.30": Reason.SECURITY,
}

#: What words mean at certain receivers: domain, reply, reason.
SYSTEMS = (
    # Japanese carriers answer the content with "unknown user" if the recipient's own allowlist
    # refuses the sender. An address that doesn't exist gets the same words, but at RCPT: the
    # reporting server's status shows it (5.1.1).
    (re.compile(r"docomo\b"), re.compile(r"unknown user"), Reason.FILTERED),
    (
        re.compile(r"(?:ezweb\.ne\.jp|au\.com)\Z"),
        re.compile(r"550:? ?: user unknown|was rejected by a remote mail server"),
        Reason.FILTERED,
    ),
    # Apple also says this about addresses that never existed: the status is 5.1.1, not 5.2.1.
    (
        re.compile(r"(?:icloud|me|mac)\.com\Z"),
        re.compile(r"5\.1\.1 .{0,80}inactive email address"),
        Reason.USER_UNKNOWN,
    ),
    # "The group may not exist, or you may not have permission to post": in 40 languages, no code.
    (re.compile(r"google-?groups\."), re.compile(r"\A(?!.*\b[45]\.\d\.\d)", re.S), Reason.REJECTED),
)


@cache
def _rows() -> list[tuple[Reason, re.Pattern[str]]]:
    """Compile the table when the first bounce comes: few processes ever see one."""
    return [
        (
            reason,
            re.compile(
                re.sub(r"<([a-z ]+)>", lambda word: VOCABULARY[word[1]], "|".join(patterns))
            ),
        )
        for reason, patterns in patterns_of_reasons()
    ]


def why(
    text: str, status: str = "", *, recipient: str = "", names_recipient: bool = False
) -> Reason:
    """Return why mail to a recipient bounced.

    `text` is the server's reply (a diagnostic code, a line of a transcript), `status` the enhanced
    status code from the report, which may be empty, general (5.0.0) or wrong; `names_recipient` is
    for texts examined on their own: the status is about the recipient's address (5.1.1).
    """
    reply_text = " ".join(text[:MOST_CHARACTERS].casefold().split())
    domain = recipient.rpartition("@")[2].casefold()
    for system, pattern, reason in SYSTEMS:
        is_of_another = names_recipient and reason is Reason.FILTERED
        if system.search(domain) and pattern.search(reply_text) and not is_of_another:
            return reason
    reason = reason_by_code(reply_text) or _by_words(reply_text) or _by_status(reply_text, status)
    if reason in (Reason.SYSTEM_ERROR, Reason.NETWORK_ERROR) and _EXPIRED.search(
        f"{reply_text} {status}"
    ):
        return Reason.EXPIRED  # and the rest says why the last try failed
    if reason is Reason.POLICY and _AT_HELO.search(reply_text):
        return Reason.REPUTATION
    if reason not in _OF_ADDRESS:
        return reason
    if _is_by_policy(f"{reply_text} {status}"):
        return Reason.POLICY
    # A refusal at MAIL is about the sender, at HELO about the server, and after the content it is a
    # filter's; unless the status names the recipient, as in replies to pipelined commands (RFC
    # 2920): `>>> DATA`, `<<< 550 5.1.1 … user unknown`.
    if _OF_SENDER.search(reply_text) or (
        _AT_MAIL.search(reply_text) and not _AT_DATA.search(reply_text)
    ):
        return Reason.REJECTED
    if _AT_HELO.search(reply_text):
        return Reason.REPUTATION
    if reason in (Reason.SUSPENDED, Reason.MOVED):
        return reason
    if _AT_DATA.search(reply_text) and not _OF_RECIPIENT.search(reply_text):
        return Reason.FILTERED if reason is Reason.USER_UNKNOWN else Reason.REJECTED
    return reason


def why_of(texts: Iterable[str], status: str = "", *, recipient: str = "") -> Reason:
    """Return the first reason found in the texts, or else what the status says."""
    texts = list(texts)
    names_recipient = _UNKNOWN.match(status) is not None
    names_sender = _OF_SENDER.match(status) is not None
    for text in texts:
        reason = why(text, recipient=recipient, names_recipient=names_recipient)
        if reason.is_hard and names_sender:
            return Reason.REJECTED
        if reason in _OF_ADDRESS and _is_by_policy(f"{text} {status}"):
            return Reason.POLICY
        if reason is not Reason.UNDEFINED:
            return reason
    reason = why("", status, recipient=recipient)
    is_refused = any(_REFUSED.search(text.casefold().rstrip()) for text in texts)
    return Reason.POLICY if reason is Reason.UNDEFINED and is_refused else reason


def _is_by_policy(text: str) -> bool:
    """Whether a text's status codes are about policy and its words not about the address."""
    codes = _CODES.findall(text)
    return bool(codes) and all(map(_OF_POLICY.match, codes)) and not _PLAIN.search(text)


def _by_words(reply_text: str) -> Reason | None:
    bare = _ADDRESS.sub(" <> ", _LINK.sub(r" \1 ", reply_text))
    bare = _WRAPPED.sub("", " ".join(bare.split()))
    return next((reason for reason, pattern in _rows() if pattern.search(bare)), None)


def _by_status(reply_text: str, status: str) -> Reason:
    codes = (*_STATUS.findall(reply_text), *_STATUS.findall(status))
    return next((STATUSES[code] for code in codes if code in STATUSES), Reason.UNDEFINED)
