"""What people are written: in their language, safely, and what templates can't do."""

from datetime import date
from email import message_from_bytes, policy

import pytest

from gateway.core.kinds import Kind
from gateway.core.people.people import Person, PersonKind, PersonRef
from gateway.core.people.training import Qualification
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.trigger_mail import TriggerMail, build
from gateway.core.triggers.values import PERSON, QUALIFICATION, values
from gateway.triggers.templates import (
    BadTemplate,
    MailTemplate,
    NotRendered,
    Rendered,
    TemplateSource,
)
from tests.store.feeding import NOW

ANN = Person(ref=PersonRef(PersonKind.CANDIDATE, "1"), first_name="Ann", last_name="O'Neil <b>")
LICENCE = Qualification(
    crm_id="q1",
    person=ANN.ref,
    name="Übungsleiter C",
    licence_number="L-1",
    examiner_number="P-7",
    examiner="Dr. Prüfer",
    acquired_on=date(2025, 3, 1),
    expires_on=date(2027, 3, 1),
)
S4 = "[QUALIFIKATION]|[PRUEFNR]|[PRUEFERNR]|[PRUEFERNAME]|[AUSSTELLER]|[PRUEFDATUM]|[VERFALLDATUM]"


def of_texts(default: str = "nl", **texts: str) -> MailTemplate:
    sources = {
        language: TemplateSource(
            file=f"{language}.txt", text=f"Subject: Hallo {{{{ person.first_name }}}}\n\n{text}"
        )
        for language, text in texts.items()
    }
    return MailTemplate(sources, default=default)


def written(template: str, language: str = "de") -> str:
    facts = OccurrenceFacts(person=ANN, qualification=LICENCE, issuer="Eva Bos")
    known = values((PERSON, QUALIFICATION), facts, date(2027, 3, 1), language)
    return of_texts(**{language: template}).render(language, known).text.strip()


@pytest.mark.parametrize(
    ("language", "first", "last"),
    [
        ("de", "01.03.2025", "01.03.2027"),
        ("nl", "01-03-2025", "01-03-2027"),
        ("fr", "01/03/2025", "01/03/2027"),
        ("en", "1 March 2025", "1 March 2027"),
        ("pl", "2025-03-01", "2027-03-01"),
    ],
)
def test_the_placeholders_of_s4_work_as_written_with_dates_in_the_readers_language(
    language: str, first: str, last: str
) -> None:
    expected = f"Übungsleiter C|L-1|P-7|Dr. Prüfer|Eva Bos|{first}|{last}"

    assert expected == written(S4, language)


def test_other_words_in_brackets_stay_and_are_told_once() -> None:
    found = of_texts(nl="[VORNAME] [VORNAME] [PRUEFNR] {{ person['name'] }} [1]\n")

    assert ["nl.txt: [VORNAME]"] == [one.partition(" is")[0] for one in found.doubts()]
    assert written("[VORNAME]") == "[VORNAME]"


@pytest.mark.parametrize(("own", "read"), [("fr", "fr"), ("de-AT", "de"), ("pl", "nl"), ("", "nl")])
def test_the_language_is_the_persons_else_the_default(own: str, read: str) -> None:
    found = of_texts(de="Hallo", fr="Bonjour", nl="Dag")

    assert read == found.language_of(own)


def test_without_the_default_language_it_is_the_first_there_is() -> None:
    assert of_texts(default="nl", de="Hallo", fr="Bonjour").language_of("pl") == "de"


def test_what_people_are_called_is_escaped_in_html_and_plain_in_text() -> None:
    source = TemplateSource(
        file="nl.txt", text="Subject: Hi\n\n{{ person.name }}", html="<p>{{ person.name }}</p>"
    )

    rendered = MailTemplate({"nl": source}, default="nl").render(
        "nl", values((PERSON,), OccurrenceFacts(person=ANN), date(2027, 3, 1), "nl")
    )

    assert rendered.text == "Ann O'Neil <b>\n"
    assert rendered.html == "<p>Ann O&#39;Neil &lt;b&gt;</p>"


@pytest.mark.parametrize(
    "code",
    [
        "{{ person.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ 'x' * 99999999 }}",
        "{{ 9 ** 99999999 }}",
        "{% for n in range(999999999) %}x{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{{ 1 / 0 }}",
        "{% for n in range(99999) %}0123456789abcdef{% endfor %}",
    ],
)
def test_a_template_gets_out_of_its_sandbox_by_no_way(code: str) -> None:
    with pytest.raises((NotRendered, BadTemplate)):
        written(code)


