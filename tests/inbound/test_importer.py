"""A forwarded reply lands in the candidate's history, once."""

import tempfile
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.people.applications import Application
from gateway.core.people.history import (
    CLOSED,
    DATE_UNREAD,
    INCOMPLETE,
    NAME_ONLY,
    NOT_THE_CANDIDATE,
    NOTE,
    NOTE_BELOW,
    ZONE_GUESSED,
)
from gateway.core.people.people import Staff, role_key
from gateway.core.replies.inbox import AttentionReason, InboxState
from gateway.inbound.admission import Admission
from gateway.inbound.importer import NotWhole, UnknownReference
from gateway.inbound.verdict import Filed, Ignored, MailOrigin, NeedsAttention, RawMail, Repeated
from gateway.store.replies import inbox
from tests.inbound.importer_rig import CANDIDATE, MAILBOX, OTHER, ImporterRig, rules
from tests.inbound.mails import (
    EVA,
    FAILED,
    INLINE,
    PDF,
    as_attachment,
    forward,
    original,
    with_file,
)


async def test_a_forwarded_reply_is_filed_at_its_application(each_rig: ImporterRig) -> None:
    entry = await each_rig.filed(with_file(forward()))

    assert (CANDIDATE, "4711") == (entry.person, entry.reference)
    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)
    assert "Ihre Bewerbung" == entry.subject
    assert datetime(2026, 3, 4, 9, 11, tzinfo=UTC) == entry.date
    assert entry.text.startswith("Guten Tag,\n\ndas passt mir gut.")
    assert "Bitte ablegen." == entry.staff_text
    assert "s1" == entry.staff
    assert () == entry.remarks


async def test_its_attachments_are_documents_too(each_rig: ImporterRig) -> None:
    entry = await each_rig.filed(with_file(with_file(forward()), "Anschreiben Müller.docx"))

    found = [(one.filename, one.type, one.size) for one in entry.documents]
    assert [
        ("Lebenslauf.pdf", "cv", len(PDF)),
        ("Anschreiben Müller.docx", "cover_letter", len(PDF)),
    ] == found
    assert PDF == await each_rig.blobs.get(entry.documents[0].sha256)


