"""Who hears of a reply that was filed, and of a mail that was not."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default

import pytest

from gateway.core import ids
from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.people.people import Staff
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.core.sending.outbox import OutboxRow
from gateway.inbound.filing import Applicant
from gateway.inbound.notices import FiledReply, NoticeReader, of_imported, of_refused, values_of
from gateway.inbound.verdict import NeedsAttention
from tests.inbound.importer_rig import CANDIDATE, TEMPLATES, ImporterRig, rules
from tests.inbound.mails import EVA, FAILED, forward, with_file

ENTRY = HistoryEntry(
    id=1_700_000_000_000_000, person=CANDIDATE, reference="4711", fingerprint="f", inbox=1, raw="r",
    staff="s1", sender_name="Ann", sender="ann@example.org",
)  # fmt: skip


def read(row: OutboxRow) -> Message:
    return message_from_bytes(row.body)


def text(row: OutboxRow) -> str:
    mail = message_from_bytes(row.body, policy=default)
    assert isinstance(mail, EmailMessage)
    return str(mail.get_content())


async def test_everyone_responsible_is_told_in_their_language(each_rig: ImporterRig) -> None:
    await each_rig.filed(with_file(forward()))

    told = {row.recipient: row for row in each_rig.notices()}
    assert {EVA, "jan@office.example"} == set(told)
    assert "Eine Antwort von Ann Müller wurde importiert." in text(told[EVA])
    assert "Er is een antwoord van Ann Müller opgeslagen." in text(told["jan@office.example"])


async def test_who_is_responsible_is_told_whatever_the_crm_calls_the_role(
    rig: ImporterRig,
) -> None:
    """As where an export's roles are `Recruiter`, or it has none."""
    rig.feed(
        "staff",
        Staff(crm_id="s7", name="Ro", email="ro@office.example", roles=("Recruiter",)),
        Staff(crm_id="s8", name="Uli", email="uli@office.example", roles=()),
        Staff(crm_id="s9", name="Bea", email="bea@office.example", roles=("manager", "evaluator")),
    )
    rig.feed(
        "applications",
        Application(reference="6000", person=CANDIDATE, responsible=("s7", "s8", "s9")),
    )

    await rig.filed(forward(subject="6000 WG: Ihre Bewerbung"))

    told = {row.recipient for row in rig.notices()}
    assert {"ro@office.example", "uli@office.example"} == told


async def test_a_link_in_a_long_line_is_whole_in_the_notice(rig: ImporterRig) -> None:
    """Cut at 300 characters, it led nowhere."""
    link = f"https://drive.example.org/{'x' * 500}"
    begins = "Guten Tag. " * 26

    await rig.filed(forward(said=f"{begins}{link} und {'mehr ' * 100}\n{'x ' * 200}"))

    lines = text(rig.notices()[0]).splitlines()
    assert f"> {begins}{link}" in lines
    assert f"> {'x ' * 150}" in lines


async def test_the_notice_says_who_on_what_with_what(rig: ImporterRig) -> None:
    entry = await rig.filed(with_file(forward()))

    said = text(rig.notices()[0])
    for part in ("4711", "Lehrkraft Mathematik", "Ihre Bewerbung", "candidate:17"):
        assert part in said
    assert "> das passt mir gut." in said
    assert "- Lebenslauf.pdf (Lebenslauf)" in said
    assert f"Kandidat:          {rig.entries()[0].sender_name}" in said
    assert entry.reference in said


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
@pytest.mark.parametrize("url", ["", "https://gateway.example"])
def test_a_notice_names_the_page_of_the_reply_or_else_the_command(url: str, language: str) -> None:
    notice_settings = replace(rules().notice_settings, console_url=url)
    (draft,) = of_imported(
        notice_settings,
        FiledReply(
            entry=ENTRY,
            application=KnownApplication(
                application=Application(reference="4711", person=CANDIDATE)
            ),
            candidate=Applicant(name="Ann"),
            staff_name="Eva",
        ),
        to=[NoticeReader(EVA, language)],
        now=datetime(2026, 3, 4, tzinfo=UTC),
        new_id=lambda: 7,
    )

    mail = message_from_bytes(draft.body, _class=EmailMessage, policy=default)
    said = str(mail.get_content()).replace("\r\n", "\n")
    number = ids.show(ENTRY.id)
    assert ("gateway history show" in said) == (url == "")
    assert (f" {url}/console/replies/{number}\n" in said) == (url != "")


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ({}, "\n- a.pdf (Lebenslauf)\n- b.pdf (Sonstiges)\n- c.pdf (permit)"),
        (
            {"cv": "Werdegang", "permit": "Genehmigung"},
            "\n- a.pdf (Werdegang)\n- b.pdf (Sonstiges)\n- c.pdf (Genehmigung)",
        ),
        ({"cv": ""}, "\n- a.pdf (Lebenslauf)\n- b.pdf (Sonstiges)\n- c.pdf (permit)"),
    ],
)
def test_wording_of_ones_own_may_call_types_of_documents_otherwise(
    own: dict[str, str], shown: str
) -> None:
    """Older files have words for the types of their time, and none for those that came since."""
    wording = rules().notice_settings.imported["de"]
    types = {"a.pdf": "cv", "b.pdf": "other", "c.pdf": "permit"}
    documents = tuple(
        Document(
            id=1, filename=filename, type=name, content_type="application/pdf", size=1,
            sha256="", reference="4711", entry=ENTRY.id,
        )
        for filename, name in types.items()
    )  # fmt: skip
    filed = FiledReply(
        entry=replace(ENTRY, documents=documents),
        application=KnownApplication(application=Application(reference="4711", person=CANDIDATE)),
        candidate=Applicant(name="Ann"),
        staff_name="Eva",
    )

    values = values_of(
        filed,
        replace(wording, words={**wording.words, **own}),
        rules().notice_settings,
    )

    assert shown == values["documents"]


