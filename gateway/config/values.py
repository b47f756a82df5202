"""Types of settings: durations, sizes, binds, patterns, paths."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from gateway.core.mail.address import domain_of
from gateway.core.mail.typed.typed_address import NotAnAddress, TypedAddress, read_address
from gateway.core.moments import read_duration
from gateway.core.networks import Network

_LONGEST_LABEL = 63  #: Octets of a label of a domain (RFC 1035, 2.3.4).
_BYTES = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to listen on; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can connect."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class OneOfWords:
    """Marks a text that must be one of some words, which are listed elsewhere."""

    words: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.literal_schema(list(self.words))


def parse_duration(value: object) -> object:
    """Parse `90s`, `10m`, `2h` or `7d`."""
    if isinstance(value, timedelta):
        return value
    return read_duration(value if isinstance(value, str) else "")


def parse_size(value: object) -> object:
    """Parse `50MB` (one MB is a million bytes), `200kB`, `1GB`, or a plain number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"(\d{1,12})(kB|MB|GB|)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a size such as 200kB, 50MB or 1GB")
    return int(match[1]) * _BYTES[match[2]]


def parse_bind(value: object) -> object:
    """Parse `127.0.0.1:2525` or `[::1]:2525`."""
    if isinstance(value, ListenAddress):
        return value
    pattern = r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})"
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    host = match and (match["six"] or match["host"])
    if match is None or not host or not _may_be_host(host) or int(match["port"]) > 65535:
        raise ValueError("not an address and port such as 127.0.0.1:2525 or [::1]:2525")
    return ListenAddress(host, int(match["port"]))


