"""What people type for an address: one is understood, or it is said what is wrong."""

from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mail.address import lookup_form, parse_path
from gateway.core.mail.typed.address_fault import parts_like_addresses
from gateway.core.mail.typed.typed_address import (
    NotAnAddress,
    TypedAddress,
    can_be_recipient,
    name_and_address,
    read_address,
)
from tests.rig.cost import cost_of


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("ann@example.org", "ann@example.org", ""),
        ("Ann@EXAMPLE.org", "Ann@EXAMPLE.org", ""),
        ("  ann@example.org\t\r\n", "ann@example.org", ""),
        ("\u00a0ann@example.org\u202f", "ann@example.org", ""),
        ("<ann@example.org>", "ann@example.org", ""),
        (" < ann@example.org > ", "ann@example.org", ""),
        ("mailto:ann@example.org", "ann@example.org", ""),
        ("MAILTO:ann@example.org?subject=Hallo%20Ann&cc=bob@example.org", "ann@example.org", ""),
        ("mailto:ann%2Bjobs%40example.org", "ann+jobs@example.org", ""),
        ("mailto://ann@example.org", "ann@example.org", ""),
        ("<mailto:ann@example.org>", "ann@example.org", ""),
        # Outlook and Word paste a link so.
        ("ann@example.org<mailto:ann@example.org>", "ann@example.org", ""),
        ("ann@example.org <mailto:ANN@example.org>", "ANN@example.org", ""),
        # Outlook shows an address that has no name so.
        ("'ann@example.org' <ann@example.org>", "ann@example.org", ""),
        ('"ann@example.org" <ann@example.org>', "ann@example.org", ""),
        ("Ann Bos <ann@example.org>", "ann@example.org", "Ann Bos"),
        ("Ann\u00a0Bos<ann@example.org>", "ann@example.org", "Ann Bos"),
        ('"Bos, Ann" <ann@example.org>', "ann@example.org", "Bos, Ann"),
        ("Bos, Ann <ann@example.org>", "ann@example.org", "Bos, Ann"),
        ('"Ann \\"B\\" <3" <ann@example.org>', "ann@example.org", 'Ann "B" <3'),
        ("“Ann” O’Neil <ann@example.org>", "ann@example.org", "“Ann” O’Neil"),
        ("Zoë <zoë@bücher.example>", "zoë@bücher.example", "Zoë"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example", ""),
        ("ann@пример.рф", "ann@пример.рф", ""),
        ("ann@l·l.cat", "ann@l·l.cat", ""),
        ("ann@☕.example", "ann@☕.example", ""),
        ("ann+jobs@example.org", "ann+jobs@example.org", ""),
        ("o'neil@example.co.uk", "o'neil@example.co.uk", ""),
        ("a..b@carrier.example", "a..b@carrier.example", ""),
        ("ann.@carrier.example", "ann.@carrier.example", ""),
        ('"ann bos"@example.org', '"ann bos"@example.org', ""),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]", ""),
        ("root@localhost", "root@localhost", ""),
        ("ann@my_host.example", "ann@my_host.example", ""),
        ("ann@example.org.", "ann@example.org.", ""),
        # What can't be seen came along when it was copied.
        ("ann@x.org\u200b", "ann@x.org", ""),
        ("\u200bann@x.org", "ann@x.org", ""),
        ("ann\u200b@x.org", "ann@x.org", ""),
        ("<ann@x.org\u200b>", "ann@x.org", ""),
        ("Ann\u200b <ann@x.org>", "ann@x.org", "Ann"),
        ("mailto:ann%E2%80%8B@x.org", "ann@x.org", ""),
        ("\ufeffann@x.org", "ann@x.org", ""),
        ("ann@x\u00ad.org", "ann@x.org", ""),
        ("\u202aann@x.org\u202c", "ann@x.org", ""),
        ("ann@x.org\u200e", "ann@x.org", ""),
        ("ann\u2060@x.org", "ann@x.org", ""),
        ("ann\u2064@x.org", "ann@x.org", ""),
        ("ann\u3164@x.org", "ann@x.org", ""),
        ("ann\ufe0f@x.org", "ann@x.org", ""),
        ("ann\U000e0041@x.org", "ann@x.org", ""),
        ("zoe\u0308@x.org", "zoë@x.org", ""),
        ("علی\u200cرضا <ali@x.org>", "ali@x.org", "علی\u200cرضا"),
        # As an HTML page has it, unless it is an address as it stands.
        ("O&#039;Brien@x.org", "O'Brien@x.org", ""),
        ("p&amp;q@x.org", "p&q@x.org", ""),
        ("&lt;ann@x.org&gt;", "ann@x.org", ""),
        ("&quot;Bos; Ann&quot; &amp;lt;ann@x.org&amp;gt;", "ann@x.org", "Bos; Ann"),
        ("&nbsp;ann&#64;x.org&#13;&#10;", "ann@x.org", ""),
        ("ann&commat;x.org", "ann@x.org", ""),
        ("p&amp@x.org", "p&amp@x.org", ""),
        ('"p&amp;q"@x.org', '"p&amp;q"@x.org', ""),
    ],
)
def test_one_address_is_understood_with_what_stands_around_it(
    text: str, address: str, name: str
) -> None:
    assert TypedAddress(address, name) == read_address(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("mailto:", "is empty"),
        ("<>", "names nobody between < and >"),
        ("Ann <>", "names nobody between < and >"),
        ("ann", "has no @"),
        ("candidate:17", "has no @"),
        ("ann＠example.org", "has ＠ (U+FF20 FULLWIDTH COMMERCIAL AT) in the place of @"),
        ("ann@", "has nothing behind the @"),
        ("@example.org", "has nothing before the @"),
        ("ann@home@example.org", "has two @"),
        ("ann@@example.org", "has two @"),
        ("ann bos@example.org", "has a blank before the @"),
        ("ann@exam ple.org", "has a blank behind the @"),
        ("ann @example.org", "has a blank before the @"),
        # Several, whatever stands between them.
        (
            "a@x.org, b@x.org",
            "names several addresses, “a@x.org” and “b@x.org”: give one at a time",
        ),
        ("a@x.org,b@x.org", "names several addresses"),
        ("a@x.org; b@x.org", "names several addresses"),
        ("a@x.org b@x.org", "names several addresses"),
        ("a@x.org\tb@x.org", "has U+0009 TAB in it"),
        ("<a@x.org>, <b@x.org>", "names several addresses"),
        ("<a@x.org><b@x.org>", "names several addresses"),
        ("mailto:a@x.org,b@x.org", "names several addresses"),
        ("mailto:a@x.org%2Cb@x.org", "names several addresses"),
        ("a@x.org; b@x.org; c@x.org", "“a@x.org” and “b@x.org” and 1 more"),
        # What is shown is not what would be mailed.
        ("boss@x.org <thief@y.org>", "names several addresses"),
        ('"boss@x.org" <thief@y.org>', "names several addresses"),
        ("Ann; Bob <bob@x.org>", "names several with “;” between them"),
        # What stands at its ends.
        ("ann@x.org;", "ends in “;”: leave it out"),
        ("ann@x.org ,", "ends in “,”: leave it out"),
        ("<ann@x.org>;", "ends in “;”: leave it out"),
        (";ann@x.org", "begins with “;”: leave it out"),
        ("ann@x.org；", "ends in “；”"),
        ("ann@x.org、", "ends in “、”"),
        ("、ann@x.org", "begins with “、”"),
        ("a@x.org、b@x.org", "names several addresses, “a@x.org” and “b@x.org”"),
        ("a@x.org، b@x.org", "names several addresses"),
        ("a@x.org&#59;b@x.org", "names several addresses, “a@x.org” and “b@x.org”"),
        ("ann、bos@x.org", "has 、 (U+3001 IDEOGRAPHIC COMMA) before the @"),
        ("O&#039;Brien", "has no @"),
        ("H&M;ann@x.org", "has “;” before the @"),
        ("'ann@x.org'", "begins with the quote “'”: leave the quotes out"),
        ('"ann@x.org"', 'begins with the quote “"”'),
        ("“ann@x.org”", "begins with the quote “ (U+201C LEFT DOUBLE QUOTATION MARK)"),
        ("‘ann@x.org’", "begins with the quote ‘ (U+2018 LEFT SINGLE QUOTATION MARK)"),
        ("„ann@x.org“", "begins with the quote „ (U+201E DOUBLE LOW-9 QUOTATION MARK)"),
        ("«ann@x.org»", "begins with the quote «"),
        ("`ann@x.org`", "begins with the quote “`”"),
        ("'ann@x.org", "begins with the quote “'”"),
        ("ann@x.org'", "ends in the quote “'”"),
        ("<'ann@x.org'>", "begins with the quote “'”"),
        ("o’neil@x.org", "has the quote ’ (U+2019 RIGHT SINGLE QUOTATION MARK) before the @"),
        ('an"n@x.org', 'has the quote “"” before the @'),
        ('"Ann <ann@x.org>', 'has a quote " without its second'),
        ('""@x.org', "has quotes that hide"),
        ('"ann@home"@x.org', "has quotes that hide"),
        ('"mailto:ann"@x.org', "has quotes that hide"),
        # Brackets.
        ("<ann@x.org", "has brackets that don't belong together"),
        ("ann@x.org>", "has brackets that don't belong together"),
        ("<<ann@x.org>>", "has brackets that don't belong together"),
        ("Ann <ann@x.org> (office)", "has brackets that don't belong together"),
        ("[ann@x.org](mailto:ann@x.org)", "has two @"),
        # What can't be seen.
        ("ann\u00a0bos@x.org", "has a blank before the @"),
        ("<ann\u00a0bos@x.org>", "has a blank before the @"),
        ("ann\u2028@x.org", "has a blank before the @"),
        ("\u200b@x.org", "has nothing before the @"),
        ("\u200b", "is empty"),
        ("ann\0@x.org", "has U+0000 NUL in it"),
        ("ann@x.org\x1b[31m", "has U+001B CONTROL CHARACTER in it"),
        ("ann@x.org\r\nBcc: b@x.org", "has U+000D CARRIAGE RETURN in it"),
        ("mailto:ann@x.org%0D%0ABcc:b@x.org", "has U+000D CARRIAGE RETURN in it"),
        ("\udcffann@x.org", "is not UTF-8"),
        ("mailto:%FFann@x.org", "is not UTF-8"),
        # What no envelope's recipient can be.
        ("ann@x..org", "has a dot too many behind the @"),
        ("ann@.x.org", "has a dot too many behind the @"),
        ("ann@-x.org", "has a hyphen at the edge"),
        ("ann@x-.org", "has a hyphen at the edge"),
        ("ann@x.org?subject=Hi", "has “?” behind the @"),
        ("SMTP:ann@x.org", "has “:” before the @"),
        ("@relay.example:ann@x.org", "has two @"),
        ("ann@x.org/office", "has “/” behind the @"),
        ("ann（office）@x.org", "has （ (U+FF08 FULLWIDTH LEFT PARENTHESIS) before the @"),
        ("ann@[192.0.2.1", "can't be the recipient of a mail"),
        ("a" * 250 + "@x.org", "has 256 octets, an address has 254 at most"),
        ("é" * 130 + "@x.org", "has 266 octets, an address has 254 at most"),
        ("a@x.org " * 1000, "has more than 2000 characters"),
    ],
)
def test_what_is_no_single_address_is_refused_by_name(text: str, fault: str) -> None:
    refused = read_address(text)

    assert isinstance(refused, NotAnAddress)
    assert fault in refused.fault
    assert str(refused).isprintable()


