"""The config file: what it may say, what it says when it is wrong, and its documentation."""

import pickle
import re
import tomllib
from datetime import time, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.app.rules import rules_of
from gateway.config import ConfigError, Settings, load
from gateway.config.documents import (
    MARKS_BEGIN,
    reference,
    sets_nothing,
    with_events,
    with_marks,
    write_docs,
)
from gateway.config.events import Triggers
from gateway.config.sample import sample
from gateway.config.smtp import ListenerConfig, RelayConfig
from gateway.config.values import ListenAddress, parse_duration, parse_network
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.kinds import Kind, Scope
from gateway.core.triggers.events.registry import EVENTS
from tests.rig.process import needs
from tests.settings import RELAY, loaded

ROOT = Path(__file__).parent.parent
BAD_CONFIGS = sorted(Path(__file__).parent.glob("bad_configs/*.toml"))


@pytest.mark.parametrize("file", BAD_CONFIGS, ids=lambda file: file.stem)
def test_a_mistake_is_named_by_file_key_expectation_and_value(file: Path) -> None:
    expected = re.findall(r"^# expected: (.*)$", file.read_text(), re.MULTILINE)

    with pytest.raises(ConfigError) as caught:
        load(file, {})

    lines = [f"{file}: {line}".replace("{folder}", str(file.parent)) for line in expected]
    assert lines == str(caught.value).splitlines()


@pytest.mark.parametrize("file", BAD_CONFIGS, ids=lambda file: file.stem)
def test_a_mistake_never_shows_a_secret(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, {})

    assert "hunter2" not in str(caught.value)


def test_an_empty_file_is_the_settings_as_shipped(tmp_path: Path) -> None:
    settings = loaded(tmp_path)

    assert "Europe/Amsterdam" == settings.time_zone
    assert f"sqlite:///{tmp_path}/gateway.db" == settings.store.url.get_secret_value()
    assert [("relay", "127.0.0.1", 25)] == [
        (one.name, one.host, one.port) for one in settings.relays
    ]
    assert [("crm", ListenAddress("127.0.0.1", 2525))] == [
        (one.name, one.bind) for one in settings.smtp.listeners
    ]
    assert Kind.INDIVIDUAL == settings.smtp.default_kind
    assert (ip_network("127.0.0.0/8"), ip_network("::1/128")) == settings.smtp.listeners[0].networks
    assert timedelta(days=400) == settings.journal.keep


def test_values_come_as_what_they_mean(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        RELAY + 'budget = "10m"\nour_fault = ["Access denied"]\n'
        "[smtp]\nmax_message_size = '200kB'\n"
        "[[smtp.listeners]]\nname = 'six'\nbind = '[::1]:0'\nnetworks = ['10.1.2.3']\n"
        "[triggers]\nquiet_hours = '21:00-07:30'\n",
    )

    assert timedelta(minutes=10) == settings.relays[0].budget
    assert settings.relays[0].our_fault[0].search("554 Relay access denied")
    assert 200_000 == settings.smtp.max_message_size
    assert "[::1]:0" == str(settings.smtp.listeners[0].bind)
    assert (ip_network("10.1.2.3/32"),) == settings.smtp.listeners[0].networks
    assert (time(21), time(7, 30)) == settings.triggers.quiet_hours


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_a_network_of_ipv4_in_the_form_of_ipv6_is_that_of_ipv4(written: str, network: str) -> None:
    """Clients are compared in that form, too."""
    assert ip_network(network) == parse_network(written)


def test_values_may_be_given_as_what_they_mean() -> None:
    relay = RelayConfig(name="main", host="::1", budget=timedelta(seconds=5))
    listener = ListenerConfig(name="crm", bind=ListenAddress("::1", 0))
    triggers = Triggers(daily_at=time(9), quiet_hours=(time(21), time(7)))

    assert timedelta(seconds=5) == relay.budget
    assert 0 == listener.bind.port
    assert (time(9), (time(21), time(7))) == (triggers.daily_at, triggers.quiet_hours)


