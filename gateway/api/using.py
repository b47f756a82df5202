"""How a request finds what answers it."""

from fastapi import Request

from gateway.api.services import Services


def services(request: Request) -> Services:
    """Return what answers this request."""
    found: Services = request.app.state.services
    return found
