"""Whether a mail comes from its sender: it must name just one, and your server must confirm it."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import authres

from gateway.core.kinds import Trust
from gateway.core.mail.address import domain_of, lookup_form
from gateway.core.mail.headers import Headers
from gateway.inbound.reading.header_fields import read_address_field

_AUTH_AS = "x-ms-exchange-organization-authas"
_UNASKED = frozenset(("none", "bestguesspass"))  #: DMARC results for a domain without a policy.
_LONGEST = 20_000  #: Octets of a field that are parsed.
_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+")
#: Characters a name may only have if quoted (RFC 5322, 3.2.4), which few people's names are.
_SPECIAL = re.compile(r"[\s()<>\[\]:;\\,\"]")
#: A comment that quotes the client: what it said at HELO, or the envelope sender.
_COPIES_CLIENT = re.compile(r"\([^)]*\b(?:helo|envelope-from)=", re.IGNORECASE)
_UNKEEPABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAuthor:
    """Who a mail says it is from."""

    name: str = ""
    address: str = ""  #: Empty if it names nobody, or several.
    fault: str = ""  #: Why it can't be trusted, whatever servers say.


def read_sender(headers: Headers) -> MailAuthor:
    """Return the sender of a mail; it must have just one From field with just one address."""
    count = headers.count("from")
    if count != 1:
        return MailAuthor(fault=f"has {count} From fields" if count else "has no From field")
    value = headers.raw("from")[0]
    if len(value) > _LONGEST:
        return MailAuthor(fault="has an endless From field")
    mailboxes = read_address_field(value).mailboxes
    if len(mailboxes) != 1:
        return MailAuthor(fault=f"has {len(mailboxes)} addresses in its From field")
    name, address = _clean(mailboxes[0].name), _clean(mailboxes[0].address)
    if not domain_of(address):
        return MailAuthor(name=name, fault="has no address in its From field")
    shown_addresses = map(lookup_form, _ADDRESS.findall(unicodedata.normalize("NFKC", name)))
    is_false = any(other != lookup_form(address) for other in shown_addresses)
    fault = "shows an address other than its sender's" if is_false else ""
    return MailAuthor(name=name, address=address, fault=fault)


def _clean(text: str) -> str:
    return _UNKEEPABLE.sub("", text).strip()


def distrust(headers: Headers, sender: MailAuthor, *, trust: Trust | None, authserv_id: str) -> str:
    """Return why nothing proves that a mail comes from its sender; empty: it is proven."""
    if sender.fault:
        return sender.fault
    match trust:
        case "internal-only":
            return ""
        case "exchange-internal":
            marks = {mark.strip().lower() for mark in headers.texts(_AUTH_AS)}
            is_internal = marks == {"internal"}
            return "" if is_internal else "lacks Exchange's mark that it is internal"
        case "authentication-results":
            return distrust_results(headers, sender.address, authserv_id)
        case None:
            return "nothing here proves whom a mail comes from: trust is not set"


def distrust_results(headers: Headers, address: str, authserv_id: str) -> str:
    """Return why Authentication-Results don't prove the sender of a mail; empty if they do.

    The topmost field counts, and others of that server above its Received, as each program that
    checks writes its own (OpenDMARC, OpenDKIM, policyd-spf). Anybody who sends a mail can put more
    below (RFC 8601, 5). If a comment quotes the client, that must prove nothing, whatever
    characters it contains.
    """
    fields = headers.raw("authentication-results")
    if not fields:
        return "has no Authentication-Results"
    if _SPECIAL.search(envelope_sender(headers).rpartition("@")[0]):
        return "has an envelope sender that nobody's mail program writes"
    own = headers.by_own_server.raw("authentication-results")
    try:
        topmost, *others = [_parse_results(value) for value in own or fields[:1]]
    except (authres.AuthResError, ValueError, RecursionError):
        return "has Authentication-Results that can't be read"
    if _server(topmost) != authserv_id.lower():
        return f"has Authentication-Results of {topmost.authserv_id}, not of {authserv_id}"
    results: list[Any] = []
    for field in (topmost, *others):
        if _server(field) == authserv_id.lower():
            results += field.results
    is_proved = proves_domain(results, domain_of(address)) or proves_login(results, address)
    return "" if is_proved else "did not pass your own server's checks"


def envelope_sender(headers: Headers) -> str:
    """Return the envelope sender, as the server that delivered the mail wrote it on top; or empty.

    It comes without the quotes that all of its local part may have.
    """
    [path] = headers.raw("return-path")[:1] or [b""]
    local, at, domain = path.decode("latin-1").strip().strip("<>").rpartition("@")
    return local.removeprefix('"').removesuffix('"') + at + domain


def _parse_results(value: bytes) -> Any:
    return parsed_results(value[:_LONGEST].decode("ascii").rstrip("; \t"))


def _server(parsed: Any) -> str:
    return (parsed.authserv_id or "").lower()


@lru_cache(maxsize=32)  # Mails of one author mostly have the same results, and the library is slow.
def parsed_results(text: str) -> Any:
    """Parse the value of an Authentication-Results field; raise what the library raises.

    Exim writes IPv6 addresses unquoted, which the grammar doesn't allow (RFC 2045, 5.1). A colon
    means nothing in this field, and its replacement can't be in a domain.
    """
    header = text.replace(":", "!")
    parsed = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {header}")
    if _COPIES_CLIENT.search(text):
        # Programs that write such comments only check SPF: any other result is the client's.
        parsed.results = parsed.results[:1]
    elif has_moved_property(parsed.results):
        raise ValueError("a comment ends too early")
    return parsed


def has_moved_property(results: Iterable[Any]) -> bool:
    """Whether SPF's `smtp.mailfrom` comes after another result in a field that has both.

    It follows a comment that quotes the envelope sender: `spf=pass (mx: domain of a@b.example
    designates …) smtp.mailfrom=a@b.example`. Had that ended the comment, it would stand behind what
    came next. (A login's result names the sender, too, but then SPF isn't checked.)
    """
    checks = list(results)
    is_checked = any(str(check.method).lower() == "spf" for check in checks)
    return is_checked and any(
        str(check.method).lower() != "spf"
        and str(claim.type).lower() == "smtp"
        and str(claim.name).lower() in ("mailfrom", "helo")
        for check in checks
        for claim in check.properties
    )


def proves_domain(results: Iterable[Any], domain: str) -> bool:
    """Whether DMARC passed, or if the domain has no policy, DKIM or SPF for the sender's domain."""
    checks = [(str(check.method).lower(), str(check.result).lower(), check) for check in results]
    by_dmarc = [
        result == "pass" and _value(check, "header", "from") in ("", domain)
        for method, result, check in checks
        if method == "dmarc" and result not in _UNASKED
    ]
    if by_dmarc:
        return all(by_dmarc)
    for method, result, check in checks:
        if result != "pass" or method not in ("dkim", "spf"):
            continue
        if method == "dkim":
            claimed = _value(check, "header", "d") or _value(check, "header", "i")
        else:
            claimed = _value(check, "smtp", "mailfrom")
        # The sender's domain, or a parent of it (RFC 7489, 3.1).
        if "." in claimed and (domain == claimed or domain.endswith(f".{claimed}")):
            return True
    return False


