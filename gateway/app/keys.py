"""The gateway's signing keys, from their file, which is created when first needed."""

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Set
from pathlib import Path

from gateway.config import Settings
from gateway.core.bounces.unsubscribe import UnsubscribeLinks
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.people.erased_names import ErasedNames
from gateway.core.signing import KeysWrong, SigningKeys
from gateway.store.engine.database import StoreUnavailable

_OCTETS = 32
#: How long a process relies on its list of the keys used for erasures: another machine may add one.
_MARKS_SECONDS = 5.0


class BadKeys(GatewayError):
    """The key file can't be read or created; the text says why and what helps."""


def signing_keys(settings: Settings) -> SigningKeys:
    """Return the keys; create their file if it is missing."""
    file = settings.keys.file
    try:
        if not file.exists():
            # Created whole or not at all: another process may be creating it right now.
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


def form_keys(settings: Settings) -> tuple[bytes, ...]:
    """Return the keys, of 32 octets, with which the console encrypts kept forms."""
    return tuple(map(bytes.fromhex, signing_keys(settings).digests("console form", "")))


def rotate(settings: Settings) -> SigningKeys:
    """Add a new key at the top of the file, which signs from then on; return all keys.

    Processes notice it when they next read the file: for names of the erased at once, for signing
    at a reload.
    """
    signing_keys(settings)
    file = settings.keys.file
    try:
        below = file.read_text()
        handle, made = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        with os.fdopen(handle, "w") as opened:
            opened.write(f"{secrets.token_hex(_OCTETS)}\n{below}")
            opened.flush()
            os.fsync(opened.fileno())
        Path(made).replace(file)
    except OSError as error:
        raise BadKeys(f"keys.file: {file}: {error.strerror}; no key was added") from error
    return signing_keys(settings)


def erased_names(settings: Settings, marks: Callable[[], Set[str]] = frozenset) -> ErasedNames:
    """Return the maker of erased addresses' names; it rereads the key file when that changes.

    `marks` reads from the store which keys suppressions depend on. Without the file, or without one
    of those keys, nobody can tell who is suppressed: then its functions raise `StoreUnavailable`,
    which stops bulk mail like an unavailable store. A new file created in place of a lost one is
    not mistaken for it.
    """
    file = settings.keys.file
    cached_keys: tuple[object, SigningKeys] | None = None
    looked_at = -_MARKS_SECONDS

    def keys() -> SigningKeys:
        nonlocal cached_keys, looked_at
        try:
            status = file.stat()
            state = (status.st_ino, status.st_mtime_ns, status.st_size)
            present = time.monotonic()
            if (
                cached_keys is None
                or cached_keys[0] != state
                or present - looked_at > _MARKS_SECONDS
            ):
                read = SigningKeys.read(file.read_text().splitlines())
                lost = marks() - set(ErasedNames(lambda: read).key_marks)
                if lost:
                    raise StoreUnavailable(
                        f"keys.file: {file} lacks the key {', '.join(sorted(lost))}, which tells "
                        "which erased addresses stay suppressed: put it back below the others"
                    )
                cached_keys, looked_at = (state, read), present
        except (OSError, KeysWrong, UnicodeDecodeError) as error:
            raise StoreUnavailable(
                f"keys.file: {file}: {error}; without it nobody can tell which erased addresses "
                "stay suppressed: put it back"
            ) from error
        return cached_keys[1]

    return ErasedNames(keys)


def unsubscribe_links(settings: Settings) -> UnsubscribeLinks | None:
    """Return the maker of unsubscribe links; None if nothing could receive their requests."""
    public_url = settings.api.public_url or ""
    _, address = name_and_address(settings.bounces.address or "")
    if not (public_url or address):
        return None
    return UnsubscribeLinks(signing_keys(settings), public_url=public_url, address=address)
