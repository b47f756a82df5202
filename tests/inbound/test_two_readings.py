"""Where a mail can be read in two ways what is known decides, and a remark says so."""

import itertools
from base64 import encodebytes
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from gateway.core.mail.address import lookup_form
from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.history import HistoryEntry
from gateway.core.people.people import PersonKind, PersonRef
from gateway.inbound.filing import Applicant, Filing, entry_of
from gateway.inbound.reading.reading import ReadingTask, read
from gateway.inbound.verdict import Repeated
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import PDF, as_attachment, forward, original, with_file
from tests.inbound.test_outlook import tnef_with_mail

QUOTE = "Am 5. März 2026 um 09:00 schrieb Max <max@example.net>:\n> Bitte weiterleiten.\n\n"
BLOCK = """\
-----Ursprüngliche Nachricht-----
Von: {sender}
Gesendet: Mittwoch, 4. März 2026 10:11
An: Eva Bos <eva@office.example>
Betreff: AW: Ihre Bewerbung

Das passt.
"""
ANN_ADDRESS = "ann@example.org"
ANN = f"Ann Müller <{ANN_ADDRESS}>"
Filed = Callable[[EmailMessage], HistoryEntry]


async def test_a_quote_above_the_candidates_mail_is_the_forwarders(rig: ImporterRig) -> None:
    entry = await rig.filed(forward(text=QUOTE + BLOCK.format(sender=ANN)))

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert "Bitte weiterleiten." in entry.staff_text
    assert ("other_reading max@example.net",) == entry.remarks


async def test_where_neither_is_the_candidate_the_subject_of_the_mail_decides(
    rig: ImporterRig,
) -> None:
    entry = await rig.filed(forward(text=QUOTE + BLOCK.format(sender="Jo <jo@example.net>")))

    assert "jo@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading max@example.net") == entry.remarks


async def test_where_the_subject_is_neithers_a_mail_isnt_older_than_what_it_holds(
    rig: ImporterRig,
) -> None:
    text = QUOTE.replace("5. März", "1. März") + BLOCK.format(sender="Jo <jo@example.net>")

    entry = await rig.filed(forward(subject="4711 Unterlagen", text=text))

    assert "jo@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading max@example.net") == entry.remarks


async def test_where_nothing_is_known_the_first_is_filed(rig: ImporterRig) -> None:
    text = QUOTE + BLOCK.format(sender="Jo <jo@example.net>")

    entry = await rig.filed(forward(subject="4711 Unterlagen", text=text))

    assert "max@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading jo@example.net") == entry.remarks


async def test_the_candidates_mail_in_the_text_wins_over_one_attached_by_others(
    rig: ImporterRig,
) -> None:
    mail = as_attachment(original(sender="Max <max@example.net>"))
    mail.get_payload()[0].set_content(BLOCK.format(sender=ANN))  # type: ignore[union-attr, index]

    entry = await rig.filed(mail)

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert ("other_reading max@example.net",) == entry.remarks


async def test_the_candidates_quote_above_a_mail_of_others_is_filed_with_a_remark(
    rig: ImporterRig,
) -> None:
    text = QUOTE.replace("Max <max@example.net>", ANN) + BLOCK.format(sender="Eva <eva@x.example>")

    entry = await rig.filed(forward(text=text))

    assert "ann@example.org" == entry.sender
    assert ("other_reading eva@x.example",) == entry.remarks


async def test_a_mail_within_the_candidates_quote_is_no_other_reading(rig: ImporterRig) -> None:
    inner = BLOCK.format(sender="Eva <eva@x.example>").replace("\n", "\n> ")

    entry = await rig.filed(forward(text=f"Am 4. März 2026 um 10:11 schrieb {ANN}:\n> {inner}"))

    assert "ann@example.org" == entry.sender
    assert "Von: Eva <eva@x.example>" in entry.text
    assert () == entry.remarks


