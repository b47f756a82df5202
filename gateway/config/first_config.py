"""A first config, from five answers: relay, listener, networks, language, notices."""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from gateway.config.problems import ConfigError, describe
from gateway.config.sample import sample
from gateway.config.settings import Settings

#: The folder of the gateway's data, beside the config file.
DATA = "data"
_TLS_PORT = 465  #: TLS from the start (RFC 8314, 7.3).

_TEXT = """\
# The gateway's settings, as `gateway init` was told. `gateway docs config` shows every other key,
# with its default. Relative paths count from this file's folder.
{time_zone}   # of times and dates, such as quiet hours and birthdays

[store]   # what the gateway knows
url = {database}
blobs = {blobs}
outage = {outage}

[[relays]]   # the mail server that mail is handed to
name = "mailserver"
host = {host}
port = {port}
tls = {tls}   # none, starttls, implicit

[[smtp.listeners]]   # where the CRM hands its mail to the gateway
name = "crm"
bind = {bind}
networks = {networks}   # the CRM; anybody else is refused

[suppression]
language = {language}   # of notes and mail to staff whose own language isn't known

[notices]   # mail the gateway writes itself
{notices}   # who gets it where nobody else would
"""
#: For when the gateway can't write to this file's folder.
_ELSEWHERE = """
[keys]   # by which its links and tokens are signed
file = {keys}

[console]   # who may sign in: `gateway console user NAME`
users = {users}
"""


@dataclass(frozen=True, slots=True)
class FirstConfig:
    """Five answers as typed; the defaults are those of the settings."""

    relay: str = "127.0.0.1:25"  #: `HOST` or `HOST:PORT`; an IPv6 address with a port in brackets.
    listener: str = "127.0.0.1:2525"
    networks: str = "127.0.0.0/8, ::1/128"  #: Separated by commas or spaces.
    language: str = "en"
    notices: str = ""  #: Empty: nobody.
    data: str = DATA  #: The gateway's data; relative to the config's folder.
    time_zone: str = ""  #: An IANA name; empty: not known, the setting's default is shown.

    def with_answer(self, name: str, answer: str) -> Self:
        """Return the answers with one more; ConfigError, with its key, if it is invalid."""
        answers = replace(self, **{name: answer.strip()})
        answers.settings()
        return answers

    def settings(self) -> Settings:
        """Return the settings from the answers; ConfigError has a line per mistake."""
        try:
            return Settings.model_validate(self._values())
        except ValidationError as error:
            raise describe(error, Settings, "", "", {}) from None

    def text(self) -> str:
        """Return the config file, with comments."""
        relay = self._relay()
        notices = f"fallback_to = {_toml(self.notices)}"
        default_zone = Settings.model_fields["time_zone"].default
        text = _TEXT.format(
            time_zone=f"{'' if self.time_zone else '#'}time_zone = "
            + _toml(self.time_zone or default_zone),
            database=_toml(f"sqlite:///{self.data}/gateway.db"),
            blobs=_toml(f"file:{self.data}/blobs"),
            outage=_toml(f"{self.data}/outage"),
            host=_toml(relay["host"]),
            port=relay["port"],
            tls=_toml(relay["tls"]),
            bind=_toml(self.listener),
            networks=f"[{', '.join(map(_toml, self._networks()))}]",
            language=_toml(self.language),
            notices=notices if self.notices else '#fallback_to = "office@example.org"',
        )
        if not Path(self.data).is_absolute():
            return text
        own = {"keys": f"{self.data}/gateway.keys", "users": f"{self.data}/console-users"}
        return text + _ELSEWHERE.format(**{key: _toml(path) for key, path in own.items()})

    def _values(self) -> dict[str, Any]:
        listener = {"name": "crm", "bind": self.listener, "networks": self._networks()}
        return {
            "relays": [{"name": "mailserver", **self._relay()}],
            "smtp": {"listeners": [listener]},
            "suppression": {"language": self.language},
            "notices": {"fallback_to": self.notices or None},
            "store": {"blobs": f"file:{self.data}/blobs", "outage": f"{self.data}/outage"},
        }

    def _relay(self) -> dict[str, Any]:
        bracketed = re.fullmatch(r"\[(.*)\](?::(.*))?", self.relay)
        if bracketed:
            host, port = bracketed[1], bracketed[2]
        elif self.relay.count(":") == 1 and "//" not in self.relay:
            host, _, port = self.relay.partition(":")
        else:  # a name, or an IPv6 address alone
            host, port = self.relay, None
        number = 25 if port is None else int(port) if re.fullmatch("[0-9]{1,5}", port) else port
        return {
            "host": host,
            "port": number,
            "tls": "implicit" if number == _TLS_PORT else "none",
        }

    def _networks(self) -> list[str]:
        return re.split(r"[\s,]+", self.networks.strip(" ,"))


def says_nothing(file: Path) -> bool:
    """Whether a config file is the unchanged shipped sample: every key commented out."""
    try:
        return file.read_text(encoding="utf-8") == sample()
    except (OSError, UnicodeDecodeError):
        return False


def write_first(file: Path, answers: FirstConfig, *, is_forced: bool) -> None:
    """Write the config file, and create the data folder beside it.

    An existing file stays, unless forced or it is the unchanged sample: otherwise ConfigError.
    """
    check_free(file, is_forced=is_forced)
    text = answers.text().encode()  # An encoding error must not empty the existing file.
    file.parent.mkdir(parents=True, exist_ok=True)
    (file.parent / answers.data).mkdir(mode=0o750, parents=True, exist_ok=True)
    is_replaced = is_forced or says_nothing(file)
    with file.open("wb" if is_replaced else "xb") as config:
        config.write(text)


def check_free(file: Path, *, is_forced: bool) -> None:
    """Refuse (ConfigError) to overwrite a config, or to write one where that is impossible."""
    if (file.exists() or file.is_symlink()) and not is_forced and not says_nothing(file):
        raise ConfigError(
            f"{file}: exists and stays as it is: --force overwrites it, --config FILE names another"
        )
    nearest = next(path for path in (file, *file.parents) if path.exists())
    if nearest != file and not nearest.is_dir():
        raise ConfigError(
            f"{nearest}: a file where a folder is needed: say --config FILE before init"
        )
    # A new file or folder needs both rights on its parent.
    if not os.access(
        nearest, os.W_OK if nearest == file else os.W_OK | os.X_OK, effective_ids=True
    ):
        raise ConfigError(
            f"{nearest.absolute()}: this user may not write there: say --config FILE before init, "
            "or try it as another user"
        )


def _toml(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON's strings are TOML's
