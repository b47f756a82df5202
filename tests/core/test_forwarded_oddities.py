"""Forwarded mail with oddities: nested, wrapped, quoted, broken."""

import textwrap
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parseaddr
from itertools import product

import pytest

from gateway.core.replies.forwarded.lines import split_lines
from gateway.core.replies.forwarded.mailboxes import (
    Mailbox,
    parse_agent,
    parse_mailbox,
    parse_mailboxes,
)
from gateway.core.replies.forwarded.original import Original, find_originals
from tests.core.finding import find_original

ANN = Mailbox("Ann Müller", "ann@example.org")
BOB = Mailbox("Bob", "bob@example.com")
SUBJECT = "AW: Ihre Bewerbung: ein Termin"
BODY = "Guten Tag,\n\ndas passt mir gut.\n\n> Wann passt es?\n\nAnn Müller"
OWN = "Bitte ablegen.\n\nGrüße\nBob"


def _found(text: str, subject: str = "") -> Original:
    found = find_original(text, subject=subject)
    assert found is not None
    return found


HEADER = "Von: Ann <ann@example.org>\nGesendet: 4. März 2026 10:11\nAn: Bob <bob@example.com>\n"


def test_nested_forwards_give_the_outermost_and_keep_the_rest() -> None:
    inner = "________________________________\nFrom: Zoe <zoe@example.net>\nSubject: Erste\n\nHallo"

    found = _found(f"Oben\n\n{HEADER}Betreff: Zweite\n\nDazwischen\n\n{inner}")

    assert found.heading.subject == "Zweite"
    assert f"Dazwischen\n\n{inner}" == found.body


@pytest.mark.parametrize(
    "separator",
    [
        "----- Forwarded message from Ann Roe <ann@example.org> -----",
        "----- Forwarded message from Ann Roe\n<ann@example.org> -----",
        "----- Forwarded message from Ann Roe <ann@example.org>\n-----",
    ],
)
@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize("above", ["Oben", "Oben\n\nKandidatin kommt gern."])
def test_the_separator_of_a_forward_may_be_wrapped_and_quoted_with_what_is_above_it(
    separator: str, mark: str, above: str
) -> None:
    """Its words were taken for the author's name."""
    text = f"{above}\n{separator}\n\n{HEADER}Betreff: Zweite\n\nHallo"
    quoted = "\n".join(f"{mark}{line}" for line in text.split("\n"))

    found = _found(quoted)

    assert Mailbox("Ann", "ann@example.org") == found.heading.sender
    assert ("Zweite", "Hallo") == (found.heading.subject, found.body)
    assert datetime(2026, 3, 4, 10, 11, tzinfo=UTC) == found.heading.date


def test_numbers_of_other_mails_may_go_on_below() -> None:
    found = _found(
        f"-----Original-----\n{HEADER}Betreff: Zweite\n"
        "References: <1@example.org>\n<2@example.org> <3@example.org>\n\nHallo"
    )

    assert found.body == "Hallo"


def test_a_forward_right_below_the_header_is_not_taken_for_its_end() -> None:
    inner = "From: Zoe <zoe@example.net>\nCc: Max <max@example.net>\nSubject: Erste\n\nHallo"

    found = _found(f"{HEADER}Betreff: Zweite\n\n{inner}")

    assert inner == found.body
    assert () == found.heading.cc


_ZOHO = (
    "============ Forwarded message ============\nFrom: Ann Müller <ann@example.org>\n"
    "To: Bob <bob@example.com>\nDate: Wed, 04 Mar 2026 10:11:00 +0000\nSubject: Zweite\n"
    "============ Forwarded message ============\n\n"
)


@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize(
    "body",
    [
        "Am 03.03.2026 um 17:03 schrieb Bob:\n\n> Passt es?\n\nJa.",
        "Am 03.03.2026 um 17:03 schrieb Bob <bob@example.com>:\n\nPasst es?",
        "Name: Ann Müller\nDatum: 4. März 2026\nBetreff: Vertrag\n\nHallo",
        "Passt.\n\nAnn\n\nVon: Bob <bob@example.com>\nAn: Ann\nBetreff: Erste\n\nHallo",
        "Von: Bob <bob@example.com>\nGesendet: 3. März 2026\nBetreff: Erste\n\nHallo",
    ],
)
def test_a_separator_repeated_below_a_header_is_none_of_the_text(mark: str, body: str) -> None:
    """Zoho repeats its own; above a text that itself quotes a mail it was taken for another's."""
    quoted = "\n".join(f"{mark}{line}" for line in body.split("\n"))

    found = _found(f"{OWN}\n\n{_ZOHO}{quoted}")

    assert Mailbox("Ann Müller", "ann@example.org") == found.heading.sender
    assert (OWN, body) == (found.own_text, found.body)


