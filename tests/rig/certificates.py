"""Certificates for tests, made by the openssl command."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gateway.app.certificates import client_context
from tests.rig.process import program

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key, both PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """A CA and the certificates it signed; the server's are for localhost and 127.0.0.1."""

    ca: Path
    server: Pair
    renewed: Pair  #: Like `server`, but newer: for tests of a reload.
    client: Pair  #: For the name crm-gateway.
    wrong_name: Pair  #: For other.example only.
    expired: Pair  #: Expired in 2021.
    stranger: Pair  #: For localhost, self-signed.

    def server_context(self, pair: Pair | None = None, *, asks: bool = False) -> ssl.SSLContext:
        """Return a server's TLS settings; `asks` demands a client certificate of the CA."""
        pair = pair or self.server
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.load_cert_chain(pair.cert, pair.key)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def client_context(self, pair: Pair | None = None) -> ssl.SSLContext:
        """Return a client's TLS settings: it trusts the CA, and shows `pair` if given."""
        context = client_context(self.ca)
        if pair:
            context.load_cert_chain(pair.cert, pair.key)
        return context


def make_certificates(folder: Path) -> Certificates:
    """Make all certificates in a folder (about half a second)."""
    authority = _self_signed(
        folder, "ca", "/CN=Test authority", "basicConstraints=critical,CA:TRUE"
    )
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(CA_SETTINGS.format(folder=folder))
    return Certificates(
        ca=authority.cert,
        server=_signed(folder, "server", "/CN=localhost", NAMES),
        renewed=_signed(folder, "renewed", "/CN=localhost", NAMES),
        client=_signed(folder, "client", "/CN=crm-gateway", "subjectAltName=DNS:crm-gateway"),
        wrong_name=_signed(
            folder, "wrong", "/CN=other.example", "subjectAltName=DNS:other.example"
        ),
        expired=_signed(folder, "expired", "/CN=localhost", NAMES, end="20210101000000Z"),
        stranger=_self_signed(folder, "stranger", "/CN=localhost", NAMES),
    )


CA_SETTINGS = """\
[ca]
default_ca = test
[test]
database = {folder}/index.txt
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def _self_signed(folder: Path, name: str, subject: str, extension: str) -> Pair:
    pair = Pair(cert=folder / f"{name}.pem", key=folder / f"{name}.key")
    _openssl("req", "-x509", *_key(pair), "-out", pair.cert, *_subject(subject, extension))
    return pair


def _signed(
    folder: Path, name: str, subject: str, extension: str, end: str = "20490101000000Z"
) -> Pair:
    pair = Pair(cert=folder / f"{name}.pem", key=folder / f"{name}.key")
    request = folder / f"{name}.csr"
    _openssl("req", "-new", *_key(pair), "-out", request, *_subject(subject, extension))
    dates = ("-startdate", "20200101000000Z", "-enddate", end)
    settings = ("-batch", "-notext", "-config", folder / "ca.cnf")
    _openssl("ca", *settings, *dates, "-in", request, "-out", pair.cert)
    return pair


def _key(pair: Pair) -> tuple[str | Path, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair.key


def _subject(subject: str, extension: str) -> tuple[str, ...]:
    return "-subj", subject, "-addext", extension


def _openssl(*arguments: str | Path) -> None:
    command = [program("openssl", "openssl"), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)
