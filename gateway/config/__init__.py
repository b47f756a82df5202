"""The config file: read once, checked in full, wrong keys named."""

from gateway.config.load import load
from gateway.config.problems import ConfigError
from gateway.config.rules import SHIPPED_RULES, Rule
from gateway.config.settings import Settings

__all__ = ["SHIPPED_RULES", "ConfigError", "Rule", "Settings", "load"]
