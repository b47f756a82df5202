"""The config file: read once, checked in full, wrong keys named."""

from gateway.config.load import load
from gateway.config.problems import ConfigError, read_text
from gateway.config.rules import RuleConfig
from gateway.config.settings import Settings

__all__ = ["ConfigError", "RuleConfig", "Settings", "load", "read_text"]
