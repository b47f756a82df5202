"""How a request finds what answers it."""

from fastapi import Request

from gateway.api.services import ApiServices


def services(request: Request) -> ApiServices:
    """Return the services that answer this request."""
    kept_services: ApiServices = request.app.state.services
    return kept_services
