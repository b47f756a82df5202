"""The end of data and the octets before it."""

from collections.abc import Iterable
from email import message_from_bytes
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.mail.content import (
    MAX_HEADER_BLOCK,
    BadContent,
    Cleaner,
    Splitter,
    header_block,
    header_block_of_file,
    parted_file,
    with_fields_on_top,
)
from gateway.core.mail.headers import Headers


def split(chunks: list[bytes]) -> tuple[bytes, bytes | None]:
    """Return the content and what followed it (None while the end is missing)."""
    splitter, content = Splitter(), b""
    for number, chunk in enumerate(chunks):
        piece = splitter.feed(chunk)
        content += piece.octets
        if piece.last:
            return content, splitter.rest + b"".join(chunks[number + 1 :])
    return content, None


def clean(*pieces: bytes, normalise: bool = True) -> bytes:
    cleaner = Cleaner()
    cleaner.settle(normalise=normalise)
    return b"".join(cleaner.feed(piece) for piece in pieces)


def passed_on(content: bytes, cuts: Iterable[int]) -> bytes:
    """Return what goes on of content that came over the wire in chunks."""
    wire = content + b".\r\n"
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    splitter, cleaner, out = Splitter(), Cleaner(), b""
    for start, end in pairwise(places):
        piece = splitter.feed(wire[start:end])
        out += cleaner.feed(piece.octets)
        if piece.last:
            break
    cleaner.settle(normalise=True)
    return out


HOSTILE = st.text(alphabet="\r\n.\0aé", max_size=40).map(lambda text: text.encode("latin-1"))


@pytest.mark.parametrize(
    ("wire", "content", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
        (b"..\r\n.\r\n", b"..\r\n", b""),
        (b"a\n.\nb\r.\r\r\n.\r\n", b"a\n.\nb\r.\r\r\n", b""),
        (b"a\n.\r\nb\r\n.\nc\r\n.\r\n", b"a\n.\r\nb\r\n.\nc\r\n", b""),
    ],
)
def test_S13_only_crlf_dot_crlf_ends_the_content_wherever_it_is_cut(
    wire: bytes, content: bytes, rest: bytes
) -> None:
    whole = split([wire])
    bytewise = split([wire[n : n + 1] for n in range(len(wire))])
    halves = {split([wire[:n], wire[n:]]) for n in range(len(wire) + 1)}

    assert (content, rest) == whole
    assert (content, rest) == bytewise
    assert {(content, rest)} == halves