def test_a_refusal_says_what_it_refuses() -> None:
    refused = read_address("Ann <ann@x.org>; bob@x.org; 'ANN@x.org';")

    assert "“Ann <ann@x.org>; bob@x.org; 'ANN@x.org';” names several" in str(refused)


def test_what_looks_like_addresses_is_told_once_each() -> None:
    several = "Ann <ann@x.org>; bob@x.org; 'ANN@x.org';"

    assert ("ann@x.org", "bob@x.org") == parts_like_addresses(several)
    assert () == parts_like_addresses("nobody @ all")


@pytest.mark.parametrize(
    ("mailbox", "expected"),
    [
        (TypedAddress("a@x.org"), "a@x.org"),
        (TypedAddress("a@x.org", "Zoë Bos"), "Zoë Bos <a@x.org>"),
        (TypedAddress("a@x.org", "Bos, Ann"), '"Bos, Ann" <a@x.org>'),
        (TypedAddress("a@x.org", 'A "B" C'), '"A \\"B\\" C" <a@x.org>'),
    ],
)
def test_a_mailbox_is_written_so_that_a_header_field_can_have_it(
    mailbox: TypedAddress, expected: str
) -> None:
    assert expected == mailbox.mailbox
    assert (mailbox.name, mailbox.address) == parseaddr(mailbox.mailbox)
    assert mailbox == read_address(mailbox.mailbox)


