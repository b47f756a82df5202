"""Loads the settings from file and environment, or reports every mistake in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.environment import overlay, read_environment
from gateway.config.problems import ConfigError, KeyPath, NotToml, describe, parse_toml
from gateway.config.settings import Settings

DEFAULT_FILE = Path("config/gateway.toml")


def config_file(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the config file's path: the one given, else `GATEWAY_CONFIG`'s, else the default."""
    return path or Path(environ.get("GATEWAY_CONFIG") or DEFAULT_FILE)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Load the settings from a file and the environment's overrides.

    The file is the one given, else `GATEWAY_CONFIG`, else `config/gateway.toml`. Its relative paths
    are made absolute. Raises ConfigError with a line per problem.
    """
    file = config_file(path, environ)
    values = read_file(file)
    overrides = read_environment(environ)
    try:
        return Settings.model_validate(
            overlay(values, overrides), context={"folder": file.absolute().parent}
        )
    except ValidationError as error:
        variables: dict[KeyPath, str] = {override.path: override.variable for override in overrides}
        raise describe(error, Settings, str(file), variables) from None


def read_file(file: Path) -> dict[str, Any]:
    """Read a config file (TOML 1.0, UTF-8); ConfigError says why it can't be read."""
    try:
        return parse_toml(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        hint = "gateway init writes one; --config FILE or GATEWAY_CONFIG names another"
        raise ConfigError(f"{file}: no such file; {hint}") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text") from error
    except NotToml as error:
        hint = (
            "; a table may occur only once: put its keys together" if "twice" in str(error) else ""
        )
        raise ConfigError(f"{file}: not TOML: {error}{hint}") from error
