"""Where a mail can be read in two ways what is known decides, and a remark says so."""

from tests.inbound.mails import PDF, as_attachment, forward, original, with_file
from tests.inbound.office import Office

QUOTE = "Am 5. März 2026 um 09:00 schrieb Max <max@example.net>:\n> Bitte weiterleiten.\n\n"
BLOCK = """\
-----Ursprüngliche Nachricht-----
Von: {sender}
Gesendet: Mittwoch, 4. März 2026 10:11
An: Eva Bos <eva@office.example>
Betreff: AW: Ihre Bewerbung

Das passt.
"""
ANN = "Ann Müller <ann@example.org>"


async def test_a_quote_above_the_candidates_mail_is_the_forwarders(office: Office) -> None:
    entry = await office.filed(forward(text=QUOTE + BLOCK.format(sender=ANN)))

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert "Bitte weiterleiten." in entry.staff_text
    assert ("other_reading max@example.net",) == entry.remarks


async def test_where_neither_is_the_candidate_the_subject_of_the_mail_decides(
    office: Office,
) -> None:
    entry = await office.filed(forward(text=QUOTE + BLOCK.format(sender="Jo <jo@example.net>")))

    assert "jo@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading max@example.net") == entry.remarks


async def test_where_the_subject_is_neithers_a_mail_isnt_older_than_what_it_holds(
    office: Office,
) -> None:
    text = QUOTE.replace("5. März", "1. März") + BLOCK.format(sender="Jo <jo@example.net>")

    entry = await office.filed(forward(subject="4711 Unterlagen", text=text))

    assert "jo@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading max@example.net") == entry.remarks


async def test_where_nothing_is_known_the_first_is_filed(office: Office) -> None:
    text = QUOTE + BLOCK.format(sender="Jo <jo@example.net>")

    entry = await office.filed(forward(subject="4711 Unterlagen", text=text))

    assert "max@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading jo@example.net") == entry.remarks


async def test_the_candidates_mail_in_the_text_wins_over_one_attached_by_others(
    office: Office,
) -> None:
    mail = as_attachment(original(sender="Max <max@example.net>"))
    mail.get_payload()[0].set_content(BLOCK.format(sender=ANN))  # type: ignore[union-attr, index]

    entry = await office.filed(mail)

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert ("other_reading max@example.net",) == entry.remarks


async def test_the_candidates_quote_above_a_mail_of_others_is_filed_with_a_remark(
    office: Office,
) -> None:
    text = QUOTE.replace("Max <max@example.net>", ANN) + BLOCK.format(sender="Eva <eva@x.example>")

    entry = await office.filed(forward(text=text))

    assert "ann@example.org" == entry.sender
    assert ("other_reading eva@x.example",) == entry.remarks


async def test_a_mail_within_the_candidates_quote_is_no_other_reading(office: Office) -> None:
    inner = BLOCK.format(sender="Eva <eva@x.example>").replace("\n", "\n> ")

    entry = await office.filed(forward(text=f"Am 4. März 2026 um 10:11 schrieb {ANN}:\n> {inner}"))

    assert "ann@example.org" == entry.sender
    assert "Von: Eva <eva@x.example>" in entry.text
    assert () == entry.remarks


async def test_of_two_attached_mails_the_candidates_is_filed_with_its_documents(
    office: Office,
) -> None:
    mail = as_attachment(
        with_file(original(sender="Max <max@example.net>"), "Liste.pdf", PDF + b"1")
    )
    mail.add_attachment(with_file(original(), "Lebenslauf.pdf"))

    entry = await office.filed(mail)

    assert "ann@example.org" == entry.sender
    assert ("other_reading max@example.net",) == entry.remarks
    assert ["AW_ Ihre Bewerbung.eml", "Lebenslauf.pdf"] == [d.filename for d in entry.documents]


async def test_lines_like_a_header_in_the_note_are_no_forward_where_one_follows(
    office: Office,
) -> None:
    note = "Von: Montag\nAn: alle\nBetreff: bitte ablegen\n\n"

    entry = await office.filed(forward(text=note + BLOCK.format(sender=ANN)))

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert note.strip() == entry.staff_text
    assert ("other_reading Montag",) == entry.remarks


async def test_where_html_and_text_have_another_author_the_subject_decides(office: Office) -> None:
    mail = forward(
        text="Anbei.\n\n" + BLOCK.format(sender="Jo <jo@example.net>").replace("AW: Ihre", "Die")
    )
    page = BLOCK.format(sender="Kim &lt;kim@example.net&gt;").replace("\n", "<br>")
    mail.add_alternative(f"<p>Anbei.</p>{page}", subtype="html")

    entry = await office.filed(mail)

    assert "kim@example.net" == entry.sender
    assert ("sender_not_candidate", "other_reading jo@example.net") == entry.remarks
