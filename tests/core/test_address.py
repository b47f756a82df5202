"""Addresses of the envelope: what the grammar takes, and the one form they are looked up by."""

import pytest

from gateway.core.mail.address import (
    domain_of,
    domains_of,
    fits_envelope,
    lookup_form,
    parse_path,
    readable,
)

#: Why a path is one: how it is written, its mailbox, and what stands behind it.
PATHS = {
    "a mailbox": (b"<ann@example.org>", "ann@example.org", b""),
    "parameters are left": (b"<ann@example.org> SIZE=1", "ann@example.org", b" SIZE=1"),
    "the null sender (RFC 5321, 4.5.5)": (b"<>", "", b""),
    "the null sender with parameters": (b"<> RET=HDRS", "", b" RET=HDRS"),
    "Postmaster has no domain (RFC 5321, 4.5.1)": (b"<PostMaster>", "PostMaster", b""),
    "without brackets, as old programs write": (b"ann@example.org", "ann@example.org", b""),
    "without brackets, with a parameter": (b"ann@x.example\tX", "ann@x.example", b"\tX"),
    "a source route is kept for the relay (RFC 5321, C)": (
        b"<@a.example,@b.example:ann@example.org>",
        "ann@example.org",
        b"",
    ),
    "a quoted local part": (b'<"a b"@example.org>', '"a b"@example.org', b""),
    "a quoted quote": (b'<"a\\"b"@example.org>', '"a\\"b"@example.org', b""),
    "an empty quoted local part": (b'<""@example.org>', '""@example.org', b""),
    "dots anywhere, as carriers gave out": (b"<.a..b.@example.org>", ".a..b.@example.org", b""),
    "every letter of atext": (
        b"<!#$%&'*+-/=?^_`{|}~@example.org>",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        b"",
    ),
    "an address literal": (b"<ann@[192.0.2.1]>", "ann@[192.0.2.1]", b""),
    "an IPv6 literal": (b"<ann@[IPv6:2001:db8::1]>", "ann@[IPv6:2001:db8::1]", b""),
    "one label": (b"<ann@localhost>", "ann@localhost", b""),
    "an underscore in the domain": (b"<ann@my_host.example>", "ann@my_host.example", b""),
    "a final dot": (b"<ann@example.org.>", "ann@example.org.", b""),
    "UTF-8 on both sides (RFC 6531)": (
        "<zoë@bücher.example>".encode(),
        "zoë@bücher.example",
        b"",
    ),
    "255 octets of each": (
        b"<" + b"a" * 255 + b"@" + b"b" * 255 + b">",
        "a" * 255 + "@" + "b" * 255,
        b"",
    ),
}

#: Why something is no path.
NO_PATHS = {
    "nothing": b"",
    "a blank": b" ",
    "no domain": b"<ann>",
    "an empty domain": b"<ann@>",
    "an empty local part": b"<@example.org>",
    "two ats": b"<ann@@example.org>",
    "a blank inside": b"<a b@example.org>",
    "a bracket too few": b"<ann@example.org",
    "a bracket too many": b"<<ann@example.org>>",
    "an empty label": b"<ann@example..org>",
    "a label that begins with a hyphen": b"<ann@-example.org>",
    "a label that ends with a hyphen": b"<ann@example-.org>",
    "an open quote": b'<"ann@example.org>',
    "a control character in quotes": b'<"a\x01b"@example.org>',
    "a line end in quotes": b'<"a\rb"@example.org>',
    "an open literal": b"<ann@[192.0.2.1>",
    "an empty literal": b"<ann@[]>",
    "a route without a mailbox": b"<@a.example:>",
    "a name": b"Ann <ann@example.org>",
    "a list": b"ann@example.org,bob@example.org",
    "NUL": b"<ann\0@example.org>",
    "octets that are no UTF-8": b"<ann\xff@example.org>",
    "256 octets of local part": b"<" + b"a" * 256 + b"@example.org>",
    "256 octets of domain": b"<ann@" + b"b" * 256 + b">",
}


@pytest.mark.parametrize("why", PATHS)
def test_a_path_is_split_off(why: str) -> None:
    octets, mailbox, rest = PATHS[why]

    split = parse_path(octets)

    assert split is not None
    path, tail = split
    assert (mailbox, rest, octets) == (path.address, tail, path.raw + tail)
    assert octets.isascii() == path.is_ascii


