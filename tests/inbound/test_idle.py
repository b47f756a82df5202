"""Whether a server's IDLE tells of new mail, as a table of what it told and what was found."""

import pytest

from gateway.inbound.imap.idle import IdleEnd, IdleWatch

TOLD, QUIET, BRIEF = IdleEnd(True, 60.0), IdleEnd(False, 60.0), IdleEnd(False, 1.0)

#: Each step is the IDLE before a search, and how many mails the search found in all.
STORIES: dict[str, tuple[list[tuple[IdleEnd | None, int]], list[bool]]] = {
    "it tells": ([(None, 0), (TOLD, 1)], [False]),
    "three in a row are not told of": ([(None, 0), (QUIET, 1), (QUIET, 2), (QUIET, 3)], [True]),
    "two may be chance": ([(None, 0), (QUIET, 1), (QUIET, 2)], []),
    "nothing new proves nothing": ([(None, 5), *[(QUIET, 5)] * 9], []),
    "a mail that left is no news": ([(None, 5), *[(QUIET, 4)] * 4], []),
    "an IDLE too short proves nothing": ([(None, 0), *[(BRIEF, n) for n in range(1, 9)]], []),
    "polling proves nothing": ([(None, n) for n in range(9)], []),
    "one that is told begins the count anew": (
        [(None, 0), (QUIET, 1), (QUIET, 2), (TOLD, 3), (QUIET, 4), (QUIET, 5)],
        [False],
    ),
    "it is said once": ([(None, 0), *[(QUIET, n) for n in range(1, 9)]], [True]),
    "and taken back": ([(None, 0), *[(QUIET, n) for n in range(1, 5)], (TOLD, 5)], [True, False]),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_idle_told_is_compared_with_what_is_found(story: str) -> None:
    steps, expected = STORIES[story]
    watch = IdleWatch()

    said = [watch.searched(range(count), ended) for ended, count in steps]

    assert expected == [word for word in said if word is not None]
