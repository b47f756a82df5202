"""`gateway check` for sign-in to the console."""

import time
from collections.abc import AsyncIterator, Iterator

from gateway.api.console.users import BadConsoleUsers, ConsoleUsers
from gateway.app.checks.findings import Finding, error, good
from gateway.config import Settings


def console_users(settings: Settings) -> Iterator[Finding]:
    """Report who may sign in to the console, and what keeps people out."""
    console = settings.console
    try:
        listed = ConsoleUsers(console.users).read()
    except BadConsoleUsers as problem:
        yield error("console", str(problem))
        return
    for fault in listed.faults:
        yield error("console", f"{fault}: the user it names can't sign in")
    users = listed.users
    ways = [
        *([f"{len(users)} with a password"] if users else []),
        *([f"through {console.oidc.issuer}"] if console.oidc else []),
        *(["through a web server on this host"] if console.proxy else []),
    ]
    if ways:
        yield good("console", f"who may sign in: {', '.join(ways)}")
    elif not listed.faults:
        yield good("console", "nobody may sign in yet: `gateway console user NAME` adds somebody")


async def provider(settings: Settings) -> AsyncIterator[Finding]:
    """Check the organisation's OpenID Connect provider, if there is one, as a login does."""
    oidc = settings.console.oidc
    if oidc is None:
        return
    # Loaded only if there is one, as it loads the HTTP server's modules.
    from gateway.api.console.oidc import Provider
    from gateway.api.problems import Problem
    from gateway.app.console import oidc_terms

    try:
        await Provider(time.monotonic).about(oidc_terms(oidc))
    except Problem as problem:
        why = problem.detail.removesuffix(f": {oidc.issuer}")
        cure = ": is it reached from here?" if problem.__cause__ is not None else ""
        yield error("console", f"{oidc.issuer}: {why}{cure}")
    else:
        yield good("console", f"{oidc.issuer} answers")
