"""The root of everything the gateway raises on purpose."""


class GatewayError(Exception):
    """Something the operator should read; its text says what is wrong and what to do."""


class FileUnusable(GatewayError):
    """A file of the operator's is missing, unreadable or wrong; it may be replaced at this moment.

    The text names it. What runs goes on with what it read before, or tells this until it is right.
    """