async def test_without_anybody_responsible_the_owner_is_told(rig: ImporterRig) -> None:
    await rig.filed(forward(subject="5000 WG: Ihre Bewerbung"))

    (row,) = rig.notices()
    assert "owner@office.example" == row.recipient
    assert "Une réponse de Ann Müller a été classée." in text(row)


async def test_without_an_owner_a_set_address_is_told(rig: ImporterRig) -> None:
    from gateway.core.people.people import PersonKind, PersonRef

    nobody = PersonRef(PersonKind.CANDIDATE, "99")
    rig.feed("applications", Application(reference="7000", person=nobody))

    await rig.filed(forward(subject="7000 WG: Ihre Bewerbung"))

    assert ["fallback@office.example"] == [row.recipient for row in rig.notices()]


async def test_nobody_is_told_twice(each_rig: ImporterRig) -> None:
    await each_rig.take(forward())
    await each_rig.take(forward())
    await each_rig.take(forward(message_id="<again@office.example>"))

    assert 2 == len(each_rig.notices())


async def test_remarks_are_told(rig: ImporterRig) -> None:
    rig.feed("applications", Application(reference="8000", person=CANDIDATE, status="done",
                                            responsible=("s1",)))  # fmt: skip

    await rig.filed(forward(subject="8000 x", text="Ein Vermerk."))

    said = text(rig.notices()[0])
    assert "Diese Bewerbung ist abgeschlossen." in said
    assert "Es wurde keine weitergeleitete E-Mail darin gefunden" in said


