"""The names that parts have as files, found as Python's own parser finds them."""

from email import message_from_string

import pytest

from gateway.inbound.reading.texts import file_name


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Content-Type: text/plain; charset=utf-8", ""),
        ("Content-Type: text/plain; name=a.eml", "a.eml"),
        ("CONTENT-TYPE: text/plain; NAME=a.eml", "a.eml"),
        ("Content-Disposition: attachment", ""),
        ("Content-Disposition: attachment; filename=a.msg", "a.msg"),
        ("Content-Disposition: attachment; filename*0=a.; filename*1=msg", "a.msg"),
        ("Content-Disposition: attachment; filename*=utf-8''M%C3%BCller.eml", "Müller.eml"),
        ("Content-Disposition: attachment\nContent-Type: text/plain; name=a.eml", "a.eml"),
        ('Content-Disposition: inline; note="the name"', ""),
        ("Subject: name=a.eml", ""),
    ],
)
def test_a_part_has_the_name_its_fields_give_it(header: str, expected: str) -> None:
    part = message_from_string(f"{header}\n\nx")

    assert expected == file_name(part)
    assert (part.get_filename() or "") == file_name(part)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            'filename="AW Verk =?utf-8?Q?Verk=C3=A4ufer=2Emsg?="',
            "AW Verk Verkäufer.msg",
        ),  # Emacs 28
        ('filename="=?utf-8?B?TcO8bGxlci5lbWw=?="', "Müller.eml"),
        ('filename="=?iso-8859-1?q?M=FCller?= =?iso-8859-1?q?=2Eeml?="', "Müller.eml"),
        ('filename="M\udcfcller.eml"', "Müller.eml"),
        ('filename="M\udcc3\udcbcller.eml"', "Müller.eml"),
    ],
)
def test_a_name_is_decoded_from_whatever_it_was_written_in(field: str, expected: str) -> None:
    part = message_from_string(f"Content-Disposition: attachment; {field}\n\nx")

    assert expected == file_name(part)
