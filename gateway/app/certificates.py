"""Whom the gateway trusts where it calls a relay, a mailbox or a webhook by TLS."""

import ssl
from pathlib import Path

from gateway.core.errors import GatewayError


class BadCertificate(GatewayError):
    """A certificate, key or list of authorities can't be used."""


def client_context(ca: Path | None) -> ssl.SSLContext:
    """Return what trusts the authorities of a PEM file, without one those of the system; OSError.

    The same on each version of Python. From 3.13 on it refuses by itself an authority of one's own
    that says no key usage (`VERIFY_X509_STRICT`), which OpenSSL, Postfix and older versions take;
    and where the file has a server's own certificate, or one between it and its authority, it
    trusts that one (docs.python.org, `ssl.create_default_context`).
    """
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
