"""DNS records of sender domains."""

from dataclasses import dataclass
from enum import Enum

_SECONDS = 4.0  #: Timeout of a query, over all servers.


class DnsMissing(Enum):
    """Why there is no answer."""

    NOTHING = "nothing"  #: There is no such record.
    NO_DNS = "no DNS"  #: Nobody answered, so nothing is known.


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The texts of a name's records, or why there are none."""

    texts: tuple[str, ...] = ()
    missing: DnsMissing | None = None


def texts_of(name: str) -> DnsAnswer:
    """Return the TXT records of a name, their strings joined (RFC 7208, 3.3)."""
    return _ask(name, "TXT")


def exchangers_of(domain: str) -> DnsAnswer:
    """Return the hosts of the MX records of a domain; `.` is a null MX (RFC 7505)."""
    return _ask(domain, "MX")


def _ask(name: str, kind: str) -> DnsAnswer:
    # Imported here, so that the API loads the library only for the first query.
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, kind, lifetime=_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return DnsAnswer(missing=DnsMissing.NOTHING)
    except (dns.exception.DNSException, OSError):
        return DnsAnswer(missing=DnsMissing.NO_DNS)
    if kind == "MX":
        return DnsAnswer(tuple(str(record.exchange) for record in answer))
    return DnsAnswer(
        tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)
    )