async def test_of_two_attached_mails_the_candidates_is_filed_with_its_documents(
    rig: ImporterRig,
) -> None:
    mail = as_attachment(
        with_file(original(sender="Max <max@example.net>"), "Liste.pdf", PDF + b"1")
    )
    mail.add_attachment(with_file(original(), "Lebenslauf.pdf"))

    entry = await rig.filed(mail)

    assert "ann@example.org" == entry.sender
    assert ("other_reading max@example.net",) == entry.remarks
    assert ["AW_ Ihre Bewerbung.eml", "Lebenslauf.pdf"] == [d.filename for d in entry.documents]


async def test_lines_like_a_header_in_the_note_are_no_forward_where_one_follows(
    rig: ImporterRig,
) -> None:
    note = "Von: Montag\nAn: alle\nBetreff: bitte ablegen\n\n"

    entry = await rig.filed(forward(text=note + BLOCK.format(sender=ANN)))

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert note.strip() == entry.staff_text
    assert ("other_reading Montag",) == entry.remarks


async def test_where_html_and_text_have_another_author_the_subject_decides(
    rig: ImporterRig,
) -> None:
    mail = forward(
        text="Anbei.\n\n" + BLOCK.format(sender="Jo <jo@example.net>").replace("AW: Ihre", "Die")
    )
    page = BLOCK.format(sender="Kim &lt;kim@example.net&gt;").replace("\n", "<br>")
    mail.add_alternative(f"<p>Anbei.</p>{page}", subtype="html")

    entry = await rig.filed(mail)

    assert "kim@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading jo@example.net") == entry.remarks


NOTE = "Bitte ablegen."
KARL = "Karl <karl@example.net>"
#: What programs write around a mail that they forward into a text, by the form it has.
FORMS = {
    "block": (
        "-------- Weitergeleitete Nachricht --------\nBetreff: \t{subject}\nDatum: \t{date}\n"
        "Von: \t{sender}\nAn: \teva@office.example\n\n{text}\n"
    ),
    "bare block": (
        "Von: {sender}\nGesendet: {day} 14:12\nAn: Eva <eva@office.example>\nBetreff: {subject}\n\n"
        "{text}\n"
    ),
    "closed block": (
        "----- Forwarded message from {sender} -----\n\nDate: {date}\nFrom: {sender}\n"
        "To: eva@office.example\nSubject: {subject}\n\n{text}\n\n"
        "----- End forwarded message -----\n"
    ),
    "quoted block": (
        "Anfang der weitergeleiteten Nachricht:\n\n> Von: {sender}\n> Datum: {date}\n"
        "> An: eva@office.example\n> Betreff: {subject}\n>\n{quoted}\n"
    ),
    "one line": '"{name}" {address} – {date}\n{quoted}\n',
    "sentence": "Forwarded message from {sender} on {date}:\n{text}\n",
    "source": (
        "------- Forwarded Message\n\nFrom: {sender}\nTo: eva@office.example\nSubject: {subject}\n"
        "Date: {date}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: base64\n\n{encoded}\n\n------- End of Forwarded Message\n"
    ),
}
INTRODUCTION = "Am {date} schrieb {sender}:\n{quoted}\n"
EARLIER, LATER = "Mon, 2 Mar 2026 10:00:00 +0100", "Tue, 3 Mar 2026 14:12:00 +0100"


def written(form: str, sender: str, text: str, *, date: str = EARLIER, subject: str = "X") -> str:
    """Write a mail as a form has it."""
    name, _, address = sender.rstrip(">").partition(" <")
    return form.format(
        sender=sender,
        name=name,
        address=address,
        date=date,
        day=date[5:16],
        subject=subject,
        text=text,
        quoted="\n".join(f"> {line}".rstrip() for line in text.split("\n")),
        encoded=encodebytes(text.encode()).decode(),
    )


def sent(text: str) -> EmailMessage:
    return forward(subject="4711 Fwd: X", text=f"{NOTE}\n\n{text}")


