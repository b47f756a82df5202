"""The configured DKIM keys, read from their files."""

from gateway.config import Settings
from gateway.delivery.dkim_signer import BadDkimKey, DkimKey, DkimSigner, read_key


def dkim_keys(settings: Settings) -> tuple[DkimKey, ...]:
    """Return the keys; `BadDkimKey` names the setting and file of a key that can't sign."""
    keys = []
    for number, config in enumerate(settings.dkim):
        try:
            pem = config.key_file.read_bytes()
            keys.append(read_key(pem, domain=config.domain, selector=config.selector))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BadDkimKey(f"dkim[{number}].key_file: {config.key_file}: {reason}") from error
        except BadDkimKey as error:
            raise BadDkimKey(f"dkim[{number}].key_file: {config.key_file}: {error}") from error
    return tuple(keys)


def dkim_signer(settings: Settings) -> DkimSigner:
    """Return the signer of mail; without keys it signs nothing."""
    return DkimSigner(dkim_keys(settings))
