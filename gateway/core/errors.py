"""The root of everything the gateway raises on purpose."""

from typing import ClassVar


class GatewayError(Exception):
    """Something the operator should read; its text says what is wrong and what to do."""

    #: What to do where all of these errors have one cure on the command line, such as the command
    #: that lists what there is.
    cure: ClassVar[str] = ""


class FileUnusable(GatewayError):
    """A file of the operator's is missing, unreadable or wrong; it may be replaced at this moment.

    The text names it. What runs goes on with what it read before, or tells this until it is right.
    """
