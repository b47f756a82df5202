"""The text of a trigger's file, changed key by key; what else stands in it stays as it is."""

from collections.abc import Mapping

from tomlkit import dumps, parse
from tomlkit.exceptions import TOMLKitError

from gateway.config.problems import ConfigError


def changed_text(text: str, changes: Mapping[str, object], file: str) -> str:
    """Return a file's text with other values for some keys; None takes a key out.

    Comments, the order of keys and the spelling of values that don't change stay. `file` names it
    in errors: a text that isn't TOML raises ConfigError.
    """
    try:
        document = parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{file}: not TOML: {error}; change it as text") from error
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        elif key not in document or document[key] != value:
            document[key] = value
    return dumps(document)
