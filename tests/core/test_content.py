"""The end of data and the octets before it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.content import BadContent, Cleaner, Splitter, header_length


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
    cleaner = Cleaner(normalise=normalise)
    return b"".join(cleaner.feed(piece) for piece in pieces)


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
    splitter, cleaner, out = Splitter(), Cleaner(normalise=True), b""
    for chunk in (body[:cut], body[cut:] + b"\r\n.\r\n"):
        piece = splitter.feed(chunk)
        out += cleaner.feed(piece.octets)
        if piece.last:
            break

    assert out.count(b"\n") == out.count(b"\r\n") == out.count(b"\r")
    assert b"\r\n.\r\n" not in b"\r\n" + out


@given(lines=st.lists(st.text(alphabet=".aé", max_size=5), max_size=8), cut=st.integers(0, 60))
def test_P6_clean_content_passes_octet_for_octet(lines: list[str], cut: int) -> None:
    wire = b"".join(
        (b"." if line.startswith(".") else b"") + line.encode() + b"\r\n" for line in lines
    )
    splitter, cleaner, out = Splitter(), Cleaner(normalise=False), b""
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
        (b"\r\r\n", b"\r\n\r\n"),
    ],
)
def test_bare_newlines_are_unstuffed_normalised_and_stuffed_again(
    dirty: bytes, expected: bytes
) -> None:
    assert expected == clean(dirty)


def test_a_dot_after_a_normalised_newline_is_stuffed_across_pieces() -> None:
    assert b"a\r\n..\r\n" == clean(b"a\n", b".\r\n")


@pytest.mark.parametrize("dirty", [b"a\nb\r\n", b"a\rb\r\n", b"\r\r\n"])
def test_bare_newlines_are_refused_where_they_may_not_be_mended(dirty: bytes) -> None:
    with pytest.raises(BadContent, match=r"550 5\.6\.0"):
        clean(dirty, normalise=False)


def test_a_nul_is_refused() -> None:
    with pytest.raises(BadContent, match="NUL"):
        clean(b"a\0b\r\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\n\nbody", 6),
        (b"A: b\r\rbody", 6),
        (b"\r\nbody", 2),
        (b"A: b\r\n", None),
        (b"x" * 262_144, 262_144),
    ],
)
def test_the_header_block_ends_at_the_first_empty_line(
    content: bytes, expected: int | None
) -> None:
    assert expected == header_length(content)