@pytest.mark.parametrize("why", NO_PATHS)
def test_what_is_no_path_is_refused(why: str) -> None:
    assert parse_path(NO_PATHS[why]) is None


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("ann@example.org", True),
        ('"a b"@example.org', True),
        ("zoë@example.org", True),
        ("Postmaster", True),
        ("", True),  # The null sender.
        ("ann", False),
        ("ann@example.org> SIZE=1", False),
        ("@a.example:ann@example.org", False),  # A route is not part of the mailbox.
        ("ann\ud800@example.org", False),
    ],
)
def test_an_address_fits_an_envelope_as_it_stands_or_not(address: str, fits: bool) -> None:
    assert fits == fits_envelope(address)


#: Why two ways to write an address are one: as written, as looked up.
FORMS = {
    "as it is": ("ann@example.org", "ann@example.org"),
    "case": ("Ann.Lee@EXAMPLE.Org", "ann.lee@example.org"),
    "blanks around it": ("\t ann@example.org \n", "ann@example.org"),
    "a final dot": ("ann@example.org.", "ann@example.org"),
    "quotes that aren't needed": ('"ann"@example.org', "ann@example.org"),
    "a quoted pair": ('"a\\"b"@example.org', 'a"b@example.org'),
    "quotes that are never closed": ('"ann@example.org', "ann@example.org"),
    "no at": ("Postmaster", "postmaster"),
    "nothing": ("  ", ""),
    "full-width letters": ("ａｎｎ@example.org", "ann@example.org"),
    "a ligature": ("\ufb01na@example.org", "fina@example.org"),
    "an accent in two code points": ("zoe\u0308@example.org", "zoë@example.org"),
    "sharp s is double s in a local part": ("strauß@example.org", "strauss@example.org"),
    "a domain beyond ASCII": ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
    "the same domain as an A-label": ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
    "the same in two code points": ("ann@zu\u0308ge.example", "ann@xn--zge-hoa.example"),
    "an ideographic full stop": ("ann@bücher。example", "ann@xn--bcher-kva.example"),
    "full-width letters in a domain": ("ann@ｅxample.org", "ann@example.org"),
    "an A-label that is ASCII after all": ("ann@xn--example-.org", "ann@example.org"),
    "an A-label that can't be decoded": ("ann@XN--99999999.example", "ann@xn--99999999.example"),
    "an A-label with letters beyond ASCII": ("ann@xn--bü.example", "ann@xn--bü.example"),
    "plus stays": ("ann+news@example.org", "ann+news@example.org"),
    "an at in quotes": ('"a@b"@example.org', "a@b@example.org"),
}


@pytest.mark.parametrize("why", FORMS)
def test_an_address_has_one_form_to_look_it_up_by(why: str) -> None:
    written, form = FORMS[why]

    assert form == lookup_form(written)
    assert form == lookup_form(form)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("ann+news@example.org", "ann@example.org"),
        ("ann+a+b@example.org", "ann@example.org"),
        ("+ann@example.org", "+ann@example.org"),
        ("+ann+news@example.org", "+ann@example.org"),
        ("ann@ex+ample.org", "ann@ex+ample.org"),
        ('"ann+news"@example.org', "ann@example.org"),
    ],
)
def test_what_stands_behind_a_plus_is_dropped_where_it_is_asked_for(
    written: str, form: str
) -> None:
    assert form == lookup_form(written, plus_addresses=True)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ann@Example.org.", "example.org"),
        ("ann@bücher.example", "xn--bcher-kva.example"),
        ('"a@b"@example.org', "example.org"),
        ("ann", ""),
        ("ann@", ""),
    ],
)
def test_the_domain_of_an_address(address: str, domain: str) -> None:
    assert domain == domain_of(address)


@pytest.mark.parametrize(
    ("address", "domains"),
    [
        ("bob@Mail.Example.org", ["mail.example.org", "example.org", "org"]),
        ("postmaster", []),
        ("", []),
    ],
)
def test_the_domains_an_address_is_in_the_nearest_first(address: str, domains: list[str]) -> None:
    assert domains == list(domains_of(address))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("bob@xn--bcher-kva.example", "bob@bücher.example"),
        ("bob@mail.xn--bcher-kva.example", "bob@mail.bücher.example"),
        ("bob@example.org", "bob@example.org"),
        ("xn--bcher-kva", "bücher"),
        ("bob@xn--bücher.example", "bob@xn--bücher.example"),  # No A-label has such letters.
        ("bob@xn--abc-.example", "bob@xn--abc-.example"),  # It would stand for "abc" itself.
        ("bob@xn--.example", "bob@xn--.example"),
    ],
)
def test_an_address_is_read_with_the_letters_of_its_domain(address: str, shown: str) -> None:
    assert shown == readable(address)
