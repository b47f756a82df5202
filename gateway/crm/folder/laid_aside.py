"""Files of the feed that were taken in or refused: in `done/` and `failed/`, each with a report."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

from gateway.core.feed.laid_aside import LaidAside
from gateway.core.written import readable_name, short_name

_REPORT, _REFUSED = ".report.json", ".refused.csv"  #: What lies beside a file, behind its name.
#: What a name may have, so that the time and these endings fit behind it in 255 octets.
_LONGEST_NAME = 200
_SHOWN = {"line", "column", "text", "cure"}  #: What is shown of each problem of a report.


def report_beside(target: Path) -> Path:
    """Return where the report of a file lies."""
    return target.with_name(f"{target.name}{_REPORT}")


def refused_beside(target: Path) -> Path:
    """Return where the rows of a file lie that were refused."""
    return target.with_name(f"{target.name}{_REFUSED}")


def free_target(folder: Path, name: str, at: datetime) -> Path:
    """Return where in a folder a file is to lie: by its own name, else the first with the time."""
    path = Path(short_name(name, _LONGEST_NAME))
    names = (f"{path.stem}.{at:%Y%m%dT%H%M%S}-{number}{path.suffix}" for number in count(1))
    target = folder / path.name
    while _is_taken(target):
        target = folder / next(names)
    return target


def laid_aside(folder: Path, limit: int) -> Sequence[LaidAside]:
    """Return the files that were laid aside last, the newest first; OSError if one can't look."""
    reports: list[tuple[int, Literal["done", "failed"], Path]] = []
    states: tuple[Literal["done"], Literal["failed"]] = ("done", "failed")
    for state in states:
        if (folder / state).is_dir():
            for path in (folder / state).iterdir():
                if path.name.endswith(_REPORT):
                    reports.append((path.stat().st_mtime_ns, state, path))
    newest = sorted(reports, key=lambda entry: entry[0], reverse=True)[:limit]
    return [_laid_aside(state, path) for _, state, path in newest]


def file_laid_aside(folder: Path, state: str, name: str) -> LaidAside | None:
    """Return one file that was laid aside; None: there is none of that name."""
    if state not in ("done", "failed") or not name or Path(name).name != name:
        return None
    try:
        path = _file_of(folder / state, f"{name}{_REPORT}")
        is_there = path.is_file()
    except OSError:  # Such as a name longer than any.
        return None
    return _laid_aside("done" if state == "done" else "failed", path) if is_there else None


def refused_rows(folder: Path, aside: LaidAside) -> bytes:
    """Return the rows of a file that weren't taken in, as CSV; OSError if there are none."""
    return _file_of(folder / aside.state, f"{aside.name}{_REFUSED}").read_bytes()


def _file_of(folder: Path, name: str) -> Path:
    """Return the file that is shown by a name: one moved here by others may have another."""
    path = folder / name
    if path.exists() or not folder.is_dir():
        return path
    return next((file for file in folder.iterdir() if readable_name(file.name) == name), path)


def _laid_aside(state: Literal["done", "failed"], path: Path) -> LaidAside:
    name = path.name.removesuffix(_REPORT)
    return LaidAside(
        name=readable_name(name),
        state=state,
        at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        report=_read_report(path),
        has_refused=path.with_name(f"{name}{_REFUSED}").is_file(),
    )


def _read_report(path: Path) -> Mapping[str, Any]:
    """Return the report that lies beside a file; empty where somebody else wrote it."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(report, dict):
        return {}
    problems, remarks = report.get("problems", []), report.get("remarks", [])
    is_ours = (
        isinstance(problems, list)
        and isinstance(remarks, list)
        and all(isinstance(problem, dict) and problem.keys() >= _SHOWN for problem in problems)
    )
    return report if is_ours else {}


def _is_taken(target: Path) -> bool:
    """Whether something has this name or one of those beside it; a link that leads nowhere, too."""
    return any(
        path.exists() or path.is_symlink()
        for path in (target, report_beside(target), refused_beside(target))
    )
