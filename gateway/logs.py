"""Structured logs: one line per unit of work, a fixed event name, values as fields.

Nothing personal is logged: lines identify messages and people by their journal and CRM ids, which
those with more access can look up. If an address helps to find a fault, `domain_for_log` leaves its
domain.
"""

import atexit
import json
import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from threading import get_ident
from typing import Any, BinaryIO, Literal, cast

import orjson

# Nothing here draws on a terminal, but structlog imports rich for its tracebacks if it is
# installed: 66 modules and 4 MB in each process (structlog 26.1, `dev.py`). So it is hidden.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]

import structlog  # noqa: E402
from structlog.processors import ExceptionRenderer, TimeStamper, add_log_level  # noqa: E402
from structlog.stdlib import ProcessorFormatter, add_logger_name  # noqa: E402
from structlog.tracebacks import ExceptionDictTransformer  # noqa: E402
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger  # noqa: E402

if _rich is None:
    del sys.modules["rich"]
else:
    sys.modules["rich"] = _rich

#: Until `setup`, and in commands that never call it: standard output is for their answer.
structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))

LogEvent = MutableMapping[str, Any]
Style = Literal["json", "console"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HANDLER = "gateway"
_ONE_LINE = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


def setup(level: str, style: Style, *, role: str) -> None:
    """Send this process's logs to standard error.

    `level` is the lowest level logged (debug, info, warning, error); other libraries log from
    warning on. `role` is added to each line, e.g. `smtp`. Call it once, before the first line:
    loggers cache their configuration, which makes a line three times cheaper.
    """

    def mark(_logger: WrappedLogger, _method: str, event: LogEvent) -> LogEvent:
        event["role"] = role
        return event

    def as_bytes(_logger: WrappedLogger, _method: str, line: Any) -> bytes:
        return str(line).encode(errors="backslashreplace")

    def as_text(_logger: WrappedLogger, _method: str, line: Any) -> str:
        return bytes(line).decode()

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        mark,
        add_log_level,
        TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    # Tracebacks leave out local variables: they contain mail and passwords.
    render: list[Processor]
    if style == "json":
        render = [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), _as_json]
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="at",
            repr_native_str=True,
        )
        render = [_on_one_line, renderer, as_bytes]
    global _plain  # noqa: PLW0603  # logging is the process's own
    stream = _Unfailing(sys.stderr.buffer)
    _plain = (role, stream) if style == "json" and level in ("debug", "info") else None
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, stream)),
        cache_logger_on_first_use=True,
    )
    # Lines of other libraries get the same format.
    handler = logging.StreamHandler()
    handler.set_name(_HANDLER)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared, add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, *render, as_text],
        )
    )
    root = logging.getLogger()
    for earlier in list(root.handlers):
        if earlier.get_name() == _HANDLER:
            root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))


def unit(part: str, event: str) -> Callable[..., None]:
    """Return a function that logs the end of a unit of work as an `info` line, at lower cost.

    Something that happens thousands of times a second should not go through a general-purpose
    chain.
    """
    usual = get(part)

    def write(**fields: Any) -> None:
        if _plain is None:
            usual.info(event, **fields)
            return
        role, out = _plain
        marks = {"event": event, "role": role, "level": "info", "at": datetime.now(UTC)}
        text = orjson.dumps({"part": part, **fields, **marks}, option=_ONE_LINE)
        if _gathering is None:
            out.write(text)
        else:
            _gathering.take(text, out.write_now)

    return write


def gather(later: Callable[[Callable[[], None]], object]) -> None:
    """Write this thread's units of work in batches from now on: a system call each is expensive.

    `later` calls its argument a moment later, on this thread; if the process is killed, the lines
    of that moment are lost.
    """
    global _gathering  # noqa: PLW0603  # logging is the process's own
    _gathering = _Gathering(later)
    atexit.register(_gathering.write)


def write_gathered() -> None:
    """Write buffered lines at the end of a process; a forked one runs no exit handlers."""
    if _gathering is not None:
        _gathering.write()


def get(name: str) -> FilteringBoundLogger:
    """Return the logger for a part of the gateway, which adds its name to each line."""
    return cast(FilteringBoundLogger, structlog.get_logger(part=name))


def domain_for_log(address: str) -> str:
    """Return the part of a mail address that may be logged: its domain."""
    _, at, domain = address.rpartition("@")
    return f"…@{domain}" if at else "…"


class _Gathering:
    """Lines of one thread, waiting to be written together."""

    def __init__(self, later: Callable[[Callable[[], None]], object]) -> None:
        self._later = later
        self._thread = get_ident()
        self._lines: list[bytes] = []
        self._out: Callable[[bytes], None] | None = None

    def take(self, line: bytes, out: Callable[[bytes], None]) -> None:
        """Buffer a line; one from another thread is written at once."""
        if get_ident() != self._thread:
            out(line)
            return
        if not self._lines:
            self._out = out
            try:
                self._later(self.write)
            except RuntimeError:  # The loop has ended; the last line says why.
                out(line)
                return
        self._lines.append(line)

    def write(self) -> None:
        """Write the buffered lines; only on its own thread."""
        if get_ident() != self._thread:
            return
        lines, self._lines = self._lines, []
        if lines and self._out is not None:
            self._out(b"".join(lines))


_gathering: _Gathering | None = None
#: Where JSON lines go, and their role; None if they have another format or aren't logged.
_plain: "tuple[str, _Unfailing] | None" = None


class _Unfailing:
    """Standard error that ignores errors: a full disk may cost log lines, never a message."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        if _gathering is not None:
            _gathering.write()
        self.write_now(line)

    def write_now(self, line: bytes) -> None:
        try:
            self._stream.write(line)
        except (OSError, ValueError):  # or it is closed
            return

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


def _as_json(_logger: WrappedLogger, _method: str, event: LogEvent) -> bytes:
    try:
        return orjson.dumps(event, default=str)
    except orjson.JSONEncodeError:
        # Lone surrogates and huge numbers: hostile mail must not make logging fail.
        return json.dumps(event, default=str).encode()


def _on_one_line(_logger: WrappedLogger, _method: str, event: LogEvent) -> LogEvent:
    event["event"] = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", str(event["event"]))
    return event