@pytest.mark.parametrize(
    ("mailbox", "expected"),
    [
        ("postmaster@[192.0.2.1]", ("", "postmaster@[192.0.2.1]")),
        ("Mail <mail@[IPv6:2001:db8::1]>", ("Mail", "mail@[IPv6:2001:db8::1]")),
        ('"Bos, Ann" <ann@x.org>', ("Bos, Ann", "ann@x.org")),
        ("", ("", "")),
    ],
)
def test_a_mailbox_of_a_setting_is_taken_apart_whatever_its_domain_is(
    mailbox: str, expected: tuple[str, str]
) -> None:
    assert expected == name_and_address(mailbox)


PIECES = st.sampled_from(
    ["ann", "Ann", "o'neil", "x.org", "X.ORG", "bücher.example", "ß", "İ", "@", "@", "@", ".", "..",
     "-", "_", "+", "<", ">", '"', "\\", " ", ",", ";", ":", "mailto:", "%40", "?", "[192.0.2.1]",
     "'", "’", "“", "＠", "；", "。", "．", "\u200b", "\u00a0", "\t", "\r\n", "\0", "xn--", "☕",
     "、", "&amp;", "&lt;", "&#64;", "&amp", "ﬁ", "xn--mller-kva", "´", "¨", "\ufdfa", "🇳",
     "\u0345"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40))
