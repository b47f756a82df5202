"""What a relay can do wrong, as entries of a table by stage."""

import asyncio
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal

#: Where in a session a fault occurs. `banner` is the connection itself, `content` the octets after
#: 354, `dot` the reply to the end of data.
Stage = Literal[
    "banner",
    "EHLO",
    "STARTTLS",
    "AUTH",
    "MAIL",
    "RCPT",
    "DATA",
    "content",
    "dot",
    "RSET",
    "NOOP",
    "QUIT",
]


class Then(Enum):
    """How the session continues after an action."""

    CONTINUE = auto()
    CLOSE = auto()  #: FIN
    RESET = auto()  #: RST
    HANG = auto()  #: Nothing more is executed or sent.
    REPEAT = auto()  #: The same octets are sent forever.


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is done instead of the usual reply."""

    wait: float = 0.0  #: Seconds of silence first.
    until: asyncio.Event | None = None  #: Silence until the test sets it.
    send: bytes | None = None  #: Octets instead of the usual reply; None keeps it.
    more: bytes = b""  #: Octets directly after it.
    then: Then = Then.CONTINUE
    octets: int = 0  #: Stage `content` only: accept this many octets of content first.


def reply(text: bytes) -> Action:
    """Reply with this line (CRLF is added); 2xx and 3xx count as accepted, others as refused."""
    return Action(send=text + b"\r\n")


def disconnect(text: bytes = b"", octets: int = 0) -> Action:
    """Close the connection, with a last reply if one is given."""
    last = text + b"\r\n" if text else b""
    return Action(send=last, then=Then.CLOSE, octets=octets)


def reset(octets: int = 0) -> Action:
    """Break the connection with RST."""
    return Action(send=b"", then=Then.RESET, octets=octets)


def hang() -> Action:
    """Send nothing more until the other side closes."""
    return Action(send=b"", then=Then.HANG)


def garbage(octets: bytes = b"\x00\xff\xfe !? no code at all\r\n") -> Action:
    """Reply with octets that aren't an SMTP reply."""
    return Action(send=octets)


def delay(seconds: float, action: Action | None = None) -> Action:
    """Wait first, then perform the action, or reply as usual."""
    return replace(action or Action(), wait=seconds)


def hold(until: asyncio.Event, action: Action | None = None) -> Action:
    """Wait until an event is set, then perform the action, or reply as usual."""
    return replace(action or Action(), until=until)


def early_reply(text: bytes = b"250 2.0.0 taken before the dot") -> Action:
    """Stage `DATA`: send a second reply right after the 354."""
    return Action(more=text + b"\r\n")


def huge_line(code: bytes = b"250", size: int = 1_000_000) -> Action:
    """Reply with one line of `size` octets."""
    return Action(send=code + b" " + b"x" * (size - len(code) - 3) + b"\r\n")


def many_lines(code: bytes = b"250", count: int = 20) -> Action:
    """Reply with `count` lines."""
    lines = [b"%s-line %d\r\n" % (code, number) for number in range(1, count)]
    return Action(send=b"".join(lines) + b"%s line %d\r\n" % (code, count))


def endless_lines(code: bytes = b"250") -> Action:
    """Reply with a multiline reply that never ends."""
    return Action(send=(code + b"-and one more\r\n") * 100, then=Then.REPEAT)


@dataclass(slots=True, kw_only=True)
class Fault:
    """An action at a stage, possibly for one address and a limited number of times."""

    stage: Stage
    action: Action
    address: bytes | None = None  #: Stage `MAIL` or `RCPT`: only for this one, without brackets.
    times: int | None = None  #: None: always.
    skip: int = 0  #: How many times all goes well first.

    def fits(self, stage: Stage, address: bytes) -> bool:
        if self.stage != stage or self.times == 0:
            return False
        return self.address is None or self.address.lower() == address.lower()


class FaultTable:
    """The faults in force; if several match, the one added last applies."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.faults.insert(0, fault)

    def clear(self) -> None:
        self.faults.clear()

    def take(self, stage: Stage, address: bytes = b"") -> Action | None:
        """Return the action that applies now, and count it."""
        fault = next((one for one in self.faults if one.fits(stage, address)), None)
        if fault is None:
            return None
        if fault.skip:
            fault.skip -= 1
            return None
        if fault.times is not None:
            fault.times -= 1
        return fault.action
