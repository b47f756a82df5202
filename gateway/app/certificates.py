"""The CAs the gateway trusts when it connects to a relay, a mailbox or a webhook over TLS."""

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
