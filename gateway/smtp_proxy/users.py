"""The CRM's logins: argon2 hashes in a file, verified off the event loop, cached for a while."""

import asyncio
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.core.errors import GatewayError

REMEMBERED_SECONDS = 300.0
_hashing = ThreadPoolExecutor(2, "argon2")


class BadUsersFile(GatewayError):
    """A users file that can't be read, or with a line that isn't `login:hash`."""


class Users:
    """The logins of one listener."""

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes
        self._hasher = PasswordHasher()
        self._decoy = self._hasher.hash(secrets.token_hex())
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, float] = {}

    @classmethod
    def read(cls, path: Path) -> "Users":
        """Parse `login:hash` lines as printed by `gateway users hash`; `#` starts a comment.

        BadUsersFile says what is wrong with the file.
        """
        hashes: dict[str, str] = {}
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise BadUsersFile(f"{path}: can't be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadUsersFile(f"{path}: not UTF-8 text") from error
        for number, line in enumerate(text.splitlines(), 1):
            entry = line.strip()
            if not entry or entry.startswith("#"):
                continue
            login, colon, digest = entry.partition(":")
            if not colon or not digest.startswith("$argon2"):
                raise BadUsersFile(
                    f"{path}: line {number}: not a login and an argon2 hash (gateway users hash)"
                )
            hashes[login] = digest
        return cls(hashes)

    async def verify(self, login: bytes, password: bytes) -> str | None:
        """Return the login if the password is right, else None; unknown logins take as long."""
        mark = hmac.digest(self._key, login + b"\0" + password, "sha256")
        name = login.decode("utf-8", "replace")
        if self._remembered.get(mark, 0.0) > monotonic():
            return name
        digest = self._hashes.get(name, self._decoy)

        def matches() -> bool:
            try:
                return self._hasher.verify(digest, password)
            except (Argon2Error, InvalidHashError):
                return False

        is_right = await asyncio.get_running_loop().run_in_executor(_hashing, matches)
        if not is_right or name not in self._hashes:
            return None
        now = monotonic()
        if len(self._remembered) > 1000:
            self._remembered = {m: end for m, end in self._remembered.items() if end > now}
        self._remembered[mark] = now + REMEMBERED_SECONDS
        return name
