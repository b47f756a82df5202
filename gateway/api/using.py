"""Access to the services from a request."""

from fastapi import Request

from gateway.api.services import ApiServices


def services(request: Request) -> ApiServices:
    """Return the services for this request."""
    kept_services: ApiServices = request.app.state.services
    return kept_services
