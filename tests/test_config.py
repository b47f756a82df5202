"""The config file: what it may say, what it says when it is wrong, and its documentation."""

import pickle
import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.config import SHIPPED_RULES, ConfigError, Settings, load
from gateway.config.documents import reference, sample, write_docs
from gateway.config.events import Triggers
from gateway.config.smtp import Listener, Relay
from gateway.config.values import Bind, parse_duration
from gateway.core.kinds import Kind, Scope

ROOT = Path(__file__).parent.parent
BAD_CONFIGS = sorted(Path(__file__).parent.glob("bad_configs/*.toml"))

RELAY = """
[[relays]]
name = "main"
host = "127.0.0.1"
"""


def loaded(folder: Path, text: str = "", environ: Mapping[str, str] | None = None) -> Settings:
    file = folder / "gateway.toml"
    file.write_text(text)
    return load(file, environ or {})


def problems(folder: Path, text: str = "", environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, environ)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


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
    assert [("crm", Bind("127.0.0.1", 2525))] == [
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


def test_values_may_be_given_as_what_they_mean() -> None:
    relay = Relay(name="main", host="::1", budget=timedelta(seconds=5))
    listener = Listener(name="crm", bind=Bind("::1", 0))
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


def test_a_setting_may_widen_a_tag(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[suppression]\ntags = { NoMailingsTag = "all" }\n')

    assert {
        "NoMailingsTag": Scope.ALL,
        "NoMailTag": Scope.ALL,
        "NoMailChimpMailingsTag": Scope.MAILCHIMP,
    } == settings.suppression.tags


def test_the_sender_of_notices_may_have_a_name(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[notices]\nfrom = "CRM <mail@example.org>"\n')

    assert "CRM <mail@example.org>" == settings.notices.sender


def test_own_rules_come_before_the_shipped_ones(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[[rules]]\nname = "own"\nkind = "bulk"\nheader = "X-Mailing"\n')

    assert ["own", *(rule.name for rule in SHIPPED_RULES)] == [
        rule.name for rule in settings.all_rules
    ]


def test_the_shipped_rules_can_be_switched_off(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[smtp]\nshipped_rules = false\n")

    assert () == settings.all_rules


def test_shipped_rules_have_names_of_their_own_and_one_test_each() -> None:
    names = [rule.name for rule in SHIPPED_RULES]

    assert sorted(set(names)) == sorted(names)
    assert all(bool(rule.header) != bool(rule.recipients_at_least) for rule in SHIPPED_RULES)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("auto-reply", "auto-replied", True),
        ("auto-reply", "auto-generated", False),
        ("calendar", "text/calendar; charset=utf-8", True),
        ("calendar", 'multipart/alternative; boundary="b"; method=REQUEST', True),
        ("calendar", "text/plain; charset=utf-8", False),
        ("precedence", " Bulk", True),
        ("precedence", "list", True),
        ("precedence", "first-class", False),
        ("auto-list", "auto-generated (mailing list)", True),
    ],
)
def test_a_shipped_rule_knows_its_mail(rule: str, value: str, expected: bool) -> None:
    pattern = next(one.matches for one in SHIPPED_RULES if one.name == rule)
    assert pattern is not None

    assert expected == bool(pattern.search(value))


class TestPaths:
    def test_count_from_the_config_files_folder(self, tmp_path: Path) -> None:
        (tmp_path / "users").write_text("")
        text = (
            '[store]\nurl = "sqlite:///data/x.db"\nblobs = "file:data"\n[crm]\nfolder = "feed"\n'
            '[[smtp.listeners]]\nname = "crm"\nusers = "users"\n[triggers]\nepoch_file = "epoch"\n'
        )

        settings = loaded(tmp_path, text)

        assert f"sqlite:///{tmp_path}/data/x.db" == settings.store.url.get_secret_value()
        assert f"file://{tmp_path}/data" == settings.store.blobs
        assert tmp_path / "feed" == settings.crm.folder
        assert tmp_path / "users" == settings.smtp.listeners[0].users
        assert tmp_path / "epoch" == settings.triggers.epoch_file
        assert tmp_path / "templates" == settings.templates.folder
        assert tmp_path / "triggers" == settings.triggers.folder

    def test_stay_when_they_are_absolute(self, tmp_path: Path) -> None:
        text = (
            '[store]\nurl = "sqlite:////srv/x.db"\nblobs = "file:///srv/blobs"\n'
            '[crm]\nfolder = "/srv/feed"\n'
        )

        settings = loaded(tmp_path, text)

        assert "sqlite:////srv/x.db" == settings.store.url.get_secret_value()
        assert "file:///srv/blobs" == settings.store.blobs
        assert Path("/srv/feed") == settings.crm.folder

    def test_come_back_absolute_from_a_relative_config_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gateway.toml").write_text("")
        monkeypatch.chdir(tmp_path)

        settings = load(Path("gateway.toml"), {})

        assert tmp_path / "templates" == settings.templates.folder

    def test_do_not_touch_addresses_elsewhere(self, tmp_path: Path) -> None:
        text = '[store]\nurl = "postgresql://u:p@db/gateway"\nblobs = "s3://bucket/prefix"\n'

        settings = loaded(tmp_path, text)

        assert "postgresql://u:p@db/gateway" == settings.store.url.get_secret_value()
        assert "s3://bucket/prefix" == settings.store.blobs


class TestTheFile:
    def test_is_the_one_given(self, tmp_path: Path) -> None:
        (tmp_path / "given.toml").write_text('time_zone = "Europe/Paris"')

        settings = load(tmp_path / "given.toml", {"GATEWAY_CONFIG": "/nowhere"})

        assert "Europe/Paris" == settings.time_zone

    def test_else_the_one_the_environment_names(self, tmp_path: Path) -> None:
        (tmp_path / "named.toml").write_text('time_zone = "Europe/Paris"')

        settings = load(None, {"GATEWAY_CONFIG": str(tmp_path / "named.toml")})

        assert "Europe/Paris" == settings.time_zone

    def test_else_config_gateway_toml(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config").mkdir()
        (tmp_path / "config/gateway.toml").write_text('time_zone = "Europe/Paris"')
        monkeypatch.chdir(tmp_path)

        assert "Europe/Paris" == load(None, {}).time_zone

    def test_must_exist(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

        with pytest.raises(ConfigError) as caught:
            load(None, {})

        hint = "name the config file with --config FILE or GATEWAY_CONFIG"
        assert f"config/gateway.toml: no such file; {hint}" == str(caught.value)

    def test_must_be_readable(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, {})

        assert f"{tmp_path}: can't be read: Is a directory" == str(caught.value)

    def test_must_be_text(self, tmp_path: Path) -> None:
        (tmp_path / "gateway.toml").write_bytes(b"\xff")

        with pytest.raises(ConfigError, match="not a text in UTF-8"):
            load(tmp_path / "gateway.toml", {})


class TestSecrets:
    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_may_lie_in_a_file(self, tmp_path: Path, end: str) -> None:
        (tmp_path / "password").write_bytes(b"hunter2" + end.encode())
        text = RELAY + 'auth = "plain"\nusername = "gateway"\npassword_file = "password"\n'

        settings = loaded(tmp_path, text)

        assert settings.relays[0].password is not None
        assert "hunter2" == settings.relays[0].password.get_secret_value()

    def test_are_found_in_a_table_within_a_table(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("hunter2")
        text = (
            '[[inbound.mailboxes]]\nname = "replies"\nhost = "imap"\nusername = "r"\n'
            'auth = "xoauth2"\ntrust = "exchange-internal"\n'
            'oauth = { token_url = "https://login.example.org/t", client_id = "g",'
            ' refresh_token_file = "token" }\n'
        )

        oauth = loaded(tmp_path, text).inbound.mailboxes[0].oauth

        assert oauth is not None
        assert oauth.refresh_token is not None
        assert "hunter2" == oauth.refresh_token.get_secret_value()

    def test_of_the_store_may_lie_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "url").write_text("postgresql://u:p@db/gateway\n")

        settings = loaded(tmp_path, '[store]\nurl_file = "url"\n')

        assert "postgresql://u:p@db/gateway" == settings.store.url.get_secret_value()

    def test_are_not_in_the_settings_text(self, tmp_path: Path) -> None:
        text = (
            '[store]\nurl = "postgresql://u:hunter2@db/gateway"\n[mailchimp]\napi_key = "hunter2"'
        )

        settings = loaded(tmp_path, text)

        assert "hunter2" not in f"{settings!r} {settings}"

    def test_in_an_empty_file_are_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("\n")

        lines = problems(tmp_path, '[mailchimp]\napi_key_file = "key"\n')

        assert ['gateway.toml: mailchimp.api_key_file: is empty: "key"'] == lines

    def test_in_a_binary_file_are_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_bytes(b"\xff")

        lines = problems(tmp_path, '[mailchimp]\napi_key_file = "key"\n')

        assert ['gateway.toml: mailchimp.api_key_file: not a text in UTF-8: "key"'] == lines


class TestTheEnvironment:
    def test_overrides_the_file(self, tmp_path: Path) -> None:
        environ = {"GATEWAY_LOG__LEVEL": "debug", "GATEWAY_TIME_ZONE": "Europe/Berlin"}

        settings = loaded(tmp_path, 'time_zone = "Europe/Paris"\n[log]\nlevel = "error"', environ)

        assert ("debug", "Europe/Berlin") == (settings.log.level, settings.time_zone)

    def test_leaves_the_rest_of_a_table(self, tmp_path: Path) -> None:
        environ = {"GATEWAY_LOG__LEVEL": "debug"}

        settings = loaded(tmp_path, '[log]\nformat = "console"', environ)

        assert ("debug", "console") == (settings.log.level, settings.log.format)

    def test_gives_numbers_truth_values_lists_and_tables(self, tmp_path: Path) -> None:
        environ = {
            "GATEWAY_SMTP__WORKERS": "4",
            "GATEWAY_SMTP__SHIPPED_RULES": "false",
            "GATEWAY_SMTP__OVERRIDE__LOGIN": '["a", "b"]',
            "GATEWAY_INBOUND__ALLOWED_ROLES": "manager",
            "GATEWAY_SUPPRESSION__TAGS": '{NoMailingsTag = "all"}',
            "GATEWAY_API__BIND": "[::1]:8025",
        }

        settings = loaded(tmp_path, "", environ)

        assert 4 == settings.smtp.workers
        assert not settings.smtp.shipped_rules
        assert ("a", "b") == settings.smtp.override.login
        assert ("manager",) == settings.inbound.allowed_roles
        assert Scope.ALL == settings.suppression.tags["NoMailingsTag"]
        assert Bind("::1", 8025) == settings.api.bind

    def test_replaces_a_secrets_file_by_the_secret_and_the_other_way(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("from-the-file")
        file, plain = '[mailchimp]\napi_key_file = "key"', '[mailchimp]\napi_key = "plain"'

        by_value = loaded(tmp_path, file, {"GATEWAY_MAILCHIMP__API_KEY": "given"})
        by_file = loaded(tmp_path, plain, {"GATEWAY_MAILCHIMP__API_KEY_FILE": "key"})

        assert by_value.mailchimp.api_key is not None
        assert by_file.mailchimp.api_key is not None
        assert "given" == by_value.mailchimp.api_key.get_secret_value()
        assert "from-the-file" == by_file.mailchimp.api_key.get_secret_value()

    def test_is_named_where_it_is_wrong(self, tmp_path: Path) -> None:
        environ = {
            "GATEWAY_SMTP__WORKERS": "many",
            "GATEWAY_MAILCHIMP__API_KEY_FILE": "/nowhere",
            "GATEWAY_INBOUND__ALLOWED_ROLES": "[1]",
        }

        assert [
            'GATEWAY_SMTP__WORKERS: not a number: "many"',
            "GATEWAY_INBOUND__ALLOWED_ROLES: not a text: 1",
            'GATEWAY_MAILCHIMP__API_KEY_FILE: no such file or directory: "/nowhere"',
        ] == problems(tmp_path, "", environ)

    def test_is_refused_where_it_means_nothing(self, tmp_path: Path) -> None:
        environ = {
            "GATEWAY_CONFIG": "",
            "GATEWAY_RELAYS__0__HOST": "x",
            "GATEWAY_STORE__URI": "x",
            "GATEWAY_XYZZY": "x",
            "OTHER": "x",
        }

        assert [
            "GATEWAY_RELAYS__0__HOST: unknown setting; "
            "the keys of [[relays]] are set in the file only",
            "GATEWAY_STORE__URI: unknown setting; did you mean GATEWAY_STORE__URL?",
            "GATEWAY_XYZZY: unknown setting",
        ] == problems(tmp_path, "", environ)

    def test_may_not_give_a_secret_twice(self, tmp_path: Path) -> None:
        environ = {"GATEWAY_STORE__URL": "sqlite:///x", "GATEWAY_STORE__URL_FILE": "x"}

        assert [
            "GATEWAY_STORE__URL_FILE: GATEWAY_STORE__URL is given as well; only one of them may be"
        ] == problems(tmp_path, "", environ)


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

    def test_the_reference_page_is_the_one_the_settings_write(self) -> None:
        assert reference() == (ROOT / "docs/config.md").read_text()

    def test_the_sample_is_the_one_the_settings_write(self) -> None:
        assert sample() == (ROOT / "config/gateway.toml").read_text()

    def test_the_sample_changes_nothing(self, tmp_path: Path) -> None:
        assert loaded(tmp_path) == loaded(tmp_path, sample())

    def test_the_sample_is_toml_when_uncommented(self) -> None:
        text = re.sub(r"^#(?! )", "", sample(), flags=re.MULTILINE)

        assert set(Settings.model_fields) == set(tomllib.loads(text))

    def test_every_setting_is_explained(self) -> None:
        rows = [line for line in reference().splitlines() if line.startswith("| `")]

        assert [] == [row for row in rows if row.endswith("|  |")]
