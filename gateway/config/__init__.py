"""The config file: read once, checked in full, wrong keys named."""

import os

# Plugins of other installed packages have no business with a config file, and looking for them
# reads the metadata of every package (pydantic 2.12, docs "Plugins").
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from gateway.config.load import ConfigText, load
from gateway.config.problems import ConfigError, files_in, read_text
from gateway.config.rules import RuleConfig
from gateway.config.settings import Settings

__all__ = ["ConfigError", "ConfigText", "RuleConfig", "Settings", "files_in", "load", "read_text"]
