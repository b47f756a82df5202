"""The keys that mail is signed with."""

from gateway.config.section import Section, option
from gateway.config.values import Domain, ExistingFile, Name


class DkimConfig(Section):
    """A key for DKIM (RFC 6376): it signs what the gateway itself sends, and what listeners with
    `sign` hand on, where `From` is in its domain or below it. `gateway dkim new` makes one. Of
    several keys of a domain each signs."""

    domain: Domain = option(..., example="example.org")
    """The domain that signs."""
    selector: Name = option(..., example="gw2026")
    """The key's name in the DNS: `SELECTOR._domainkey.DOMAIN`."""
    key_file: ExistingFile = option(..., example="gw2026.pem")
    """The private key (PEM): RSA of at least 1024 bits, better 2048, or Ed25519 (RFC 8463)."""