def test_a_separator_repeated_below_a_header_begins_no_second_mail() -> None:
    text = f"{OWN}\n\n{_ZOHO}> Passt.\n>\n> Name: Ann Müller\n> Datum: 4. März 2026\n"

    assert 1 == len(find_originals(split_lines(text), subject="", zone=UTC))


@pytest.mark.parametrize("words", ["Von: Zoe", "From: Zoe"])
def test_a_separator_below_a_header_may_begin_a_mail_forwarded_by_the_same_program(
    words: str,
) -> None:
    separator = "---------- Forwarded message ---------"
    inner = f"{separator}\n{words} <zoe@example.net>\nSubject: Erste\n\nHallo"

    found = _found(f"{OWN}\n\n{separator}\n{HEADER}Betreff: Zweite\n\n\n{inner}")

    assert ("Zweite", inner) == (found.heading.subject, found.body)


_THE_BAT = (
    "This is a forwarded message\nFrom: Zoe <zoe@example.net>\nTo: Ann <ann@example.org>\n"
    "Date: Friday, November 20, 2026, 9:15:00 AM\nSubject: Erste\n\n"
    "===8<==============Original message text===============\nHallo\n\n"
    "===8<===========End of original message text==========="
)
_OPENINGS = {
    "nothing": "",
    "Outlook": "-----Ursprüngliche Nachricht-----\n",
    "Outlook on the web": "________________________________\n",
    "Apple Mail": "Anfang der weitergeleiteten Nachricht:\n\n",
    "Thunderbird": "-------- Weitergeleitete Nachricht --------\n",
}


@pytest.mark.parametrize(
    "within",
    [
        _THE_BAT,
        "--- Ende ---",
        "-----Ende-----",
        "-------- Ende --------",
        "===8<===========End of original message text===========",
        "------- End of Forwarded Message",
    ],
)
@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize("opening", _OPENINGS.values(), ids=_OPENINGS)
def test_an_end_of_something_else_is_part_of_the_text(opening: str, mark: str, within: str) -> None:
    """What the candidate wrote below it was filed as the words of the staff."""
    body = f"Anbei.\n\n{within}\n\nPS: Ich komme am Dienstag.\n\nAnn"
    forward = f"{opening}{HEADER}Betreff: Zweite\n\n{body}"
    quoted = "\n".join(f"{mark}{line}" for line in forward.split("\n"))

    found = _found(f"{OWN}\n\n{quoted}")

    assert (OWN, body) == (found.own_text, found.body)


@pytest.mark.parametrize("below", ["", "\n\nBob"])
def test_a_program_that_marks_the_end_may_have_forwarded_what_the_same_did(below: str) -> None:
    """The Bat! writes the same two lines around each of the texts."""
    head, _, _ = _THE_BAT.partition("Hallo")
    _, _, end = _THE_BAT.rpartition("\n")
    body = f"Anbei.\n\n{_THE_BAT}\n\nIch komme am Dienstag."

    found = _found(f"Oben\n\n{head}{body}\n\n{end}{below}")

    assert (f"Oben{below}", body) == (found.own_text, found.body)


_PEOPLE = (
    ("Sanne de Vries", "sanne@example.com"),
    ("Karl Größer", "karl.groesser@example.net"),
    ("Dr. Friederike von Langenfeld", "friederike@example.net"),
    ("", "info@example.com"),
    ("Personalabteilung Köln Innenstadt", "personal.koeln@example.net"),
    ("Peter van der Berg", "peter@example.com"),
    ("Person Nummer 7", "person7@example.com"),
    ("Max Muster", "max@example.net"),
)
_LISTS = {
    "Gmail": "---------- Forwarded message ---------\nVon: Ann <ann@example.org>\n"
    "Date: 4. März 2026 10:11\nSubject: Zweite\n{people}\n\n\n",
    "Outlook": "-----Ursprüngliche Nachricht-----\nVon: Ann <ann@example.org>\n"
    "Gesendet: 4. März 2026 10:11\n{people}\nBetreff: Zweite\n\n",
    "nothing": "Von: Ann <ann@example.org>\nGesendet: 4. März 2026 10:11\nBetreff: Zweite\n"
    "{people}\n\n",
}


