"""The keys the gateway signs with, from their file, which is made when it is first needed."""

import contextlib
import os
import secrets
import tempfile
from email.utils import parseaddr
from pathlib import Path

from gateway.config import Settings
from gateway.core.bounces.unsubscribe import UnsubscribeLinks
from gateway.core.errors import GatewayError
from gateway.core.people.erased_names import ErasedNames
from gateway.core.signing import KeysWrong, SigningKeys
from gateway.store.engine.database import StoreUnavailable

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


def erased_names(settings: Settings) -> ErasedNames:
    """Return what names erased addresses; the key file is read again when it has changed.

    Without the file nobody can tell who stays suppressed: its functions raise `StoreUnavailable`,
    which stops bulk mail as a store that is away does.
    """
    file = settings.keys.file
    known: tuple[object, SigningKeys] | None = None

    def keys() -> SigningKeys:
        nonlocal known
        try:
            status = file.stat()
            state = (status.st_ino, status.st_mtime_ns, status.st_size)
            if known is None or known[0] != state:
                known = state, SigningKeys.read(file.read_text().splitlines())
        except (OSError, KeysWrong, UnicodeDecodeError) as error:
            raise StoreUnavailable(
                f"keys.file: {file}: {error}; without it nobody can tell which erased addresses "
                "stay suppressed: put it back"
            ) from error
        return known[1]

    return ErasedNames(keys)


def unsubscribe_links(settings: Settings) -> UnsubscribeLinks | None:
    """Return what makes links to unsubscribe; None where nothing could receive their requests."""
    public_url = settings.api.public_url or ""
    _, address = parseaddr(settings.bounces.address or "")
    if not (public_url or address):
        return None
    return UnsubscribeLinks(signing_keys(settings), public_url=public_url, address=address)
