"""What people write into a field for addresses: what is certain is mailed, the rest suppressed."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.feed.address_cell import read_cell
from gateway.core.mail.address import lookup_form
from gateway.core.mail.typed.characters import SEPARATORS
from gateway.core.mail.typed.typed_address import TypedAddress, read_address
from tests.rig.cost import cost_of


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", ()),
        (" \u200b", ()),
        ("ann@x.org", ("ann@x.org",)),
        ("Jo K <jo@x.org>", ("jo@x.org",)),
        ('"K; Jo" <jo@x.org>', ("jo@x.org",)),
        ("K, Jo <jo@x.org>", ("jo@x.org",)),
        ("<ann@x.org>", ("ann@x.org",)),
        ("mailto:ann@x.org", ("ann@x.org",)),
        ("MAILTO:ann%40x.org?subject=Dag", ("ann@x.org",)),
        # Several, whatever stands between them.
        ("a@x.org, b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org,b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org;b@x.org;", ("a@x.org", "b@x.org")),
        ("a@x.org\nb@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org\r\nb@x.org\r\n", ("a@x.org", "b@x.org")),
        ("a@x.org\tb@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org_x000D_\nb@x.org_x000D_", ("a@x.org", "b@x.org")),
        ("a@x.org b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org\u00a0b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org / b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org/b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org | b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org & b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org oder b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org of b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org OU b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org and b@x.org", ("a@x.org", "b@x.org")),
        ("Ann <a@x.org>, Bos, Jo <b@x.org>", ("a@x.org", "b@x.org")),
        ("Ann <a@x.org>; b@x.org", ("a@x.org", "b@x.org")),
        ("<a@x.org><b@x.org>", ("a@x.org", "b@x.org")),
        ("mailto:a@x.org, mailto:b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org; A@X.org", ("a@x.org",)),
        # Labels and remarks.
        ("a@x.org (private)", ("a@x.org",)),
        ("a@x.org [werk]", ("a@x.org",)),
        ("(privé) a@x.org", ("a@x.org",)),
        ("prive: a@x.org; werk: b@x.org", ("a@x.org", "b@x.org")),
        ("prive: a@x.org, werk: b@x.org", ("a@x.org", "b@x.org")),
        ("privat:a@x.org", ("a@x.org",)),
        ("E-Mail: a@x.org", ("a@x.org",)),
        ("E-mail 1: a@x.org\nE-mail 2: b@x.org", ("a@x.org", "b@x.org")),
        ("SMTP:a@x.org", ("a@x.org",)),
        ("[a@x.org](mailto:a@x.org)", ("a@x.org",)),
        ("Ann <a@x.org> (office)", ("a@x.org",)),
        # As an HTML page has it: escaped once, twice, or with each name and number there is.
        ("O&#039;Brien@x.org", ("O'Brien@x.org",)),
        ("O&#x27;Brien@x.org; O&apos;Neil@x.org", ("O'Brien@x.org", "O'Neil@x.org")),
        ("O&APOS;BRIEN@X.ORG", ("O'BRIEN@X.ORG",)),  # capitals made of everything
        ("p&amp;q@x.org", ("p&q@x.org",)),
        ("p&amp;amp;amp;amp;amp;amp;q@x.org", ("p&q@x.org",)),
        ("&lt;ann@x.org&gt;", ("ann@x.org",)),
        ("&quot;Bos; Ann&quot; &lt;ann@x.org&gt;", ("ann@x.org",)),
        ("Ann &amp; Jo &amp;lt;ann@x.org&amp;gt;", ("ann@x.org",)),
        ("ann@x.org&nbsp;", ("ann@x.org",)),
        ("&nbsp;ann@x.org&lt;", ("ann@x.org",)),
        ("ann&#64;x&period;org", ("ann@x.org",)),
        ("ann&commat;x.org", ("ann@x.org",)),
        ("zo&euml;@x.org", ("zoë@x.org",)),
        ("ann&shy;@x.org", ("ann@x.org",)),
        ("a@x.org&#59;b@x.org&#13;&#10;c@x.org", ("a@x.org", "b@x.org", "c@x.org")),
        ("a@x.org &middot; b@x.org", ("a@x.org", "b@x.org")),
        ("a&b@x.org", ("a&b@x.org",)),  # no reference: an address may contain it
        # What separates two in other scripts.
        ("a@x.org、b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org､b@x.org", ("a@x.org", "b@x.org")),
        ("a@x.org，b@x.org；c@x.org", ("a@x.org", "b@x.org", "c@x.org")),
        ("a@x.org﹐b@x.org﹔c@x.org", ("a@x.org", "b@x.org", "c@x.org")),
        ("a@x.org، b@x.org؛ c@x.org", ("a@x.org", "b@x.org", "c@x.org")),
        ("a@x.org\u037eb@x.org", ("a@x.org", "b@x.org")),  # GREEK QUESTION MARK
        ("a@x.org፣b@x.org፤c@x.org", ("a@x.org", "b@x.org", "c@x.org")),
        ("Jo＜a@x.org＞、Al＜b@x.org＞", ("a@x.org", "b@x.org")),
        # What clings to it.
        ("ann@x.org.", ("ann@x.org",)),
        ("ann@x.org,", ("ann@x.org",)),
        ("ann@x.org ;", ("ann@x.org",)),
        ("'ann@x.org'", ("ann@x.org",)),
        ('"ann@x.org"', ("ann@x.org",)),
        ("„ann@x.org“", ("ann@x.org",)),
        ("<ann@x.org", ("ann@x.org",)),
        ("- ann@x.org", ("ann@x.org",)),
        ("• a@x.org • b@x.org", ("a@x.org", "b@x.org")),
        ("ann＠x.org", ("ann@x.org",)),
        ("\ufeffann\u200b@x\u00ad.org\u200e", ("ann@x.org",)),
        # What an envelope can have is an address, however odd.
        ("a..b@carrier.example", ("a..b@carrier.example",)),
        ("o'neil@x.org, zoë@bücher.example", ("o'neil@x.org", "zoë@bücher.example")),
        ('"ann bos"@x.org, b@x.org', ('"ann bos"@x.org', "b@x.org")),
        ("root@localhost", ("root@localhost",)),
        ("a@[192.0.2.1], b@x.org", ("a@[192.0.2.1]", "b@x.org")),
        ("a+b@x.org; a_b@x.org; a-b@x-y.org", ("a+b@x.org", "a_b@x.org", "a-b@x-y.org")),
    ],
)
def test_addresses_are_found_in_what_people_write(text: str, addresses: tuple[str, ...]) -> None:
    found = read_cell(text)

    assert (addresses, ()) == (found.addresses, found.doubts)


@pytest.mark.parametrize(
    ("text", "address", "literal"),
    [
        ("'ann@x.org'", "ann@x.org", ""),
        ("'ann@x.org", "ann@x.org", "'ann@x.org"),
        ("ann\u200b@x.org", "ann@x.org", ""),  # Looked up as if it were not there.
        ("ann@x.org.", "ann@x.org", ""),
        ("Ann@x.org", "Ann@x.org", ""),
        ("Ann <ann@x.org>", "ann@x.org", ""),
        ("、ann@x.org", "ann@x.org", "、ann@x.org"),
        # Legal as it stands, and perhaps escaped: one is mailed, both are the person's.
        ('"p&amp;q"@x.org', '"p&q"@x.org', '"p&amp;q"@x.org'),
        ("p&amp@x.org", "p&amp@x.org", "p&@x.org"),
        ("O&#039Brien@x.org", "O&#039Brien@x.org", "O'Brien@x.org"),
        ("Jo &amp Al <p&amp@x.org>", "p&amp@x.org", "p&@x.org"),
        ("O&#039;Brien@x.org", "O'Brien@x.org", ""),
        ("r&not@x.org", "r&not@x.org", ""),
    ],
)
def test_what_a_crm_may_send_to_as_it_stands_is_suppressed_too(
    text: str, address: str, literal: str
) -> None:
    found = read_cell(text)

    assert ((address,), (literal,) if literal else ()) == (found.addresses, found.lookalikes)


@pytest.mark.parametrize(
    ("text", "addresses", "doubtful"),
    [
        ("niet a@x.org maar b@x.org", (), ("a@x.org", "b@x.org")),
        ("a@x.org (werkt niet meer)", (), ("a@x.org",)),
        # Nothing tells where one ends: whatever may be meant, and what it is as it stands.
        ("a@x.org+b@y.org", (), ("a@x.org", "+b@y.org", "b@y.org", "x.org+b@y.org")),
        ("a@x.org-b@y.org", (), ("a@x.org-b", "a@x.org", "b@y.org", "x.org-b@y.org")),
        ("a@x.orgb@x.org", (), ("a@x.orgb", "a@x.org", "b@x.org", "x.orgb@x.org")),
        (r"a@x.org\r\nb@y.org", (), ("a@x.org", "b@y.org", "nb@y.org")),
        ("old: a@x.org", (), ("a@x.org",)),
        ("old: a@x.org; new: b@x.org", ("b@x.org",), ("a@x.org",)),
        ("Keine Mail an a@x.org", (), ("a@x.org",)),
        ("a@x.org Jo", (), ("a@x.org",)),
        ("tel. 020-123, a@x.org", (), ("a@x.org",)),
        ("a@x.org?subject=Dag", (), ("a@x.org",)),
        ("ann(at)x.org", (), ("ann@x.org",)),
        ("ann [at] x [dot] org", (), ("ann@x.org",)),
        ("ann (Klammeraffe) x (Punkt) org", (), ("ann@x.org",)),
        ("ann%40x.org", (), ("ann@x.org",)),
        ("ann @ x.org", (), ("ann@x.org",)),
        ("ann@@x.org", (), ("ann@x.org",)),
        ("ann@x..org", (), ("ann@x.org",)),
        ("ann bos@x.org", (), ("bos@x.org",)),
        ("a@b@x.org", (), ("a@b", "b@x.org")),
        ("ann@exam ple.org", (), ("ann@exam", "ann@example.org")),
        ("ann@x,org", (), ("ann@x", "ann@x.org")),
        ("o’neil@x.org", (), ("o’neil@x.org", "o'neil@x.org")),
        ("a@x.org; geen", ("a@x.org",), ()),
        ("geen", (), ()),
        ("boss@x.org <thief@y.org>", (), ("boss@x.org", "thief@y.org")),
        ("a@x.org&lt;br&gt;b@x.org", (), ("a@x.org", "b@x.org")),
        ("&ltann@x.org&gt", (), ("ann@x.org",)),
        ("niet a@x.org；b@x.org", ("b@x.org",), ("a@x.org",)),
        ("niet：a@x.org、b@x.org", (), ("a@x.org", "b@x.org")),
        ("H&M;a@x.org", ("a@x.org",), ()),  # HTML has no such name
    ],
)
def test_what_cant_be_told_counts_for_suppression(
    text: str, addresses: tuple[str, ...], doubtful: tuple[str, ...]
) -> None:
    found = read_cell(text)

    assert found.doubts
    assert addresses == found.addresses
    assert set(doubtful) <= set(found.lookalikes), found.lookalikes


ADDRESSES = st.sampled_from(["a@x.org", "b.c@y.example", "o'neil@z.org", "zoë@x.org", "Ann@X.org"])
AROUND = st.sampled_from(
    [" ", ",", ";", "\n", " / ", " oder ", "<", ">", "(", ")", "[", "]", "'", '"', "\u200b",
     "\u00a0", " Jo K ", " niet ", " - ", "“", " tel. 12 "]
)  # fmt: skip
BEFORE = AROUND | st.sampled_from(["mailto:", " prive:", "•"])


@given(st.lists(st.tuples(BEFORE, ADDRESSES, AROUND), min_size=1, max_size=4))
def test_no_address_is_ever_lost(pieces: list[tuple[str, str, str]]) -> None:
    found = read_cell("  ".join("".join(piece) for piece in pieces))
    known = set(map(lookup_form, (*found.addresses, *found.lookalikes)))

    assert {lookup_form(address) for _, address, _ in pieces} <= known


@pytest.mark.parametrize(
    "text", ["O&#039;Brien@x.org", "p&amp;q@x.org", "p&amp;amp;q@x.org", "O&#039Brien@x.org"]
)
def test_nobody_else_counts_as_a_person_whose_address_is_escaped(text: str) -> None:
    found = read_cell(text)

    assert not {"brien@x.org", "q@x.org"} & {*map(lookup_form, found.addresses + found.lookalikes)}


@given(st.lists(st.tuples(BEFORE, ADDRESSES, AROUND), min_size=1, max_size=4))
def test_what_is_escaped_for_a_page_means_the_same(pieces: list[tuple[str, str, str]]) -> None:
    text = "  ".join("".join(piece) for piece in pieces)

    assert read_cell(text) == read_cell(escape(text)) == read_cell(escape(escape(text)))


@given(ADDRESSES, st.sampled_from(SEPARATORS), ADDRESSES)
def test_a_separator_of_any_script_separates(first: str, between: str, second: str) -> None:
    found = read_cell(f"{first}{between}{second}")

    assert {lookup_form(first), lookup_form(second)} == {*map(lookup_form, found.addresses)}


@given(st.text(max_size=60) | st.lists(AROUND | ADDRESSES, max_size=8).map("".join))
def test_what_is_certain_is_one_address_each(text: str) -> None:
    found = read_cell(text)

    assert [*map(TypedAddress, found.addresses)] == [*map(read_address, found.addresses)]


@pytest.mark.parametrize("between", ["-", "_", "+", ".", "\\n", ""])
def test_three_addresses_that_run_together_are_none_for_certain(between: str) -> None:
    found = read_cell(between.join(["a@x.org", "b@x.org", "c@x.org"]))

    assert () == found.addresses
    assert {"a@x.org", "b@x.org", "c@x.org"} <= set(found.lookalikes)


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize(
    "text",
    [
        "&amp;" * 10_000,
        "&#" * 25_000,
        "&lt;a@x" * 8_000,
        "a" * 50_000,
        "@" * 50_000,
        "a@" * 20_000,
        '"' * 9_999,
        "<" * 9_999,
        "a@x.org " * 4_000,
    ],
)
def test_a_hostile_text_takes_no_time(text: str) -> None:
    assert cost_of(lambda: read_cell(text)) < 6  # What grows with the square would take minutes.