@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize("word", ["An", "Cc"])
@pytest.mark.parametrize("separator", [", ", "; "])
@pytest.mark.parametrize("form", _LISTS.values(), ids=_LISTS)
def test_people_wrapped_anywhere_are_none_of_the_text(
    form: str, separator: str, word: str, mark: str
) -> None:
    """A line that ended within a name was the last one of the header."""
    for width, number in product(range(62, 80, 3), range(1, len(_PEOPLE) + 1)):
        people = separator.join(
            f"{name} <{address}>" if name else address for name, address in _PEOPLE[-number:]
        )
        wrapped = textwrap.fill(f"{word}: {people}", width, break_long_words=False)
        forward = f"{form.format(people=wrapped)}Hallo Bob,\n\npasst."
        quoted = "\n".join(f"{mark}{line}" for line in forward.split("\n"))

        found = _found(f"{OWN}\n\n{quoted}")

        assert found.body == "Hallo Bob,\n\npasst."
        read = found.heading.to if word == "An" else found.heading.cc
        assert _PEOPLE[-number:] == tuple((person.name, person.address) for person in read)


@pytest.mark.parametrize(
    "to",
    [
        "Personalabteilung der Beispielgesellschaft Köln, Friederike\nLang <lang@example.net>",
        "Bob <bob@example.com>; Friederike\nLang [mailto:lang@example.net]",
        "Bob <bob@example.com>; Friederike\nLang <lang@example.net>; Karl\nPoe <poe@example.net>",
    ],
)
def test_a_name_begun_on_a_line_is_whole_on_the_next(to: str) -> None:
    found = _found(
        f"-----Original-----\nVon: Ann <ann@example.org>\nBetreff: Zweite\nAn: {to}\n\nHallo"
    )

    assert found.body == "Hallo"
    assert any(person.name.endswith("Friederike Lang") for person in found.heading.to)


@pytest.mark.parametrize(
    "to",
    [
        "Bob",
        "Bob <bob@example.com>",
        "Bob <bob@example.com>; Eva <eva@example.com>",
    ],
)
@pytest.mark.parametrize(
    "body",
    ["Zoe Roe <zoe@example.net>", "Schreiben Sie an zoe@example.net!", "Hallo Bob,\n\npasst."],
)
def test_words_right_below_people_are_the_text(to: str, body: str) -> None:
    found = _found(
        f"-----Original-----\nVon: Ann <ann@example.org>\nBetreff: Zweite\nAn: {to}\n{body}"
    )

    assert body == found.body


@pytest.mark.parametrize(
    "body",
    [
        "Hallo Bob,\n\npasst.",
        "Schreiben Sie an zoe@example.net!",
        "Poe <poe@example.net>; mein Chef; Zoe Roe <zoe@example.net>; wir kommen.",
    ],
)
def test_words_right_below_a_name_without_address_are_the_text(body: str) -> None:
    to = "Bob <bob@example.com>; Karl"

    found = _found(
        f"-----Original-----\nVon: Ann <ann@example.org>\nBetreff: Zweite\nAn: {to}\n{body}"
    )

    assert body == found.body


@pytest.mark.parametrize("blank", ["\n\n", "\n\n\n"])
@pytest.mark.parametrize("word", ["Cc", "Bcc", "Antwort an", "Reply-To"])
@pytest.mark.parametrize("separator", ["-----Original-----\n", ""])
def test_a_text_may_begin_with_a_word_of_a_header(separator: str, word: str, blank: str) -> None:
    """It was filed as a copy, though an empty line was above it."""
    body = f"{word}: Karl <karl@example.net>\n\nHallo"

    found = _found(f"{separator}{HEADER}Betreff: Zweite{blank}{body}")

    assert body == found.body
    assert () == found.heading.cc


def test_a_body_right_below_the_subject_is_not_taken_for_it() -> None:
    found = _found(f"{HEADER}Betreff: Zweite\nHallo Bob: es passt.\nAnn")

    assert found.heading.subject == "Zweite"
    assert found.body == "Hallo Bob: es passt.\nAnn"


def test_a_wrapped_subject_ends_where_the_subject_of_the_mail_around_it_says() -> None:
    found = _found(f"{HEADER}Betreff: AW: Ihre lange\nBewerbung\n\nHallo", "Ihre lange Bewerbung")

    assert found.heading.subject == "AW: Ihre lange Bewerbung"
    assert found.body == "Hallo"