def test_a_webhook_is_told_the_events_it_names(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        '[[webhooks]]\nurl = "https://crm.example.org/x/"\nsecret = "s"\n'
        'events = ["message.send_failed"]\n',
    )

    assert ("message.send_failed",) == settings.webhooks[0].events
    assert "https://crm.example.org/x/" == settings.webhooks[0].url


def test_sizes_and_durations_may_be_plain(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[smtp]\nmax_message_size = 1234\n[inbound]\nmax_size = '1234'\n")

    assert (1234, 1234) == (settings.smtp.max_message_size, settings.inbound.max_size)


@pytest.mark.parametrize(
    ("value", "seconds"), [("0s", 0), ("90s", 90), ("10m", 600), ("2h", 7200), ("7d", 604800)]
)
def test_a_duration_has_one_unit(value: str, seconds: int) -> None:
    assert timedelta(seconds=seconds) == parse_duration(value)


def test_a_relay_with_implicit_tls_listens_at_465(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RELAY + 'tls = "implicit"\n')

    assert 465 == settings.relays[0].port


def test_a_port_that_is_given_counts(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RELAY + 'tls = "implicit"\nport = 4465\n')

    assert 4465 == settings.relays[0].port


def test_the_default_relay_may_stand_anywhere(tmp_path: Path) -> None:
    other = '[[relays]]\nname = "office"\nhost = "relay"\nmatch = { login = "office" }\n'

    settings = loaded(tmp_path, RELAY + other)

    assert "main" == settings.default_relay.name
    assert settings.relays[1].match is not None
    assert ("office",) == settings.relays[1].match.login


def test_listeners_may_share_a_port_the_system_chooses(tmp_path: Path) -> None:
    listener = '[[smtp.listeners]]\nname = "{}"\nbind = "127.0.0.1:0"\n'

    settings = loaded(tmp_path, listener.format("one") + listener.format("two"))

    assert [0, 0] == [listener.bind.port for listener in settings.smtp.listeners]


def test_an_import_listener_is_open_to_all(tmp_path: Path) -> None:
    text = (
        '[[smtp.listeners]]\nname = "replies"\npurpose = "import"\nnetworks = ["0.0.0.0/0"]\n'
        'trust = "authentication-results"\nauthserv_id = "mail.example.org"\n'
    )

    settings = loaded(tmp_path, text)

    assert "mail.example.org" == settings.smtp.listeners[0].authserv_id


def test_a_mailbox_without_tls_is_at_143(tmp_path: Path) -> None:
    box = (
        '[[inbound.mailboxes]]\nname = "replies"\nhost = "::1"\nusername = "r"\npassword = "p"\n'
        'trust = "internal-only"\n'
    )

    settings = loaded(tmp_path, box + 'tls = "none"\n')

    assert 143 == settings.inbound.mailboxes[0].port


@pytest.mark.parametrize("tag", ["NoMailingsTag", "no mailings-tag", "No\u200bMailingsTag"])
def test_a_setting_may_widen_a_tag(tmp_path: Path, tag: str) -> None:
    settings = loaded(tmp_path, f'[suppression]\ntags = {{ "{tag}" = "all" }}\n')

    assert {
        "NoMailingsTag": Scope.ALL,
        "NoMailTag": Scope.ALL,
        "NoMailChimpMailingsTag": Scope.MAILCHIMP,
    } == settings.suppression.tags


def test_the_sender_of_notices_may_have_a_name(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[notices]\nfrom = "CRM <mail@example.org>"\n')

    assert "CRM <mail@example.org>" == settings.notices.sender


@pytest.mark.parametrize("domain", ["Bücher.example", "bücher。example"])
def test_the_domain_of_a_sender_is_written_as_servers_want_it(tmp_path: Path, domain: str) -> None:
    settings = loaded(tmp_path, f'[notices]\nfrom = "Büro <mail@{domain}>"\n')

    assert "Büro <mail@xn--bcher-kva.example>" == settings.notices.sender


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<mail@example.org>", "mail@example.org"),
        ("mailto:mail@example.org", "mail@example.org"),
        ("CRM, the <mail@example.org>", '"CRM, the" <mail@example.org>'),
    ],
)
def test_an_address_may_be_written_as_people_do(
    tmp_path: Path, written: str, expected: str
) -> None:
    settings = loaded(tmp_path, f'[notices]\nfrom = "{written}"\n')

    assert expected == settings.notices.sender


