"""Which function answers which request."""

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from gateway.sandbox.account import Account
from gateway.sandbox.call import Call, SandboxAnswer, not_found

Handler = Callable[[Account, Call], SandboxAnswer]


class Router:
    """The table of operations; the first match answers."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def on(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register the decorated function for a method and a path such as `/lists/{list_id}`."""
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

        def register(handler: Handler) -> Handler:
            self._routes.append((method, pattern, handler))
            return handler

        return register

    def answer(self, account: Account, call: Call) -> SandboxAnswer:
        """Call the function for a request."""
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                names = {name: unquote(value) for name, value in match.groupdict().items()}
                return handler(account, replace(call, names=names))
        raise not_found()

    def include(self, other: "Router") -> None:
        """Add the operations of another table."""
        self._routes.extend(other._routes)