def test_a_missing_subject_is_that_of_the_mail_around_it() -> None:
    assert _found(f"{HEADER}\nHallo", "Stelle").heading.subject == "Stelle"
    assert _found(f"{HEADER}Betreff:\n\nHallo", "Stelle").heading.subject == ""
    assert _found(f"{HEADER}Betreff:\n\nHallo").body == "Hallo"


def test_stars_of_a_subject_are_kept() -> None:
    found = _found(f"{HEADER}Betreff: ***EILT*** Termin\n\nHallo")

    assert found.heading.subject == "***EILT*** Termin"


def test_a_bold_header_loses_its_stars_only() -> None:
    text = "**Von:** Ann <ann@example.org>\n**Gesendet:** heute\n**Betreff:** **EILT** x\n\n*Hallo*"

    found = _found(text)

    assert found.heading.subject == "**EILT** x"
    assert found.heading.date is None
    assert found.heading.date_text == "heute"
    assert found.body == "*Hallo*"


def test_what_stands_below_a_quoted_forward_is_the_forwarders_own() -> None:
    quoted = "\n".join(f"> {line}" for line in f"{HEADER}\nHallo\n> Zitat".split("\n"))

    found = _found(f"Oben\n\n{quoted}\n\nUnten")

    assert found.body == "Hallo\n> Zitat"
    assert found.own_text == "Oben\n\nUnten"


def test_lines_that_a_client_broke_inside_a_quote_stay_in_it() -> None:
    text = "> Von: Ann <ann@example.org>\n> Betreff: x\n>\n> eine lange\nZeile\n> Ende"

    assert _found(text).body == "eine lange\nZeile\nEnde"


def test_marks_of_direction_and_odd_blanks_do_not_hide_a_header() -> None:
    text = "\u200eVon\xa0:\u202a Ann <ann@example.org>\u202c\n\u200fDatum\u202f: heute\n\nHallo"

    assert Mailbox("Ann", "ann@example.org") == _found(text).heading.sender


def test_words_nobody_knows_take_the_role_that_is_left() -> None:
    text = (
        "---- Zprofa ----\nOdkud: Ann <ann@example.org>\nKam tak: Bob <bob@example.com>\n"
        "Dne: 4.3.2026 10:11\nOpis: Termin\nCc: cleo@example.com\n\nHallo"
    )

    found = _found(text)

    assert Mailbox("Ann", "ann@example.org") == found.heading.sender
    assert (BOB,) == found.heading.to
    assert found.heading.subject == "Termin"
    assert datetime(2026, 3, 4, 10, 11, tzinfo=UTC) == found.heading.date
    assert found.body == "Hallo"


def test_lines_beside_the_point_are_passed_over() -> None:
    text = f"{HEADER}Anlagen: cv.pdf; zeugnis.pdf\nWichtigkeit: Hoch\nBetreff: x\n\nHallo"

    found = _found(text)

    assert found.heading.subject == "x"
    assert found.body == "Hallo"


def test_the_place_to_answer_is_a_line_of_the_header() -> None:
    found = _found(f"{HEADER}Antwort an: cleo@example.com\nBetreff: x\n\nHallo")

    assert ("x", "Hallo") == (found.heading.subject, found.body)


def test_a_date_without_a_zone_is_taken_in_the_given_one() -> None:
    found = find_original(f"{HEADER}\nHallo", zone=timezone(timedelta(hours=1)))

    assert found is not None
    assert datetime(2026, 3, 4, 9, 11, tzinfo=UTC) == found.heading.date


@pytest.mark.parametrize(
    "line",
    [
        "23.11.2026 09:15 Anruf von Ann Roe <ann@example.org>:",
        "23.11.2026 09:15 Ann Roe <ann@example.org>:",
        "23.11.2026 Ann Roe <ann@example.org>:",
        "23.11.2026 09:15:02 Ann Roe <ann@example.org>, Bob:",
        "Ann Roe <ann@example.org> 23.11.2026 09:15:02:",
    ],
)
def test_a_note_with_a_date_and_an_address_is_no_introduction(line: str) -> None:
    assert find_original(f"{line}\n\nSie kommt gern.") is None


