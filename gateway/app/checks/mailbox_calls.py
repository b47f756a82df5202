"""The process that calls mailboxes for `gateway check`: logs in and examines the folders.

Findings are written as lines of JSON. Standard input is the text of the config file, as JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import tzinfo

from gateway.app.certificates import BadCertificate
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.common import open_database, time_zone
from gateway.app.mailbox_settings import mailbox_settings
from gateway.config import ConfigText, Settings
from gateway.config.inbound import MailboxConfig
from gateway.core.written import counted
from gateway.inbound.imap.session import MailboxSession
from gateway.inbound.imap.settings import LoginStage, MailboxRefuses, MailboxSettings
from gateway.inbound.imap.text import MailboxLost
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.replies import mailboxes as mailbox_store
from gateway.store.schema import VERSION

_LOCAL = ("127.0.0.1", "::1", "localhost")


async def mailboxes(settings: Settings) -> AsyncIterator[Finding]:
    """Check each mailbox; nothing in it is changed."""
    # The store has refresh tokens; a store of another version can't be used.
    opened = open_database(settings)
    try:
        is_usable = opened.version() == VERSION
    except StoreUnavailable:
        is_usable = False
    database = opened if is_usable else None
    try:
        for mailbox in settings.inbound.mailboxes:
            subject = f"mailbox {mailbox.name}"
            if mailbox.tls == "none" and mailbox.host not in _LOCAL:
                text = f'login and mail go to {mailbox.host} in clear text: set tls = "implicit"'
                yield warning(subject, text)
            async for finding in call_mailbox(subject, settings, mailbox, database):
                yield finding
    finally:
        opened.close()


async def call_mailbox(
    what: str, settings: Settings, mailbox: MailboxConfig, database: Database | None
) -> AsyncIterator[Finding]:
    """Log in to a mailbox, examine its folders, and report what keeps mail from the importer."""
    where = f"{mailbox.host}:{mailbox.port}"
    try:
        own = mailbox_settings(settings, mailbox, database)
        session = await MailboxSession.open(own)
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
        async for finding in folders_of(what, where, session, own):
            yield finding
        if session.can_idle:
            async for finding in silent_idle(what, session, own, database, time_zone(settings)):
                yield finding
    except MailboxRefuses as problem:
        yield error(what, f"{where}: {problem}: {_cure(mailbox, problem.stage)}")
    except MailboxLost as problem:
        yield error(what, f"{where}: {problem}")
    finally:
        await session.close()


def _cure(mailbox: MailboxConfig, stage: LoginStage) -> str:
    match stage:
        case "tls":
            return "set ca to the authority that signed it, host to the name in it, or another tls"
        case "token":
            return "compare oauth with the registration of the application"
        case "login" if mailbox.auth == "xoauth2":
            return (
                "the token is not accepted, compare username and oauth.scope, and its permissions"
            )
        case "login":
            return "set username and password; some servers want an app password or xoauth2"
        case "folder":
            return "set folder to one of the account's, which it may change"


async def folders_of(
    what: str, where: str, session: MailboxSession, settings: MailboxSettings
) -> AsyncIterator[Finding]:
    """Check a mailbox's folders: how much waits, which are missing, whether mail can be moved."""
    await session.select(settings.folder)
    await session.check_rights((settings.imported, settings.needs_attention, settings.ignored))
    waiting = len(await session.search())
    news = "tells of new mail" if session.can_idle else "is asked for new mail"
    mails = counted(waiting, "mail")
    yield good(what, f"{where} lets the gateway in, {news}; {mails} in {settings.folder}")
    missing = [
        name
        for name in (settings.imported, settings.needs_attention, settings.ignored)
        if not await session.has_folder(name)
    ]
    if missing:
        yield good(what, f"folders that the gateway will create: {', '.join(missing)}")
    if not (session.can_move or session.can_expunge):
        text = (
            f"{where} can't remove single mails (it has neither MOVE nor UIDPLUS): those taken "
            f"stay in {settings.folder}, marked deleted; they count towards its quota and slow "
            "each look down: have a mail program expunge (compact) the folder now and then"
        )
        yield warning(what, text)


async def silent_idle(
    what: str,
    session: MailboxSession,
    settings: MailboxSettings,
    database: Database | None,
    zone: tzinfo,
) -> AsyncIterator[Finding]:
    """Report if a server that offers IDLE announces new mail late or not at all."""
    since = None
    if database is not None:
        since = await database.read(mailbox_store.idle_silent_since, settings.account)
    if since is None and not session.is_courier:
        return
    why = "Courier looks for news once a minute"
    if since is not None and not session.is_courier:
        why = f"seen {since.astimezone(zone):%Y-%m-%d}"
    every = settings.every.total_seconds()
    yield warning(
        what,
        f"its IDLE doesn't tell of new mail at once ({why}): mail is found within {every:g} s, as "
        "[inbound] every says; make it less for sooner",
    )


async def main() -> None:
    """Print the findings."""
    config = ConfigText(**json.load(sys.stdin))
    async for finding in mailboxes(config.settings(os.environ)):
        line = json.dumps([finding.level, finding.what, finding.text])
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