def _may_be_host(text: str) -> bool:
    """Whether a text can be an address or a name: `10.0.0.300` and `a:b:c` are neither."""
    if ":" not in text and not re.fullmatch(r"[0-9.]+", text):
        return True
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def parse_pattern(value: object) -> object:
    """Parse a regular expression, which ignores case."""
    if not isinstance(value, str):
        return value
    try:
        return re.compile(value, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from error


_MAPPED_BITS = 96  #: Of `::ffff:0:0/96`, IPv4 in the form of IPv6 (RFC 4291, 2.5.5.2).


def parse_network(value: object) -> object:
    """Parse `10.0.0.0/8` or `2001:db8::/32`; a single address is a network of one.

    `::ffff:10.0.0.0/104` is `10.0.0.0/8`: clients are compared in that form (`core/networks.py`).
    """
    try:
        network = ip_network(value)  # type: ignore[arg-type]
        mapped = getattr(network.network_address, "ipv4_mapped", None)
        if mapped is not None and network.prefixlen >= _MAPPED_BITS:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
        return network
    except ValueError as error:
        hint = ""
        with suppress(ValueError):  # `10.0.0.5/8` is an address within a network.
            hint = f" (did you mean {ip_network(value, strict=False)}?)"  # type: ignore[arg-type]
        raise ValueError(f"not a network such as 10.0.0.0/8 or 2001:db8::/32{hint}") from error


def check_positive(value: timedelta) -> timedelta:
    """Reject 0s."""
    if not value:
        raise ValueError("must be more than 0s")
    return value


def check_a_day(value: timedelta) -> timedelta:
    """Reject less than a day."""
    if value < timedelta(days=1):
        raise ValueError("must be at least 1d")
    return value


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def check_zone(value: str) -> str:
    """Reject what isn't the name of an IANA time zone."""
    try:
        ZoneInfo(value)  # `available_timezones` would read all files
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone such as Europe/Amsterdam") from None
    return value


def parse_mailbox(value: str) -> str:
    """Parse an address, with or without a display name; return both in header form."""
    return _read_address(value).mailbox


def parse_sender(value: str) -> str:
    """Parse the address that the gateway's own mail is from; its domain is returned as A-labels.

    Few servers take mail whose header or envelope is beyond ASCII (RFC 6531), so a local part that
    is can't be a sender.
    """
    typed = _read_address(value)
    local, _, domain = typed.address.rpartition("@")
    if not local.isascii():
        raise ValueError(
            "must be ASCII before the @, as few servers take mail from such an address"
        )
    if domain.isascii():
        return typed.mailbox
    domain = domain_of(typed.address)
    if not domain.isascii() or max(map(len, domain.split("."))) > _LONGEST_LABEL:
        raise ValueError("not a mail address: its domain is not one that DNS can have")
    return TypedAddress(f"{local}@{domain}", typed.name).mailbox


def parse_address(value: str) -> str:
    """Parse an address; return it without its display name."""
    return _read_address(value).address


def parse_domain(value: str) -> str:
    """Parse `example.org` or `@example.org`; return the domain."""
    domain = value.strip().removeprefix("@")
    read = read_address(f"x@{domain}")
    if isinstance(read, NotAnAddress) or read.address.partition("@")[2] != domain:
        raise ValueError("not a domain such as example.org")
    return domain


def parse_address_or_domain(value: str) -> str:
    """Parse an address, or `example.org` or `@example.org` as a domain."""
    is_address = "@" in value.strip().removeprefix("@")
    return parse_address(value) if is_address else parse_domain(value)


def _read_address(value: str) -> TypedAddress:
    read = read_address(value)
    if isinstance(read, NotAnAddress):
        raise ValueError(f"not a mail address, it {read.fault}")
    return read


def check_http(value: str) -> str:
    """Reject what isn't an http or https URL with a host."""
    if not re.fullmatch(r"https?://[^\s/?#]+\S*", value):
        raise ValueError("not an address such as https://gateway.example.org/")
    return value


def check_issuer(value: str) -> str:
    """Reject what can't be an OpenID provider's URL (Discovery 1.0, 3): https, no query.

    On this machine itself it may be http. It is kept as it is: the provider's tokens must have the
    same.
    """
    match = re.fullmatch(
        r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^\s/?#:@]+)(?::\d{1,5})?(?:/[^\s?#]*)?", value
    )
    if match is None:
        raise ValueError("not an address such as https://login.example.org/realms/office")
    if match[1] == "http" and match[2].casefold() not in ("localhost", "127.0.0.1", "[::1]"):
        raise ValueError("must begin with https: others could read who signs in, and as whom")
    return value


def parse_public_url(value: str) -> str:
    """Parse `https://mail.example.org`; return it without a trailing slash.

    The gateway chooses what follows the host. Only on this machine itself may it be http.
    """
    match = re.fullmatch(
        r"(https?)://((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)/?", value
    )
    if match is None:
        raise ValueError("not an address such as https://mail.example.org, without a path")
    host = match[2] if match[2].endswith("]") else match[2].rpartition(":")[0] or match[2]
    if match[1] == "http" and host.casefold() not in ("localhost", "127.0.0.1", "[::1]"):
        raise ValueError(
            "must begin with https: mail programs follow no other link (RFC 8058, 3.1)"
        )
    return f"{match[1]}://{match[2].lower()}"


def parse_console_url(value: str) -> str:
    """Parse `https://gateway.example.org`; return it without `/console` or a trailing slash."""
    match = re.fullmatch(
        r"(https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)(?:/console)?/?", value
    )
    if match is None:
        raise ValueError("not an address such as https://gateway.example.org, without a path")
    return match[1].lower()


def check_folder(text: str) -> str:
    """Check the name of a folder in a mailbox, with `/` as separator, whatever the server uses."""
    own = text.strip("/")
    if not own:
        raise ValueError("names no folder")
    if text.startswith("/"):
        raise ValueError(f"begins with a /: write {own!r}, from the account's own root")
    if "//" in text:
        raise ValueError("has a part without a name: one / divides the names of folders")
    return text


def check_host(value: str) -> str:
    """Reject a host with a port, a scheme or brackets."""
    if not re.fullmatch(r"[^\s:/\[\]@]+|[0-9A-Fa-f:.]+", value) or not _may_be_host(value):
        raise ValueError("not a host name or address alone (the port has a key of its own)")
    return value


def check_header_name(value: str) -> str:
    """Reject what isn't a field name: printable ASCII without the colon (RFC 5322, 3.6.8)."""
    if re.fullmatch(r"[!-9;-~]+", value) is None:
        raise ValueError("not the name of a header field such as X-Mailing")
    return value


def from_folder(folder: Path | None, value: str | Path) -> Path:
    """Resolve a path relative to the config file's folder."""
    if "\0" in str(value):
        raise ValueError("has a NUL character: no path may")
    return Path(folder, value) if folder else Path(value)


def config_folder(info: ValidationInfo) -> Path | None:
    """Return the config file's folder, provided by `load`; none for bare models."""
    context: Mapping[str, Any] = info.context or {}
    return context.get("folder")


def resolve(value: Path, info: ValidationInfo) -> Path:
    """Return a path resolved against the config file's folder."""
    return from_folder(config_folder(info), value)


def check_file(value: Path) -> Path:
    """Reject a path that isn't a file."""
    try:
        is_file = value.is_file()
    except OSError as error:  # Such as a folder that the gateway may not enter.
        raise ValueError(f"{value.absolute()}: {error.strerror}") from None
    if not is_file:
        raise ValueError(f"no such file as {value.absolute()}")
    return value


_HOST = r"(?:\[[^\]/?]+\]|[^:@,/?]*)(?::\d*)?"
#: The part after `postgresql://`, split as in SQLAlchemy.
_SERVERS = re.compile(
    rf"(?:[^:/]*(?::[^@]*)?@)?{_HOST}(?:,{_HOST})*(?:/[^?]*)?(?:\?.*)?", re.DOTALL
)


def parse_store_url(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """Parse `sqlite:///FILE` or `postgresql://…`; FILE is made absolute."""
    scheme, _, rest = value.get_secret_value().partition("://")
    if scheme == "postgresql" and rest:
        if not _SERVERS.fullmatch(rest):
            raise ValueError(
                "not postgresql://USER:PASSWORD@HOST:PORT/DATABASE (several servers: HOST:PORT,"
                "HOST:PORT); in user and password write @ as %40 and % as %25"
            )
        return value
    name = rest.removeprefix("/")
    if scheme != "sqlite" or not rest.startswith("/") or name in {"", ":memory:"}:
        raise ValueError("not sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    return SecretStr(f"sqlite:///{from_folder(config_folder(info), name)}")


def parse_blobs_url(value: str, info: ValidationInfo) -> str:
    """Parse `file:FOLDER`, `file:///FOLDER` or `s3://BUCKET/PREFIX`; FOLDER is made absolute."""
    scheme, _, rest = value.partition(":")
    if scheme == "s3" and len(rest) > 2 and rest.startswith("//"):
        return value
    if scheme != "file" or not rest.removeprefix("//"):
        raise ValueError("not file:FOLDER, file:///FOLDER or s3://BUCKET/PREFIX")
    return f"file://{from_folder(config_folder(info), rest.removeprefix('//'))}"


NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
#: The characters such a name may have, in words.
NAME_RULE = "may have a to z, A to Z, 0 to 9, . _ and - only, a letter or digit first"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Text = Annotated[str, Field(min_length=1)]
SeveralTexts = Annotated[tuple[Text, ...], BeforeValidator(_one_or_several)]
Folder = Annotated[Text, AfterValidator(check_folder)]
Host = Annotated[str, AfterValidator(check_host)]
HeaderName = Annotated[str, AfterValidator(check_header_name)]
Count = Annotated[int, BeforeValidator(_no_truth_value), Field(ge=1)]
Port = Annotated[int, BeforeValidator(_no_truth_value), Field(ge=1, le=65535)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Interval = Annotated[Duration, AfterValidator(check_positive)]
AtLeastADay = Annotated[Interval, AfterValidator(check_a_day)]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(parse_pattern)]
BindAddress = Annotated[ListenAddress, BeforeValidator(parse_bind)]
NetworkRange = Annotated[Network, BeforeValidator(parse_network)]
TimeZone = Annotated[str, AfterValidator(check_zone)]
MailAddress = Annotated[str, AfterValidator(parse_mailbox)]
OwnSender = Annotated[str, AfterValidator(parse_sender)]
Domain = Annotated[str, AfterValidator(parse_domain)]
Domains = Annotated[tuple[Domain, ...], BeforeValidator(_one_or_several)]
Language = Literal["nl", "de", "fr", "en"]
AddressesOrDomains = Annotated[
    tuple[Annotated[str, AfterValidator(parse_address_or_domain)], ...],
    BeforeValidator(_one_or_several),
]
HttpUrl = Annotated[str, AfterValidator(check_http)]
IssuerUrl = Annotated[str, AfterValidator(check_issuer)]
PublicUrl = Annotated[str, AfterValidator(parse_public_url)]
ConsoleUrl = Annotated[str, AfterValidator(parse_console_url)]
ConfigPath = Annotated[Path, AfterValidator(resolve)]
ExistingFile = Annotated[ConfigPath, AfterValidator(check_file)]
StoreUrl = Annotated[SecretStr, AfterValidator(parse_store_url)]
BlobsUrl = Annotated[str, AfterValidator(parse_blobs_url)]
