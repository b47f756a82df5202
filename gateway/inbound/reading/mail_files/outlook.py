"""Converting mails from Outlook's own formats: `.msg` files, and mails in a `winmail.dat`.

Both (MS-OXMSG, MS-OXTNEF) come from outside, so they are opened in the process that parses mail
under time and memory limits.
"""

import codecs
import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_string
from email.errors import MessageDefect
from email.message import EmailMessage, Message
from email.policy import SMTPUTF8
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from gateway.core.mail.typed.typed_address import TypedAddress
from gateway.inbound.reading.mail_files.rtf import RichText, RtfRoom, read_rtf

if TYPE_CHECKING:
    from oxmsg import Message as MsgFile
    from oxmsg.attachment import Attachment
    from oxmsg.recipient import Recipient
    from oxmsg.storage import Storage

LARGEST = 12_000_000  #: Octets; a larger one stays a file, as parsing copies its parts in memory.
_MOST_FILES = 1_000
_DEEPEST = 5  #: Nested mails.
_SENDER_SMTP, _AUTHOR_SMTP = 0x5D01, 0x5D02  # PidTagSenderSmtpAddress, …SentRepresenting…
_AUTHOR_NAME, _AUTHOR_ADDRESS = 0x0042, 0x0065
_SENDER_NAME, _SENDER_ADDRESS = 0x0C1A, 0x0C1F
#: Who last changed the mail and who made it (PidTagLastModifierEntryId, PidTagCreatorEntryId), and
#: the addresses that Outlook writes beside these.
_MAKERS = ((0x3FFB, 0x5D0B), (0x3FF9, 0x5D0A))
_ACCOUNTS = (0x0E28, 0x0E29)  # PidTagPrimarySendAccount, PidTagNextSendAcct
_SUBJECT, _SUBMITTED = 0x0037, 0x0039
_DISPLAY_TO, _DISPLAY_CC, _HEADERS = 0x0E04, 0x0E03, 0x007D
_RECIPIENT_TYPE = 0x0C15
_CONTENT_ID, _SHORT_NAME, _DISPLAY_NAME = 0x3712, 0x3704, 0x3001
_ATTACH_METHOD, _EMBEDDED_MESSAGE = 0x3705, 5  # PidTagAttachMethod, afEmbeddedMessage
_EMBEDDED_STORAGE, _PROPERTIES = "__substg1.0_3701000D", "__properties_version1.0"
_RTF = 0x1009  # PidTagRtfCompressed
_TO, _CC = 1, 2
#: `policy.SMTP` can't write a field that was set raw and isn't ASCII; and a policy that folds drops
#: the quotes of long names: `"Ü <chef@x.example>, …" <ann@x.example>` would become the boss's mail.
_AS_IT_IS = SMTPUTF8.clone(refold_source="none")
#: What python-oxmsg calls code pages that Python has under other names: Thai, Taiwan's, Arabic.
_CODE_PAGES = {"windows_874": "cp874", "windows_950": "cp950", "dos_720": "cp720"}
#: Exchange of 2000 to 2003 begins with the line `Microsoft Mail Internet Headers Version 2.0`.
_FIELD = re.compile(r"^[!-9;-~]+:", re.MULTILINE)
_COPIED = ("From", "Sender", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID")


def _code_page(name: str) -> codecs.CodecInfo | None:
    codec_name = _CODE_PAGES.get(name.replace("-", "_"))
    return codecs.lookup(codec_name) if codec_name else None


codecs.register(_code_page)


class UnreadText(MessageDefect):
    """A mail from Outlook has a text that can't be read."""


class Opened(Message):
    """A file from Outlook whose mail was extracted; any other files are still in it."""

    has_unread_text = False  #: Whether that mail has a text that can't be read.


@dataclass(frozen=True, slots=True)
class Converted:
    """A mail from a file of Outlook's, converted to RFC 5322."""

    octets: bytes
    holds_more: bool  #: Whether the file contains anything that is not in the converted mail.
    has_unread_text: bool = False  #: Whether the mail has a text that couldn't be read.


def mail_of_msg(octets: bytes, room: RtfRoom) -> Converted | None:
    """Return the mail in a `.msg` file; None if there is none."""
    from oxmsg import Message as MsgFile  # imported here: 1.5 MB that few mails need

    try:
        return _converted(MsgFile.load(octets), room)
    except MemoryError:
        raise
    except Exception:  # A parser for a hostile file system: whatever it raises, the file is kept.
        return None


def mail_of_tnef(octets: bytes, room: RtfRoom) -> Converted | None:
    """Return the first mail attached in a `winmail.dat`, in any form; None without one."""
    from tnefparse import TNEF

    try:
        attachments: Any = TNEF(octets, do_checksum=False).attachments
        mail = mail_within(attachments, room)
    except MemoryError:
        raise
    except Exception:
        return None
    if mail is None:
        return None
    return replace(mail[1], holds_more=mail[1].has_unread_text or len(attachments) > 1)


def mail_within(attachments: list[Any], room: RtfRoom) -> tuple[int, Converted] | None:
    """Return the index of the first file in a `winmail.dat` that is a mail, and that mail."""
    for number, file in enumerate(attachments[:_MOST_FILES]):
        if hasattr(file, "embed"):
            return number, mail_of_embedded(file.embed, room)
        name = str(file.long_filename() or "").strip("\0 ").casefold()
        if name.endswith(".msg") and (mail := mail_of_msg(bytes(file.data), room)) is not None:
            return number, mail
        if name.endswith(".eml"):
            return number, Converted(bytes(file.data), holds_more=False)
    return None


def text_of_tnef(octets: bytes, room: RtfRoom) -> RichText | None:
    """Return the text in a `winmail.dat`, and its type; None if there is none."""
    from tnefparse import TNEF

    try:
        texts = texts_of_tnef(TNEF(octets, do_checksum=False), room)
    except MemoryError:
        raise
    except Exception:
        return None
    if texts.markup.strip():
        return RichText(texts.markup, "html")
    return RichText(texts.text, "plain") if texts.text.strip() else None


class OutlookTexts(NamedTuple):
    """The text of a mail from Outlook, plain and as HTML; either may be empty."""

    text: str
    markup: str
    is_unread: bool  #: Whether its only text is unreadable RTF.


def texts_of_tnef(tnef: Any, room: RtfRoom) -> OutlookTexts:
    """Return the texts in a `winmail.dat` or in a mail embedded in it."""
    return _texts_of(_decode(tnef.body), _decode(tnef.htmlbody), tnef._rtfbody, room)


def _texts_of(text: str, markup: str, rtf: Any, room: RtfRoom) -> OutlookTexts:
    if text.strip() or markup.strip() or not isinstance(rtf, bytes) or not rtf:
        return OutlookTexts(text, markup, is_unread=False)
    rich = None
    with contextlib.suppress(Exception):  # with a broken one, the libraries may raise anything
        rich = read_rtf(rtf, room)
    if rich is None:
        return OutlookTexts(text, markup, is_unread=True)
    is_plain = rich.kind == "plain"
    return OutlookTexts(
        rich.text if is_plain else "", "" if is_plain else rich.text, is_unread=False
    )


def _converted(msg: "MsgFile", room: RtfRoom, depth: int = 0) -> Converted:
    """Return a mail of a `.msg` file with its attachments, mails among them."""
    properties = msg.properties
    texts = _texts_of(
        _legible(lambda: msg.body),
        _legible(lambda: msg.html_body),
        properties.binary_prop_value(_RTF),
        room,
    )
    people = [
        (recipient.properties.int_prop_value(_RECIPIENT_TYPE), _mailbox_of_recipient(recipient))
        for recipient in msg.recipients
    ]

    def text(number: int) -> str:
        value = _legible(lambda: properties.str_prop_value(number))
        return (value or _legible(lambda: properties.binary_prop_value(number))).strip("\0 ")

    fields = mapi_header(
        text,
        to=", ".join(person for kind, person in people if kind == _TO),
        cc=", ".join(person for kind, person in people if kind == _CC),
        sent=msg.sent_date,
    )
    mail = mail_of(fields, texts.text, texts.markup)
    holds_more = texts.is_unread
    for file in msg.attachments[:_MOST_FILES]:
        attached = _embedded_in(file) if depth < _DEEPEST else None
        if attached is not None:
            inner = _converted(attached, room, depth + 1)
            attach_mail(mail, _name_in_msg(file), inner.octets)
            holds_more = holds_more or inner.holds_more
        elif file.file_bytes is not None:
            _attach_from_msg(mail, file)
        else:
            holds_more = True
    return Converted(mail.as_bytes(), holds_more, texts.is_unread)


def _embedded_in(file: "Attachment") -> "MsgFile | None":
    """Return the mail that an attachment is; None if it is something else.

    The library gives its storage alone, and expects 32 octets before the properties, as an outer
    mail has; a mail within another has 24 (MS-OXMSG, 2.4.1), but not every program knows. A
    property takes 16.
    """
    from oxmsg import Message as MsgFile
    from oxmsg.storage import Stream

    if file.properties.int_prop_value(_ATTACH_METHOD) != _EMBEDDED_MESSAGE:
        return None
    storages = cast("Storage", file._storage).storages
    inner = next((storage for storage in storages if storage.name == _EMBEDDED_STORAGE), None)
    if inner is None:
        return None
    streams = [
        Stream(stream.path, stream.bytes_[:24] + bytes(8) + stream.bytes_[24:])
        if stream.name == _PROPERTIES and len(stream.bytes_) % 16
        else stream
        for stream in inner.streams
    ]
    return MsgFile(replace(inner, streams=tuple(streams)))


def _mailbox_of_recipient(recipient: "Recipient") -> str:
    return mailbox_of(
        _legible(lambda: recipient.name), (_legible(lambda: recipient.email_address),)
    )


def _attach_from_msg(mail: EmailMessage, file: "Attachment") -> None:
    content_id = _legible(lambda: file.properties.str_prop_value(_CONTENT_ID))
    kind, octets = _legible(lambda: file.mime_type), file.file_bytes or b""
    attach_file(mail, _name_in_msg(file), kind, octets, content_id)


def _name_in_msg(file: "Attachment") -> str:
    return _legible(
        lambda: (
            file.file_name
            or file.properties.str_prop_value(_SHORT_NAME)
            or file.properties.str_prop_value(_DISPLAY_NAME)
        )
    )


def mail_of_embedded(tnef: Any, room: RtfRoom) -> Converted:
    """Return the mail embedded in a `winmail.dat`."""
    texts = texts_of_tnef(tnef, room)
    return Converted(octets_of_tnef(tnef, texts, room), texts.is_unread, texts.is_unread)


def octets_of_tnef(tnef: Any, texts: OutlookTexts, room: RtfRoom, depth: int = 0) -> bytes:
    """Return the mail embedded in a `winmail.dat` as RFC 5322, with its attachments."""
    values = {int(mapi.name): mapi.data for mapi in tnef.mapiprops}

    def text(number: int) -> str:
        value = values.get(number, "")
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return value.strip("\0 ")

    submitted = values.get(_SUBMITTED)
    fields = mapi_header(
        text,
        to=text(_DISPLAY_TO),
        cc=text(_DISPLAY_CC),
        sent=submitted if isinstance(submitted, datetime) else None,
    )
    mail = mail_of(fields, texts.text, texts.markup)
    for file in tnef.attachments[:_MOST_FILES]:
        name = str(file.long_filename() or "").strip("\0 ")
        if not hasattr(file, "embed"):
            attach_file(mail, name, "", bytes(file.data))
        elif depth < _DEEPEST:
            inner = texts_of_tnef(file.embed, room)
            attached = octets_of_tnef(file.embed, inner, room, depth + 1)
            attach_mail(mail, name, attached)
    return mail.as_bytes()


def mapi_header(
    text: Callable[[int], str], *, to: str, cc: str, sent: datetime | None
) -> dict[str, str]:
    """Return the header of a mail without empty fields; `text` reads a property by its tag.

    Outlook stores the header that a mail arrived with (PidTagTransportMessageHeaders). A mail that
    was never sent over the Internet has none: then the fields are made from its properties.
    """
    author_address, sender_address = text(_AUTHOR_ADDRESS), text(_SENDER_ADDRESS)
    author = mailbox_of(
        text(_AUTHOR_NAME),
        (text(_AUTHOR_SMTP), author_address, address_beside(author_address, text)),
    )
    sender = mailbox_of(
        text(_SENDER_NAME),
        (text(_SENDER_SMTP), sender_address, address_beside(sender_address, text)),
    )
    # The author and whoever sent it for them may differ (MS-OXOMSG, 2.2.1.48); an internal Exchange
    # name without an address says nothing.
    has_author = author != "" and ("@" in author or "@" not in sender)
    fields = {
        "From": author if has_author else sender,
        "Sender": sender if has_author and "@" in sender else "",
        "To": to,
        "Cc": cc,
        "Subject": text(_SUBJECT),
        "Date": format_datetime(sent) if sent is not None else "",
    }
    stored = text(_HEADERS).lstrip()
    first = _FIELD.search(stored)
    header = message_from_string(stored[first.start() :] if first else "")
    stored_fields = {name: str(header.get(name, "")) for name in _COPIED}
    fields.update(
        {name: value for name, value in stored_fields.items() if value.strip("\0 \r\n\t")}
    )
    cleaned = {name: " ".join(value.replace("\0", "").split()) for name, value in fields.items()}
    return {name: value for name, value in cleaned.items() if value}


def mailbox_of(name: str, addresses: tuple[str, ...]) -> str:
    """Return a mailbox with the first real address; Exchange's `/O=…/CN=…` isn't one."""
    address = next((address for address in addresses if "@" in address), "")
    return TypedAddress(address, name if name != address else "").mailbox if address else name


def address_beside(name: str, text: Callable[[int], str]) -> str:
    """Return the address of somebody with a name in Exchange, `/O=…/CN=…`; empty if unknown.

    A mail that never left its Exchange may name its author in no other way. But the file also
    says who made it, who changed it last and from which account it was sent; there the address
    stands beside that name, as of an account `00000002␁/o=X/cn=Recipients/cn=ann␁ann@example.org`.
    """
    if not (name.casefold().startswith("/o=") and "/cn=" in name.casefold()):
        return ""
    makers = [(text(maker), text(address)) for maker, address in _MAKERS]
    accounts = [text(account).rpartition("\1")[::2] for account in _ACCOUNTS]
    for who, address in (*makers, *accounts):
        if "@" in address and who.casefold().endswith(name.casefold()):
            return address
    return ""


def _legible(read: Callable[[], str | bytes | None]) -> str:
    """Return a text; if the charset named in the file doesn't fit, decoded in a likely one.

    It is empty if the file names it but doesn't hold it, as some that other programs write do.
    """
    try:
        return _decode(read())
    except UnicodeDecodeError as error:
        return _decode(error.object)
    except KeyError:  # unlike any other LookupError, which means an unknown charset
        return ""


def _decode(text: Any) -> str:
    if isinstance(text, list):
        text = text[0] if text else ""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            text = text.decode("cp1252", "replace")
    return str(text or "").strip("\0")


def mail_of(fields: Mapping[str, str], text: str, markup: str) -> EmailMessage:
    """Return a mail with a header and a text, as plain text, as HTML, or as both."""
    mail = EmailMessage(policy=_AS_IT_IS)
    for name, value in fields.items():
        mail.set_raw(name, value)
    if text or not markup:
        mail.set_content(text, cte="base64")
    if markup and text:
        mail.add_alternative(markup, subtype="html", cte="base64")
    elif markup:
        mail.set_content(markup, subtype="html", cte="base64")
    return mail


def attach_mail(mail: EmailMessage, name: str, octets: bytes) -> None:
    """Attach a mail that Outlook calls by its subject, or by nothing."""
    ending = "" if name.casefold().endswith(".eml") else ".eml"
    attach_file(mail, f"{name or 'message'}{ending}", "", octets)


def attach_file(
    mail: EmailMessage, name: str, kind: str, octets: bytes, content_id: str = ""
) -> None:
    """Attach a file; one with a content id is shown in the text."""
    maintype, _, subtype = kind.partition("/")
    if maintype not in ("application", "image", "text", "audio", "video") or not subtype:
        maintype, subtype = "application", "octet-stream"
    mail.add_attachment(
        octets,
        maintype=maintype,
        subtype=subtype,
        filename=name.strip("\0 ") or None,
        cid=f"<{content_id.strip(chr(0))}>" if content_id.strip("\0 <>") else None,
        disposition="inline" if content_id and maintype == "image" else "attachment",
    )
