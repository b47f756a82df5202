"""`gateway check` for settings that conflict, are missing, or name something unusable."""

import os
from collections.abc import Iterator
from pathlib import Path

from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.common import notifier
from gateway.app.rules import rules_of
from gateway.app.wording import NOTES, note_templates
from gateway.config import Settings, files_in
from gateway.core.errors import GatewayError
from gateway.core.kinds import Kind
from gateway.core.written import counted


def kinds(settings: Settings) -> Iterator[Finding]:
    """Check whether anything could ever be classified as bulk, or as individual mail."""
    rules = rules_of(settings)
    kinds = {rule.kind for rule in rules}
    kinds |= {
        Kind(listener.kind) for listener in settings.smtp.listeners if listener.kind != "auto"
    }
    default = settings.smtp.default_kind
    if Kind.BULK not in kinds | {default}:
        yield warning(
            "rules",
            "nothing can ever be recognised as a mailing: add a [[rules]] entry, a listener with "
            'kind = "bulk", or set smtp.default_kind = "bulk"',
        )
    elif Kind.INDIVIDUAL not in kinds | {default}:
        yield warning(
            "rules",
            "everything counts as a mailing: add a rule or a listener for mail that is sent from "
            "a person's own file",
        )
    elif default is Kind.INDIVIDUAL:
        yield good(
            "rules",
            f"{counted(len(rules), 'rule')}; what none matches is individual "
            '(smtp.default_kind = "bulk" is stricter)',
        )
    else:
        yield good("rules", f"{counted(len(rules), 'rule')}; what none matches is bulk")


def replies(settings: Settings) -> Iterator[Finding]:
    """Check whether two settings conflict about the answer to a recipient who gets no mail."""
    at_rcpt = [
        listener.name for listener in settings.smtp.listeners if listener.reject_at == "rcpt"
    ]
    if at_rcpt and settings.suppression.reply == "accept":
        yield warning(
            "replies",
            f'suppression.reply = "accept" refuses nobody, also at {", ".join(at_rcpt)}: '
            'take reject_at = "rcpt" out there, or set reply = "reject"',
        )


def notes(settings: Settings) -> Iterator[Finding]:
    """Check whether there is wording for the notes in the configured language."""
    folder = settings.templates.folder / NOTES
    language = settings.suppression.language
    try:
        languages = list(note_templates(settings))
    except (GatewayError, OSError) as problem:
        yield error("notes", str(problem))
        return
    if language in languages:
        where = folder if files_in(folder, ".txt") else "as shipped"
        yield good("notes", f"{where}: {', '.join(languages)}")
    else:
        yield error(
            "notes", f"{folder} has no {language}.txt: put it there or set templates.folder"
        )


def own_mail(settings: Settings) -> Iterator[Finding]:
    """Is the gateway's own mail from an address that other servers believe?"""
    address = notifier(settings)
    if settings.notices.sender is None and address.endswith("]"):
        yield warning(
            "notices",
            f"the gateway's own mail is from {address}, since this host has no full name, and "
            "many servers refuse that: set notices.from",
        )
    else:
        yield good("notices", f"the gateway's own mail is from {address}")


def folders(settings: Settings) -> Iterator[Finding]:
    """Check whether the gateway can write to the folders of store, documents and feed."""
    url = settings.store.url.get_secret_value()
    if url.startswith("sqlite:///"):
        yield _writable("store", Path(url.removeprefix("sqlite:///")).parent)
    if settings.store.blobs.startswith("file://"):
        # The gateway creates this one itself, with its parents.
        folder = Path(settings.store.blobs.removeprefix("file://"))
        yield _writable("blobs", folder, is_made=True)
    if settings.crm.folder is not None:
        yield _writable("crm", settings.crm.folder)


def _writable(what: str, folder: Path, *, is_made: bool = False) -> Finding:
    """Check a folder that must be there, or be one that the gateway can make."""
    above = (folder, *folder.parents) if is_made else (folder,)
    try:
        needed = next((folder for folder in above if folder.exists()), folder)
        is_folder = needed.is_dir()
    except OSError as problem:  # Such as a name too long, or a folder it may not enter.
        return error(what, f"{folder}: {problem.strerror}: name another one")
    if not (is_folder and os.access(needed, os.W_OK | os.X_OK)):
        return error(what, f"{needed} can't be written to: make it a folder of the gateway's user")
    return good(what, f"{folder} can be written to")
