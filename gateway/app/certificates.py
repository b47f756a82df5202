"""Certificates: the CAs trusted at a relay, a mailbox or a webhook, and the gateway's own."""

import errno
import ssl
from pathlib import Path

from gateway.core.errors import GatewayError


class BadCertificate(GatewayError):
    """A certificate, key or list of authorities can't be used."""


def client_context(ca: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the authorities in a PEM file, or those of the system.

    It behaves the same in every version of Python. By default, Python 3.13 refuses a private
    authority without key usage (`VERIFY_X509_STRICT`), which OpenSSL, Postfix and older versions
    accept; and it trusts the certificate of a server, or an intermediate one, if it is in the file
    (docs.python.org, `ssl.create_default_context`). Raises OSError.
    """
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def load_certificate(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    """Load a certificate and its key, in the same file if `key` is None; raise OSError.

    OpenSSL would ask for the password of an encrypted key at the terminal, and wait for it.
    """

    def no_password() -> str:
        raise OSError(errno.EACCES, "its key needs a password: give one that is not encrypted")

    context.load_cert_chain(cert, key, no_password)
