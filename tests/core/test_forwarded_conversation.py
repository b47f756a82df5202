"""A conversation that Gmail's "Forward all" forwards as a whole."""

from datetime import UTC, datetime

import pytest

from gateway.core.replies.forwarded.lines import split_lines
from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.core.replies.forwarded.original import Original, find_originals
from tests.core.finding import find_original

ANN = Mailbox("Ann Roe", "ann@example.org")
BOB = Mailbox("Bob Doe", "bob@example.com")
OWN = "Please file this."
TOP = """\
Forwarded Conversation
Subject: Your application
------------------------

"""
QUESTION = "Dear Ann,\n\ndoes Tuesday suit you?\n\n---\nBob"
ANSWER = (
    "It does.\n\nAnn\n\nOn Fri, 20 Nov 2026 at 16:00, Bob Doe <bob@example.com> wrote:\n"
    "> Dear Ann,\n>\n> does Tuesday suit you?"
)
THANKS = "Thank you.\n\nBob"


def mail(sender: Mailbox, to: Mailbox, date: str, text: str) -> str:
    """Return a mail of a conversation as Gmail writes it."""
    named = f"From: {sender.name} <{sender.address}>\nDate: {date}\nTo: {to.name} <{to.address}>"
    return f"{named}\n\n\n{text}\n\n"


MAILS = (
    mail(BOB, ANN, "Fri, 20 Nov 2026 at 16:00", QUESTION),
    mail(ANN, BOB, "Mon, 23 Nov 2026 at 09:15", ANSWER),
    mail(BOB, ANN, "Mon, 23 Nov 2026 at 10:00", THANKS),
)


def found_in(text: str) -> list[Original]:
    return find_originals(split_lines(text), subject="Fwd", zone=UTC)


@pytest.mark.parametrize("own", ["", f"{OWN}\n\n", f"{OWN}\n"])
@pytest.mark.parametrize("top", [TOP, TOP.replace("Forwarded Conversation", "Zdobbl prova")])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_mail_of_a_conversation_is_read_the_newest_first(
    own: str, top: str, number: int
) -> None:
    found = found_in(own + top + "\n----------\n".join(MAILS[:number]))

    expected = [
        (BOB, datetime(2026, 11, 20, 16, tzinfo=UTC), QUESTION),
        (ANN, datetime(2026, 11, 23, 9, 15, tzinfo=UTC), ANSWER),
        (BOB, datetime(2026, 11, 23, 10, tzinfo=UTC), THANKS),
    ]
    assert expected[:number][::-1] == [
        (mail.heading.sender, mail.heading.date, mail.body) for mail in found
    ]
    assert {"Your application"} == {mail.heading.subject for mail in found}
    assert {own.strip()} == {mail.own_text for mail in found}


@pytest.mark.parametrize("line", ["Subject: Cook", "Betreff: Koch", "Cc: Jo <jo@example.org>"])
def test_a_mail_of_a_conversation_may_begin_like_a_header(line: str) -> None:
    """It became a part of the one before it, or lost the line."""
    letter = mail(ANN, BOB, "Mon, 23 Nov 2026 at 09:15", f"{line}\n\nDear Bob")

    newest, _ = found_in(f"{TOP}{MAILS[0]}\n----------\n{letter}")

    assert (ANN, f"{line}\n\nDear Bob") == (newest.heading.sender, newest.body)
    assert "Your application" == newest.heading.subject


@pytest.mark.parametrize("marks", ["", "> "])
def test_a_bracket_in_the_header_of_a_conversations_mail_may_be_wrapped(marks: str) -> None:
    wrapped = [mail.replace("com>", "com\n>").replace("org>", "org\n>") for mail in MAILS]
    text = TOP + "\n----------\n".join(wrapped)

    found = found_in("\n".join(f"{marks}{line}" for line in text.split("\n")))

    assert [BOB, ANN, BOB] == [mail.heading.sender for mail in found]
    assert [(ANN,), (BOB,), (ANN,)] == [mail.heading.to for mail in found]
    assert (THANKS, QUESTION) == (found[0].body, found[2].body)


def test_the_subject_of_a_conversation_may_be_wrapped() -> None:
    found = find_original(TOP.replace("Your app", "Re: Your\napp") + MAILS[0])

    assert found is not None
    assert "Re: Your application" == found.heading.subject


@pytest.mark.parametrize(
    "text",
    [
        f"Note: Ann rang\n------------------------\n\n{MAILS[0]}",
        f"Hello\nNote: Ann rang\n------------------------\n\n{MAILS[0]}",
        "Hello\nPhone: 030 123\n------------------------\n\nNothing else",
        f"Dear Bob,\nI wrote: no\n------------------------\n----------\n{MAILS[0]}",
    ],
)
def test_a_line_under_words_of_ones_own_makes_no_conversation(text: str) -> None:
    own = text.partition("\n")[0]

    found = found_in(f"{text}")

    assert len(found) <= 1
    assert all(own in mail.own_text and mail.heading.subject == "Fwd" for mail in found)


FORWARD = """\
---------- Forwarded message ---------
From: Cas Bos <cas@office.example>
Date: Tue, 24 Nov 2026 at 08:00
Subject: Fwd: Your application
To: Eva <eva@office.example>


Hello Eva

"""
QUOTE = "Am 24. November 2026 um 08:00 schrieb Cas <cas@office.example>:\n> Please pass on.\n\n"


def test_each_mail_of_a_conversation_in_a_forward_is_read() -> None:
    """The oldest had the text of all that were below it."""
    outer, *found = found_in(f"{OWN}\n\n{FORWARD}{TOP}" + "\n----------\n".join(MAILS))

    assert Mailbox("Cas Bos", "cas@office.example") == outer.heading.sender
    assert THANKS in outer.body
    assert [(BOB, THANKS), (ANN, ANSWER), (BOB, QUESTION)] == [
        (mail.heading.sender, mail.body) for mail in found
    ]
    assert all(mail.is_within and mail.is_minor for mail in found)
    assert all(OWN in mail.own_text and "Hello Eva" in mail.own_text for mail in found)


def test_each_mail_of_a_conversation_below_a_quote_is_read() -> None:
    quote, *found = found_in(f"{QUOTE}{TOP}" + "\n----------\n".join(MAILS))

    assert "Please pass on." == quote.body
    assert [(BOB, THANKS), (ANN, ANSWER), (BOB, QUESTION)] == [
        (mail.heading.sender, mail.body) for mail in found
    ]
    assert not found[0].is_minor
    assert all("Please pass on." in mail.own_text for mail in found)


def test_of_a_long_conversation_the_newest_are_read() -> None:
    found = found_in(TOP + "\n----------\n".join(MAILS * 20))
    within = found_in(FORWARD + TOP + "\n----------\n".join(MAILS * 20))

    assert [THANKS, ANSWER, QUESTION] * 3 == [mail.body for mail in found]
    assert [THANKS, ANSWER, QUESTION] * 2 == [mail.body for mail in within[1:7]]
    assert len(found) == len(within)
