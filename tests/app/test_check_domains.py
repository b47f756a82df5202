"""What `gateway check` holds against a domain that mail is sent from."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.app.checks import check_domains
from gateway.app.checks.findings import Level
from gateway.app.dns_records import DnsAnswer, DnsMissing
from tests.settings import loaded

MX = DnsAnswer(("mx.example.org.",))
NOTHING = DnsAnswer(missing=DnsMissing.NOTHING)
GOOD = {
    "example.org": DnsAnswer(("v=spf1 mx -all",)),
    "_dmarc.example.org": DnsAnswer(("v=DMARC1; p=none",)),
}


def told(
    monkeypatch: pytest.MonkeyPatch,
    texts: Mapping[str, DnsAnswer],
    folder: Path,
    exchangers: DnsAnswer = MX,
) -> list[tuple[Level, str]]:
    monkeypatch.setattr(check_domains, "texts_of", lambda name: texts.get(name, NOTHING))
    monkeypatch.setattr(check_domains, "exchangers_of", lambda name: exchangers)
    settings = loaded(folder, '[notices]\nfrom = "gateway@example.org"\n')
    return [(one.level, one.text) for one in check_domains.domains(settings, offline=False)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"example.org": NOTHING}, "no SPF record"),
        ({"example.org": DnsAnswer(("v=spf1 -all", "v=spf1 mx"))}, "several SPF records"),
        ({"example.org": DnsAnswer(("v=spf1 +all",))}, "lets anybody send"),
        ({"_dmarc.example.org": NOTHING}, "no DMARC record"),
        (
            {"_dmarc.example.org": DnsAnswer(("v=DMARC1; rua=mailto:a@b.example",))},
            "without a policy",
        ),
    ],
)
def test_what_is_missing_is_a_line_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, DnsAnswer], problem: str
) -> None:
    lines = told(monkeypatch, {**GOOD, **changes}, tmp_path)

    # The second line: the domain has no key of the gateway's.
    assert [True, False] == [problem in text for _, text in lines]
    assert {Level.WARNING} == {level for level, _ in lines}


@pytest.mark.parametrize(
    ("exchangers", "problem"), [(NOTHING, "no MX record"), (DnsAnswer((".",)), "takes no mail")]
)
def test_a_domain_that_takes_no_mail_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exchangers: DnsAnswer, problem: str
) -> None:
    assert any(problem in text for _, text in told(monkeypatch, GOOD, tmp_path, exchangers))


def test_without_dns_it_says_that_it_could_not_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = told(monkeypatch, {}, tmp_path, DnsAnswer(missing=DnsMissing.NO_DNS))

    assert [(Level.WARNING, True)] == [(level, "no DNS answers" in text) for level, text in lines]
