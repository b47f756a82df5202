"""Large receivers' own codes in their replies.

They say more than the reply code and the text beside them, which are often the same for all of them
("Service refused, please try later"). Each comes from what the provider publishes for senders, read
in 2024; for a code not listed, the text and the status decide.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.core.bounces.reason import Reason


class SystemCodes(NamedTuple):
    """The codes of one receiver."""

    code: re.Pattern[str]  #: Group 1 is the code; matched against lower case.
    reasons: Mapping[str, Reason]


def _of(reason: Reason, codes: str) -> Iterator[tuple[str, Reason]]:
    return ((code, reason) for code in codes.split())


def _between(reason: Reason, first: int, last: int) -> Iterator[tuple[str, Reason]]:
    return ((str(code), reason) for code in range(first, last + 1))


SYSTEM_CODES = (
    # Orange, Wanadoo, La Poste: `Mail rejete. Mail rejected. OFR_506 [506]`, `LPN007_416`.
    # postmastery.com/orange-postmaster-smtp-error-codes-ofr
    SystemCodes(
        re.compile(r"\b(?:ofr|lpn|ouk)\d{0,3}_?(\d{3})\b"),
        dict(
            [
                *_of(Reason.REPUTATION, "101 102 103 510 999"),
                *_of(Reason.RATE_LIMITED, "104"),
                *_of(Reason.SECURITY, "305 402"),
                *_of(Reason.AUTH_FAILURE, "401 517"),
                *_of(Reason.REJECTED, "403 405 415 421"),
                *_of(Reason.USER_UNKNOWN, "416"),
                *_of(Reason.MAILBOX_FULL, "417"),
                *_of(Reason.SUSPENDED, "420 426"),
                *_of(Reason.SYSTEM_ERROR, "505"),
                *_of(Reason.SPAM, "506"),
                *_of(Reason.TOO_BIG, "514"),
                *_of(Reason.POLICY, "630"),
            ]
        ),
    ),
    # Cox: `sender rejected. Refer to Error Codes section at … AUP#CDRBL`.
    # cox.com/residential/support/email-error-codes.html
    SystemCodes(
        re.compile(r"\baup#(?:in-)?(cx[a-z]+|cdrbl|ipbl|urlbl)"),
        dict(
            [
                *_of(Reason.REPUTATION, "cxbl cxdns cdrbl ipbl"),
                *_of(Reason.AUTH_FAILURE, "cxsndr"),
                *_of(Reason.REJECTED, "cxsmtp"),
                *_of(Reason.RATE_LIMITED, "cxcnct cxmxrt"),
                *_of(Reason.SECURITY, "cxthrt cxmj"),
                *_of(Reason.SPAM, "urlbl"),
            ]
        ),
    ),
    # Spectrum, Charter: `sender rejected. Please see … AUP#In-1310`.
    # spectrum.net/support/internet/understanding-email-error-codes
    SystemCodes(
        re.compile(r"\baup#(?:in|out|i|o)-?(\d{4})\b"),
        dict(
            [
                *_of(Reason.REPUTATION, "1000"),
                *_between(Reason.REJECTED, 1010, 1080),
                *_of(Reason.SYSTEM_ERROR, "1090"),
                *_between(Reason.REPUTATION, 1100, 1150),
                *_between(Reason.POLICY, 1160, 1190),
                *_between(Reason.REPUTATION, 1200, 1250),
                *_of(Reason.NETWORK_ERROR, "1260"),
                *_between(Reason.RATE_LIMITED, 1300, 1490),
                *_of(Reason.REJECTED, "1500 1520"),
                *_of(Reason.TOO_BIG, "1530"),
                *_of(Reason.RATE_LIMITED, "1540 1550 1580"),
                *_of(Reason.POLICY, "1560"),
            ]
        ),
    ),
    # GoDaddy: `550 This IP has sent too many messages this hour. IB504`.
    # godaddy.com/help/fix-rejected-email-with-a-bounce-error-40685
    SystemCodes(
        re.compile(r"\bib(\d{3})\b"),
        dict(
            [
                *_of(Reason.SECURITY, "401"),
                *_of(Reason.CONTENT, "501 502"),
                *_of(Reason.REJECTED, "506"),
                *_of(Reason.AUTH_FAILURE, "508"),
                *_of(Reason.REPUTATION, "103 104 105 106 108 110 111 112 113"),
                *_of(Reason.SPAM, "212"),
                *_of(Reason.VIRUS, "705"),
                *_of(Reason.RATE_LIMITED, "007 101 504 510 605 607"),
            ]
        ),
    ),
    # I.UA: `550 … http://mail.i.ua/err/2/`, the only clue.
    SystemCodes(
        re.compile(r"\bi\.ua/err/(\d{1,2})\b"),
        dict(
            [
                *_of(Reason.NO_RELAYING, "1 6"),
                *_of(Reason.USER_UNKNOWN, "2"),
                *_of(Reason.SUSPENDED, "3"),
                *_of(Reason.MAILBOX_FULL, "4"),
                *_of(Reason.RATE_LIMITED, "5"),
                *_of(Reason.REPUTATION, "7 9"),
                *_of(Reason.REJECTED, "8"),
                *_of(Reason.FILTERED, "10"),
            ]
        ),
    ),
    # Exchange Online: the text may be cut off. "Email non-delivery reports in Exchange Online",
    # learn.microsoft.com/exchange/mail-flow-best-practices
    SystemCodes(
        re.compile(r"\b[45]\.7\.(5\d\d|6\d\d|7\d\d)\b"),
        dict(
            [
                *_of(Reason.SPAM, "501 502 503"),
                *_of(Reason.REPUTATION, "505 506 511 708"),
                *_of(Reason.RATE_LIMITED, "508 705"),
                *_of(Reason.AUTH_FAILURE, "509"),
                *_of(Reason.CONTENT, "512"),
                *_between(Reason.REPUTATION, 606, 650),
            ]
        ),
    ),
)


def reason_by_code(reply_text: str) -> Reason | None:
    """Return what a receiver's own code in a text in lower case means; None if it has none."""
    for code, reasons in SYSTEM_CODES:
        match = code.search(reply_text)
        if match and match[1] in reasons:
            return reasons[match[1]]
    return None
