"""Fields of a row by type."""

from datetime import date

import pytest

from gateway.crm.cells.values import KeyUnreadable, RowFields


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("YES", True), ("1", True), ("False", False), ("no", False), ("0", False)],
)
def test_a_flag_is_written_in_six_ways(text: str, *, expected: bool) -> None:
    assert expected == RowFields({"active": f" {text} "}).flag("active")


def test_a_blank_flag_is_what_its_column_says() -> None:
    fields = RowFields({"active": " "})

    assert (False, True) == (fields.flag("active"), fields.flag("missing", blank=True))


def test_lists_leave_blanks_out() -> None:
    assert ("a", "b c") == RowFields({"roles": " a;; b c ;"}).items("roles")


@pytest.mark.parametrize(("text", "expected"), [("", None), ("2000-02-29", date(2000, 2, 29))])
def test_a_date_is_iso(text: str, expected: date | None) -> None:
    assert expected == RowFields({"birthday": text}).day("birthday")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("NL", "nl"),
        ("nl-BE", "nl"),
        ("de_CH", "de"),
        ("Nederlands", "nl"),
        ("Niederländisch", "nl"),
        ("NIEDERLAENDISCH", "nl"),
        ("néerlandais", "nl"),
        ("Dutch (Belgium)", "nl"),
        ("Duits", "de"),
        ("Deutsch (Österreich)", "de"),
        ("ger", "de"),
        ("Français", "fr"),
        ("Frans ", "fr"),
        ("eng", "en"),
        ("Türkçe", "tr"),
        ("Русский", "ru"),
        ("Українська", "uk"),
    ],
)
def test_a_language_is_two_letters_or_known_by_its_name(text: str, expected: str) -> None:
    assert expected == RowFields({"language": text}).language("language")


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        ("flag", "maybe", "x: not true or false: 'maybe'"),
        ("day", "2001-02-29", "x: not a date such as 1980-05-31: '2001-02-29'"),
        ("day", "20010230", "x: not a date such as 1980-05-31: '20010230'"),
        ("moment", "soon", "x: not a time such as 1980-05-31T08:30: 'soon'"),
        ("count", "-1", "x: not a number of days such as 30: '-1'"),
        ("language", "Nederlands/Frans", "x: not a language such as nl: 'Nederlands/Frans'"),
        ("language", "Dutch (a bit", "x: not a language such as nl: 'Dutch (a bit'"),
        ("text", "a\0b", "x: contains a NUL"),
        ("text", "Zo\udceb", "x: is not UTF-8"),
    ],
)
def test_what_can_not_be_read_is_noted_with_its_column_and_a_cure(
    read: str, text: str, problem: str
) -> None:
    fields = RowFields({"x": text})

    assert not getattr(fields, read)("x")
    assert problem == str(fields.unread["x"])
    assert fields.unread["x"].cure


@pytest.mark.parametrize(
    ("read", "text", "cure"),
    [
        ("day", "31/02/1990", "write a day that exists"),
        ("day", "31.02.1980", "write a day that exists"),
        ("day", "soon", "write it as 1980-05-31"),
        ("moment", "2026-11-29T25:00", "write it as 1980-05-31T08:30"),
    ],
)
def test_the_cure_of_a_date_fits_what_is_wrong_with_it(read: str, text: str, cure: str) -> None:
    fields = RowFields({"x": text})

    assert not getattr(fields, read)("x")
    assert cure == fields.unread["x"].cure


def test_an_unreadable_flag_is_what_protects() -> None:
    fields = RowFields({"x": "ja?"})

    assert (False, True) == (fields.flag("x", blank=True), fields.flag("x", unread=True))


@pytest.mark.parametrize(("text", "problem"), [(" ", "x: is blank"), ("a\0", "x: contains a NUL")])
def test_a_key_that_can_not_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(KeyUnreadable, match="x: ") as wrong:
        RowFields({"x": text}).key("x")

    assert (problem, text.strip()) == (str(wrong.value), wrong.value.fault.value)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "ann+x@example.org",
        "o'neil@example.co.uk",
        "a..b@carrier.example",
        "ann.@carrier.example",
        '"ann bos"@example.org',
        "ann@[192.0.2.1]",
        "zoë@bücher.example",
        "ann@xn--bcher-kva.example",
        "ann@intranet",
        "ann@server.local",
        "ann@my_host.example",
    ],
)
def test_an_address_mail_can_be_sent_to_is_taken(address: str) -> None:
    fields = RowFields({"emails": address})

    assert ((address,), []) == (fields.addresses("emails"), fields.remarks)


@pytest.mark.parametrize(
    "address",
    [
        "<ann@example.org>",
        " Ann <ann@example.org>",
        '"Bos, Ann" <ann@example.org>',
        "mailto:ann@example.org",
        "'ann@example.org' <ann@example.org>",
    ],
)
def test_an_address_is_taken_without_what_stands_around_it(address: str) -> None:
    fields = RowFields({"emails": f"{address};bob@example.org"})

    assert ("ann@example.org", "bob@example.org") == fields.addresses("emails")
    assert ((), []) == (fields.unusable("emails"), fields.remarks)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("ann", "has no @"),
        ("ann@", "has nothing behind the @"),
        ("@example.org", "has nothing before the @"),
        ("a@b@example.org", "has two @"),
        ("ann bos@example.org", "has a blank before the @"),
        ("a@b..c", "has a dot too many"),
        ("niet ann@example.org maar cas@example.org", "names several addresses"),
        ("ann@example.org Ann", "has a blank behind the @"),
    ],
)
def test_a_bad_address_is_left_out_with_a_remark(address: str, fault: str) -> None:
    fields = RowFields({"emails": f"{address};bob@example.org"})

    assert ("bob@example.org",) == fields.addresses("emails")
    assert (address,) == fields.unusable("emails")
    [remark] = fields.remarks
    assert str(remark).startswith(f"emails: {address!r} is left out: it {fault}")
    assert {"emails"} == fields.partly


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("niet ann@example.org, cas@example.org", ("ann@example.org", "cas@example.org")),
        ("ann@example.org Ann", ("ann@example.org",)),
        ("a@b@example.org", ("a@b", "b@example.org")),
        ("ann@example.org, cas@example.org", ()),
        ("ann@example.org (private)", ()),
    ],
)
def test_what_looks_like_an_address_is_found_in_what_is_none(
    text: str, parts: tuple[str, ...]
) -> None:
    assert parts == RowFields({"emails": f"{text};bob@example.org"}).lookalikes("emails")