@given(body=HOSTILE, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_P7_the_first_true_end_of_data_counts_in_any_stream(body: bytes, cuts: list[int]) -> None:
    wire = body + b"\r\n.\r\nrest"
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    chunks = [wire[a:b] for a, b in pairwise(places)]
    end = (b"\r\n" + wire).index(b"\r\n.\r\n")

    assert (wire[:end], (b"\r\n" + wire)[end + 5 :]) == split(chunks)


@given(body=HOSTILE.filter(lambda body: b"\0" not in body), cut=st.integers(0, 40))
def test_S1_to_S12_what_leaves_has_no_bare_newline_and_no_early_end(body: bytes, cut: int) -> None:
    splitter, cleaner, out = Splitter(), Cleaner(), b""
    for chunk in (body[:cut], body[cut:] + b"\r\n.\r\n"):
        piece = splitter.feed(chunk)
        out += cleaner.feed(piece.octets)
        if piece.last:
            break

    assert out.count(b"\n") == out.count(b"\r\n") == out.count(b"\r")
    assert b"\r\n.\r\n" not in b"\r\n" + out


@pytest.mark.parametrize("length", range(1, 7))
def test_S13_however_it_is_cut_the_same_leaves_and_no_early_end(length: int) -> None:
    """Every content of few octets, octet by octet: nothing may pass that the next one changes."""
    for octets in product(b"\r\n.a", repeat=length):
        content = bytes(octets) + b"\r\n"
        if b"\r\n.\r\n" in b"\r\n" + content:
            continue
        whole, bytewise = passed_on(content, ()), passed_on(content, range(len(content) + 3))

        assert b"\r\n.\r\n" not in b"\r\n" + bytewise, content
        assert plain(whole) == plain(bytewise), content


@pytest.mark.parametrize(
    "content", [b"a\r\n.\r\r\n.\r\r\nb\r\n", b".\r\r\n.\r\r\nb\r\n", b"\r\n.\r\r\r\n" * 3]
)
def test_S13_dots_alone_in_lines_of_many_crs_end_nothing(content: bytes) -> None:
    for cut in range(len(content)):
        for out in (passed_on(content, [cut]), passed_on(content, range(cut, len(content)))):
            assert b"\r\n.\r\n" not in b"\r\n" + out


def plain(wire: bytes) -> bytes:
    return (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")


@given(lines=st.lists(st.text(alphabet=".aé", max_size=5), max_size=8), cut=st.integers(0, 60))
def test_P6_clean_content_passes_octet_for_octet(lines: list[str], cut: int) -> None:
    wire = b"".join(
        (b"." if line.startswith(".") else b"") + line.encode() + b"\r\n" for line in lines
    )
    splitter, cleaner, out = Splitter(), Cleaner(), b""
    cleaner.settle(normalise=False)
    for chunk in (wire[:cut], wire[cut:] + b".\r\n"):
        piece = splitter.feed(chunk)
        out += cleaner.feed(piece.octets)

    assert wire == out


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        (b"a\nb\r\n", b"a\r\nb\r\n"),
        (b"a\rb\r\n", b"a\r\nb\r\n"),
        (b"a\n.\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n..b\nc\r\n", b"a\r\n..b\r\nc\r\n"),
        (b"a\r\n.\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"..\n\r\n", b"..\r\n\r\n"),
        (b"\r\r\n", b"\r\n"),
        (b"\r\r\r\r\n", b"\r\n"),
        (b"a\r\r\nb\r\r\r\nc\r\n", b"a\r\nb\r\nc\r\n"),
        (b"a\r\r\n\r\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\rb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\r\n..\r\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r\r\n.\r\r\nb\r\n", b"a\r\n\r\nb\r\n"),
    ],
)
def test_bare_newlines_are_unstuffed_normalised_and_stuffed_again(
    dirty: bytes, expected: bytes
) -> None:
    assert expected == clean(dirty)
    assert expected == passed_on(dirty, cuts=range(len(dirty)))


@pytest.mark.parametrize("crs", [1, 2, 7, 1000])
def test_any_number_of_crs_before_an_lf_is_one_line_end_wherever_it_is_cut(crs: int) -> None:
    wire = b"A: b" + b"\r" * crs + b"\nC: d\r\n"

    assert {b"A: b\r\nC: d\r\n"} == {
        clean(wire[:cut], wire[cut:]) for cut in range(min(len(wire), 20))
    }


def test_crs_without_end_are_neither_held_nor_passed_on() -> None:
    with pytest.raises(BadContent, match=r"550 5\.6\.0"):
        clean(*[b"\r" * 10_000] * 10)


def test_a_dot_after_a_normalised_newline_is_stuffed_across_pieces() -> None:
    assert b"a\r\n..\r\n" == clean(b"a\n", b".\r\n")


@pytest.mark.parametrize("dirty", [b"a\nb\r\n", b"a\rb\r\n", b"\r\r\n"])
def test_bare_newlines_are_refused_where_they_may_not_be_mended(dirty: bytes) -> None:
    with pytest.raises(BadContent, match=r"550 5\.6\.0"):
        clean(dirty, normalise=False)


def test_a_nul_is_refused() -> None:
    with pytest.raises(BadContent, match="NUL"):
        clean(b"a\0b\r\n")


@pytest.mark.parametrize("dirty", [b"a\0b\r\n", b"a\nb\r\n", b"a\r\r\n"])
def test_what_came_before_it_was_known_whether_it_may_be_mended_is_refused_then(
    dirty: bytes,
) -> None:
    cleaner = Cleaner()
    cleaner.feed(dirty)

    with pytest.raises(BadContent, match=r"550 5\.6\.0"):
        cleaner.settle(normalise=False)


@pytest.mark.parametrize(
    ("content", "block"),
    [
        (b"A: b\r\n\r\nbody", b"A: b\r\n\r\n"),
        (b"A: b\n\nbody", b"A: b\r\n\r\n"),
        (b"A: b\r\rbody", b"A: b\r\n\r\n"),
        (b"A: b\r\r\nC: d\r\r\n\r\r\nbody", b"A: b\r\nC: d\r\n\r\n"),
        (b"\r\nA: b\r\n\r\nbody", b"\r\n"),
        (b"A: b\r\n", b"A: b\r\n"),
        (b"", b""),
    ],
)
def test_the_header_block_ends_at_the_first_empty_line(content: bytes, block: bytes) -> None:
    found = header_block_of_file(content)

    assert (block, True) == (found.octets, found.whole)


def test_a_header_block_is_the_same_whether_or_not_what_follows_is_looked_at() -> None:
    for letters in product(b"a\r\n", repeat=8):
        content = bytes(letters)
        assert parted_file(content)[0] == header_block_of_file(content)


@pytest.mark.parametrize(("octets", "whole"), [(262_140, True), (262_141, False)])
def test_a_header_block_without_end_is_not_whole_however_it_comes(octets: int, whole: bool) -> None:
    content = b"x" * octets + b"\r\n\r\nbody\r\n"
    pieces = [content[:n] for n in (262_144, 262_145, len(content))]
    found = [header_block(piece, is_all=False) for piece in pieces]

    assert {(whole, 262_144)} == {(one.whole, len(one.octets)) for one in found if one}
    assert whole == header_block_of_file(content).whole
    assert MAX_HEADER_BLOCK == 262_144


# The header block that is judged is the one that goes on.

HEADER_PIECES = st.lists(
    st.sampled_from(
        [
            *(b"\r\n", b"\r\r\n", b"\r\r\r\n", b"\n", b"\r", b"\n\r", b".", b" ", b"\t", b":"),
            *(b"Precedence: bulk", b"List-Id : x", b"IN-REPLY-TO:<1@x>", b"From me@x Thu", b"X:"),
            *(b".List-Unsubscribe: <x>", b"no colon", b"\xe9: x", b"Subject: \xff\xfe", b"y" * 90),
        ]
    ),
    max_size=30,
)


def judged(content: bytes, cuts: Iterable[int]) -> Headers | None:
    """Return what is judged of content that came over the wire in chunks."""
    wire = content + b".\r\n"
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    splitter, cleaner, octets = Splitter(), Cleaner(), b""
    for start, end in pairwise(places):
        piece = splitter.feed(wire[start:end])
        octets += cleaner.feed(piece.octets)
        block = header_block(octets, is_all=piece.last)
        if block is not None:
            return Headers.of(block.unstuffed)
    return None


@settings(max_examples=400)
@given(pieces=HEADER_PIECES, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_what_is_judged_is_what_the_recipient_reads(pieces: list[bytes], cuts: list[int]) -> None:
    content = b"".join(pieces)
    content = (content if content.endswith(b"\r\n") else content + b"\r\n").replace(
        b"\r\n.", b"\r\n.."
    )
    headers = judged(content, cuts)
    arrived = passed_on(content, cuts).replace(b"\r\n.", b"\r\n").removeprefix(b".")
    # As any recipient has it: with the lines of the servers it came by on top.
    strict = message_from_bytes(b"Received: from here\r\n" + arrived)
    end = (b"\r\n" + arrived).find(b"\r\n\r\n")
    first_block = arrived if end < 0 else arrived[: end + 2]

    assert headers is not None
    assert Headers.parse(first_block).names == headers.names
    for name in headers.names:
        assert Headers.parse(first_block).raw(name) == headers.raw(name)
    assert {name.lower() for name in strict} - {"received"} <= set(headers.names)
    assert set(headers.certain_fields.names) <= {name.lower() for name in strict}


@pytest.mark.parametrize(
    ("content", "names", "certain"),
    [
        ("A: 1\r\n\r\nB: 2\r\n", "a", "a"),
        ("A: 1\r\r\nB: 2\r\r\n\r\r\nC: 3\r\n", "a b", "a b"),
        ("\r\nA: 1\r\n\r\nB: 2\r\n", "", ""),
        ("A: 1\r\nno field\r\nB: 2\r\n", "a b", "a"),
        ("A: 1\r\n é: 2\r\nB: 3\r\n", "a b", "a b"),
        ("A: 1\r\né: 2\r\nB: 3\r\n", "a b", "a"),
        ("A : 1\r\nB\t: 2\r\n", "a b", ""),
        ("From me@x Thu Jan 1\r\nA: 1\r\n", "a", "a"),
        (" folded\r\nA: 1\r\n", "a", ""),
        ("A: 1\r\n \r\n\t\r\nB: 2\r\n", "a b", "a b"),
        (".A: 1\r\n..B: 2\r\n", "a .b", "a .b"),
    ],
)
def test_marks_count_wherever_some_program_reads_them(
    content: str, names: str, certain: str
) -> None:
    headers = judged(content.encode(), range(len(content)))

    assert headers is not None
    assert (set(names.split()), set(certain.split())) == (
        set(headers.names),
        set(headers.certain_fields.names),
    )


_REST = b"Subject: x\r\n\r\nFrom there\r\n"


@pytest.mark.parametrize(
    ("top", "rest"),
    [
        (b"", _REST),
        (b"", b"\r\n" + _REST),
        (b"", b""),
        (b"From nobody Mon Nov 30 10:00:00 2026\r\n", _REST),
        (b"From \r\n", _REST),
        (b">From - Mon Nov 30 10:00:00 2026\r\n", _REST),
        (b">>>From ann@x.org Mon Nov 30 10:00:00 2026\r\n", _REST),
        (b"From ann@x.org Mon Nov 30\r\n 10:00:00 2026\r\n", _REST),  # else our field goes on
        (b"From a\r\n", b"From b\r\n" + _REST),  # Postfix knows the first line only
        (b"From a\r\n", b""),
        (b"", b"From : ann@x.org\r\n" + _REST),  # a field (RFC 5322, 4.5)
        (b"", b"From: ann@x.org\r\n" + _REST),
        (b"", b"from nobody\r\n" + _REST),
        (b"", b"From\tnobody\r\n" + _REST),
        (b"", b" From nobody\r\n" + _REST),
        (b"", b".From nobody\r\n" + _REST),  # Postfix looks before it unstuffs
        (b"", b"\xef\xbb\xbfFrom nobody\r\n" + _REST),
        (b"", b"Subject: x\r\nFrom nobody\r\n\r\n"),
        (b"", b"From nobody"),  # a line without an end
    ],
)
def test_fields_go_on_top_but_below_the_line_of_an_mbox_file(top: bytes, rest: bytes) -> None:
    assert top + b"X: y\r\n" + rest == with_fields_on_top(b"X: y\r\n", top + rest)
