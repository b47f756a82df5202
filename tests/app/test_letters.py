"""The wording of mails to staff, from the folder of the settings."""

import re
from pathlib import Path

import pytest

from gateway.app.checks.check_inbound import settings_for_replies
from gateway.app.checks.findings import warning
from gateway.app.replies.importing import rules
from gateway.app.wording import SHIPPED_TEMPLATES, mail_wordings
from gateway.config import load
from gateway.core.sending.mail_wording import IMPORTED


def test_wording_older_than_the_gateway_has_newer_remarks_as_shipped(tmp_path: Path) -> None:
    own = tmp_path / "reply_imported"
    own.mkdir()
    shipped = (SHIPPED_TEMPLATES / "reply_imported" / "de.txt").read_text(encoding="utf-8")
    older = re.sub(rf"(?m)^\[({'|'.join(IMPORTED.optional)})\]\n.*\n", "", shipped)
    for language in ("de", "it"):
        (own / f"{language}.txt").write_text(older, encoding="utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text(f'[templates]\nfolder = "{tmp_path}"\n', encoding="utf-8")

    known = mail_wordings(load(config, {}), "reply_imported", IMPORTED)

    assert "[no_text]" not in older
    assert known["de"].section("no_text", {}).startswith("Hinweis: Beim Weiterleiten")
    assert known["it"].section("no_text", {}).startswith("Note: no text of the mail")
    assert known["it"].section("no_original", {"staff": "x"}).startswith("Hinweis: Es wurde")


def test_wording_of_ones_own_needs_no_words_for_types_of_documents(tmp_path: Path) -> None:
    own = tmp_path / "reply_imported"
    own.mkdir()
    shipped = (SHIPPED_TEMPLATES / "reply_imported" / "de.txt").read_text(encoding="utf-8")
    (own / "de.txt").write_text(f"{shipped}cv = Werdegang\n", encoding="utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text(f'[templates]\nfolder = "{tmp_path}"\n', encoding="utf-8")

    known = mail_wordings(load(config, {}), "reply_imported", IMPORTED)

    assert {"date", "more", "cv"} == set(known["de"].words)


def test_a_word_for_a_type_of_documents_that_there_is_not_is_warned_of(tmp_path: Path) -> None:
    own = tmp_path / "reply_imported"
    own.mkdir()
    shipped = (SHIPPED_TEMPLATES / "reply_imported" / "de.txt").read_text(encoding="utf-8")
    words = "cv = a\nother = b\npermit = c\ncover_leter = d\n"
    (own / "de.txt").write_text(f"{shipped}{words}", encoding="utf-8")
    config = tmp_path / "gateway.toml"
    config.write_text(
        f"""
        [templates]
        folder = "{tmp_path}"
        [[inbound.mailboxes]]
        name = "replies"
        host = "127.0.0.1"
        username = "replies"
        password = "secret"
        [[inbound.document_types]]
        type = "permit"
        words = "permit"
        """,
        encoding="utf-8",
    )

    findings = list(settings_for_replies(load(config, {})))

    known = "photo, cover_letter, cv, reference_letter, certificate, other, permit"
    warnings = [found.text for found in findings if found == warning("templates", found.text)]
    assert [
        f"{own}/de.txt: [words]: passed over, as no type of document is called cover_leter "
        f"(known: {known}): did you mean cover_letter?"
    ] == warnings


@pytest.mark.parametrize(
    ("setting", "known"),
    [
        ("", ""),
        ('url = "https://gateway.example"', "https://gateway.example"),
        ('url = "https://Gateway.example/"', "https://gateway.example"),
        ('url = "https://gateway.example:8443/console/"', "https://gateway.example:8443"),
        ('url = "http://10.0.0.7:8025/console"', "http://10.0.0.7:8025"),
        ('url = "http://[2001:db8::7]:8025"', "http://[2001:db8::7]:8025"),
    ],
)
def test_notices_know_where_the_console_is_however_its_address_is_given(
    tmp_path: Path, setting: str, known: str
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f"[console]\n{setting}\n", encoding="utf-8")

    assert known == rules(load(config, {})).notice_settings.console_url
