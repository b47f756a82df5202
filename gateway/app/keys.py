"""The keys the gateway signs with, from their file, which is made when it is first needed."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.signing import KeysWrong, SigningKeys

_OCTETS = 32


class BadKeys(GatewayError):
    """The key file can't be read or made; the text says why and what helps."""


def signing_keys(settings: Settings) -> SigningKeys:
    """Return the keys; their file is made if there is none."""
    file = settings.keys.file
    try:
        if not file.exists():
            # Whole or not at all: another process may be making it at the same moment.
            handle, made = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
            with os.fdopen(handle, "w") as opened:
                opened.write(f"{secrets.token_hex(_OCTETS)}\n")
            with contextlib.suppress(FileExistsError):
                Path(file).hardlink_to(made)
            Path(made).unlink()
        return SigningKeys.read(file.read_text().splitlines())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadKeys(f"keys.file: {file}: {reason}; give a file the gateway may write") from error
    except (KeysWrong, UnicodeDecodeError) as error:
        raise BadKeys(f"keys.file: {file}: {error}") from error
