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
