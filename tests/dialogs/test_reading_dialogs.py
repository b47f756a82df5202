"""Dialog files: what a line means, and what is said of one that nobody can play."""

from pathlib import Path

import pytest

from tests.dialogs.dialog import DialogError, Line, fits, read_dialog
from tests.dialogs.test_dialogs import FILES


def written(folder: Path, text: str) -> Path:
    file = folder / "one.dialog"
    file.write_text(text)
    return file


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_dialog_says_why_and_has_both_sides(file: Path) -> None:
    dialog = read_dialog(file)

    assert len(dialog.why) > 20
    assert {"c", "s"} <= {line.word for line in dialog.lines}


def test_there_are_dialogs() -> None:
    assert len(FILES) >= 30


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("NOOP", b"NOOP\r\n"),
        ("", b"\r\n"),
        ("NOOP\\", b"NOOP"),
        ("NOOP\\n\\", b"NOOP\n"),
        ("a\\x00\\xff\\\\", b"a\0\xff\\\r\n"),
        ("MAIL FROM:<{5*ab}@x>", b"MAIL FROM:<ababababab@x>\r\n"),
        ("é", "é\r\n".encode()),
    ],
)
def test_a_clients_line_is_sent_octet_for_octet(text: str, octets: bytes) -> None:
    assert octets == Line(1, "c", text).octets


@pytest.mark.parametrize(
    ("text", "pattern", "is_so"),
    [
        ("250 2.0.0 Ok", "250 2.0.0 Ok", True),
        ("250 2.0.0 Ok", "250 *", True),
        ("250-x", "250 *", False),
        ("250 [a]?", "250 [a]?", True),
        ("250 a", "250 [a]", False),
        ("250 OK", "250 Ok", False),
    ],
)
def test_a_star_stands_for_anything_and_all_else_for_itself(
    text: str, pattern: str, is_so: bool
) -> None:
    assert is_so == fits(text, pattern)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c: NOOP\n", "begin with a comment"),
        ("# Why\nC: NOOP\n", "one.dialog:2: 'C: NOOP': begin with one of listener:, tls:, c:"),
        ("# Why\nNOOP\n", "one.dialog:2: 'NOOP'"),
        ("# Why\nrelay: RCPT 450 no\n", "one.dialog:2: write `relay: STAGE -> ANSWER`"),
        ("# Why\nrelay: BDAT -> 450 no\n", "one.dialog:2: write `relay: STAGE -> ANSWER`"),
        ("# Why\n\nrelay: dot -> nothing\n", "one.dialog:3: answer with REPLY"),
        ("# Why\njournal:   a@x relayed by relay\n", "one.dialog:2: name kind and rule"),
    ],
)
def test_a_line_nobody_can_play_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DialogError) as refused:
        read_dialog(written(tmp_path, text))

    assert said in str(refused.value)
