"""The wording of mails to staff, from the folder of the settings."""

import re
from pathlib import Path

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
