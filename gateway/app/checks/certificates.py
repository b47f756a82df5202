"""Until when a certificate is valid, read from its file (X.509, RFC 5280, 4.1)."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_SEQUENCE = 0x30
_UTC_TIME = 0x17
_END = "-----END CERTIFICATE-----"


def valid_until(file: Path) -> datetime:
    """Return the end of the first certificate in a PEM file; ValueError if there is none."""
    text = file.read_text(encoding="ascii", errors="replace")
    start, end = text.find("-----BEGIN CERTIFICATE-----"), text.find(_END)
    if start < 0 or end < 0:
        raise ValueError("no certificate in PEM form")
    try:
        _, whole = next(_values(ssl.PEM_cert_to_DER_cert(text[start : end + len(_END)])))
        _, signed = next(_values(whole))
        # Serial number and version are no sequences; then come algorithm, issuer, validity.
        sequences = [value for tag, value in _values(signed) if tag == _SEQUENCE]
        _, (tag, ends) = tuple(_values(sequences[2]))
        date = ends.decode("ascii")
        if tag == _UTC_TIME:
            date = ("19" if date >= "50" else "20") + date
        return datetime.strptime(date, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, StopIteration) as error:
        raise ValueError("a damaged certificate") from error


def _values(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of the values that follow each other (X.690, 8.1)."""
    at = 0
    while at < len(octets):
        tag, length, at = octets[at], octets[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(octets[at : at + size]), at + size
        yield tag, octets[at : at + length]
        at += length
