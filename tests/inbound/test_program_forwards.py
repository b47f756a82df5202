"""Every forward that a real mail program wrote is filed right, in every field."""

from collections import Counter
from pathlib import Path

import pytest

from tests.inbound.program_forwards import CORPUS, FIELDS, compare, mails, originals, program_of
from tests.rig.shared import needs_shared

_RIGHT = 0.9  #: Of all mails, those of SOGo aside.
_WRONG_OF_SOGO = 8


@needs_shared(CORPUS)
def test_the_forwards_of_real_programs_are_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = originals()
    wrong = {
        file: compare(file, known[file.stem.rpartition("-")[2]], tmp_path)[1] for file in mails()
    }

    with capsys.disabled():
        print("", *_table(wrong), *_mistakes(wrong), sep="\n")  # noqa: T201
    others = [fields for file, fields in wrong.items() if program_of(file) != "sogo"]
    assert others.count([]) >= _RIGHT * len(others)
    assert len(wrong) - len(others) - _WRONG_OF_SOGO <= list(wrong.values()).count(
        []
    ) - others.count([])


def _table(wrong: dict[Path, list[str]]) -> list[str]:
    """Return the lines of a table: how many mails of each program are right, and in which field."""
    every = Counter(map(program_of, wrong))
    right = Counter(program_of(file) for file, fields in wrong.items() if not fields)
    missed = Counter((program_of(file), field) for file, each in wrong.items() for field in each)
    rows = [f"{'program':10} {'right':>10}  {' '.join(f'{field:>10}' for field in FIELDS)}"]
    for program, count in sorted(every.items()):
        cells = " ".join(f"{count - missed[program, field]:>10}" for field in FIELDS)
        rows.append(f"{program:10} {right[program]:>3} of {count:<3}  {cells}")
    return rows


def _mistakes(wrong: dict[Path, list[str]]) -> list[str]:
    return [f"{file.name}: {' '.join(fields)}" for file, fields in wrong.items() if fields]