every_form = pytest.mark.parametrize("form", FORMS)
#: Ways to attach a mail, beside being put into a text in a form.
ATTACHED = ("mail", "file", "winmail.dat")


@every_form
def test_the_candidates_mail_below_that_of_somebody_else_is_filed(filed: Filed, form: str) -> None:
    above = written(FORMS[form], KARL, "Siehe unten.")
    for name, below in FORMS.items():
        entry = filed(sent(f"{above}\n{written(below, ANN, 'Ja.')}"))

        assert (ANN_ADDRESS, "Ja.") == (entry.sender, entry.text), name
        assert entry.staff_text.startswith(NOTE), name
        assert ("other_reading karl@example.net",) == entry.remarks, name


@every_form
def test_the_candidates_mail_in_that_of_a_colleague_is_filed(filed: Filed, form: str) -> None:
    for name, inner in FORMS.items():
        text = f"Zur Info.\n\n{written(inner, ANN, 'Ja.')}"

        entry = filed(sent(written(FORMS[form], KARL, text, date=LATER)))

        assert (ANN_ADDRESS, "Ja.") == (entry.sender, entry.text), name
        assert entry.staff_text.startswith(NOTE), name
        assert ("other_reading karl@example.net",) == entry.remarks, name


@every_form
def test_the_candidates_newest_mail_of_a_conversation_in_a_colleagues_is_filed(
    filed: Filed, form: str
) -> None:
    heads = (
        f"From: {who}\nDate: {date}\nTo: Jo <jo@office.example>\n\n\n{text}\n"
        for who, date, text in (
            (ANN, "Mon, 2 Mar 2026 at 16:00", "Wann?"),
            (KARL, "Tue, 3 Mar 2026 at 09:00", "Freitag?"),
            (ANN, "Tue, 3 Mar 2026 at 10:11", "Ja."),
        )
    )
    text = "Forwarded Conversation\nSubject: Termin\n------------------------\n\n"
    text += "\n----------\n".join(heads)

    entry = filed(sent(written(FORMS[form], KARL, f"Zur Info.\n\n{text}", date=LATER)))

    assert (ANN_ADDRESS, "Ja.") == (entry.sender, entry.text)
    assert entry.staff_text.startswith(NOTE)


@every_form
def test_what_the_candidate_forwarded_stays_in_the_candidates_text(filed: Filed, form: str) -> None:
    for name, inner in FORMS.items():
        text = f"Anbei.\n\n{written(inner, KARL, 'Ja.')}"

        entry = filed(sent(written(FORMS[form], ANN, text, date=LATER)))

        assert (ANN_ADDRESS, text.split()) == (entry.sender, entry.text.split()), name
        assert NOTE == entry.staff_text, name
        assert () == entry.remarks, name


@every_form
def test_of_an_attached_mail_and_one_in_the_text_the_candidates_is_filed(
    filed: Filed, form: str
) -> None:
    for how, senders in itertools.product(ATTACHED, ((KARL, ANN), (ANN, KARL))):
        attached, inline = senders
        mail = sent(written(FORMS[form], inline, f"Von {inline}."))
        attach(mail, how, attached, f"Von {attached}.")

        entry = filed(mail)

        assert (ANN_ADDRESS, f"Von {ANN}.") == (entry.sender, entry.text), how
        assert "other_reading karl@example.net" in entry.remarks, how


