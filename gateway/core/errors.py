"""The root of everything the gateway raises on purpose."""


class GatewayError(Exception):
    """Something the operator should read; its text says what is wrong and what to do."""
