"""Where a mail can be read in two ways, the candidate's address decides and a remark says so."""

from tests.inbound.mails import as_attachment, forward, original
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


async def test_where_neither_is_the_candidate_the_first_is_filed_with_a_remark(
    office: Office,
) -> None:
    entry = await office.filed(forward(text=QUOTE + BLOCK.format(sender="Jo <jo@example.net>")))

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


async def test_a_candidates_mail_with_an_answer_in_it_has_no_remark(office: Office) -> None:
    quote = QUOTE.replace("Max <max@example.net>", ANN)

    entry = await office.filed(
        forward(text=quote + BLOCK.format(sender="Eva <eva@office.example>"))
    )

    assert "ann@example.org" == entry.sender
    assert () == entry.remarks