def test_nothing_in_a_name_begins_another_header_line() -> None:
    """RELIABILITY H5."""
    mail = TriggerMail(
        id=1,
        at=NOW,
        sender='"Büro" <office@example.org>',
        hostname="gw.example.org",
        recipient="ann@example.org",
        name="Ann\r\nBcc: evil@example.org\n\u2028X: y",
        language="nl",
        kind=Kind.BULK,
        subject="Hi\r\nBcc: evil@example.org \x00" + "lang " * 90,
        text="Woorden",
        html="<p>é</p>",
    )

    read = message_from_bytes(build(mail), policy=policy.default)

    assert read["Bcc"] is None
    assert read["X"] is None
    assert read["From"] == "Büro <office@example.org>"
    assert str(read["Subject"]).startswith("Hi Bcc: evil@example.org lang")
    assert read["Auto-Submitted"] == "auto-generated"
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in read.iter_parts()]
    assert ["Woorden\n", "<p>é</p>\n"] == [
        part.get_content().replace("\r\n", "\n") for part in read.iter_parts()
    ]
    assert build(mail) == build(mail)


def test_an_address_beyond_ascii_stands_as_it_is() -> None:
    mail = TriggerMail(
        id=1,
        at=NOW,
        sender="office@example.org",
        hostname="gw.example.org",
        recipient="jürgen@bücher.example",
        name="Jürgen",
        language="de",
        kind=Kind.INDIVIDUAL,
        subject="Grüße",
        text="Hallo",
    )

    assert "To: <jürgen@bücher.example>\r\n".encode() in build(mail)


def filled_in(source: TemplateSource) -> Rendered:
    known = values((PERSON,), OccurrenceFacts(person=ANN), date(2027, 3, 1), "nl")
    return MailTemplate({"nl": source}, default="nl").render("nl", known)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("{% include 'x' %}", "{% include %} finds no other file: write here what it is to take"),
        ("{% from 'x' import y %}", "{% from %} finds no other file"),
        ("{{ date.year }}", "date has no parts: write {{ date }} without year"),
        ("{{ person.frist_name }}", "is unknown; did you mean person.first_name? known: person."),
        ("{{ nonsense }}", "nonsense is unknown; known: actor, "),
        ("{% if 1 %}a", "{% if %} is never ended: write {% endif %} where it ends"),
        ("{% for a in [1] %}{% endif %}", "{% endif %} can't stand here: {% for %} must end first"),
        ("{% iff 1 %}", "there is no tag iff; did you mean if?"),
        ("{% endif %}", "{% endif %} belongs to nothing: what it ends never began"),
        ("{{ person.name", "}} is missing at the end"),
        ("{{ person.name }", "} can't stand here: something is missing, or too much"),
        ("{{ person name }}", "}} is expected here, not a name"),
        ("{% if person.name = 1 %}{% endif %}", "a single = compares nothing: write =="),
        ("{{ }}", "a value is missing before }}"),
        ("{{ (1 }}", ") is missing before }"),
        ("{{ 1 if }}", "a value is missing before }}"),
        ("{{ ? }}", "the character ? can't stand here"),
        ('{{ "a }}', "a quotation mark is missing"),
        ("{{ 1|uppr }}", "there is no filter uppr; did you mean upper?"),
        ("{# a", "a comment begins and never ends: write #} where it ends"),
        ("{% raw %}", "{% raw %} is never ended: write {% endraw %}"),
        ("{% block a %}{% endblock %}{% block a %}{% endblock %}", "its code can't be read (block"),
        ("{{ person['x'] }}", "there is no x in this value: look for a slip in its name"),
        ("{{ [1][5] }}", "there is no 5 in this value"),
        ("{{ 1 / 0 }}", "it divides by 0: ask with if whether the number is 0"),
        ("{{ 'a' * 3 }}", "* is for numbers only: texts are put together by ~"),
        ("{{ 'a'.__class__ }}", "__class__ can't be taken of a value: leave it out"),
        ("{% if 1 is nope %}{% endif %}", "there is no test nope"),
        ("{{ person.name() }}", "this is no macro: leave the brackets behind it out"),
        ("{{ person.name + 1 }}", "+ doesn't put texts and numbers together: write ~ instead"),
        ("{% for a in 5 %}{% endfor %}", "this is no list, and for goes over lists only"),
        ("{{ 'a'|replace('b') }}", "a filter or macro is given too little or too much"),
        ("{{ '%d'|format('a') }}", "a value is used as it can't be"),
        ("{{ 'a'|center(999999999) }}", "|center takes numbers up to 1000"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_in_plain_words(code: str, told: str) -> None:
    text = TemplateSource(file="letter/nl.txt", text=f"Subject: a\n\nDag\n{code}\n")
    html = TemplateSource(file="letter/nl.txt", text="Subject: a\n\nDag\n", html=f"Dag\n{code}\n")
    for source, place in (
        (text, "letter/nl.txt:4"),
        (html, "letter/nl.html:2"),
    ):
        with pytest.raises((BadTemplate, NotRendered)) as caught:
            filled_in(source)

        assert str(caught.value).startswith(f"{place}: ")
        assert told in str(caught.value)
