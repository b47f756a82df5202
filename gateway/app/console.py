"""What the settings say of the console."""

from gateway.api.console.terms import OidcTerms
from gateway.config.settings import ConsoleOidc


def oidc_terms(oidc: ConsoleOidc) -> OidcTerms:
    """Return how people sign in at the organisation's provider of OpenID Connect."""
    return OidcTerms(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret.get_secret_value(),
        role_claim=oidc.role_claim,
        name_claim=oidc.name_claim,
        scope=oidc.scope,
    )
