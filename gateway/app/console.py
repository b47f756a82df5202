"""The console's settings."""

from gateway.api.console.terms import OidcTerms
from gateway.config.settings import ConsoleOidc


def oidc_terms(oidc: ConsoleOidc) -> OidcTerms:
    """Return the terms for signing in at the organisation's OpenID Connect provider."""
    return OidcTerms(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret.get_secret_value(),
        role_claim=oidc.role_claim,
        name_claim=oidc.name_claim,
        scope=oidc.scope,
    )
