"""`gateway check` for the domains in use: what receivers will object to in mail from them.

Gmail's and Yahoo's rules for bulk senders (February 2024): SPF and DKIM, a DMARC record with at
least `p=none`, and an address that can receive bounces.
"""

import re
from collections.abc import Iterator

from gateway.app import common
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.dkim_keys import dkim_keys
from gateway.app.dns_records import DnsAnswer, DnsMissing, exchangers_of, texts_of
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.delivery.dkim_signer import DkimKey


def sender_domains(settings: Settings) -> list[str]:
    """Return the domains of the gateway's own mail and of its return addresses."""
    addresses = [common.notifier(settings), settings.bounces.address or ""]
    domains = [name_and_address(address)[1].rpartition("@")[2].casefold() for address in addresses]
    domains += [key.domain for key in settings.dkim]
    return [domain for domain in dict.fromkeys(domains) if "." in domain and "[" not in domain]


def domains(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Check each domain in use; report it if nothing could be looked up."""
    try:
        keys = dkim_keys(settings)
    except GatewayError as fault:
        yield error("dkim", str(fault))
        keys = ()
    for domain in sender_domains(settings):
        subject = f"domain {domain}"
        if offline:
            yield good(subject, "SPF, DKIM, DMARC and MX were not looked at: offline")
            continue
        exchangers = exchangers_of(domain)
        if exchangers.missing is DnsMissing.NO_DNS:
            yield warning(subject, "SPF, DKIM, DMARC and MX could not be looked at: no DNS answers")
            continue
        problems = [
            *_exchangers(exchangers),
            *_spf(domain),
            *_dmarc(domain),
            *_dkim(domain, [key for key in keys if key.signs_for(domain)]),
        ]
        for problem in problems:
            yield warning(subject, problem)
        if not problems:
            yield good(subject, "has SPF, DKIM, DMARC and MX as Gmail and Yahoo want them")


def record_problem(key: DkimKey) -> str | None:
    """Return what is wrong with a key's DNS record; empty if nothing is; None without DNS."""
    answer = texts_of(key.name)
    if answer.missing is DnsMissing.NO_DNS:
        return None
    records = [tags for text in answer.texts if "p" in (tags := _tags(text))]
    if not records:
        return f"{key.name} has no key in the DNS: publish what `gateway dkim show` prints"
    if len(records) > 1:  # RFC 6376, 3.6.2.2: receivers' behaviour is then undefined.
        return f"{key.name} has {len(records)} keys in the DNS: leave one"
    (tags,) = records
    kind = key.algorithm.partition("-")[0]
    if not tags["p"]:
        return f"{key.name} is revoked in the DNS (an empty p=): take another selector"
    if tags.get("k", "rsa") != kind:
        return f"{key.name} is a key of {tags.get('k', 'rsa')} in the DNS, and the key is {kind}"
    if tags["p"] != key.public:
        return f"{key.name} has another key in the DNS: receivers will find every signature wrong"
    if "y" in tags.get("t", "").split(":"):
        return f"{key.name} says t=y in the DNS: receivers treat its mail as not signed"
    return ""


def _tags(text: str) -> dict[str, str]:
    """Return a record's tags in lower case, their values without whitespace (RFC 6376, 3.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().casefold(): re.sub(r"\s", "", value) for name, _, value in pairs}


def _exchangers(answer: DnsAnswer) -> Iterator[str]:
    if answer.missing is DnsMissing.NOTHING:
        yield "has no MX record: bounces and answers may not arrive"
    elif answer.texts == (".",):
        yield "says that it takes no mail (null MX): receivers refuse mail from it"


def _spf(domain: str) -> Iterator[str]:
    answer = texts_of(domain)
    if answer.missing is DnsMissing.NO_DNS:
        yield "SPF could not be looked at: no DNS answers"
        return
    records = _spf_records(answer)
    if not records:
        yield "has no SPF record: Gmail and Yahoo hold that against mail from it"
        return
    if len(records) > 1:
        yield "has several SPF records, which counts as none (RFC 7208, 4.5)"
        return
    if re.search(r"(?:\A|\s)\+?all\b", records[0], re.IGNORECASE):
        yield "has an SPF record that lets anybody send (+all)"
    waiting, lookups = [(domain, records[0])], 0  # The number of lookups ends a circle.
    while waiting and lookups <= _MOST_SPF_LOOKUPS:
        of, record = waiting.pop(0)
        for name, target in _SPF_LOOKUP.findall(record):
            lookups += 1
            included = target.strip(":=").rstrip(".").casefold()
            if name.casefold() not in ("include", "redirect") or "%" in included:
                continue
            answer = texts_of(included)
            included_records = _spf_records(answer)
            if answer.missing is DnsMissing.NO_DNS:
                yield f"SPF could not be looked at whole: no DNS answers for {included}"
            elif len(included_records) != 1:
                yield (
                    f"has an SPF record that counts as an error: {included}, which {of} names, has "
                    f"{len(included_records) or 'no'} SPF record"
                    f"{'s' if included_records else ''} (RFC 7208, 5.2)"
                )
            else:
                waiting.append((included, included_records[0]))
    if lookups > _MOST_SPF_LOOKUPS:
        yield (
            f"has an SPF record that takes more than {_MOST_SPF_LOOKUPS} look-ups, which counts as "
            "an error (RFC 7208, 4.6.4)"
        )


_MOST_SPF_LOOKUPS = 10  #: RFC 7208, 4.6.4.
#: Terms that query the DNS, with their domain: `include:_spf.example.org`, `mx/24`,
#: `redirect=x.org`.
_SPF_LOOKUP = re.compile(
    r"(?i)(?<!\S)[-+?~]?(include|exists|redirect|ptr|mx|a)((?:[:=][^\s/]+)?)(?=[\s/]|\Z)"
)


def _spf_records(answer: DnsAnswer) -> list[str]:
    return [text for text in answer.texts if re.match(r"(?i)v=spf1(?:\s|\Z)", text)]


def _dmarc(domain: str) -> Iterator[str]:
    """Check the domain, or else those above it (RFC 7489, 6.6.3).

    Receivers find the organisational domain with a list of public suffixes; here the nearest domain
    with a record is used.
    """
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        answer = texts_of(f"_dmarc.{'.'.join(labels[start:])}")
        if answer.missing is DnsMissing.NO_DNS:
            yield "DMARC could not be looked at: no DNS answers"
            return
        records = [text for text in answer.texts if re.match(r"(?i)v\s*=\s*dmarc1\b", text)]
        if records:
            break
    if not records:
        yield "has no DMARC record: Gmail and Yahoo want one of bulk senders, `v=DMARC1; p=none`"
    elif len(records) > 1:
        yield "has several DMARC records, which counts as none (RFC 7489, 6.6.3)"
    elif _tags(records[0]).get("p", "").casefold() not in ("none", "quarantine", "reject"):
        yield "has a DMARC record without a policy (p=none, quarantine or reject)"


def _dkim(domain: str, keys: list[DkimKey]) -> Iterator[str]:
    if not keys:
        yield f"has no [[dkim]] key: let the mail server sign, or `gateway dkim new {domain}`"
    for key in keys:
        problem = record_problem(key)
        if problem is None:
            yield f"DKIM could not be looked at: no DNS answers for {key.name}"
        elif problem:
            yield problem
