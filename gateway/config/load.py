"""Loads the settings from file and environment, or reports every mistake in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from gateway.config.environment import overlay, read_environment
from gateway.config.problems import ConfigError, KeyPath, NotToml, describe, parse_toml
from gateway.config.settings import Settings

DEFAULT_FILE = Path("config/gateway.toml")


def config_file(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the config file's path: the one given, else `GATEWAY_CONFIG`'s, else the default."""
    return path or Path(environ.get("GATEWAY_CONFIG") or DEFAULT_FILE)


@dataclass(frozen=True, slots=True)
class ConfigText:
    """The text of a config file at the moment when it was read.

    Processes are given it rather than the file's name, so that none finds another text there than
    was checked: of a file being edited, or one that a reload has refused. Files that it names, such
    as those of secrets and certificates, are read by each process as they are when it starts.
    """

    file: str  #: Its path as given; problems name it, and relative paths start at its folder.
    text: str  #: TOML 1.0.

    @classmethod
    def read(cls, path: Path | None, environ: Mapping[str, str]) -> Self:
        """Read the config file; ConfigError says why it can't be read."""
        file = config_file(path, environ)
        try:
            return cls(str(file), file.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            hint = "gateway init writes one; --config FILE or GATEWAY_CONFIG names another"
            raise ConfigError(f"{file}: no such file; {hint}") from None
        except OSError as error:
            raise ConfigError(f"{file}: can't be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file}: not UTF-8 text") from error

    def values(self) -> dict[str, Any]:
        """Return the values of the file alone, unchecked; ConfigError if it isn't TOML."""
        try:
            return parse_toml(self.text)
        except NotToml as error:
            hint = (
                "; a table may occur only once: put its keys together"
                if "twice" in str(error)
                else ""
            )
            raise ConfigError(f"{self.file}: not TOML: {error}{hint}") from error

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """Return the settings with the environment's overrides.

        Relative paths are made absolute. Raises ConfigError with a line per problem.
        """
        values = self.values()
        overrides = read_environment(environ)
        folder = Path(self.file).absolute().parent
        try:
            return Settings.model_validate(overlay(values, overrides), context={"folder": folder})
        except ValidationError as error:
            variables: dict[KeyPath, str] = {
                override.path: override.variable for override in overrides
            }
            raise describe(error, Settings, self.file, self.text, variables) from None


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Load the settings from a file and the environment's overrides.

    The file is the one given, else `GATEWAY_CONFIG`, else `config/gateway.toml`. Its relative paths
    are made absolute. Raises ConfigError with a line per problem.
    """
    return ConfigText.read(path, environ).settings(environ)
