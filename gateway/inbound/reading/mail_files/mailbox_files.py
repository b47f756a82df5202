"""Mails attached as a file of a mail program, and what the program adds around the mail.

```
1234                                              From ann@example.org Wed Mar  4 10:11:12 2026
From: Ann <ann@example.org>                       From: Ann <ann@example.org>
…                                                 …
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist …>…</plist>
```

Left, an Apple Mail file: its first line is the size of the mail in octets, and the mail is followed
by the program's data about it. Right, a mailbox file (RFC 4155). The line ends of both may have
changed on the way.
"""

import mmap
import re
from email.message import Message
from pathlib import Path

from gateway.inbound.reading.texts import children, file_name, without_divider

_NAMES = (".eml", ".emlx", ".mbox", ".mbx")
_MAIL_TYPES = ("application/eml", "application/mbox", "application/x-mbox")
_MOST_PARTS = 1_000
_COUNT = re.compile(rb"[0-9]{1,12}[ \t]*\r?\n")
_PLIST = re.compile(rb"</plist>\s*\Z")
_LONGEST_END = 200  #: Octets that may follow `</plist>`.
#: The line above the next mail in a mailbox file, with its time, and the first field below it.
_NEXT_MAIL = re.compile(
    rb"\n\r?\n>?From (?=[^\r\n]{1,400}\r?\n[!-9;-~]{1,80}:)[^\r\n]{1,400}[0-9]:[0-9]{2}"
)


def is_mail_file(part: Message) -> bool:
    """Whether a part is a mail in a file, by its name or type, not opened yet."""
    if part.is_multipart():
        return False
    name = file_name(part).casefold()
    return name.endswith(_NAMES) or name == "mbox" or part.get_content_type() in _MAIL_TYPES


def without_line_above(beginning: bytes) -> bytes:
    """Remove the line above a mail in a file: its size, or the `From ` line of a mailbox."""
    count = _COUNT.match(beginning)
    return beginning[count.end() :] if count else without_divider(beginning)


def is_of_apple(beginning: bytes) -> bool:
    """Whether a file begins like one of Apple Mail's."""
    return _COUNT.match(beginning) is not None


def take_off_end(file: Path) -> None:
    """Remove what Apple Mail stores after the mail in its file."""
    with file.open("r+b") as opened:
        size = opened.seek(0, 2)
        if not size:
            return
        with mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mail:
            end = size
            if _PLIST.search(mail[-_LONGEST_END:]):
                end = mail.rfind(b"<?xml", 0, max(0, mail.rfind(b"<!DOCTYPE plist")))
        if 0 <= end < size:
            opened.truncate(end)


def holds_many(file: Path) -> bool:
    """Whether a mailbox file has several mails, so that nobody knows which one is meant."""
    if not file.stat().st_size:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mail:
        return _NEXT_MAIL.search(mail) is not None


def is_left_out(part: Message) -> bool:
    """Whether Apple Mail left out a file, so that the part only gives its size.

    It does so if it has loaded a mail without its attachments (`.partial.emlx`).
    """
    payload = part.get_payload()
    return "x-apple-content-length" in part and isinstance(payload, str) and not payload.strip()


def lacks_files(mail: Message) -> bool:
    """Whether files of an attached mail were left out."""
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            break
        part = stack.pop()
        if is_left_out(part):
            return True
        if part.get_content_maintype() == "multipart":
            stack += children(part)
    return False