@every_form
def test_of_an_attached_forward_the_outer_mail_counts_unless_the_inner_is_the_candidates(
    filed: Filed, form: str
) -> None:
    for how in ATTACHED:
        of_karl, of_ann = sent(""), sent("")
        attach(of_karl, how, KARL, f"Zur Info.\n\n{written(FORMS[form], ANN, 'Ja.')}")
        attach(of_ann, how, ANN, f"Anbei.\n\n{written(FORMS[form], KARL, 'Ja.')}")

        inner, outer = filed(of_karl), filed(of_ann)

        assert (ANN_ADDRESS, "Ja.") == (inner.sender, inner.text), how
        assert inner.staff_text.startswith(f"{NOTE}\n\nZur Info."), how
        assert ("other_reading karl@example.net",) == inner.remarks, how
        assert (ANN_ADDRESS, NOTE) == (outer.sender, outer.staff_text), how
        assert outer.text.startswith("Anbei."), how
        assert not any(remark.startswith("other_reading") for remark in outer.remarks), how


async def test_of_a_mail_attached_to_an_attached_one_the_documents_are_filed(
    rig: ImporterRig,
) -> None:
    colleagues = original(sender="Jan <jan@office.example>", said="Zur Info.")
    colleagues.add_attachment(with_file(original(said="Ja."), "Lebenslauf.pdf"))

    entry = await rig.filed(as_attachment(colleagues))

    assert ("ann@example.org", "Guten Tag,\n\nJa.") == (entry.sender, entry.text)
    assert "Zur Ablage.\n\nGuten Tag,\n\nZur Info." == entry.staff_text
    assert ["Lebenslauf.pdf"] == [document.filename for document in entry.documents]
    assert ("other_reading jan@office.example",) == entry.remarks


@every_form
def test_an_answer_that_quotes_the_candidate_is_filed_and_the_candidate_told(
    filed: Filed, form: str
) -> None:
    quote = written(INTRODUCTION, ANN, "Ja.")

    entry = filed(sent(written(FORMS[form], KARL, f"Einverstanden.\n\n{quote}", date=LATER)))

    assert "karl@example.net" == entry.sender
    assert entry.text.startswith("Einverstanden.")
    assert ("sender_not_candidate", f"other_reading {ANN_ADDRESS}") == entry.remarks


def test_of_two_of_somebody_else_the_outer_is_filed(filed: Filed) -> None:
    inner = written(FORMS["block"], "Jo <jo@example.net>", "Ja.")

    entry = filed(sent(written(FORMS["block"], KARL, inner, date=LATER)))

    assert "karl@example.net" == entry.sender
    assert ("sender_not_candidate",) == entry.remarks


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            written(FORMS["block"], KARL, "Ja.", subject="Y", date=LATER)
            + written(FORMS["block"], "Jo <jo@example.net>", "Nein."),
            "it alone has the subject",
        ),
        (
            written(FORMS["block"], KARL, "Ja.")
            + written(FORMS["block"], "Jo <jo@example.net>", "Nein.", date=LATER),
            "what is younger can't be in it",
        ),
        (
            written(FORMS["one line"], KARL, "Ja.")
            + written(FORMS["block"], "Jo <jo@example.net>", "Nein."),
            "it stands below the quote and has the subject",
        ),
    ],
)
def test_of_two_of_somebody_else_that_arent_within_one_another_one_is_told(
    filed: Filed, text: str, why: str
) -> None:
    entry = filed(sent(text))

    assert ("jo@example.net", "Nein.") == (entry.sender, entry.text), why
    assert ("sender_not_candidate", "other_reading karl@example.net") == entry.remarks


def test_what_stands_beside_the_candidates_quoted_mail_is_told(filed: Filed) -> None:
    text = written(FORMS["one line"], ANN, "Ja.") + "\n" + written(FORMS["block"], KARL, "> Nein.")

    entry = filed(sent(text))

    assert (ANN_ADDRESS, "Ja.") == (entry.sender, entry.text)
    assert "> Nein." in entry.staff_text
    assert ("other_reading karl@example.net",) == entry.remarks


