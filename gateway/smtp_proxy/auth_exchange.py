"""The part aiosmtpd still does: the AUTH exchange (RFC 4954), STARTTLS, and what they need.

c: AUTH LOGIN
s: 334 VXNlcm5hbWU6        `Username:` in base64
c: Y3Jt
s: 334 UGFzc3dvcmQ6        `Password:`
c: c2VjcmV0
s: 235 2.7.0 Authentication successful
"""

import asyncio
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from gateway.core.mail.envelope import CommandRefused


class AuthExchange(SMTP):
    """aiosmtpd's SMTP without its streams; asks for login and password by PLAIN or LOGIN."""

    transport: asyncio.Transport | None

    # The wording of the LOGIN draft; Go's clients accept no other.
    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    async def credentials(self, argument: bytes) -> LoginPassword | None:
        """Return the client's credentials; None if aiosmtpd has already answered."""
        mechanism, *rest = argument.decode("ascii", "replace").split() or [""]
        exchange = {"PLAIN": self.auth_PLAIN, "LOGIN": self.auth_LOGIN}.get(mechanism.upper())
        if exchange is None or len(rest) > 1:
            raise CommandRefused("504 5.5.4 Unrecognised authentication type")
        result = await exchange(None, [mechanism, *rest])
        return cast(LoginPassword, result.auth_data) if result.success else None

    def _authenticate(self, mechanism: str, auth_data: Any) -> AuthResult:
        """Pass on the client's credentials; they are verified off the event loop."""
        del mechanism
        return AuthResult(success=True, auth_data=auth_data)

    async def push(self, status: str | bytes) -> None:
        """Send a reply line for AUTH or STARTTLS; called by aiosmtpd."""
        self._write((status.encode("ascii") if isinstance(status, str) else status) + b"\r\n")

    def _write(self, octets: bytes) -> None:
        """Send octets to the client, if it is still there."""
        if self.transport is not None:
            self.transport.write(octets)

    def __del__(self) -> None:
        """Do nothing: there is no stream that could hold an exception."""

    def pause_writing(self) -> None:
        """Do nothing: replies are short, and a client that doesn't read them is slow."""

    def resume_writing(self) -> None:
        """Do nothing, like `pause_writing`."""
