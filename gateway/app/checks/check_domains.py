"""For `gateway check`: what receivers will hold against mail from the domains in use.

Gmail's and Yahoo's rules for bulk senders (February 2024): SPF and DKIM, a DMARC record at least
with `p=none`, and an address that mail can be sent back to.
"""

import re
from collections.abc import Iterator
from email.utils import parseaddr

from gateway.app import common
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.dkim_keys import dkim_keys
from gateway.app.dns_records import DnsAnswer, Missing, exchangers_of, texts_of
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.delivery.dkim_signer import DkimKey


def sender_domains(settings: Settings) -> list[str]:
    """Return the domains that mail of the gateway's own and its return addresses are from."""
    addresses = [common.notifier(settings), settings.bounces.address or ""]
    domains = [parseaddr(address)[1].rpartition("@")[2].casefold() for address in addresses]
    domains += [key.domain for key in settings.dkim]
    return [domain for domain in dict.fromkeys(domains) if "." in domain and "[" not in domain]


def domains(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Look at each domain in use; without DNS it is said that nothing could be looked at."""
    try:
        keys = dkim_keys(settings)
    except GatewayError as fault:
        yield error("dkim", str(fault))
        keys = ()
    for domain in sender_domains(settings):
        what = f"domain {domain}"
        if offline:
            continue
        exchangers = exchangers_of(domain)
        if exchangers.missing is Missing.NO_DNS:
            yield warning(what, "SPF, DKIM, DMARC and MX could not be looked at: no DNS answers")
            return
        problems = [
            *_exchangers(exchangers),
            *_spf(texts_of(domain)),
            *_dmarc(texts_of(f"_dmarc.{domain}")),
            *_dkim(domain, [key for key in keys if key.signs_for(domain)]),
        ]
        for problem in problems:
            yield warning(what, problem)
        if not problems:
            yield good(what, "has SPF, DKIM, DMARC and MX as Gmail and Yahoo want them")


def record_problem(key: DkimKey) -> str | None:
    """Return what is wrong with the DNS record of a key; empty: nothing; None: no DNS."""
    answer = texts_of(key.name)
    if answer.missing is Missing.NO_DNS:
        return None
    published = [re.sub(r"\s", "", text) for text in answer.texts]
    keys = [text for text in published if "p=" in text]
    if not keys:
        return f"{key.name} has no key in the DNS: publish what `gateway dkim show` prints"
    if not any(f"p={key.public}" in text.split(";") for text in keys):
        return f"{key.name} has another key in the DNS: receivers will find every signature wrong"
    return ""


def _exchangers(answer: DnsAnswer) -> Iterator[str]:
    if answer.missing is Missing.NOTHING:
        yield "has no MX record: bounces and answers may not arrive"
    elif answer.texts == (".",):
        yield "says that it takes no mail (null MX): receivers refuse mail from it"


def _spf(answer: DnsAnswer) -> Iterator[str]:
    records = [text for text in answer.texts if text.casefold().startswith("v=spf1")]
    if not records:
        yield "has no SPF record: Gmail and Yahoo hold that against mail from it"
    elif len(records) > 1:
        yield "has several SPF records, which counts as none (RFC 7208, 4.5)"
    elif re.search(r"(?:\A|\s)\+?all\b", records[0], re.IGNORECASE):
        yield "has an SPF record that lets anybody send (+all)"


def _dmarc(answer: DnsAnswer) -> Iterator[str]:
    records = [text for text in answer.texts if text.casefold().startswith("v=dmarc1")]
    if not records:
        yield "has no DMARC record: Gmail and Yahoo want one of bulk senders, `v=DMARC1; p=none`"
    elif len(records) > 1:
        yield "has several DMARC records, which counts as none (RFC 7489, 6.6.3)"
    elif not re.search(r";\s*p\s*=\s*(?:none|quarantine|reject)\b", records[0], re.IGNORECASE):
        yield "has a DMARC record without a policy (p=none, quarantine or reject)"


def _dkim(domain: str, keys: list[DkimKey]) -> Iterator[str]:
    if not keys:
        yield f"has no [[dkim]] key: let the mail server sign, or `gateway dkim new {domain}`"
    for key in keys:
        yield from filter(None, [record_problem(key)])
