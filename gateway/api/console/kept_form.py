"""A form whose session ended before it was sent: kept in the page, and offered again.

Nothing of it is stored here: the login page carries it, encrypted so that its source reveals
nothing, and so does the page after it, which asks whether to send it. Only the button on that page,
with the new session's token, has any effect. Somebody else signing in on the same computer isn't
shown it.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from gateway.api.paths import quoted_path

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

ROOT = "/console"
START = f"{ROOT}/today"
_MOST = 300_000  #: Octets; encryption adds a third.
_MOST_SEALED = 410_000
#: These belong to the session that has ended, or to none.
_NEVER = (f"{ROOT}/login", f"{ROOT}/logout", f"{ROOT}/language", f"{ROOT}/oidc/")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForm:
    """A form that was posted without effect."""

    to: str  #: Where it was posted, below `/console`.
    back: str  #: The page that it was on.
    token: str  #: The token it came with, which identifies its user.
    fields: tuple[tuple[str, str], ...]  #: Without the token.
    files: tuple[str, ...] = ()  #: Names of files, which aren't kept themselves.

    def is_of(self, user: str) -> bool:
        """Whether the form was on a page of this user."""
        rest, _, mark = self.token.partition(".")
        return mark != "" and mark == _mark(rest, user)

    @property
    def displayed_fields(self) -> list[tuple[str, str]]:
        """The parts of it that are displayed."""
        return [(name, value) for name, value in self.fields if value.strip()]

    def text(self) -> str:
        """Return the text to encrypt; empty if it is too large for a page."""
        parts: dict[str, object] = {"to": self.to, "back": self.back, "token": self.token}
        parts |= {"fields": self.fields, "files": self.files}
        octets = orjson.dumps(parts)
        return octets.decode() if len(octets) <= _MOST else ""


def kept_of(request: Request, form: FormData) -> KeptForm | None:
    """Return a posted form to keep; None if nobody filled in anything."""
    to = quoted_path(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    items = [(name, value) for name, value in form.multi_items() if name != "csrf"]
    kept_form = KeptForm(
        to=to,
        back=page_before(request),
        token=token if isinstance(token := form.get("csrf"), str) else "",
        fields=tuple((name, value) for name, value in items if isinstance(value, str)),
        files=tuple(
            value.filename for _, value in items if isinstance(value, UploadFile) and value.filename
        ),
    )
    is_any = kept_form.displayed_fields or kept_form.files
    return kept_form if is_any and not to.startswith(_NEVER) and kept_form.text() else None


def seal(kept_form: KeptForm, keys: Sequence[bytes]) -> str:
    """Encrypt it for a page: nobody can read or change it without a key (32 octets)."""
    return _sealing(keys).encrypt(kept_form.text().encode()).decode()


def unseal(text: str, keys: Sequence[bytes]) -> KeptForm | None:
    """Decrypt what a login page carried; None if there is nothing usable."""
    from cryptography.fernet import InvalidToken

    if not text or len(text) > _MOST_SEALED:
        return None
    try:
        return read_kept(_sealing(keys).decrypt(text).decode())
    except (InvalidToken, ValueError):
        return None


def _sealing(keys: Sequence[bytes]) -> "MultiFernet":
    """Return a cipher that encrypts with the first key and decrypts with any."""
    from cryptography.fernet import Fernet, MultiFernet  # Loaded only when something is kept.

    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def read_kept(text: str) -> KeptForm | None:
    """Read decrypted text; None if it isn't usable."""
    if not text or len(text) > _MOST:
        return None
    try:
        parts = orjson.loads(text)
        fields = tuple((name, value) for name, value in parts["fields"])
        kept_form = KeptForm(
            to=parts["to"],
            back=parts["back"],
            token=parts["token"],
            fields=fields,
            files=tuple(parts["files"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    texts = (
        kept_form.to,
        kept_form.back,
        kept_form.token,
        *kept_form.files,
        *(part for field in fields for part in field),
    )
    is_ours = (
        all(isinstance(part, str) for part in texts) and safe_target(kept_form.to) == kept_form.to
    )
    return kept_form if is_ours and safe_target(kept_form.back) == kept_form.back else None


def new_token(user: str) -> str:
    """Return a token for the forms of a session, made for its user."""
    rest = secrets.token_urlsafe(24)
    return f"{rest}.{_mark(rest, user)}"


def _mark(rest: str, user: str) -> str:
    return hashlib.sha256(f"{rest} {user}".encode()).hexdigest()[:16]


def safe_target(target: str) -> str:
    """Return where to redirect after a login: always to a page of the console."""
    try:
        parts = urlsplit(target)
    except ValueError:  # `http://[`, for example.
        return START
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(f"{ROOT}/")
    if not is_ours or "\\" in target or not target.isprintable() or parts.path.startswith(_NEVER):
        return START
    return target


def page_before(request: Request) -> str:
    """Return the console page something was posted from, according to the browser."""
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return START
    return safe_target(parts.path + (f"?{parts.query}" if parts.query else ""))