@pytest.mark.parametrize(
    ("text", "mailboxes"),
    [
        ("Müller, Ann <ann@example.org>", [Mailbox("Müller, Ann", "ann@example.org")]),
        (
            "Müller, Ann <ann@example.org>; Roe, Jo <jo@example.org>",
            [Mailbox("Müller, Ann", "ann@example.org"), Mailbox("Roe, Jo", "jo@example.org")],
        ),
        ("Team Personal; Bob", [Mailbox("Team Personal", ""), Mailbox("Bob", "")]),
        ("Ann O'Neal <ann.o'neal@example.org>", [Mailbox("Ann O'Neal", "ann.o'neal@example.org")]),
        ("'ann@example.org' <ann@example.org>", [Mailbox("", "ann@example.org")]),
        ("ann@example.org (Ann)", [Mailbox("Ann", "ann@example.org")]),
        ("Ann </O=EX/CN=ANN>", [Mailbox("Ann", "")]),
        ("ann@work.org <ann@example.org>", [Mailbox("ann@work.org", "ann@example.org")]),
        ('"Ann" "van" "Roe" <a@x.example>', [Mailbox("Ann van Roe", "a@x.example")]),
        ('"Ann, Dr." "née" "Roe" <a@x.example>', [Mailbox("Ann, Dr. née Roe", "a@x.example")]),
        ('Ms "Lisa" Roe <a@x.example>', [Mailbox('Ms "Lisa" Roe', "a@x.example")]),
        (
            '"Ann Roe";<a@x.example>; "Bob"; <b@x.example>;',
            [Mailbox("Ann Roe", "a@x.example"), Mailbox("Bob", "b@x.example")],
        ),
        (
            '"Ann Roe" < [ mailto:a@x.example | a@x.example ] >, [ mailto:b@x.example | x ]',
            [Mailbox("Ann Roe", "a@x.example"), Mailbox("", "b@x.example")],
        ),
        ("Ann Roe [ mailto:a@x.example ]", [Mailbox("Ann Roe", "a@x.example")]),
        ("<>", []),
    ],
)  # fmt: skip
def test_mailboxes_are_read_as_people_see_them(text: str, mailboxes: list[Mailbox]) -> None:
    assert tuple(mailboxes) == parse_mailboxes(text)


@pytest.mark.parametrize(
    "field",
    [
        'Lieke "Liek" Berg <a@x.example>',
        '"Ms \\"Lisa\\" Roe" <a@x.example>',
        '"Ann" "van" "Roe" <a@x.example>',
        '"Roe, Dr." Ann "née, Doe" Poe <a@x.example>',
        'Jan "Jo \\"J\\" Jo" de Boer <a@x.example>',
    ],
)
def test_the_field_of_a_mail_has_no_quotes_but_those_with_a_backslash(field: str) -> None:
    assert Mailbox(*parseaddr(field)) == parse_mailbox(field, is_field=True)


@pytest.mark.parametrize(
    ("line", "author", "agent"),
    [
        ("Board <noreply@b.test> namens Ann", ("Ann", ""), "noreply@b.test"),
        ("Board [mailto:no-reply@b.test] On Behalf Of Ann Roe", ("Ann Roe", ""), "no-reply@b.test"),
        ("Board <m@b.test>; im Auftrag von; Ann <a@x.example>", ("Ann", "a@x.example"), "m@b.test"),
        ("Board <m@b.test> på uppdrag av Ann <a@x.example>", ("Ann", "a@x.example"), "m@b.test"),
        ("Board <m@b.test> uit naam van Ann <a@x.example>", ("Ann", "a@x.example"), "m@b.test"),
        ("Board <m@b.test> puolesta Ann <a@x.example>", ("Ann", "a@x.example"), "m@b.test"),
        ("Board <m@b.test> käyttäjän Ann <a@x.test> puolesta", ("Ann", "a@x.test"), "m@b.test"),
        ("Board <m@b.test> on behalf of a@x.example", ("", "a@x.example"), "m@b.test"),
        ("Ann <a@x.example> on behalf of jobs@x.example", ("Ann", "a@x.example"), ""),
        ("Ann <a@x.example> namens Team Werving", ("Ann", "a@x.example"), ""),
        ('"Namens de Vries" <a@x.example>', ("Namens de Vries", "a@x.example"), ""),
    ],
)
def test_the_author_is_who_a_mail_was_sent_for(
    line: str, author: tuple[str, str], agent: str
) -> None:
    sent_by = parse_agent(line)

    assert Mailbox(*author) == parse_mailbox(line)
    assert agent == (sent_by.address if sent_by else "")