@pytest.mark.parametrize("form", ["closed block", "source"])
@pytest.mark.parametrize("below", FORMS)
def test_a_line_that_says_so_closes_the_candidates_mail_above_another(
    filed: Filed, form: str, below: str
) -> None:
    inner = written(FORMS[form], "Jo <jo@example.net>", "Nein.")
    other = written(FORMS[below], KARL, f"Vielleicht.\n\n{inner}")

    entry = filed(sent(f"{written(FORMS[form], ANN, 'Ja.')}\nUnd noch:\n\n{other}"))

    assert (ANN_ADDRESS, "Ja.") == (entry.sender, entry.text)
    assert "Und noch:" in entry.staff_text


def test_the_candidates_mail_in_the_source_of_a_mail_in_another_is_filed(filed: Filed) -> None:
    source = written(FORMS["source"], "Jo <jo@example.net>", written(FORMS["block"], ANN, "Ja."))

    entry = filed(sent(written(FORMS["block"], KARL, source)))

    assert (ANN_ADDRESS, "Ja.") == (entry.sender, entry.text)
    assert ("other_reading karl@example.net",) == entry.remarks


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    """Read a mail and return the entry it becomes; nothing is kept."""

    def entry(mail: EmailMessage) -> HistoryEntry:
        file = tmp_path / "mail.eml"
        file.write_bytes(mail.as_bytes())
        pattern = r"(?P<reference>\d+)"
        reading = read(
            ReadingTask(
                file=str(file), folder=str(tmp_path), reference=pattern, zone="Europe/Berlin"
            )
        )
        assert reading.original is not None
        application = Application(
            reference="4711", person=PersonRef(PersonKind.CANDIDATE, "17"), programme="p1"
        )
        filing = Filing(
            application=KnownApplication(application=application),
            candidate=Applicant(name="Ann Müller", addresses=(ANN_ADDRESS,)),
            original=reading.original,
            attachments=reading.attachments,
            staff="s1",
            inbox=1,
            raw="",
        )
        return entry_of(filing, new_id=itertools.count(1).__next__, lookup=lookup_form)

    return entry


def attach(mail: EmailMessage, how: str, sender: str, text: str) -> None:
    """Attach a mail of a sender to another: as one, as a file, in a winmail.dat."""
    inner = EmailMessage(policy=SMTP)
    inner["From"], inner["To"], inner["Subject"] = sender, "eva@office.example", "X"
    inner["Date"] = LATER
    inner.set_content(text)
    if how == "mail":
        mail.add_attachment(inner)
    elif how == "file":
        with_file(mail, "X.eml", inner.as_bytes(), "octet-stream")
    else:
        name, _, address = sender.rstrip(">").partition(" <")
        wrapped = tnef_with_mail(name=name, address=address, subject="X", text=text)
        with_file(mail, "winmail.dat", wrapped, "ms-tnef")


def answer_quoting_ann(said: str) -> str:
    """Write Karl's answer that quotes Ann's mail whole, as Outlook does."""
    quoted = written(FORMS["bare block"], ANN, "Ja.")
    return written(FORMS["block"], KARL, f"{said}\n\n{quoted}", date=LATER)


async def test_an_answer_to_a_mail_that_was_filed_before_is_filed_itself(rig: ImporterRig) -> None:
    await rig.filed(sent(written(FORMS["bare block"], ANN, "Ja.")))

    entry = await rig.filed(sent(answer_quoting_ann("Ich rate ab.")))

    assert "karl@example.net" == entry.sender
    assert entry.text.startswith("Ich rate ab.")
    assert NOTE == entry.staff_text
    assert ("sender_not_candidate", f"other_reading {ANN_ADDRESS}") == entry.remarks


async def test_what_was_filed_along_with_a_mail_is_no_news(rig: ImporterRig) -> None:
    entry = await rig.filed(sent(answer_quoting_ann("Zur Info.")))

    verdict = await rig.take(sent(f"Noch einmal.\n\n{answer_quoting_ann('Zur Info.')}"))

    assert ANN_ADDRESS == entry.sender
    assert isinstance(verdict, Repeated)
    assert entry.id == verdict.entry
    assert [entry.id] == [each.id for each in rig.entries()]
