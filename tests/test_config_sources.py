"""Where settings come from: the file, its folder, secrets in files, the environment."""

import codecs
from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.config.values import ListenAddress
from gateway.core.kinds import Scope
from tests.settings import RELAY, loaded, problems


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

        hint = "gateway init writes one; --config FILE or GATEWAY_CONFIG names another"
        assert f"config/gateway.toml: no such file; {hint}" == str(caught.value)

    def test_must_be_readable(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, {})

        assert f"{tmp_path}: can't be read: Is a directory" == str(caught.value)

    def test_must_be_text(self, tmp_path: Path) -> None:
        (tmp_path / "gateway.toml").write_bytes(b"\xff")

        with pytest.raises(ConfigError, match="not UTF-8 text"):
            load(tmp_path / "gateway.toml", {})

    def test_may_begin_with_the_mark_of_an_editor_of_windows(self, tmp_path: Path) -> None:
        (tmp_path / "gateway.toml").write_bytes(codecs.BOM_UTF8 + RELAY.encode())

        assert 1 == len(load(tmp_path / "gateway.toml", {}).relays)


class TestSecrets:
    @pytest.mark.parametrize("begin", [b"", codecs.BOM_UTF8])
    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_may_lie_in_a_file(self, tmp_path: Path, begin: bytes, end: str) -> None:
        (tmp_path / "password").write_bytes(begin + b"hunter2" + end.encode())
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

        assert ['gateway.toml: mailchimp.api_key_file: is empty: "key" (line 2)'] == lines

    def test_in_a_binary_file_are_a_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_bytes(b"\xff")

        lines = problems(tmp_path, '[mailchimp]\napi_key_file = "key"\n')

        assert ['gateway.toml: mailchimp.api_key_file: not UTF-8 text: "key" (line 2)'] == lines


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
        assert ListenAddress("::1", 8025) == settings.api.bind

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
            "GATEWAY_STORE__URL_FILE: GATEWAY_STORE__URL is set as well; only one of them may be"
        ] == problems(tmp_path, "", environ)