def proves_login(results: Iterable[Any], address: str) -> bool:
    """Whether a user of your server sent it, logged in with the sender's own address.

    Servers check neither DMARC nor DKIM for their own users' mail (RFC 8601, 2.7.4), and let some
    users write any From, so the login itself must be the sender's address. If DMARC was checked,
    its result decides instead.
    """
    checks = [(str(check.method).lower(), str(check.result).lower(), check) for check in results]
    if any(method == "dmarc" and result not in _UNASKED for method, result, _ in checks):
        return False
    logins = [
        (result, claim.value or "")
        for method, result, check in checks
        if method == "auth"
        for claim in check.properties
        if (str(claim.type).lower(), str(claim.name).lower()) == ("smtp", "auth")
    ]
    [(result, login)] = logins if len(logins) == 1 else [("", "")]
    return result == "pass" and "@" in login and lookup_form(login) == lookup_form(address)


def _value(result: Any, kind: str, name: str) -> str:
    """Return the domain in a property; if it occurs twice, a text that matches no domain."""
    values = [
        claim.value or ""
        for claim in result.properties
        if (str(claim.type).lower(), str(claim.name).lower()) == (kind, name)
    ]
    if len(values) > 1:
        return "?"
    return domain_of(f"x@{values[0].rpartition('@')[2]}") if values else ""
