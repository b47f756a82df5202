"""What `gateway check` and `gateway dkim check` say of a domain, asked of a real name server."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import dns.resolver
import pytest

from gateway.app import dns_records
from gateway.app.checks import check_domains
from gateway.app.checks.findings import Level
from gateway.delivery.dkim_signer import DkimKey, new_key, read_key
from tests.rig.nameserver import SERVFAIL, SILENT, NameServer, Zone
from tests.settings import loaded

MAIL = {"MX": ["10 mx.example.org."], "TXT": ['"v=spf1 mx -all"']}
DMARC = {"TXT": ['"v=DMARC1; p=none"']}
KEY_NAME = "gw._domainkey.example.org"
RSA, OTHER, ED25519 = (
    read_key(new_key(ed25519=kind), domain="example.org", selector="gw")
    for kind in (False, False, True)
)
GOOD = "has SPF, DKIM, DMARC and MX as Gmail and Yahoo want them"


def quoted(record: str, size: int = 250) -> str:
    """Return a text as the strings of a TXT record."""
    return " ".join(f'"{record[at : at + size]}"' for at in range(0, len(record), size))


def zone(own: DkimKey = RSA, /, **changes: Mapping[str, Sequence[str]] | str | None) -> Zone:
    """Return a zone in which all is well, with changes by a short name."""
    names = {"domain": "example.org", "dmarc": "_dmarc.example.org", "key": KEY_NAME}
    whole: dict[str, Mapping[str, Sequence[str]] | str] = {
        "example.org": MAIL,
        "_dmarc.example.org": DMARC,
        KEY_NAME: {"TXT": [quoted(own.record)]},
    }
    for short, records in changes.items():
        name = names.get(short, short)
        if records is None:
            del whole[name]
        else:
            whole[name] = records
    return whole


def spf(*records: str) -> dict[str, list[str]]:
    return {**MAIL, "TXT": [quoted(record) for record in records]}


def told(
    served: Zone,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    key: DkimKey = RSA,
    sender: str = "gateway@example.org",
) -> list[tuple[Level, str]]:
    settings = loaded(folder, f'[notices]\nfrom = "{sender}"\n')
    monkeypatch.setattr(check_domains, "dkim_keys", lambda _: (key,))
    monkeypatch.setattr(dns_records, "_SECONDS", 0.5)
    with NameServer(served) as server:
        monkeypatch.setattr(dns.resolver, "default_resolver", server.resolver())
        return [(one.level, one.text) for one in check_domains.domains(settings, offline=False)]


TEN = {f"s{n}.example.org": {"TXT": ['"v=spf1 a mx -all"']} for n in range(4)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, GOOD),
        ({"key": {"TXT": [quoted(RSA.record, 60)]}}, GOOD),  # several strings
        (
            {
                "key": {"CNAME": ["gw.provider.example."]},
                "gw.provider.example": {"TXT": [quoted(RSA.record)]},
            },
            GOOD,
        ),
        ({"key": {"TXT": [quoted(OTHER.record)]}}, "another key in the DNS"),
        ({"key": {"TXT": ['"v=DKIM1; k=rsa; p="']}}, "is revoked"),
        ({"key": None}, "no key in the DNS"),
        ({"key": {"CNAME": ["gone.provider.example."]}}, "no key in the DNS"),
        ({"key": {"TXT": [quoted(RSA.record), quoted(OTHER.record)]}}, "2 keys in the DNS"),
        ({"key": {"TXT": [quoted(RSA.record.replace("rsa", "ed25519"))]}}, "is a key of ed25519"),
        ({"key": {"TXT": [quoted(f"{RSA.record}; t=y")]}}, "t=y"),
        ({"key": SERVFAIL}, "DKIM could not be looked at"),
        ({"key": SILENT}, "DKIM could not be looked at"),
        ({"domain": {"MX": MAIL["MX"]}}, "no SPF record"),
        ({"domain": spf("v=spf1 mx -all", "v=spf1 a -all")}, "several SPF records"),
        ({"domain": spf("v=spf10 mx", "google-site-verification=x")}, "no SPF record"),
        ({"domain": spf("v=spf1 +all")}, "lets anybody send"),
        (
            {
                "domain": spf("v=spf1 include:s0.example.org include:s1.example.org a -all"),
                **TEN,
            },
            GOOD,  # 3 and 4 look-ups
        ),
        (
            {
                "domain": spf(
                    "v=spf1 include:s0.example.org include:s1.example.org "
                    "include:s2.example.org redirect=s3.example.org"
                ),
                **TEN,
            },
            "more than 10 look-ups",
        ),
        ({"domain": spf("v=spf1 include:example.org -all")}, "more than 10 look-ups"),  # a circle
        ({"domain": spf("v=spf1 include:gone.example.org -all")}, "gone.example.org, which"),
        (
            {"domain": spf("v=spf1 include:s0.example.org -all"), "s0.example.org": SERVFAIL},
            "SPF could not be looked at whole",
        ),
        ({"domain": {**MAIL, "MX": ["0 ."]}}, "takes no mail (null MX)"),
        ({"domain": {"TXT": MAIL["TXT"]}}, "no MX record"),
        ({"dmarc": None}, "no DMARC record"),
        ({"dmarc": {"TXT": ['"v=DMARC1; rua=mailto:a@b.example"']}}, "without a policy"),
        ({"dmarc": {"TXT": ['"v=DMARC1;p=none"', '"v=DMARC1;p=reject"']}}, "several DMARC"),
        ({"dmarc": SERVFAIL}, "DMARC could not be looked at"),
        ({"domain": SERVFAIL}, "SPF, DKIM, DMARC and MX could not be looked at"),
        ({"domain": SILENT}, "SPF, DKIM, DMARC and MX could not be looked at"),
    ],
)
def test_each_record_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: Mapping[str, Mapping[str, Sequence[str]] | str | None],
    says: str,
) -> None:
    ((level, text),) = told(zone(**changes), tmp_path, monkeypatch)

    assert says in text
    assert (Level.GOOD if says == GOOD else Level.WARNING) == level


def test_dmarc_of_the_organisation_counts_for_what_is_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = {**zone(), "crm.mail.example.org": MAIL}

    lines = told(served, tmp_path, monkeypatch, sender="gateway@crm.mail.example.org")

    assert [(Level.GOOD, GOOD)] == lines


def test_a_key_too_long_for_a_datagram_is_asked_for_over_tcp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = loaded(tmp_path, '[notices]\nfrom = "gateway@example.org"\n')
    monkeypatch.setattr(check_domains, "dkim_keys", lambda _: (RSA,))
    long = {"TXT": [quoted(RSA.record), *(quoted(f"note {n} " + "x" * 200) for n in range(3))]}
    with NameServer({**zone(), KEY_NAME: long}) as server:
        monkeypatch.setattr(dns.resolver, "default_resolver", server.resolver())
        (line,) = check_domains.domains(settings, offline=False)

    assert GOOD == line.text
    assert ("tcp", KEY_NAME, "TXT") in server.asked


def test_an_ed25519_key_is_compared_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = told(zone(ED25519), tmp_path, monkeypatch, key=ED25519)

    assert [(Level.GOOD, GOOD)] == lines


def test_offline_it_is_said_that_nothing_was_looked_at(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[notices]\nfrom = "gateway@example.org"\n')

    (line,) = check_domains.domains(settings, offline=True)

    assert "not looked at: offline" in line.text