async def test_no_file_of_a_mail_is_left_behind(
    rig: ImporterRig, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    await rig.filed(with_file(forward()))
    await rig.filed(forward(subject="4712 WG: Ihre Bewerbung"))

    assert [] == list(folder.iterdir())


async def test_the_raw_mail_is_kept_octet_for_octet(rig: ImporterRig) -> None:
    mail = with_file(forward()).as_bytes()

    entry = await rig.filed(mail)

    assert mail == await rig.blobs.get(entry.raw)


async def test_a_reply_attached_as_a_mail_is_filed_with_its_own_files(rig: ImporterRig) -> None:
    entry = await rig.filed(as_attachment(with_file(original())))

    assert ("ann@example.org", "Ihre Bewerbung") == (entry.sender, entry.subject)
    assert "<original@example.org>" == entry.message_id
    assert "Zur Ablage." == entry.staff_text
    assert ["Lebenslauf.pdf"] == [one.filename for one in entry.documents]


async def test_an_attached_mail_without_a_subject_has_none(rig: ImporterRig) -> None:
    reply = original()
    reply.replace_header("Subject", "")

    entry = await rig.filed(as_attachment(reply))

    assert ("ann@example.org", "") == (entry.sender, entry.subject)


async def test_a_date_that_cannot_be_read_is_kept_as_it_stood_with_a_remark(
    rig: ImporterRig,
) -> None:
    text = INLINE.format(said="das passt.").replace("4. März 2026 10:11", "vorgestern früh")

    entry = await rig.filed(forward(text=text))

    assert (None, "Mittwoch, vorgestern früh") == (entry.date, entry.date_text)
    assert (DATE_UNREAD,) == entry.remarks


@pytest.mark.parametrize(
    ("program", "note", "remarks"),
    [
        ("s-nail v14.9.24", "", (NOTE_BELOW,)),
        ("Heirloom mailx 12.5 7/5/10", "", (NOTE_BELOW,)),
        ("s-nail v14.9.24", "Bitte ablegen.", ()),
        ("Mozilla Thunderbird", "", ()),
    ],
)
async def test_where_a_program_writes_below_the_original_a_note_may_be_in_its_text(
    rig: ImporterRig, program: str, note: str, remarks: tuple[str, ...]
) -> None:
    text = INLINE.format(said="das passt.").replace("Bitte ablegen.", note).lstrip()
    entry = await rig.filed(forward(fields={"User-Agent": program}, text=text))

    assert remarks == entry.remarks


READ_IN = """\
Bitte ablegen.

From ann@example.org Wed Mar  4 10:11:14 2026
Return-Path: <ann@example.org>
From: Ann =?utf-8?q?M=C3=BCller?= <ann@example.org>
To: Eva Bos <eva@office.example>
Subject: AW: Ihre Bewerbung
Date: Wed, 04 Mar 2026 10:11:12 +0100
Content-Type: text/plain; charset=utf-8

Das passt.

Ann{below}
"""


@pytest.mark.parametrize(
    ("below", "text", "staff_text"),
    [
        ("", "Das passt.\n\nAnn", "Bitte ablegen."),
        ("\n\nDanke!", "Das passt.\n\nAnn\n\nDanke!", "Bitte ablegen."),
        ("\n-- \nEva Bos\nTel. 1", "Das passt.\n\nAnn", "Bitte ablegen.\n\n--\nEva Bos\nTel. 1"),
        ("\n\nEva Bos", "Das passt.\n\nAnn", "Bitte ablegen.\n\nEva Bos"),
    ],
)
async def test_below_a_mail_read_in_whole_a_note_may_be_in_its_text(
    rig: ImporterRig, below: str, text: str, staff_text: str
) -> None:
    entry = await rig.filed(forward(text=READ_IN.format(below=below)))

    assert (NOTE_BELOW,) == entry.remarks
    assert (text, staff_text) == (entry.text, entry.staff_text)


async def test_below_the_last_boundary_of_a_mail_read_in_whole_staff_write(
    rig: ImporterRig,
) -> None:
    text = READ_IN.format(below="\n--b--\n\nDanke!").replace(
        "text/plain; charset=utf-8\n\n", 'multipart/mixed; boundary="b"\n\n--b\n\n'
    )

    entry = await rig.filed(forward(text=text))

    assert () == entry.remarks
    assert ("Das passt.\n\nAnn", "Bitte ablegen.\n\nDanke!") == (entry.text, entry.staff_text)


@pytest.mark.parametrize(
    ("fields", "remarks"),
    [
        ({"Date": "Wed, 04 Mar 2026 20:00:00 +0200"}, (ZONE_GUESSED,)),
        ({"Date": "Wed, 04 Mar 2026 20:00:00 +0000"}, (ZONE_GUESSED,)),
        ({"Date": "Wed, 04 Mar 2026 20:00:00 -0000"}, ()),
        ({"Date": "Wed, 04 Mar 2026 20:00:00 +0000", "Thread-Index": "AdwMr"}, ()),
        ({"X-Mailer": "aerc 0.14.0"}, (ZONE_GUESSED,)),
    ],
)
async def test_a_date_without_a_zone_is_remarked_where_it_may_be_another(
    rig: ImporterRig, fields: dict[str, str], remarks: tuple[str, ...]
) -> None:
    mail = forward(fields={name: value for name, value in fields.items() if name != "Date"})
    mail.replace_header("Date", fields.get("Date", mail["Date"]))

    entry = await rig.filed(mail)

    assert remarks == entry.remarks


async def test_buttons_that_emacs_shows_are_no_text_and_tell_of_files_left_out(
    rig: ImporterRig,
) -> None:
    text = """\
------- Start of forwarded message -------
From: Ann <ann@example.org>
To: Eva Bos <eva@office.example>
Subject: AW: Ihre Bewerbung
Date: Wed, 04 Mar 2026 10:11:12 +0100
Content-Type: multipart/mixed; boundary="b"

[1:text/plain Hide]

Das passt.

[2:application/pdf Show Save:Lebenslauf.pdf (69B)]
------- End of forwarded message -------
"""
    entry = await rig.filed(forward(text=text))

    assert ("Das passt.", (INCOMPLETE,)) == (entry.text, entry.remarks)


@pytest.mark.parametrize(
    ("kind", "remarks"), [("mixed", ("incomplete",)), ("alternative", ())], ids=["files", "none"]
)
async def test_files_that_s_nail_leaves_out_are_remarked(
    rig: ImporterRig, kind: str, remarks: tuple[str, ...]
) -> None:
    text = (
        "Bitte ablegen.\n\n-------- Original Message --------\n"
        "From: Ann <ann@example.org>\nSubject: x\nDate: Mon, 02 Mar 2026 09:15:00 +0100\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="==b=="\nStatus: R\n\n\n'
        'Content-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: 8bit\n\nGern.\n'
    )

    entry = await rig.filed(forward(text=text))

    assert "Gern." == entry.text
    assert remarks == tuple(each for each in entry.remarks if each == "incomplete")


async def test_lines_of_apps_are_no_words_of_staff(rig: ImporterRig) -> None:
    text = INLINE.format(said="das passt.\n\nSent from my iPhone").replace(
        "Bitte ablegen.", "Bitte ablegen.\n\nOutlook für iOS<https://aka.ms/o0ukef> beziehen"
    )

    entry = await rig.filed(forward(text=text))

    assert "Bitte ablegen." == entry.staff_text
    assert "Sent from my iPhone" in entry.text


async def test_what_forwards_nothing_is_filed_whole_as_a_note_of_staff(rig: ImporterRig) -> None:
    entry = await rig.filed(forward(text="Die Kandidatin hat angerufen."))

    assert (NOTE,) == entry.remarks
    assert EVA == entry.sender
    assert "Die Kandidatin hat angerufen." == entry.text


async def test_a_closed_application_is_filed_with_a_remark(rig: ImporterRig) -> None:
    entry = await rig.filed(forward(subject="4712 WG: Ihre Bewerbung"))

    assert (CLOSED,) == entry.remarks


async def test_a_sender_who_is_not_the_candidate_is_remarked_and_does_not_block(
    rig: ImporterRig,
) -> None:
    entry = await rig.filed(as_attachment(original(sender="Somebody <else@example.org>")))

    assert (NOT_THE_CANDIDATE,) == entry.remarks


@pytest.mark.parametrize(
    ("name", "remarks"),
    [("Müller, Ann", (NAME_ONLY,)), ("Müller, Max", (NOT_THE_CANDIDATE, NAME_ONLY))],
)
async def test_a_candidate_named_without_an_address_is_known_by_name(
    rig: ImporterRig, name: str, remarks: tuple[str, ...]
) -> None:
    text = f"Von: {name}\nGesendet: 4.3.2026 10:11\nAn: Bos, Eva\nBetreff: x\n\nGerne."

    entry = await rig.filed(forward(text=text))

    assert (name, "", "Bos, Eva") == (entry.sender_name, entry.sender, entry.recipients)
    assert remarks == entry.remarks


@pytest.mark.parametrize(
    ("sender", "remarks"),
    [
        ("Ann <ann.private@example.net>", ()),
        ("noreply@board.example", ("sent_by noreply@board.example",)),
    ],
)
async def test_who_sent_it_is_remarked_unless_it_is_the_candidate(
    rig: ImporterRig, sender: str, remarks: tuple[str, ...]
) -> None:
    mail = original()
    mail["Sender"] = sender

    entry = await rig.filed(as_attachment(mail))

    assert "ann@example.org" == entry.sender
    assert remarks == entry.remarks


async def test_any_address_of_the_candidate_is_the_candidate(rig: ImporterRig) -> None:
    entry = await rig.filed(as_attachment(original(sender="ANN.Private@Example.net")))

    assert () == entry.remarks


class TestExactlyOnce:
    async def test_I1_a_mail_that_appears_under_another_uid_is_known(
        self, each_rig: ImporterRig
    ) -> None:
        first = await each_rig.take(forward(), sighting=each_rig.sighting(7, uidvalidity=1))
        again = await each_rig.take(forward(), sighting=each_rig.sighting(1, uidvalidity=2))

        assert isinstance(first, Filed)
        assert first == again
        assert 1 == len(each_rig.entries())

    async def test_I3_after_a_crash_before_the_move_the_verdict_is_known(
        self, each_rig: ImporterRig
    ) -> None:
        seen = each_rig.sighting()
        verdict = await each_rig.take(forward(), sighting=seen)

        assert verdict == await each_rig.importer.earlier_verdict(seen)
        assert await each_rig.importer.earlier_verdict(each_rig.sighting()) is None

    async def test_I3_after_a_uid_change_both_sightings_are_known(self, rig: ImporterRig) -> None:
        second = rig.sighting(1, uidvalidity=2)
        await rig.take(forward())

        verdict = await rig.take(forward(), sighting=second)

        assert verdict == await rig.importer.earlier_verdict(second)

    async def test_the_same_reply_forwarded_twice_is_a_repeat(self, each_rig: ImporterRig) -> None:
        first = await each_rig.take(with_file(forward()))
        again = await each_rig.take(with_file(forward(message_id="<2@office.example>")))

        assert isinstance(first, Filed)
        assert Repeated(first.entry, again.inbox) == again
        assert 1 == len(each_rig.entries())
        assert ["repeated"] == [one.partition(" ")[0] for one in each_rig.entries()[0].remarks]

    async def test_what_staff_wrote_with_a_repeat_is_not_lost(self, rig: ImporterRig) -> None:
        await rig.take(as_attachment(original()))
        second = as_attachment(original(), message_id="<2@office.example>")
        second.get_payload()[0].set_content("Please invite her.")  # type: ignore[union-attr,index]

        await rig.take(second)

        assert rig.entries()[0].remarks[0].endswith("s1 Please invite her.")

    async def test_the_same_reply_at_another_application_is_filed_there(
        self, rig: ImporterRig
    ) -> None:
        await rig.filed(forward())
        await rig.filed(forward(subject="5000 WG: AW: Ihre Bewerbung"))

        assert ["4711"] == [one.reference for one in rig.entries()]
        assert ["5000"] == [one.reference for one in rig.entries(OTHER)]

    async def test_another_document_makes_another_reply(self, rig: ImporterRig) -> None:
        await rig.filed(with_file(forward()))
        await rig.filed(with_file(forward(), content=b"another one"))

        assert 2 == len(rig.entries())

    async def test_two_notes_of_staff_are_two(self, rig: ImporterRig) -> None:
        await rig.filed(forward(text="Angerufen.", message_id="<1@office.example>"))
        await rig.filed(forward(text="Angerufen.", message_id="<2@office.example>"))

        assert 2 == len(rig.entries())

    @pytest.mark.parametrize("message_id", ["", "<>", "<x@y>", "<" + "x" * 1500 + "@y>"])
    async def test_I6_mails_with_one_message_id_or_none_are_told_apart(
        self, rig: ImporterRig, message_id: str
    ) -> None:
        await rig.filed(forward(message_id=message_id, said="Das erste."))
        await rig.filed(forward(message_id=message_id, said="Das zweite."))

        assert 2 == len(rig.entries())

    async def test_two_importers_file_one_mail_once(self, each_rig: ImporterRig) -> None:
        import asyncio

        verdicts = await asyncio.gather(*(each_rig.take(forward()) for _ in range(4)))

        assert 1 == len(set(verdicts))
        assert 1 == len(each_rig.entries())
        assert 2 == len(each_rig.notices())


class TestReference:
    @pytest.mark.parametrize(
        "subject",
        [
            "Re: [4711] Ihre Bewerbung",
            "4711: Ihre Bewerbung",
            "4711-x",
            "Ihre Bewerbung 4711",
            "WG: Ihre Bewerbung",
            "#4711 Ihre Bewerbung",
            "４７１１ Ihre Bewerbung",
            "",
        ],
    )
    async def test_I17_a_reference_stands_at_the_start_and_nowhere_else(
        self, rig: ImporterRig, subject: str
    ) -> None:
        verdict = await rig.take(forward(subject=subject, text="4711 Ihre Bewerbung"))

        assert NeedsAttention(AttentionReason.NO_REFERENCE, verdict.inbox) == verdict

    @pytest.mark.parametrize("subject", ["4711", "WG: 4711 Ihre Bewerbung", "4711\tAW: x"])
    async def test_I17_prefixes_may_stand_on_either_side(
        self, rig: ImporterRig, subject: str
    ) -> None:
        assert "4711" == (await rig.filed(forward(subject=subject))).reference

    @pytest.mark.parametrize("number", ["04711", "9999", "4" * 40, "47 11"])
    async def test_I17_a_number_that_is_no_application_is_never_guessed(
        self, rig: ImporterRig, number: str
    ) -> None:
        verdict = await rig.take(forward(subject=f"{number} Ihre Bewerbung"))

        assert NeedsAttention(AttentionReason.UNKNOWN_REFERENCE, verdict.inbox) == verdict

    async def test_I17_an_application_that_comes_later_is_found_on_a_second_look(
        self, rig: ImporterRig
    ) -> None:
        waiting = await rig.take(forward(subject="6000 Ihre Bewerbung"))
        rig.feed("applications", Application(reference="6000", person=CANDIDATE))

        verdict = await rig.importer.retry(waiting.inbox)

        assert isinstance(verdict, Filed)
        assert "6000" == rig.entry(verdict.entry).reference


class TestWho:
    async def test_a_stranger_is_kept_and_not_filed(self, each_rig: ImporterRig) -> None:
        verdict = await each_rig.take(forward(sender="x@example.com"))

        assert NeedsAttention(AttentionReason.NOT_ALLOWED, verdict.inbox) == verdict
        assert [] == each_rig.entries()

    @pytest.mark.parametrize(
        ("allowed", "roles", "admits"),
        [
            ("recruiter", ("Manager", "Recruiter"), True),
            ("RECRUITER", ("recruiter",), True),
            ("Straße", ("STRASSE",), True),
            ("recruiter", ("Manager",), False),
            ("recruiter", (), False),
        ],
    )
    def test_the_case_of_a_role_makes_no_difference(
        self, allowed: str, roles: tuple[str, ...], admits: bool
    ) -> None:
        admission = Admission(roles=frozenset([role_key(allowed)]))

        assert admits is admission.admits("a@b.example", [Staff(crm_id="1", roles=roles)])

    async def test_a_role_that_may_not_import_is_told_so(self, rig: ImporterRig) -> None:
        verdict = await rig.take(forward(sender="zoe@office.example"))

        assert NeedsAttention(AttentionReason.NOT_ALLOWED, verdict.inbox) == verdict
        assert ["zoe@office.example"] == [one.recipient for one in rig.notices()]

    async def test_I16_a_forged_member_of_staff_is_kept_not_filed_and_not_answered(
        self, each_rig: ImporterRig
    ) -> None:
        verdict = await each_rig.take(forward(results=FAILED, subject="no reference"))

        assert NeedsAttention(AttentionReason.UNTRUSTED_ORIGIN, verdict.inbox) == verdict
        assert [] == each_rig.notices()

    async def test_further_senders_may_be_allowed_by_address_or_domain(
        self, rig: ImporterRig
    ) -> None:
        passed = "mail.office.example; dmarc=pass header.from=partner.example"
        rig.importer.rules = rules("@partner.example", "boss@other.example")

        entry = await rig.filed(forward(sender="jo@partner.example", results=passed))

        assert "jo@partner.example" == entry.staff

    async def test_an_allowed_sender_needs_a_trusted_origin_too(self, rig: ImporterRig) -> None:
        rig.importer.rules = rules("office.example")

        verdict = await rig.take(forward(sender="new@office.example", results=FAILED))

        assert NeedsAttention(AttentionReason.UNTRUSTED_ORIGIN, verdict.inbox) == verdict

    async def test_P17_fields_that_servers_set_mean_nothing_where_they_are_not_trusted(
        self, rig: ImporterRig
    ) -> None:
        fields = {"X-MS-Exchange-Organization-AuthAs": "Internal", "X-Gateway-Reference": "4711"}

        verdict = await rig.take(forward(results=None, fields=fields))

        assert NeedsAttention(AttentionReason.UNTRUSTED_ORIGIN, verdict.inbox) == verdict

    async def test_nothing_is_filed_where_nothing_proves_a_sender(self, rig: ImporterRig) -> None:
        verdict = await rig.take(forward(), MailOrigin(name="replies"))

        assert NeedsAttention(AttentionReason.UNTRUSTED_ORIGIN, verdict.inbox) == verdict


class TestAutomatic:
    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"Auto-Submitted": "auto-replied"}, "auto_reply"),
            ({"X-Autoreply": "yes"}, "auto_reply"),
            ({"Precedence": "bulk"}, "generated"),
            ({"Auto-Submitted": "auto-generated", "List-Id": "<x.example.org>"}, "generated"),
            ({"Return-Path": "<>"}, "generated"),
        ],
    )
    async def test_I15_automatic_mail_is_recorded_and_neither_filed_nor_answered(
        self, rig: ImporterRig, fields: dict[str, str], kind: str
    ) -> None:
        verdict = await rig.take(forward(fields=fields))

        assert Ignored(kind, verdict.inbox) == verdict
        assert InboxState.IGNORED == rig.mail(verdict.inbox).state
        assert ([], []) == (rig.entries(), rig.notices())

    @pytest.mark.parametrize(
        "marks",
        [
            {
                "Precedence": "list",
                "List-Id": "<import.example.org>",
                "List-Post": "<mailto:import@example.org>",
                "Mailing-list": "list import@example.org; contact import+owners@example.org",
            },
            {"Precedence": "bulk", "List-Post": "<mailto:import@example.org>"},
            {"List-Id": "<x.example.org>"},
        ],
    )
    async def test_a_forward_that_staff_send_through_a_list_is_filed(
        self, rig: ImporterRig, marks: dict[str, str]
    ) -> None:
        """The import address may be a group, such as Google has: it marks all mail."""
        verdict = await rig.take(with_file(forward(fields=marks)))

        assert isinstance(verdict, Filed)
        entry = rig.entry(verdict.entry)
        assert ("ann@example.org", ["cv"]) == (
            entry.sender,
            [document.type for document in entry.documents],
        )

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            (
                {"sender": "'Eva Bos' via Import <import@office.example>"},
                AttentionReason.NOT_ALLOWED,
            ),
            ({"results": None}, AttentionReason.UNTRUSTED_ORIGIN),
        ],
    )
    async def test_a_forward_through_a_list_that_proves_nobody_waits(
        self, rig: ImporterRig, fields: dict[str, Any], reason: AttentionReason
    ) -> None:
        """Google Groups puts its own address into From where a domain has a strict DMARC policy."""
        marks = {"Precedence": "list", "List-Id": "<x.example.org>"}
        verdict = await rig.take(forward(**fields, fields=marks))

        assert NeedsAttention(reason, verdict.inbox) == verdict
        assert [] == rig.notices()

    @pytest.mark.parametrize("subject", ["10 Tipps", "Neues im Mai"])
    async def test_I15_other_mail_of_a_list_is_ignored(
        self, rig: ImporterRig, subject: str
    ) -> None:
        verdict = await rig.take(forward(subject=subject, fields={"List-Id": "<x.example.org>"}))

        assert Ignored("generated", verdict.inbox) == verdict
        assert [] == rig.entries()

    async def test_I15_the_null_sender_of_the_envelope_marks_automatic_mail(
        self, rig: ImporterRig
    ) -> None:
        listener = MailOrigin(name="replies", trust="internal-only", envelope_sender="")

        assert isinstance(await rig.take(forward(), listener), Ignored)

    async def test_P16_our_own_notice_that_comes_back_is_ignored(self, rig: ImporterRig) -> None:
        await rig.filed(forward())

        verdict = await rig.take(rig.notices()[0].body)

        assert Ignored("generated", verdict.inbox) == verdict
        assert 2 == len(rig.notices())

    async def test_P16_who_wants_no_automatic_answer_gets_none(self, rig: ImporterRig) -> None:
        fields = {"X-Auto-Response-Suppress": "All"}

        verdict = await rig.take(forward(subject="no reference", fields=fields))

        assert NeedsAttention(AttentionReason.NO_REFERENCE, verdict.inbox) == verdict
        assert [] == rig.notices()


