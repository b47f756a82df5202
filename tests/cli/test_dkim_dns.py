"""`gateway dkim check`, asked of a real name server."""

import dns.resolver
import pytest

from gateway.delivery.dkim_signer import new_key, read_key
from tests.app.test_check_dns import KEY_NAME, quoted
from tests.cli.conftest import Cli
from tests.rig.nameserver import SERVFAIL, NameServer, Zone

OTHER = read_key(new_key(), domain="example.org", selector="gw")


@pytest.mark.parametrize(
    ("record", "code", "says"),
    [
        ("own", 0, "ok"),
        (OTHER.record, 1, "another key in the DNS"),
        ("", 1, "no key in the DNS"),
        (SERVFAIL, 0, "could not look"),
    ],
)
def test_dkim_check_compares_with_the_dns(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, record: str, code: int, says: str
) -> None:
    cli.do("dkim", "new", "example.org", "--selector", "gw")
    cli.configure(
        '[[dkim]]\ndomain = "example.org"\nselector = "gw"\nkey_file = "gw.example.org.pem"\n'
    )
    (own,) = cli.json("dkim", "show")
    published = own["record"] if record == "own" else record
    held: Zone = {KEY_NAME: SERVFAIL if record == SERVFAIL else {"TXT": [quoted(published)]}}
    with NameServer(held if published else {}) as server:
        monkeypatch.setattr(dns.resolver, "default_resolver", server.resolver())
        done = cli("dkim", "check", "--json")

    assert code == done.code
    assert says in done.out


def test_the_keys_of_one_domain_are_shown_and_checked_alone(cli: Cli) -> None:
    tables = []
    for domain in ("example.org", "office.example"):
        cli.do("dkim", "new", domain, "--selector", "gw")
        tables.append(
            f'[[dkim]]\ndomain = "{domain}"\nselector = "gw"\nkey_file = "gw.{domain}.pem"\n'
        )
    cli.configure("".join(tables))

    with NameServer({}) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dns.resolver, "default_resolver", server.resolver())
        checked = cli("dkim", "check", "Office.Example", "--json").out
    shown = [key["domain"] for key in cli.json("dkim", "show", "Office.Example")]
    nobody = cli("dkim", "show", "nobody.example")

    assert ["office.example"] == shown
    assert "example.org" not in checked
    assert "office.example" in checked
    assert 1 == nobody.code
    assert "(known: example.org, office.example)" in nobody.err
