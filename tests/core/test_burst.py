"""Which mails of a CRM are one and the same, sent person by person: the keys of a burst."""

import pytest

from gateway.core.decision.burst import BurstKeys, burst_keys
from gateway.core.mail.headers import Headers


def keys(
    subject: str, *names: str, login: str | None = "crm", author: str = "a@crm.example"
) -> BurstKeys:
    headers = Headers.parse(f"From: {author}\nSubject: {subject}\n".encode())
    return burst_keys(login, headers, names)


def are_the_same(one: BurstKeys, other: BurstKeys) -> bool:
    return one.subject == other.subject or one.nameless == other.nameless


#: What may differ between two mails of one mailing: they have one of the keys in common.
SAME = {
    "the very same": (keys("New vacancies"), keys("New vacancies")),
    "each greeted by name": (
        keys("Ann, new vacancies for you", "Ann", "Jansen"),
        keys("Bob, new vacancies for you", "Bob", "Smit"),
    ),
    "each greeted by a name of several words": (
        keys("Dear Anna Maria van Dam: news", "Anna Maria", "van Dam"),
        keys("Dear Bob Smit: news", "Bob", "Smit"),
    ),
    "a subject that has a part of a recipient's name": (
        keys("Nieuws van de vereniging", "Piet de Boer"),
        keys("Nieuws van de vereniging", "Ann Smit"),
    ),
    "a subject that is a recipient's name": (
        keys("Newsletter April", "April Smith"),
        keys("Newsletter April", "Ann Smit"),
    ),
    "… of each": (
        keys("Vacatures jan en feb", "Jan Smit"),
        keys("Vacatures jan en feb", "Feb Boer"),
    ),
    "each greeted by name, and a part of one is a word of it": (
        keys("Beste Piet, nieuws van de raad", "Piet van de Berg"),
        keys("Beste Ann, nieuws van de raad", "Ann Smit"),
    ),
    "a name without its accents": (
        keys("José, news", "Jose\u0301 Díaz"),
        keys("Zoe, news", "Zoë"),
    ),
    "a name whose letters are apart": (keys("Jose\u0301: news", "José"), keys("Bob: news", "Bob")),
    "a name in other letters": (keys("ANN: news", "Ann"), keys("bob: news", "BOB")),
    "numbered": (keys("Your file 4711"), keys("Your file 12")),
    "a number inside a word": (keys("Your file A4711B"), keys("Your file A12B")),
    "punctuation and blanks": (keys("News -  for you!"), keys("News: for_you")),
    "an author's name": (
        keys("News", author="Eva <a@crm.example>"),
        keys("News", author="Office <A@CRM.example>"),
    ),
    "an author's encoded name, a comma in it": (
        keys("News", author="=?utf-8?q?Roe=2C_Eva?= <a@crm.example>"),
        keys("News", author="=?utf-8?q?Poe=2C_Ben?= <a@crm.example>"),
    ),
    "an author's encoded name, an address in it": (
        keys("News", author="=?utf-8?q?For_=3Cann=40x=2Eexample=3E?= <a@crm.example>"),
        keys("News", author="=?utf-8?q?For_=3Cbob=40y=2Eexample=3E?= <a@crm.example>"),
    ),
    "no login, told in either way": (keys("News", login=None), keys("News", login="")),
}

#: What tells two mails of a CRM apart.
DIFFERENT = {
    "another subject": (keys("New vacancies"), keys("Your interview")),
    "another login": (keys("News", login="crm"), keys("News", login="planning")),
    "another author": (keys("News", author="a@crm.example"), keys("News", author="b@crm.example")),
    "a name the CRM doesn't know": (keys("Ann, news"), keys("Bob, news")),
    "a part of a name alone": (keys("The van is here", "Ann van Dam"), keys("The is here", "Bob")),
    "somebody else's name": (keys("About Ann", "Bob"), keys("About Eve", "Bob")),
    "a login can't pass for an author": (
        keys("News", login="x", author="y@crm.example"),
        keys("News", login="x\0y@crm.example", author=""),
    ),
}


@pytest.mark.parametrize("why", SAME)
def test_mails_of_one_mailing_have_a_key_in_common(why: str) -> None:
    one, other = SAME[why]

    assert are_the_same(one, other)


@pytest.mark.parametrize("why", DIFFERENT)
def test_mails_of_two_minds_have_none(why: str) -> None:
    one, other = DIFFERENT[why]

    assert not are_the_same(one, other)


@pytest.mark.parametrize("subject", ["", "4711", "Ünïcode 日本", "\ud800", "x" * 100_000])
def test_a_key_is_a_positive_number_that_any_store_keeps(subject: str) -> None:
    headers = Headers.parse(b"Subject: " + subject.encode("utf-8", "surrogatepass") + b"\n")

    made = burst_keys(None, headers, ())
    assert 0 <= made.subject == made.nameless < 2**63


def test_a_mail_without_subject_and_author_has_a_key_too() -> None:
    nothing = Headers.parse(b"")

    assert burst_keys(None, nothing, ()) == burst_keys(None, nothing, ("Ann",))
