"""Users who sign in with a password: lines `name:roles:hash` in a file.

    anna:work,run:$argon2id$v=19$…
    bob:$argon2id$v=19$…            (as `gateway users hash` prints it: may only look)

`gateway console user` writes them; a change takes effect at the next request. A user named in a
line that can't be read can't sign in, even if other lines name them, too; nobody else is affected.
"""

import asyncio
import os
import secrets
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.api.console.roles import ConsoleRole, read_roles
from gateway.core.errors import FileUnusable

LONGEST_NAME = 200
_hashing = ThreadPoolExecutor(2, "argon2-console")


class BadConsoleUsers(FileUnusable):
    """The file of users can't be read or written, or doesn't have this user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleLogin:
    """A user in the file."""

    roles: frozenset[ConsoleRole]
    digest: str  #: argon2's encoded hash of the password.

    def line(self, name: str) -> str:
        """Return the line for the file."""
        return f"{name}:{','.join(sorted(self.roles))}:{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFile:
    """The content of a file of users."""

    users: Mapping[str, ConsoleLogin] = field(default_factory=dict)
    barred: frozenset[str] = frozenset()  #: Names in lines that can't be read.
    faults: tuple[str, ...] = ()  #: What is wrong with each of these lines.

    @property
    def names(self) -> frozenset[str]:
        """All names in the file, which others can't use."""
        return self.barred.union(self.users)


class ConsoleUsers:
    """The users in a file, reread when it changes; `tell` is called for invalid lines."""

    def __init__(self, file: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.file = file
        self._tell = tell
        self._stamp: tuple[int, int, int] | None = None
        self._read = UserFile()

    def all(self) -> Mapping[str, ConsoleLogin]:
        """Return the users by name; none if there is no file. Raises `BadConsoleUsers`."""
        return self.read().users

    def read(self) -> UserFile:
        """Return the current content; empty if there is no file. Raises `BadConsoleUsers`."""
        try:
            state = self.file.stat()
        except FileNotFoundError:
            return UserFile()
        except OSError as error:
            raise BadConsoleUsers(f"console.users: {self.file}: {error.strerror}") from error
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        if stamp != self._stamp:
            self._read = read_users(self.file)
            self._stamp = stamp
            for fault in self._read.faults:
                self._tell(fault)
        return self._read

    async def verify(self, name: str, password: str) -> ConsoleLogin | None:
        """Return the user if the password is right, else None; unknown names take as long."""
        login = self.all().get(name)
        digest = _decoy() if login is None else login.digest

        def matches() -> bool:
            try:
                return PasswordHasher().verify(digest, password)
            except (Argon2Error, InvalidHashError):
                return False

        is_right = await asyncio.get_running_loop().run_in_executor(_hashing, matches)
        return login if is_right else None


def is_name(name: str) -> bool:
    """Whether a name is allowed: nothing that hides text, changes direction or ends a line."""
    return name != "" and name == name.strip() and name.isprintable() and len(name) <= LONGEST_NAME


def as_compared(name: str) -> str:
    """Return a name in the form used to detect confusable names."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


@cache
def _decoy() -> str:
    return PasswordHasher().hash(secrets.token_hex())


def read_users(file: Path) -> UserFile:
    """Read a file of users; `BadConsoleUsers` if it can't be read at all."""
    try:
        lines = _lines(file)
    except OSError as error:
        raise BadConsoleUsers(f"console.users: {file}: {error.strerror}") from error
    users: dict[str, ConsoleLogin] = {}
    barred: set[str] = set()
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, _, rest = entry.partition(":")
        try:
            users[name] = _login(name, rest)
        except ValueError as error:
            barred.add(name)
            faults.append(f"console.users: {file}: line {number}: {error}")
    return UserFile(
        users={name: login for name, login in users.items() if name not in barred},
        barred=frozenset(barred),
        faults=tuple(faults),
    )


def _lines(file: Path) -> list[str]:
    """Return the lines of a file; one that isn't UTF-8 doesn't affect the others."""
    return file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()


def _login(name: str, rest: str) -> ConsoleLogin:
    """Parse what follows a name; ValueError says what is wrong."""
    if not f"{name}{rest}".isprintable():
        raise ValueError("not UTF-8 text that can be printed")
    roles, _, digest = rest.rpartition(":")
    user_roles = read_roles(roles.split(",")) if roles else frozenset({ConsoleRole.LOOK})
    if not name or not digest.startswith("$argon2"):
        raise ValueError(
            "not a name, roles and an argon2 hash (gateway console user NAME writes it)"
        )
    return ConsoleLogin(roles=user_roles, digest=digest)


def is_there(file: Path) -> bool:
    """Whether a file of users exists; `BadConsoleUsers` if nobody can say."""
    try:
        return file.exists()
    except OSError as error:  # Such as a folder it may not enter, or a name too long.
        raise BadConsoleUsers(f"console.users: {file}: {error.strerror}") from error


def put_user(file: Path, name: str, password: str | None, roles: Iterable[ConsoleRole]) -> bool:
    """Add a user to a file, or change one (no password: it stays); return whether it is new.

    Everything else in the file stays, including comments; the file is replaced as a whole. It keeps
    its mode; a new one is readable by its owner only.
    """
    users = read_users(file).users if is_there(file) else {}
    if password is None:
        if name not in users:
            raise BadConsoleUsers(f"console.users: {file}: there is no user {name}")
        digest = users[name].digest
    else:
        digest = PasswordHasher().hash(password)
    entry = ConsoleLogin(roles=frozenset(roles), digest=digest).line(name)
    _rewrite(file, name, entry)
    return name not in users


def remove_user(file: Path, name: str) -> None:
    """Remove a user from a file."""
    if not is_there(file) or name not in read_users(file).names:
        raise BadConsoleUsers(f"console.users: {file}: there is no user {name}")
    _rewrite(file, name, None)


def _rewrite(file: Path, name: str, entry: str | None) -> None:
    try:
        lines = _lines(file) if file.exists() else []
        rest = [line for line in lines if line.strip().partition(":")[0] != name]
        at = next((n for n, line in enumerate(lines) if line not in rest), len(rest))
        if entry is not None:
            rest.insert(min(at, len(rest)), entry)
        handle, made = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as opened:
            opened.write("".join(f"{line}\n" for line in rest))
        # The gateway may run as another user than whoever adds users.
        owner = (file if file.exists() else file.parent).stat()
        if os.geteuid() == 0:
            os.chown(made, owner.st_uid, owner.st_gid)
        if file.exists():
            Path(made).chmod(owner.st_mode & 0o777)
        Path(made).replace(file)
    except OSError as error:
        raise BadConsoleUsers(f"console.users: {file}: {error.strerror}") from error
