"""Files that people take for mail: parsed, or explained with a hint where the mail is."""

import re
from dataclasses import dataclass

_EML = "save the mail itself as .eml"
_SOURCE = f"{_EML} (“show original”, “view source”, “download message”)"
_OUTLOOK = (
    "drag it from Outlook on the web or the new Outlook to a folder, or save it there as .eml"
)
#: Signatures of files that are no mail, with an explanation and the remedy.
_KINDS = (
    # The compound file of Outlook ([MS-CFB], 2.2).
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Outlook item (.msg)", _OUTLOOK),
    (
        b'x\x9f>"',
        "is a winmail.dat (TNEF)",
        "save the mail that it came with as .eml",
    ),  # [MS-OXTNEF]
    (b"!BDN", "is an Outlook data file (.pst)", "save the one mail as .eml"),
    (b"%PDF-", "is a PDF", _SOURCE),
    (b"PK\x03\x04", "is a ZIP archive or an Office document", "unpack it, or " + _EML),
    (b"\x1f\x8b", "is compressed (gzip)", "unpack it"),
    (b"{\\rtf", "is formatted text (RTF)", _SOURCE),
    (b"bplist00", "is an Apple property list", _SOURCE),
    (b"\x89PNG", "is a picture", _SOURCE),
    (b"\xff\xd8\xff", "is a picture", _SOURCE),
    (b"GIF8", "is a picture", _SOURCE),
)
_UTF_8 = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
#: A field's name and colon; all names in use fit this (RFC 5322, 2.2, allows more).
_FIELD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.-]*[ \t]*:(?!//)")
#: The line that starts each mail in an mbox file (RFC 4155).
_MBOX_LINE = rb">?From [^\r\n]*\d{4}[^\r\n]*\r?\n"
_MBOX_FIRST = re.compile(_MBOX_LINE)
_MBOX_NEXT = re.compile(rb"\r?\n\r?\n" + _MBOX_LINE + rb"[!-9;-~]+:")
_APPLE = re.compile(rb"\d{1,10}[ \t]*\r?\n[!-9;-~]+:")
_SAVED_PAGE = re.compile(rb"^(?:From: <Saved by |Snapshot-Content-Location:)", re.I | re.M)
_HEADER_MOST = 4_096


@dataclass(frozen=True, slots=True)
class NoMail:
    """A file that isn't a mail."""

    fault: str  #: What it is, and the remedy: `is empty: save the mail again`.


def read_mail(content: bytes) -> bytes | NoMail:
    """Return the mail in a file, without an mbox's first line; or what the file is instead."""
    mail = content.removeprefix(_UTF_8)
    fault = fault_of_file(mail)
    if fault:
        return NoMail(fault)
    first = _MBOX_FIRST.match(mail)
    return mail[first.end() :] if first else mail


def mails_of_mbox(content: bytes) -> list[bytes]:
    """Return the mails in an mbox file, each with its first line; any other file as a whole."""
    if _MBOX_FIRST.match(content) is None:
        return [content]
    starts = [match.start() for match in _MBOX_NEXT.finditer(content)]
    ends = [*starts, len(content)]
    return [content[start:end].lstrip() for start, end in zip([0, *starts], ends, strict=True)]


def fault_of_file(content: bytes) -> str:
    """Return what a file is if not a single mail, and the remedy; empty: it is one."""
    if not content.strip():
        return f"is empty: {_EML} again"
    for start, what, cure in _KINDS:
        if content.startswith(start):
            return f"{what}: {cure}"
    if content.startswith(_WIDE) or b"\0" in content[:64]:
        return f"is not text on the basis of ASCII (UTF-16?): {_EML}, not as text"

    head = content[:_HEADER_MOST]
    if head.lstrip().startswith(b"<"):
        return f"is a web page (HTML): {_SOURCE}"
    if head[:1] in (b"\r", b"\n"):
        return "begins with an empty line, so that no header stands above it: remove that line"
    if _APPLE.match(head):
        return (
            "is Apple Mail's own file (.emlx): save the mail there as Raw Message Source, or "
            "remove the first line"
        )
    mbox_line = _MBOX_FIRST.match(head)
    header = head[mbox_line.end() :] if mbox_line else head
    if _FIELD.match(header) is None:
        return f"begins with no header field such as “Subject: …”: {_SOURCE}"
    if _SAVED_PAGE.search(re.split(rb"\r?\n\r?\n", header, maxsplit=1)[0]):
        return f"is a saved web page (MHTML): {_SOURCE}"

    more = len(_MBOX_NEXT.findall(content)) if _MBOX_FIRST.match(content) else 0
    return f"holds {more + 1} mails (mbox): {_EML} by itself" if more else ""
