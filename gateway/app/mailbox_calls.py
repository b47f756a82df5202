"""The process that calls mailboxes for `gateway check`: logs in and looks at the folders.

Findings go out as lines of JSON. The settings are read anew; the only argument is the config file.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.app.common import BadCertificate
from gateway.app.findings import Finding, error, good, warning
from gateway.app.mailboxes import mailbox_settings
from gateway.config import Settings, load
from gateway.config.inbound import Mailbox
from gateway.inbound.imap.session import Session
from gateway.inbound.imap.settings import MailboxRefuses, MailboxSettings, Stage
from gateway.inbound.imap.text import MailboxLost

_LOCAL = ("127.0.0.1", "::1", "localhost")


async def mailboxes(settings: Settings) -> AsyncIterator[Finding]:
    """Look at each mailbox; nothing in it is changed."""
    for mailbox in settings.inbound.mailboxes:
        what = f"mailbox {mailbox.name}"
        if mailbox.tls == "none" and mailbox.host not in _LOCAL:
            text = f'login and mail go to {mailbox.host} in clear text: set tls = "implicit"'
            yield warning(what, text)
        async for finding in _mailbox(what, settings, mailbox):
            yield finding


async def _mailbox(what: str, settings: Settings, mailbox: Mailbox) -> AsyncIterator[Finding]:
    where = f"{mailbox.host}:{mailbox.port}"
    try:
        own = mailbox_settings(settings, mailbox)
        session = await Session.open(own)
    except BadCertificate as problem:
        yield error(what, str(problem))
        return
    except MailboxRefuses as problem:
        yield error(what, f"{where}: {problem}: {_cure(mailbox, problem.stage)}")
        return
    except MailboxLost as problem:
        yield error(what, f"{where}: {problem}: is it running, and are host, port and tls right?")
        return
    try:
        async for finding in _session(what, where, session, own):
            yield finding
    except MailboxRefuses as problem:
        yield error(what, f"{where}: {problem}: {_cure(mailbox, problem.stage)}")
    except MailboxLost as problem:
        yield error(what, f"{where}: {problem}")
    finally:
        await session.close()


def _cure(mailbox: Mailbox, stage: Stage) -> str:
    match stage:
        case "tls":
            return "set ca to the authority that signed it, host to the name in it, or another tls"
        case "token":
            return "compare oauth with what the application is registered with"
        case "login" if mailbox.auth == "xoauth2":
            return "the token is not taken: compare username and oauth.scope, and its permissions"
        case "login":
            return "set username and password; some servers want an app password or xoauth2"
        case "folder":
            return "set folder to one of the account's, which it may change"


async def _session(
    what: str, where: str, session: Session, settings: MailboxSettings
) -> AsyncIterator[Finding]:
    await session.select(settings.folder)
    waiting = len(await session.search())
    news = "tells of new mail" if session.can_idle else "is asked for new mail"
    yield good(what, f"{where} lets the gateway in, {news}; {waiting} mails in {settings.folder}")
    missing = [
        name
        for name in (settings.imported, settings.needs_attention, settings.ignored)
        if not await session.has_folder(name)
    ]
    if missing:
        yield good(what, f"folders that the gateway will create: {', '.join(missing)}")
    if not (session.can_move or session.can_expunge):
        text = f"{where} can't remove single mails: those taken stay in the folder, marked deleted"
        yield warning(what, text)


async def main() -> None:
    """Tell what is found."""
    config = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    async for found in mailboxes(load(config, os.environ)):
        line = json.dumps([found.level, found.what, found.text])
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
