"""The wording of notes and of mail to staff: the operator's own files, or the shipped ones."""

from pathlib import Path

from gateway.config import Settings, files_in, read_text
from gateway.config.shipped import SHIPPED_CONFIG
from gateway.core.decision.note_template import NoteTemplate, parse_template
from gateway.core.sending.mail_wording import MailWording, WordingForm, parse_mail_wording

NOTES = "notes"  #: The folder with the wording of notes, within that of the templates.
SHIPPED_TEMPLATES = SHIPPED_CONFIG / "templates"


def note_templates(settings: Settings, *, console_url: str = "") -> dict[str, NoteTemplate]:
    """Return the wording of notes by language, the language of the settings first.

    With `console_url`, notes name pages of the console, otherwise commands. Whatever an operator's
    own file lacks, being older than the gateway, comes from the shipped one.
    """
    shipped = {
        file.stem: parse_template(read_text(file), file.stem, str(file))
        for file in SHIPPED_TEMPLATES.joinpath(NOTES).glob("*.txt")
    }
    return {
        language: parse_template(
            read_text(file),
            language,
            str(file),
            shipped=shipped.get(language, shipped["en"]),
            console_url=console_url,
        )
        for language, file in _texts(settings, NOTES).items()
    }


def mail_wordings(settings: Settings, name: str, wording: WordingForm) -> dict[str, MailWording]:
    """Return the wording of a mail to staff by language, that of the settings first.

    Optional sections that the operator's own file lacks, being older than the gateway, come from
    the shipped one.
    """
    shipped = shipped_wordings(name, wording)
    return {
        language: parse_mail_wording(
            read_text(file),
            language,
            wording,
            str(file),
            shipped=shipped.get(language, shipped["en"]),
        )
        for language, file in _texts(settings, name).items()
    }


def shipped_wordings(name: str, wording: WordingForm) -> dict[str, MailWording]:
    """Return the shipped wording of a mail to staff by language."""
    return {
        file.stem: parse_mail_wording(read_text(file), file.stem, wording, str(file))
        for file in SHIPPED_TEMPLATES.joinpath(name).glob("*.txt")
    }


def _texts(settings: Settings, name: str) -> dict[str, Path]:
    """Return the files of a template by language.

    A language missing from the settings' folder comes from the shipped ones. ConfigError if a file
    can't be read.
    """
    files = {file.stem: file for file in sorted(SHIPPED_TEMPLATES.joinpath(name).glob("*.txt"))}
    own = files_in(settings.templates.folder / name, ".txt")
    files |= {file.stem: file for file in own}
    first = settings.suppression.language
    return {
        language: files[language]
        for language in sorted(files, key=lambda code: (code != first, code))
    }
