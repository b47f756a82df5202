"""Bounces in no standard format: which recipients the text names, and what it says about each.

Servers write such mails for people: `<ann@example.org>: 550 no such user` (qmail), a transcript of
the session (Sendmail), a paragraph below an address (Exim), `RCPT TO:<…>` above a reply. What they
have in common: the address is on a line by itself, in angle brackets or after a label; the
explanation follows; the returned mail comes last.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

MOST_LINES = 1_000
_LONGEST_LINE = 500

#: A name may be in any script.
_MAILBOX = r"[^\s<>()\[\],;:\"'`=|\\]{1,64}@[^\W_](?:[\w.-]{0,250}[^\W_])?"
_PATH = re.compile(r"/[^=]*/")  #: `/home/ann/.cat/ann@example.org` is a file.
#: Chinese and Japanese texts continue right after an address, without a space.
_GOES_ON = re.compile(r"(?<=[a-z])[\u3040-\u9fff\uac00-\ud7a3][^.]*\Z", re.IGNORECASE)
_ADDRESS = re.compile(f"({_MAILBOX})")
_LABEL = (
    "to|recipient|address|addresses|e-?mail|user|rcpt to|could not be delivered to|undeliverable to"
    "|final-recipient|original-recipient|failed recipient|an|destinataire"
)
#: `ann@example.org`, `- <ann@example.org>:`, `To: ann@example.org`, on a separate line.
_ALONE = re.compile(
    rf"[\s>*\-•·]*(?:\d+[.)]\s*)?(?:(?:{_LABEL})\s*[:=]\s*(?:rfc822;\s*)?)?<?({_MAILBOX})>?"
    r"\s*[:;,.]?\s*(?:\(.*\))?\s*\Z",
    re.IGNORECASE,
)
#: `<ann@example.org>: no such user`, `554 5.0.0 <ann@example.org>... Service unavailable`.
_FIRST = re.compile(
    rf"\s*(?:\d{{3}}[ -](?:\d\.\d+\.\d+\s+)?)?(?:#\S+\s+)?<?({_MAILBOX})>?"
    r"\s*(?::|\.\.\.|\(|,|;|\s-\s|\s)\s*\S"
)
#: Sendmail's transcript: the dialogue comes before `550 <ann@example.org>... User unknown`.
_TRANSCRIBED = re.compile(r"\s*\d{3}[ -](?:\d\.\d+\.\d+\s+)?<[^<>\s]{3,320}>\.\.\.")
_TRANSCRIPT = re.compile(r"transcript of session", re.IGNORECASE)
#: `[Status: Error, Address: <ann@example.org>, ResponseCode 421, …]` (Zoho).
_NAMED = re.compile(rf"(?:address|recipient): <({_MAILBOX})>", re.IGNORECASE)
_RCPT = re.compile(rf"rcpt to:?\s*<?({_MAILBOX})>?", re.IGNORECASE)
#: Addresses that send bounces are rarely recipients.
_SERVERS = re.compile(
    r"(?:mailer-daemon|postmaster|mail-daemon|mdaemon|no-?reply|administrator|abuse|support|helpdesk"
    r"|webmaster|listserv)@",
    re.IGNORECASE,
)
#: A line that introduces the sender's address, or that of a contact person.
_NOT_A_RECIPIENT_BELOW = re.compile(
    r"(?:sent by|from|sender|contact|assistance,?)\s*:?\s*\Z", re.IGNORECASE
)

_TO_LINE = re.compile(r"\s*to:", re.IGNORECASE)
_SUBJECT_AND_SENT = re.compile(r"\s*subject:.{0,500}\n\s*sent:", re.IGNORECASE)

_RULE = r"[-_=*#|<>]{2,}+"
_CAME_BACK = r"(?:original |unsent |returned |undelivered )?(?:message|mail|header)s?"
#: A line that introduces the returned mail.
_ORIGINAL_BELOW = re.compile(
    r"\s*(?:"
    rf"{_RULE}.{{0,40}}?\b(?:original|copy|unsent|undelivered|returned|headers?|body)\b"
    r"(?!.{0,60}(?:status|report|address)).{0,80}"
    rf"|{_RULE}\s*(?:message|e?-?mail)\s*(?:text|content|body|header)?\s*(?:follows)?\s*[-_=*#|<>:.]*"
    r"|(?:this|below|here|following|attached)(?: this line)? is (?:a |the )?"
    r"(?:copy of|header of|text of|original|returned|undelivered|beginning of) (?:the |your )?"
    rf"{_CAME_BACK}\b.{{0,60}}"
    rf"|(?:the )?{_CAME_BACK}(?:'s)? (?:headers? )?(?:as )?follows?.{{0,40}}"
    rf"|(?:the )?{_CAME_BACK} is (?:included|attached|copied).{{0,40}}"
    r"|(?:original|unsent|returned|undelivered) (?:message|mail)(?: headers?| text)?\s*:.{0,20}"
    r")\s*\Z",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(received|return-path|from|to|date|message-id|subject|mime-version|x-[\w-]+|dkim-signature"
    r"|delivered-to|reply-to|cc|content-type|sender):",
    re.IGNORECASE,
)
_NEVER_IN_A_NOTICE = {"received", "return-path", "mime-version", "message-id", "dkim-signature"}

_TELLING = re.compile(
    r"(?<![\d.])[245]\d\d(?:[ -]|\Z)|\b[245]\.\d{1,3}\.\d{1,3}\b"
    r"|\b(?:said|reason|error|diagnostic)\b.{0,20}:|>>>|<<<"
    r"|smtp error|in reply to|responded as follows|did not like our|name was rejected"
    r"|after (?:end of|mail from|rcpt to|helo|ehlo|initial)",
    re.IGNORECASE,
)
#: Phrases found in every bounce, whatever happened.
_PHRASES = re.compile(
    r"""
    this message was created automatically by [^.]{0,60}\.?
    this is the \S+ (?:program|system) at [^.\n]{0,100}\.?
    could not be (?:delivered|sent) to (?:one or more|some or all|the following|any)[^.:]{0,60}[.:]
    (?:this is|these are|had) (?:a |some )?permanent (?:fatal |delivery )?errors?[.;:]?
    i'?ve given up\.?
    i'?m (?:sorry|afraid) (?:to have to inform you|i wasn'?t able)[^.]{0,120}\.
    for further assistance[^.]{0,80}\.
    if you do so[^.]{0,80}\.
    you can delete your own text[^.]{0,80}\.
    sorry it didn'?t work out\.?
    the (?:mail|postfix) (?:system|program)
    (?:please )?(?:do not|don'?t) reply to this[^.]{0,80}\.?
    this is the mailer-daemon,?
    an error (?:has )?occurred while (?:attempting|trying) to deliver[^:]{0,120}:?
    the following addresse?s? (?:had|failed)[^-:]{0,60}[-:]
    delivery to the following recipients? (?:has )?failed[^.:]{0,30}[.:]?
    (?:unable|not able) to deliver (?:your |this )?(?:message|mail) to (?:the following|one or more)
    your message (?:was not|cannot be|could not be) delivered[^.:]{0,60}[.:]?
    your message (?:to the following recipients )?(?:cannot be delivered|did not reach)[^.:]{0,60}
    this (?:report|message) relates to a message you sent with the following header fields:?
    google tried to deliver your message, but it was rejected by the [^.]{0,60}\.
    we recommend contacting the other email provider [^.]{0,80}\.
    the error that the other server returned was:
    technical details of (?:permanent|temporary) failure:?
    (?:please )?(?:contact|ask) your (?:e-?mail |system |mail )?administrator[^.]{0,100}\.?
    (?:please )?(?:contact|ask) your postmaster[^.]{0,100}\.?
    i'?m not going to try again[^.]{0,80}\.?
    """.strip().replace("\n    ", "|")
)


@dataclass(slots=True)
class ToldFailure:
    """A recipient named in a text, and the lines about it."""

    recipient: str
    lines: list[str] = field(default_factory=list)


def notice_of(text: str) -> list[str]:
    """Return the lines of a bounce above the returned mail."""
    lines = [line[:_LONGEST_LINE] for line in text.splitlines()[:MOST_LINES]]
    for number, line in enumerate(lines):
        if number and _ORIGINAL_BELOW.match(line):
            return lines[:number]
        if _FIELD.match(line):
            block = takewhile(str.strip, lines[number : number + 12])
            names = {match[1].casefold() for match in map(_FIELD.match, block) if match}
            if len(names) >= 3 and names & _NEVER_IN_A_NOTICE:
                return lines[:number]
    return lines


def failures_in(text: str, *, senders: Iterable[str] = ()) -> list[ToldFailure]:
    """Return the recipients that a text says mail didn't reach, with what it says about each.

    Empty if it names none. `senders` are the addresses the bounce was sent to: whoever sent the
    returned mail is never a failed recipient.
    """
    lines = notice_of(text)
    left_out = {address.casefold() for address in senders}
    marks: list[tuple[int, str]] = []
    # From forms that certainly name a recipient down to any address at all.
    for patterns in ((_ALONE, _FIRST, _NAMED), (_RCPT,), (_ADDRESS,)):
        marks = _marks(lines, patterns, left_out)
        if marks:
            break
    failures: dict[str, ToldFailure] = {}
    transcript = next((n for n, line in enumerate(lines) if _TRANSCRIPT.search(line)), len(lines))
    read = 0
    for index, (number, address) in enumerate(marks):
        end = marks[index + 1][0] if index + 1 < len(marks) else len(lines)
        if number > transcript and _TRANSCRIBED.match(lines[number]):
            start, end = max(read, transcript), number + 1
        else:
            start = number
            end = max(number + 1, min(end, transcript) if number < transcript else end)
        failure = failures.setdefault(address.casefold(), ToldFailure(address))
        failure.lines += lines[start:end]
        read = end
    if len(failures) == 1:
        next(iter(failures.values())).lines = lines  # the whole text is about this one
    return list(failures.values())


def essence(lines: Sequence[str]) -> tuple[str, str]:
    """Return the specific part of what was said, and all of it; each on one line, in lower case.

    The specific part is the lines with a reply or status code, the line above each (`smtp error
    after end of data:`) and any continuation lines. Phrases found in every bounce are left out of
    both.
    """
    specific_lines: list[str] = []
    goes_on, before = 0, ""
    for line in lines:
        if _TELLING.search(line):
            specific_lines += [line] if goes_on else [before, line]
            goes_on = 3
        elif goes_on and line.strip():
            specific_lines.append(line)
            goes_on -= 1
        elif not (goes_on and specific_lines[-1].rstrip().endswith(":")):
            goes_on = 0
        before = line
    return _without_phrases(specific_lines), _without_phrases(lines)


def _without_phrases(lines: Sequence[str]) -> str:
    text = " ".join(" ".join(lines).split()).casefold()
    return " ".join(_PHRASES.sub(" ", text).split())


def _is_of_what_was_sent(lines: Sequence[str], number: int) -> bool:
    """Whether a line is the original's `To:`, above its `Subject:` and `Sent:`, as in Exchange."""
    following = "\n".join(lines[number + 1 : number + 4])
    return (
        _TO_LINE.match(lines[number]) is not None and _SUBJECT_AND_SENT.match(following) is not None
    )


def _marks(
    lines: Sequence[str], patterns: Sequence[re.Pattern[str]], left_out: set[str]
) -> list[tuple[int, str]]:
    """Return the lines that name a recipient, with the address; servers only if nobody else is."""
    marks: dict[tuple[int, str], bool] = {}
    before = ""
    for number, line in enumerate(lines):
        if not (_NOT_A_RECIPIENT_BELOW.search(before) or _is_of_what_was_sent(lines, number)):
            for pattern in patterns:
                at_start = pattern in (_ALONE, _FIRST)
                matches = (
                    filter(None, [pattern.match(line)]) if at_start else pattern.finditer(line)
                )
                for match in matches:
                    address = _GOES_ON.sub("", match[1]).strip(".'")
                    if address.casefold() not in left_out and not _PATH.match(address):
                        marks[number, address] = _SERVERS.match(address) is not None
        before = line if line.strip() else before
    people = [mark for mark, is_server in marks.items() if not is_server]
    return people or list(marks)
