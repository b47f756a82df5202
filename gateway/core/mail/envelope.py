"""MAIL and RCPT (RFC 5321, 4.1.1): parsed strictly, kept octet for octet."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.core.mail.address import Path, parse_path
from gateway.core.mail.reply import Reply
from gateway.core.quick_values import quick_value

_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?\Z")
_XTEXT = re.compile(rb"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})+\Z")
_ORCPT = re.compile(rb"[A-Za-z0-9.-]+;(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})+\Z")
_CONTROL = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]")
_NAMED = re.compile(r"(?i:FROM:|TO:)\s*<?([^>]*)")
_SHOWN_IN_REPLY = 100  #: Letters of an address shown in a reply.
#: The limit of its ASCII form: a reply line has 512 octets (RFC 5321, 4.5.3.1.5).
_NAMED_OCTETS = 300
_SHOWN = 512  #: Octets kept of a refused argument.
_NOTIFY = frozenset((b"SUCCESS", b"FAILURE", b"DELAY"))
MAX_COMMAND = 4096  #: Octets of one command line, without CRLF.

#: The extension each parameter belongs to (RFC 1870, 6152, 6531, 3461).
_MAIL_PARAMETERS = {
    b"SIZE": "SIZE",
    b"BODY": "8BITMIME",
    b"SMTPUTF8": "SMTPUTF8",
    b"RET": "DSN",
    b"ENVID": "DSN",
    b"AUTH": "AUTH",
}
_RCPT_PARAMETERS = {b"NOTIFY": "DSN", b"ORCPT": "DSN"}

#: The original submitter, from a server that trusts its client (RFC 4954, 5).
_AUTH_PARAMETER = re.compile(rb"[ \t]+AUTH=[^ \t]+", re.IGNORECASE)


class CommandRefused(Exception):
    """A command that gets this reply and has no effect."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = Reply.of(reply)

    def naming(self, argument: bytes) -> "CommandRefused":
        """Return the same error with the address it is about: the text after `FROM:` or `TO:`."""
        address = malformed_recipient(argument).address[:_SHOWN_IN_REPLY]
        ascii_only = address.encode("ascii", "backslashreplace").decode()[:_NAMED_OCTETS]
        return CommandRefused(f"{self.reply.code} {self.reply.lines[0]}: <{ascii_only}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """MAIL FROM, as received and as parsed."""

    path: Path
    argument: bytes  #: Everything after `MAIL FROM:`, for the relay.
    size: int | None = None  #: SIZE=, in octets.
    utf8: bool = False
    envid: str | None = None
    needs: frozenset[str] = frozenset()  #: The extensions its parameters belong to.

    @property
    def address(self) -> str:
        """The mailbox; empty for `<>`."""
        return self.path.address


@quick_value(kw_only=True)
class Recipient:
    """RCPT TO, as received and as parsed."""

    path: Path
    argument: bytes  #: Everything after `RCPT TO:`, for the relay.
    notify: frozenset[str] | None = None  #: None if NOTIFY is absent; empty for NEVER.
    orcpt: str | None = None
    needs: frozenset[str] = frozenset()  #: The extensions its parameters belong to.

    @property
    def address(self) -> str:
        """The mailbox."""
        return self.path.address

    @property
    def wants_failure_notice(self) -> bool:
        """Whether a DSN for a failure may be sent (RFC 3461, 4.1)."""
        return self.notify is None or "FAILURE" in self.notify


def with_address(sender: Sender, address: str) -> Sender:
    """Return a sender with another address and unchanged parameters."""
    end = sender.argument.index(sender.path.raw) + len(sender.path.raw)
    raw = b"<%s>" % address.encode()
    path = Path(raw, address)
    return replace(sender, path=path, argument=raw + sender.argument[end:])


@lru_cache(4096)
def parse_mail(argument: bytes, extensions: frozenset[str]) -> Sender:
    """Parse the text after `MAIL `; raise `CommandRefused` with the reply if it is malformed.

    AUTH= is accepted (RFC 4954, 5) but not passed on: the relay goes by our own login.
    """
    try:
        path, rest, parameters = _parse(argument, b"FROM:", _MAIL_PARAMETERS, extensions, "5.1.7")
        utf8 = b"SMTPUTF8" in parameters
        _check_utf8(path, utf8=utf8)
        if not parameters:
            return Sender(path=path, argument=rest)
        body = (parameters.get(b"BODY") or b"7BIT").upper()
        if body not in (b"7BIT", b"8BITMIME"):
            raise CommandRefused("501 5.5.4 BODY must be 7BIT or 8BITMIME")
        size = parameters.get(b"SIZE") or b"0"
        if not (size.isdigit() and len(size) <= 20):
            raise CommandRefused("501 5.5.4 SIZE must be a number of octets")
        if b"AUTH" in parameters:
            submitter = parameters.pop(b"AUTH")
            if submitter != b"<>" and not (submitter and _XTEXT.match(submitter)):
                raise CommandRefused("501 5.5.4 AUTH must be <> or a mailbox in xtext")
            # All other octets are passed on unchanged.
            end = rest.index(path.raw) + len(path.raw)
            rest = rest[:end] + _AUTH_PARAMETER.sub(b"", rest[end:])
        envid = None
        if b"ENVID" in parameters:
            envid = parameters[b"ENVID"]
            if envid is None or len(envid) > 300 or not _XTEXT.match(envid):
                raise CommandRefused("501 5.5.4 ENVID is malformed")
        if b"RET" in parameters and (parameters[b"RET"] or b"").upper() not in (b"FULL", b"HDRS"):
            raise CommandRefused("501 5.5.4 RET must be FULL or HDRS")
    except CommandRefused as refused:
        raise refused.naming(argument) from refused
    return Sender(
        path=path,
        argument=rest,
        size=int(size) or None,
        utf8=utf8,
        envid=None if envid is None else envid.decode("ascii"),
        needs=frozenset(_MAIL_PARAMETERS[keyword] for keyword in parameters),
    )


def parse_rcpt(argument: bytes, extensions: AbstractSet[str], *, utf8: bool) -> Recipient:
    """Parse the text after `RCPT `; raise `CommandRefused` with the reply if it is malformed."""
    try:
        path, rest, parameters = _parse(argument, b"TO:", _RCPT_PARAMETERS, extensions, "5.1.3")
        if not path.address:
            raise CommandRefused("501 5.1.3 The null path is no recipient")
        _check_utf8(path, utf8=utf8)
        if not parameters:
            return Recipient(path=path, argument=rest)
        orcpt = parameters.get(b"ORCPT")
        if orcpt is not None and not _ORCPT.match(orcpt):
            raise CommandRefused("501 5.5.4 ORCPT is malformed")
        notify = None
        if b"NOTIFY" in parameters:
            words = (parameters[b"NOTIFY"] or b"").upper().split(b",")
            if words != [b"NEVER"] and not _NOTIFY.issuperset(words):
                raise CommandRefused("501 5.5.4 NOTIFY must be NEVER or of SUCCESS, FAILURE, DELAY")
            notify = frozenset(word.decode() for word in words if word != b"NEVER")
    except CommandRefused as refused:
        raise refused.naming(argument) from refused
    return Recipient(
        path=path,
        argument=rest,
        notify=notify,
        orcpt=orcpt.decode("ascii") if orcpt else None,
        needs=frozenset(_RCPT_PARAMETERS[keyword] for keyword in parameters),
    )


def malformed_recipient(argument: bytes) -> Recipient:
    """Return what `parse_rcpt` refused as a recipient to be recorded, never sent to."""
    argument_text = argument[:_SHOWN].decode("utf-8", "replace")
    path = _NAMED.match(argument_text)
    address = (path[1] if path else argument_text).strip()
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in address)
    return Recipient(path=Path(argument, text), argument=argument)


def _parse(
    argument: bytes,
    keyword: bytes,
    extension_of: dict[bytes, str],
    extensions: AbstractSet[str],
    status: str,
) -> tuple[Path, bytes, dict[bytes, bytes | None]]:
    word = keyword[:-1].decode()
    if argument[: len(keyword)].upper() != keyword:
        raise CommandRefused(f"501 5.5.4 Syntax: {word}:<address>")
    rest = argument[len(keyword) :]
    parsed = parse_path(rest.lstrip(b" \t"))
    if parsed is None:
        raise CommandRefused(f"501 {status} Bad {word.lower()} address syntax")
    path, tail = parsed
    if not tail:
        return path, rest, {}
    return path, rest, parse_parameters(tail, extension_of, extensions)


def parse_parameters(
    tail: bytes, extension_of: dict[bytes, str], extensions: AbstractSet[str]
) -> dict[bytes, bytes | None]:
    """Return the parameters after an address, ` SIZE=1234 SMTPUTF8`; None: it has no value.

    `extension_of` has the extension of each. Raise `CommandRefused` for one that is malformed,
    given twice, or of an extension that wasn't offered.
    """
    if tail[:1] not in b" \t":
        raise CommandRefused("501 5.5.4 A space must follow the address")
    if _CONTROL.search(tail):
        raise CommandRefused("501 5.5.4 Control characters have no place here")
    parameters: dict[bytes, bytes | None] = {}
    for word in tail.split():
        parameter = _PARAMETER.match(word)
        if parameter is None:
            raise CommandRefused("501 5.5.4 Malformed parameter")
        keyword = parameter[1].upper()
        if extension_of.get(keyword) not in extensions:
            raise CommandRefused(f"555 5.5.4 Parameter not offered: {keyword.decode()}")
        if keyword in parameters:
            raise CommandRefused(f"501 5.5.4 Parameter given twice: {keyword.decode()}")
        parameters[keyword] = parameter[2]
    return parameters


def _check_utf8(path: Path, *, utf8: bool) -> None:
    if not path.is_ascii and not utf8:
        raise CommandRefused("553 5.6.7 An address beyond ASCII needs SMTPUTF8")