class TestAnswers:
    @pytest.mark.parametrize(
        ("subject", "advice"),
        [
            ("WG: Ihre Bewerbung", "beginnt nicht mit einer Bewerbungsreferenznummer"),
            ("9999 Ihre Bewerbung", "keine Bewerbung mit der Referenznummer 9999"),
        ],
    )
    async def test_staff_hear_why_and_what_to_do(
        self, each_rig: ImporterRig, subject: str, advice: str
    ) -> None:
        verdict = await each_rig.take(forward(subject=subject))

        (row,) = each_rig.notices()
        assert EVA == row.recipient
        assert advice in " ".join(text(row).split())
        assert each_rig.mail(verdict.inbox).answered

    @pytest.mark.parametrize("subject", ["WG: Ihre Bewerbung", "9999 Ihre Bewerbung"])
    async def test_staff_hear_the_references_of_the_one_who_wrote(
        self, each_rig: ImporterRig, subject: str
    ) -> None:
        await each_rig.take(forward(subject=subject))

        said = " ".join(text(each_rig.notices()[0]).split())
        assert "Bewerbungen von Ann Müller: - 4711 (Lehrkraft Mathematik) Import" in said
        assert "Import-Adresse: replies@office.example" in said

    async def test_where_all_are_closed_these_are_named(self, rig: ImporterRig) -> None:
        rig.feed(
            "applications",
            Application(
                reference="4711", person=CANDIDATE, title="Lehrkraft Mathematik", status="done"
            ),
        )

        await rig.take(forward(subject="WG: Ihre Bewerbung"))

        said = text(rig.notices()[0])
        assert "- 4711 (Lehrkraft Mathematik)\r\n- 4712 (Lehrkräfte 2026)" in said

    async def test_whose_writer_is_not_on_file_hears_no_number(self, rig: ImporterRig) -> None:
        unknown = forward(subject="WG: Ihre Bewerbung").as_bytes()

        await rig.take(unknown.replace(b"ann@example.org", b"new@example.org"))

        said = text(rig.notices()[0]).partition("wartet auf")[0]
        assert "Bewerbungen von" not in said
        assert [] == re.findall(r"\d", said)

    @pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
    def test_no_wording_has_a_number_of_its_own(self, language: str) -> None:
        file = TEMPLATES / "reply_refused" / f"{language}.txt"

        lines = [one for one in file.read_text().splitlines() if not one.startswith("#")]

        assert [] == re.findall(r"\d", "\n".join(lines))

    @pytest.mark.parametrize(
        ("octets", "shown"), [(200_000, "200 kB"), (1_500_000, "1.5 MB"), (50_000_000, "50 MB")]
    )
    def test_P14_staff_hear_how_large_a_mail_may_be(self, octets: int, shown: str) -> None:
        row = InboxRow(
            id=1, content="", state=InboxState.NEEDS_ATTENTION, reason=AttentionReason.TOO_LARGE
        )
        eva = Staff(crm_id="s1", email=EVA, language="en")
        notice_settings = replace(rules().notice_settings, max_size=octets)

        draft = of_refused(
            notice_settings, row, staff=eva, reference="", now=datetime.now(UTC), number=2
        )

        assert f"larger than the {shown} that" in draft.body.decode()

    @pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
    def test_an_answer_names_the_page_where_the_mail_waits(self, language: str) -> None:
        row = InboxRow(
            id=ENTRY.id, content="", state=InboxState.NEEDS_ATTENTION,
            reason=AttentionReason.NO_REFERENCE,
        )  # fmt: skip
        eva = Staff(crm_id="s1", email=EVA, language=language)

        def answer(url: str) -> str:
            draft = of_refused(
                replace(rules().notice_settings, console_url=url),
                row, staff=eva, reference="", now=datetime(2026, 3, 4, tzinfo=UTC), number=2,
            )  # fmt: skip
            mail = message_from_bytes(draft.body, _class=EmailMessage, policy=default)
            return str(mail.get_content()).replace("\r\n", "\n")

        page = f": https://gateway.example/console/inbox/{ids.show(ENTRY.id)}\n"
        assert page in answer("https://gateway.example").replace("\xa0", " ")
        assert "onsol" not in answer("")

    async def test_the_answer_belongs_to_the_mail_and_asks_for_none(self, rig: ImporterRig) -> None:
        await rig.take(forward(subject="WG: x"))

        mail = read(rig.notices()[0])
        assert "<forward@office.example>" == mail["In-Reply-To"]
        assert "auto-replied" == mail["Auto-Submitted"]
        assert "All" == mail["X-Auto-Response-Suppress"]
        assert "" == rig.notices()[0].sender

    async def test_five_answers_an_hour_are_enough(self, rig: ImporterRig) -> None:
        for number in range(7):
            await rig.take(forward(subject=f"WG: x {number}"))
        before = len(rig.notices())
        rig.later(hours=2)
        await rig.take(forward(subject="WG: y"))

        assert 5 == before
        assert 6 == len(rig.notices())

    async def test_a_mail_is_answered_once_however_often_it_is_looked_at(
        self, rig: ImporterRig
    ) -> None:
        waiting = await rig.take(forward(subject="WG: x"))
        await rig.importer.retry(waiting.inbox)
        await rig.take(forward(subject="WG: x"))

        assert 1 == len(rig.notices())

    async def test_a_stranger_hears_nothing(self, rig: ImporterRig) -> None:
        results = "mail.office.example; dmarc=pass header.from=example.com"

        await rig.take(forward(sender="x@example.com", results=results))

        assert [] == rig.notices()

    async def test_a_forged_sender_hears_nothing(self, rig: ImporterRig) -> None:
        await rig.take(forward(subject="WG: x", results=FAILED))

        assert [] == rig.notices()

    async def test_the_answer_goes_to_the_address_on_file_whatever_reply_to_says(
        self, rig: ImporterRig
    ) -> None:
        await rig.take(forward(subject="WG: x", fields={"Reply-To": "x@evil.example"}))

        assert [EVA] == [row.recipient for row in rig.notices()]

    async def test_a_line_break_in_a_subject_makes_no_field(self, rig: ImporterRig) -> None:
        mail = forward(subject="placeholder").as_bytes()
        hostile = mail.replace(
            b"Subject: placeholder", b"Subject: =?utf-8?q?x=0D=0ABcc=3A_y=40evil=2Eexample?="
        )

        verdict = await rig.take(hostile)

        assert NeedsAttention(AttentionReason.NO_REFERENCE, verdict.inbox) == verdict
        assert read(rig.notices()[0])["Bcc"] is None