def test_those_who_may_forward_are_addresses_or_domains(tmp_path: Path) -> None:
    named = '["<eva@example.org>", "example.com", "@example.net", "localhost"]'
    settings = loaded(tmp_path, f"[inbound]\nallowed_senders = {named}\n")

    assert (
        "eva@example.org", "example.com", "example.net", "localhost",
    ) == settings.inbound.allowed_senders  # fmt: skip


def test_own_rules_come_before_the_shipped_ones(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[[rules]]\nname = "own"\nkind = "bulk"\nheader = "X-Mailing"\n')

    own, *shipped = rules_of(settings)
    assert "own" == own.name
    assert list(SHIPPED_RULES) == shipped


def test_the_shipped_rules_can_be_switched_off(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[smtp]\nshipped_rules = false\n")

    assert () == rules_of(settings)


def test_shipped_rules_have_names_of_their_own() -> None:
    names = [rule.name for rule in SHIPPED_RULES]

    assert sorted(set(names)) == sorted(names)


def test_settings_cross_a_process_border_unchanged(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RELAY + 'our_fault = ["denied"]\n')

    assert settings == pickle.loads(pickle.dumps(settings))


class TestTheDocuments:
    def test_are_written_to_their_places(self, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        (tmp_path / "config").mkdir()

        write_docs(tmp_path)

        assert reference() == (tmp_path / "docs/config.md").read_text()
        assert sample() == (tmp_path / "config/gateway.toml").read_text()

    @pytest.mark.parametrize("own", ['time_zone = "Europe/Paris"\n', "[api]\nbind = false\n", "="])
    def test_leave_a_config_of_ones_own_as_it_is(self, own: str, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        (tmp_path / "config").mkdir()
        (tmp_path / "config/gateway.toml").write_text(own)

        write_docs(tmp_path)

        assert own == (tmp_path / "config/gateway.toml").read_text()

    def test_bring_the_sample_of_an_older_version_up_to_date(self, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        (tmp_path / "config").mkdir()
        (tmp_path / "config/gateway.toml").write_text('#old = "key"\n\n[log]\n#level = "info"\n')

        write_docs(tmp_path)

        assert sample() == (tmp_path / "config/gateway.toml").read_text()

    def test_the_reference_page_is_the_one_the_settings_write(self) -> None:
        assert reference() == (ROOT / "docs/config.md").read_text()

    def test_the_marks_on_the_page_of_rules_are_those_that_are_tested(self) -> None:
        page = (ROOT / "docs/rules.md").read_text()

        assert with_marks(page) == page
        assert page.count(MARKS_BEGIN) == 1

    def test_the_events_on_the_page_of_triggers_say_what_the_page_says(self) -> None:
        page = (ROOT / "docs/triggers.md").read_text()

        assert with_events(page) == page
        for event in EVENTS:
            assert page.count(f"\n| `{event}` | ") == 1

    def test_the_sample_is_the_one_the_settings_write(self) -> None:
        if not sets_nothing(ROOT / "config/gateway.toml"):
            needs("the sample", "config/gateway.toml is a config of your own")

        assert sample() == (ROOT / "config/gateway.toml").read_text()

    def test_the_sample_changes_nothing(self, tmp_path: Path) -> None:
        assert loaded(tmp_path) == loaded(tmp_path, sample())

    def test_the_sample_is_toml_when_uncommented(self) -> None:
        text = re.sub(r"^#(?! )", "", sample(), flags=re.MULTILINE)

        assert set(Settings.model_fields) == set(tomllib.loads(text))

    def test_every_setting_is_explained(self) -> None:
        rows = [line for line in reference().splitlines() if line.startswith("| `")]

        assert [] == [row for row in rows if row.endswith("|  |")]
