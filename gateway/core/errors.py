"""The root of everything the gateway raises on purpose."""

from typing import ClassVar


class GatewayError(Exception):
    """Something the operator should read; its text says what is wrong and what to do."""

    #: What to do if all errors of this class have one remedy on the command line, such as a command
    #: that lists the choices.
    cure: ClassVar[str] = ""


class FileUnusable(GatewayError):
    """An operator's file is missing, unreadable or wrong, perhaps only while it is being replaced.

    The text names it. A running process carries on with what it read before, or repeats the error
    until the file is right.
    """
