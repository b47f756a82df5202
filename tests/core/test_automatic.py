"""Telling mail that programs wrote from mail of people."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mail.automatic import (
    Automatic,
    automatic_kind,
    came_through_list,
    may_be_answered,
)
from gateway.core.mail.headers import Headers


def _fields(**fields: str) -> Callable[[str], str]:
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return Headers.parse("".join(lines).encode()).text


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (
            {"Content_Type": 'multipart/report; report-type="delivery-status"; boundary=b'},
            Automatic.DELIVERY_REPORT,
        ),
        (
            {"Content_Type": "Multipart/Report; boundary=b;\r\n Report-Type=delivery-status"},
            Automatic.DELIVERY_REPORT,
        ),
        ({"Content_Type": "message/delivery-status"}, Automatic.DELIVERY_REPORT),
        ({"X_Failed_Recipients": "x@example.org"}, Automatic.DELIVERY_REPORT),
        (
            {"Return_Path": "<>", "Subject": "Undelivered Mail Returned to Sender"},
            Automatic.DELIVERY_REPORT,
        ),
        (
            {"From": "MAILER-DAEMON@example.org", "Subject": "failure notice"},
            Automatic.DELIVERY_REPORT,
        ),
        (
            {"Content_Type": "multipart/report; report-type=disposition-notification"},
            Automatic.READ_RECEIPT,
        ),
        (
            {
                "Content_Type": "multipart/report; report-type=disposition-notification",
                "Auto_Submitted": "auto-replied (rejected)",
            },
            Automatic.DELIVERY_REPORT,
        ),
        (
            {
                "Content_Type": "multipart/report; report-type=disposition-notification",
                "Auto_Submitted": "auto-replied",
            },
            Automatic.READ_RECEIPT,
        ),
        ({"Subject": "Gelesen: Ihre Bewerbung"}, Automatic.READ_RECEIPT),
        ({"Subject": "Lu : Votre candidature"}, Automatic.READ_RECEIPT),
        (
            {"Content_Type": "multipart/report; report-type=feedback-report"},
            Automatic.FEEDBACK_REPORT,
        ),
        ({"Auto_Submitted": "auto-replied (vacation)"}, Automatic.AUTO_REPLY),
        ({"Auto_Submitted": "auto-replied; owner-email=x"}, Automatic.AUTO_REPLY),
        (
            {"Auto_Submitted": "auto-generated", "Subject": "Abwesenheitsnotiz"},
            Automatic.AUTO_REPLY,
        ),
        ({"Precedence": "auto_reply"}, Automatic.AUTO_REPLY),
        ({"X_Autoreply": "yes"}, Automatic.AUTO_REPLY),
        ({"X_Autorespond": "x"}, Automatic.AUTO_REPLY),
        ({"X_POST_MessageClass": "9; Autoresponder"}, Automatic.AUTO_REPLY),
        ({"Auto_Submitted": "auto-generated"}, Automatic.GENERATED),
        ({"Auto_Submitted": "auto-notified"}, Automatic.GENERATED),
        ({"Precedence": "Bulk"}, Automatic.GENERATED),
        ({"List_Id": "<list.example.org>"}, Automatic.GENERATED),
        ({"Return_Path": "<>"}, Automatic.GENERATED),
        ({"Subject": "Automatische Antwort: Ihre Bewerbung"}, Automatic.AUTO_REPLY),
        ({"Subject": "Out of Office: AW"}, Automatic.AUTO_REPLY),
        ({"Subject": "Automatisch antwoord: x"}, Automatic.AUTO_REPLY),
        ({"Subject": "=?utf-8?q?R=C3=A9ponse_automatique_=3A_x?="}, Automatic.AUTO_REPLY),
        ({"Subject": "Automaattinen vastaus: x"}, Automatic.AUTO_REPLY),
        ({"Subject": "Автоматический ответ: x"}, Automatic.AUTO_REPLY),
        ({"Subject": "Onbestelbaar: x"}, Automatic.DELIVERY_REPORT),
    ],
)
def test_I15_what_a_program_wrote_is_recognised(fields: dict[str, str], kind: Automatic) -> None:
    assert kind == automatic_kind(_fields(**fields))
    assert not may_be_answered(_fields(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Subject": "4711 WG: Automatische Antwort: Ihre Bewerbung"},
        {"Subject": "WG: Unzustellbar: x"},
        {"Auto_Submitted": "no"},
        {"Content_Type": "multipart/mixed; boundary=report-type"},
        {"Content_Type": "multipart/report; boundary=b"},
        {"Return_Path": "<ann@example.org>"},
        {"From": "Postmaster Ann <ann@example.org>"},
        {"From": "Jan Postmaster <jan.postmaster@example.org>"},
        {"From": "it-postmaster@example.org"},
    ],
)
def test_what_a_person_sent_is_not_automatic(fields: dict[str, str]) -> None:
    assert automatic_kind(_fields(**fields)) is None
    assert may_be_answered(_fields(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"X_Auto_Response_Suppress": "OOF, AutoReply"},
        {"X_Loop": "x"},
        {"Precedence": "first-class"},
        {"X_Gateway_Notice": "0000000000007"},
    ],
)
def test_P16_a_mail_that_must_not_be_answered_is_filed_all_the_same(fields: dict[str, str]) -> None:
    assert automatic_kind(_fields(**fields)) is None
    assert not may_be_answered(_fields(**fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Precedence": "list", "List_Id": "<import.example.org>", "List_Post": "x"}, True),
        (
            {"Precedence": "bulk", "List_Id": "<x.org>", "Subject": "4711 WG: Ihre Bewerbung"},
            True,
        ),
        # As vacation programs mark what they answer.
        ({"Precedence": "bulk", "Subject": "4711 WG: Ihre Bewerbung"}, False),
        ({"Precedence": "list"}, False),
        ({}, False),
        ({"Precedence": "auto_reply"}, False),
        ({"Precedence": "list", "Auto_Submitted": "auto-generated"}, False),
        ({"Precedence": "list", "Return_Path": "<>"}, False),
        ({"List_Id": "<x.example.org>", "Subject": "Abwesenheitsnotiz"}, False),
    ],
)
def test_a_person_may_have_sent_what_a_list_alone_has_marked(
    fields: dict[str, str], expected: bool
) -> None:
    assert expected == came_through_list(_fields(**fields))


@given(st.text())
def test_no_value_raises(value: str) -> None:
    automatic_kind(lambda _: value)