class TestByHand:
    async def test_assigning_files_as_if_the_reference_had_been_right(
        self, each_rig: ImporterRig
    ) -> None:
        mail = with_file(forward(subject="WG: AW: Ihre Bewerbung"))
        waiting = await each_rig.take(mail)

        verdict = await each_rig.importer.assign(waiting.inbox, " 4711\u200b ")  # as copied

        assert isinstance(verdict, Filed)
        entry = each_rig.entry(verdict.entry)
        assert ("4711", "ann@example.org", "Ihre Bewerbung") == (
            entry.reference,
            entry.sender,
            entry.subject,
        )
        assert ["cv"] == [one.type for one in entry.documents]
        assert InboxState.FILED == each_rig.mail(waiting.inbox).state

    async def test_what_a_forger_sent_can_be_assigned_by_a_person(self, rig: ImporterRig) -> None:
        waiting = await rig.take(forward(results=FAILED))

        assert isinstance(await rig.importer.assign(waiting.inbox, "4711"), Filed)

    async def test_an_unknown_reference_leaves_everything_as_it_is(self, rig: ImporterRig) -> None:
        waiting = await rig.take(forward(subject="WG: x"))

        with pytest.raises(UnknownReference, match="no application has the reference 99"):
            await rig.importer.assign(waiting.inbox, "99")

        assert AttentionReason.NO_REFERENCE == rig.mail(waiting.inbox).reason

    async def test_a_filed_mail_is_not_assigned_again(self, rig: ImporterRig) -> None:
        filed = await rig.take(forward())

        with pytest.raises(inbox.WrongInboxState, match="is filed: there is nothing to decide"):
            await rig.importer.assign(filed.inbox, "5000")

    async def test_a_discarded_mail_stays_discarded_when_it_is_seen_again(
        self, rig: ImporterRig
    ) -> None:
        waiting = await rig.take(forward(subject="WG: x"))
        with rig.database.writing() as connection:
            inbox.discard(connection, waiting.inbox)

        assert Ignored("discarded", waiting.inbox) == await rig.take(forward(subject="WG: x"))

    async def test_a_mail_moved_back_to_the_mailbox_is_looked_at_again(
        self, rig: ImporterRig
    ) -> None:
        mail = forward(subject="6000 Ihre Bewerbung")
        waiting = await rig.take(mail)
        rig.feed("applications", Application(reference="6000", person=CANDIDATE))

        verdict = await rig.take(mail)

        assert isinstance(verdict, Filed)
        assert waiting.inbox == verdict.inbox


class TestTooLarge:
    async def _oversized(self, rig: ImporterRig) -> NeedsAttention:
        file = rig.folder / "header"
        file.write_bytes(forward().as_bytes().partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        raw = RawMail(file=file, size=200_000_000, whole=False)
        verdict = await rig.importer.take(raw, MAILBOX)
        assert isinstance(verdict, NeedsAttention)
        return verdict

    async def test_I7_a_mail_over_the_limit_is_kept_by_its_header_and_answered(
        self, rig: ImporterRig
    ) -> None:
        verdict = await self._oversized(rig)

        row = rig.mail(verdict.inbox)
        assert (AttentionReason.TOO_LARGE, 200_000_000, EVA) == (row.reason, row.size, row.sender)
        assert [EVA] == [one.recipient for one in rig.notices()]

    async def test_I7_it_can_not_be_assigned(self, rig: ImporterRig) -> None:
        verdict = await self._oversized(rig)

        with pytest.raises(NotWhole, match="not fetched whole"):
            await rig.importer.assign(verdict.inbox, "4711")
