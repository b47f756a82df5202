"""Settings from a text, as a config file would give them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config import ConfigError, Settings, load

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