def test_what_is_accepted_is_found_as_the_recipient_of_an_envelope(text: str) -> None:
    found = read_address(text)
    if isinstance(found, NotAnAddress):
        assert str(found).isprintable()
        return
    path = parse_path(f"<{found.address}>".encode())

    assert path is not None
    assert (found.address, b"") == (path[0].address, path[1])
    assert lookup_form(found.address) == lookup_form(path[0].address)
    assert can_be_recipient(lookup_form(found.address))
    assert TypedAddress(found.address) == read_address(found.address)


@given(st.emails())
def test_every_usual_address_is_accepted(address: str) -> None:
    found = read_address(address)

    # Quotes at the ends are a slip, though the grammar would let an apostrophe begin a name.
    is_slip = address[0] in "'`"
    assert is_slip or TypedAddress(address) == found


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("ann@example.org", True),
        ("zoë@xn--bcher-kva.example", True),
        ("ann bos@example.org", True),  # "ann bos"@example.org
        ("bos, ann@example.org", True),  # "bos, ann"@example.org
        ("p&amp;q@example.org", True),  # "p&amp;q"@example.org
        ("root@localhost", True),
        ("Ann@example.org", False),
        ("zoë@bücher.example", False),
        ("<ann@example.org>", False),
        ("mailto:ann@example.org", False),
        ("ann <ann@example.org>", False),
        ("ann@example.org;", False),
        ("a@x.org,b@x.org", False),
        ("ann@home@example.org", False),
        ("'ann@example.org'", False),
        ('ann@example.org"', False),
        ("ann\u200b@example.org", False),
        ("ann\0@example.org", False),
        ("ann", False),
        ("@example.org", False),
        ("", False),
    ],
)
def test_what_is_stored_is_an_address_of_somebody_or_of_nobody(
    stored: str, *, expected: bool
) -> None:
    assert expected == can_be_recipient(stored)


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize("text", ["<" * 50_000, '"' * 1_999, "a@" * 1_000, '"\\' * 900, "@." * 990])
def test_a_hostile_text_takes_no_time(text: str) -> None:
    assert cost_of(lambda: (read_address(text), parts_like_addresses(text))) < 1
