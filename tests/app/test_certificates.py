"""Whom the gateway trusts by TLS is the same on each version of Python."""

import ssl
import subprocess
from pathlib import Path

import pytest

from gateway.app.certificates import client_context, load_certificate
from tests.rig.certificates import Certificates, Pair


def shake_hands(ca: Path, certificates: Certificates, pair: Pair) -> None:
    """Call a server that shows a certificate; SSLError where it isn't trusted."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context(pair).wrap_bio(to_server, to_client, server_side=True)
    client = client_context(ca).wrap_bio(to_client, to_server, server_hostname="localhost")
    waiting = {client, server}
    while waiting:
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.discard(side)


def test_an_authority_that_says_no_key_usage_is_trusted(certificates: Certificates) -> None:
    """Python 3.13 refuses it by itself."""
    shake_hands(certificates.ca, certificates, certificates.server)


def test_a_servers_own_certificate_is_trusted_by_itself(certificates: Certificates) -> None:
    """Versions before 3.13 ask for its authority as well."""
    shake_hands(certificates.server.cert, certificates, certificates.server)


@pytest.mark.parametrize("shown", ["stranger", "expired", "wrong_name"])
def test_nobody_else_is_trusted(certificates: Certificates, shown: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(certificates.ca, certificates, getattr(certificates, shown))


def test_nobody_is_asked_for_the_password_of_a_key(
    certificates: Certificates, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:s3cret"]
    command += ["-in", str(certificates.server.key), "-out", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

    with pytest.raises(OSError, match="its key needs a password"):
        load_certificate(context, certificates.server.cert, key)
