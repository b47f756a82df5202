"""Whether a server's IDLE tells of new mail, as a table of what it told and what was found."""

import pytest

from gateway.inbound.imap.idle import IdleEnd, IdleWatch

TOLD, QUIET, BRIEF, BRIEFEST = (
    IdleEnd(True, 60.0), IdleEnd(False, 60.0), IdleEnd(False, 2.0), IdleEnd(False, 0.3)
)  # fmt: skip
SILENT, TELLS, UNKNOWN = True, False, None

#: Each step is the IDLE before a search and the UIDs the search found; then what is known.
STORIES: dict[str, tuple[list[tuple[IdleEnd | None, range]], bool | None]] = {
    "it tells": ([(None, range(0)), *[(TOLD, range(n)) for n in (2, 3, 4)]], TELLS),
    "two that are told of prove little": ([(None, range(0)), *[(TOLD, range(n)) for n in (2, 3)]],
        UNKNOWN),
    "two in a row are not told of": ([(None, range(1)), (QUIET, range(2)), (QUIET, range(3))],
        SILENT),
    "one may be chance": ([(None, range(1)), (QUIET, range(2))], UNKNOWN),
    "nothing new proves nothing": ([(None, range(5)), *[(QUIET, range(5))] * 9], UNKNOWN),
    "a mail that left is no news": ([(None, range(5)), *[(QUIET, range(4))] * 4], UNKNOWN),
    "nor is one that is no longer marked as deleted": (
        [(None, range(3, 9)), *[(QUIET, range(n, 9)) for n in (2, 1, 0)]], UNKNOWN),
    "a short IDLE proves less": (
        [(None, range(1)), *[(BRIEF, range(n)) for n in range(2, 6)]], UNKNOWN),
    "but something": ([(None, range(1)), *[(BRIEF, range(n)) for n in range(2, 7)]], SILENT),
    "an IDLE too short proves nothing": (
        [(None, range(1)), *[(BRIEFEST, range(n)) for n in range(2, 99)]], UNKNOWN),
    "polling proves nothing": ([(None, range(n)) for n in range(9)], UNKNOWN),
    "one that is told begins the count anew": (
        [(None, range(1)), (QUIET, range(2)), (TOLD, range(3)), (QUIET, range(4))], UNKNOWN),
    "one that tells now and then tells late": (
        [(None, range(1)), (QUIET, range(2)), (QUIET, range(3)), (TOLD, range(4)),
         (TOLD, range(5)), (QUIET, range(6)), (TOLD, range(7)), (TOLD, range(8))], SILENT),
    "a server that was mended is believed": (
        [(None, range(1)), (QUIET, range(2)), (QUIET, range(3)),
         *[(TOLD, range(n)) for n in (4, 5, 6)]], TELLS),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_what_idle_told_is_compared_with_what_is_found(story: str) -> None:
    steps, expected = STORIES[story]
    watch = IdleWatch()

    for ended, uids in steps:
        watch.searched(1, uids, ended)

    assert expected is watch.is_silent


@pytest.mark.parametrize("uidvalidities", [(1, 2, 3, 4, 5), (None,) * 5])
def test_uids_are_compared_within_one_folder_only(uidvalidities: tuple[int | None, ...]) -> None:
    watch = IdleWatch()

    for n, uidvalidity in enumerate(uidvalidities):
        watch.searched(uidvalidity, range(n + 1), QUIET)

    assert watch.is_silent is None
