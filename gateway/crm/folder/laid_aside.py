"""Files of the feed that were handled: in `done/` and `failed/`, each with a report."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

from gateway.core.feed.laid_aside import LaidAside
from gateway.core.written import readable_name, short_name

_REPORT, _REFUSED = ".report.json", ".refused.csv"  #: Suffixes of the files that accompany a file.
#: Octets of a name, so that with the time and these suffixes it has no more than 255.
_LONGEST_NAME = 200
_SHOWN = {"line", "column", "text", "cure"}  #: The parts of each problem shown in a report.


def report_beside(target: Path) -> Path:
    """Return the path of a file's report."""
    return target.with_name(f"{target.name}{_REPORT}")


def refused_beside(target: Path) -> Path:
    """Return the path of a file's refused rows."""
    return target.with_name(f"{target.name}{_REFUSED}")


def free_target(folder: Path, name: str, at: datetime) -> Path:
    """Return a free path in a folder: with the file's own name, or with the time added to it."""
    path = Path(short_name(name, _LONGEST_NAME))
    names = (f"{path.stem}.{at:%Y%m%dT%H%M%S}-{number}{path.suffix}" for number in count(1))
    target = folder / path.name
    while _is_taken(target):
        target = folder / next(names)
    return target


def laid_aside(folder: Path, limit: int) -> Sequence[LaidAside]:
    """Return the files moved there last, newest first; raise OSError if a folder can't be read."""
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
    """Return one of those files; None if there is none of that name."""
    if state not in ("done", "failed") or not name or Path(name).name != name:
        return None
    try:
        path = _file_of(folder / state, f"{name}{_REPORT}")
        is_there = path.is_file()
    except OSError:  # For example, the name is too long.
        return None
    return _laid_aside("done" if state == "done" else "failed", path) if is_there else None


def refused_rows(folder: Path, aside: LaidAside) -> bytes:
    """Return the refused rows of a file, as CSV; raise OSError if there is no such file."""
    return _file_of(folder / aside.state, f"{aside.name}{_REFUSED}").read_bytes()


def _file_of(folder: Path, name: str) -> Path:
    """Return the file shown by this name; one that people moved here may have another."""
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
    """Return the report beside a file; empty if it isn't one of ours."""
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
    """Whether this name, or a companion's, is taken, even by a dangling link."""
    return any(
        path.exists() or path.is_symlink()
        for path in (target, report_beside(target), refused_beside(target))
    )
