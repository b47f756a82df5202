"""What somebody had filled in when the sign-in ended: kept in the page, and offered again.

Nothing of it is stored here: the login's page carries it, sealed, so that its source tells nobody
anything, and the page after it, which asks whether it is to be sent. Only that page's button, with
the token of the new session, does anything. Who signs in at another's computer is not shown what
that one had filled in.
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

from gateway.api.paths import written

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

ROOT = "/console"
START = f"{ROOT}/today"
_MOST = 300_000  #: Octets; sealed they are a third more.
_MOST_SEALED = 410_000
#: Belong to the sign-in that has ended, or to none.
_NEVER = (f"{ROOT}/login", f"{ROOT}/logout", f"{ROOT}/language", f"{ROOT}/oidc/")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForm:
    """A form that was posted, and did nothing."""

    to: str  #: Where it was posted, below `/console`.
    back: str  #: The page that it was on.
    token: str  #: The token it came with, which tells whose form it is.
    fields: tuple[tuple[str, str], ...]  #: Without the token.
    files: tuple[str, ...] = ()  #: Names of files, which are not kept.

    def is_of(self, user: str) -> bool:
        """Whether the form was on a page of this user."""
        rest, _, mark = self.token.partition(".")
        return mark != "" and mark == _mark(rest, user)

    @property
    def typed(self) -> list[tuple[str, str]]:
        """What there is to see of it."""
        return [(name, value) for name, value in self.fields if value.strip()]

    def text(self) -> str:
        """Return it as it is sealed; empty where it is too much for a page."""
        parts: dict[str, object] = {"to": self.to, "back": self.back, "token": self.token}
        parts |= {"fields": self.fields, "files": self.files}
        octets = orjson.dumps(parts)
        return octets.decode() if len(octets) <= _MOST else ""


def kept_of(request: Request, form: FormData) -> KeptForm | None:
    """Return what a form brought; None where that is nothing that anybody filled in."""
    to = written(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    items = [(name, value) for name, value in form.multi_items() if name != "csrf"]
    kept = KeptForm(
        to=to,
        back=page_before(request),
        token=shown if isinstance(shown := form.get("csrf"), str) else "",
        fields=tuple((name, value) for name, value in items if isinstance(value, str)),
        files=tuple(
            value.filename for _, value in items if isinstance(value, UploadFile) and value.filename
        ),
    )
    is_any = kept.typed or kept.files
    return kept if is_any and not to.startswith(_NEVER) and kept.text() else None


def seal(kept: KeptForm, keys: Sequence[bytes]) -> str:
    """Return it as a page carries it: nobody can read or change it without a key (32 octets)."""
    return _sealing(keys).encrypt(kept.text().encode()).decode()


def unseal(text: str, keys: Sequence[bytes]) -> KeptForm | None:
    """Read what a login's page carried; None where it carried nothing that can be used."""
    from cryptography.fernet import InvalidToken

    if not text or len(text) > _MOST_SEALED:
        return None
    try:
        return read_kept(_sealing(keys).decrypt(text).decode())
    except (InvalidToken, ValueError):
        return None


def _sealing(keys: Sequence[bytes]) -> "MultiFernet":
    """Return what seals with the first key and opens with each."""
    from cryptography.fernet import Fernet, MultiFernet  # Loaded where something is kept only.

    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def read_kept(text: str) -> KeptForm | None:
    """Read what was sealed; None where that is nothing that can be used."""
    if not text or len(text) > _MOST:
        return None
    try:
        parts = orjson.loads(text)
        fields = tuple((name, value) for name, value in parts["fields"])
        kept = KeptForm(
            to=parts["to"],
            back=parts["back"],
            token=parts["token"],
            fields=fields,
            files=tuple(parts["files"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    texts = (
        kept.to,
        kept.back,
        kept.token,
        *kept.files,
        *(part for field in fields for part in field),
    )
    is_ours = all(isinstance(part, str) for part in texts) and within(kept.to) == kept.to
    return kept if is_ours and within(kept.back) == kept.back else None


def new_token(user: str) -> str:
    """Return what the forms of a session bring along, made for its user."""
    rest = secrets.token_urlsafe(24)
    return f"{rest}.{_mark(rest, user)}"


def _mark(rest: str, user: str) -> str:
    return hashlib.sha256(f"{rest} {user}".encode()).hexdigest()[:16]


def within(target: str) -> str:
    """Return where a browser is led after a login: a page of the console, wherever it asked."""
    try:
        parts = urlsplit(target)
    except ValueError:  # As of `http://[`.
        return START
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(f"{ROOT}/")
    if not is_ours or "\\" in target or not target.isprintable() or parts.path.startswith(_NEVER):
        return START
    return target


def page_before(request: Request) -> str:
    """Return the page of the console that something was posted from, as browsers say."""
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return START
    return within(parts.path + (f"?{parts.query}" if parts.query else ""))
