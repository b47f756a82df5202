"""Which mails of a CRM are one and the same, sent person by person: the key of a burst."""

import pytest

from gateway.core.decision.burst import burst_key
from gateway.core.mail.headers import Headers


def key(subject: str, *names: str, login: str | None = "crm", author: str = "a@crm.example") -> int:
    headers = Headers.parse(f"From: {author}\nSubject: {subject}\n".encode())
    return burst_key(login, headers, names)


#: What may differ between two mails of one mailing: the mails have the same key.
SAME = {
    "the very same": (key("New vacancies"), key("New vacancies")),
    "each greeted by name": (
        key("Ann, new vacancies for you", "Ann", "Jansen"),
        key("Bob, new vacancies for you", "Bob", "Smit"),
    ),
    "each greeted by a name of several words": (
        key("Dear Anna Maria van Dam: news", "Anna Maria", "van Dam"),
        key("Dear Bob Smit: news", "Bob", "Smit"),
    ),
    "a name in other letters": (key("ANN: news", "Ann"), key("bob: news", "BOB")),
    "numbered": (key("Your file 4711"), key("Your file 12")),
    "a number inside a word": (key("Your file A4711B"), key("Your file A12B")),
    "punctuation and blanks": (key("News -  for you!"), key("News: for_you")),
    "an author's name": (
        key("News", author="Eva <a@crm.example>"),
        key("News", author="Office <A@CRM.example>"),
    ),
    "an author's encoded name, a comma in it": (
        key("News", author="=?utf-8?q?Roe=2C_Eva?= <a@crm.example>"),
        key("News", author="=?utf-8?q?Poe=2C_Ben?= <a@crm.example>"),
    ),
    "an author's encoded name, an address in it": (
        key("News", author="=?utf-8?q?For_=3Cann=40x=2Eexample=3E?= <a@crm.example>"),
        key("News", author="=?utf-8?q?For_=3Cbob=40y=2Eexample=3E?= <a@crm.example>"),
    ),
    "no login, told in either way": (key("News", login=None), key("News", login="")),
}

#: What tells two mails of a CRM apart.
DIFFERENT = {
    "another subject": (key("New vacancies"), key("Your interview")),
    "another login": (key("News", login="crm"), key("News", login="planning")),
    "another author": (key("News", author="a@crm.example"), key("News", author="b@crm.example")),
    "a name the CRM doesn't know": (key("Ann, news"), key("Bob, news")),
    "somebody else's name": (key("About Ann", "Bob"), key("About Eve", "Bob")),
    "a login can't pass for an author": (
        key("News", login="x", author="y@crm.example"),
        key("News", login="x\0y@crm.example", author=""),
    ),
}


@pytest.mark.parametrize("why", SAME)
def test_mails_of_one_mailing_have_one_key(why: str) -> None:
    one, other = SAME[why]

    assert one == other


@pytest.mark.parametrize("why", DIFFERENT)
def test_mails_of_two_minds_have_two_keys(why: str) -> None:
    one, other = DIFFERENT[why]

    assert one != other


@pytest.mark.parametrize("subject", ["", "4711", "Ünïcode 日本", "\ud800", "x" * 100_000])
def test_a_key_is_a_positive_number_that_any_store_keeps(subject: str) -> None:
    headers = Headers.parse(b"Subject: " + subject.encode("utf-8", "surrogatepass") + b"\n")

    assert 0 <= burst_key(None, headers, ()) < 2**63


def test_a_mail_without_subject_and_author_has_a_key_too() -> None:
    nothing = Headers.parse(b"")

    assert burst_key(None, nothing, ()) == burst_key(None, nothing, ("Ann",))
