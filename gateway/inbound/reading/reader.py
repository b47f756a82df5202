"""The process that parses mail: damage by a hostile mail is confined here, not in the importer.

Tasks come in and readings go out as lines of JSON. A mail that takes too long ends the process
(SIGPROF); one that takes too much memory is reported as unreadable.
"""

import json
import resource
import signal
import sys
import time
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.bounces.reason import Reason
from gateway.inbound.reading.attachments import Attachment
from gateway.inbound.reading.bounces.reports import ReportSet
from gateway.inbound.reading.reading import ParsedHeader, ReadingTask, ReadMail, RepliedMail, read
from gateway.inbound.reading.skeleton import TooMuch

CPU_SECONDS = 0.45  #: For one mail (plus two starts of this process) …
HEADER_CPU_SECONDS = 0.12  #: … and for its header alone, …
CPU_SECONDS_PER_OCTET = 5e-9  #: … plus this for each octet of the mail, …
#: … on a machine where this process starts in this time. A slower one gets more …
USUAL_START = 0.25
SLOWEST = 2  #: … in proportion, up to this factor.
MEMORY = 64 * 1024 * 1024  #: Octets that parsing a mail may take.
READY = b"ready\n"


def dump(reading: ReadMail) -> str:
    """Write a reading as one line of JSON."""
    return json.dumps({"reading": reading}, default=_plain)


def _plain(value: Any) -> Any:
    """Return a time as text, and the fields of any other value (`asdict` would copy them)."""
    if isinstance(value, datetime):
        return value.isoformat()
    return {field.name: getattr(value, field.name) for field in fields(value)}


def load(line: bytes) -> ReadMail | str:
    """Parse what the process wrote: a reading, or why there is none."""
    answer: dict[str, Any] = json.loads(line)
    if "unreadable" in answer:
        return str(answer["unreadable"])
    values = answer["reading"]
    report = values["report"]
    if report is not None:
        report = ReportSet(
            bounces=tuple(
                Bounce(
                    **{
                        **bounce,
                        "kind": BounceKind(bounce["kind"]),
                        "reason": Reason(bounce["reason"]),
                    }
                )
                for bounce in report["bounces"]
            ),
            numbers=tuple(report["numbers"]),
            message_id=report["message_id"],
            addressed_to=tuple(report["addressed_to"]),
            returned_from=report["returned_from"],
            may_ask=report["may_ask"],
        )
    return ReadMail(
        header=ParsedHeader(**values["header"]),
        original=_original(values["original"]),
        attachments=tuple(Attachment(**file) for file in values["attachments"]),
        report=report,
    )


def _original(values: dict[str, Any] | None) -> RepliedMail | None:
    if values is None:
        return None
    date = values["date"]
    files = values["attachments"]
    return RepliedMail(
        **{
            **values,
            "date": date and datetime.fromisoformat(date),
            "other": _original(values["other"]),
            "attachments": None if files is None else tuple(Attachment(**file) for file in files),
        }
    )


def main() -> None:
    """Parse mails until standard input ends."""
    started_in = time.process_time()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        pages = int(file.read().split()[5])
    most_memory = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (most_memory, most_memory))
    slow = room_of(started_in)
    for line in sys.stdin.buffer:
        task = ReadingTask(**json.loads(line))
        size = Path(task.file).stat().st_size
        most = CPU_SECONDS + CPU_SECONDS_PER_OCTET * size
        seconds = HEADER_CPU_SECONDS if task.header_only else most
        signal.setitimer(signal.ITIMER_PROF, seconds * slow)
        answer = answer_to(task)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(answer.encode() + b"\n")
        sys.stdout.buffer.flush()


def room_of(started_in: float) -> float:
    """Return the factor on a mail's time limits on a machine where the start took so long."""
    return min(SLOWEST, max(1.0, started_in / USUAL_START))


def answer_to(task: ReadingTask) -> str:
    """Parse a mail; return the line of JSON with its contents, or why it can't be parsed."""
    try:
        return dump(read(task))
    except (TooMuch, MemoryError, RecursionError) as error:
        reason = str(error) or f"more than can be read: {type(error).__name__}"
    except Exception as error:  # Parsers meet mails nobody foresaw: such a mail waits for a person.
        reason = f"{type(error).__name__}: {error}"
    return json.dumps({"unreadable": reason[:500]})


if __name__ == "__main__":
    main()
