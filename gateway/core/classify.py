"""Is a message bulk or individual, and which rule said so. The first rule that matches decides."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway.core.headers import Headers
from gateway.core.kinds import Kind

DEFAULT = "default"
UNREAD = "unread-header"  #: The header block is too long to be read to its end.


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at."""

    sender: str
    login: str | None
    recipients: int
    headers: Headers
    #: How many different recipients a burst of the same message reached within a time, these
    #: included; counted only when a rule asks.
    burst: Callable[[timedelta], int] = lambda _: 0


@dataclass(frozen=True, slots=True)
class HeaderTest:
    """A header is there, and one of its values matches."""

    name: str  #: In lower case.
    matches: re.Pattern[str] | None = None
    early = False

    def __call__(self, facts: Facts) -> str | None:
        """Return why it matches, or None."""
        if self.name not in facts.headers:
            return None
        if self.matches is None:
            return f"has {self.name}"
        found = next(filter(self.matches.search, facts.headers.texts(self.name)), None)
        return None if found is None else f"{self.name}: {found[:80]}"


@dataclass(frozen=True, slots=True)
class SenderTest:
    """The envelope sender matches."""

    matches: re.Pattern[str]
    early = True

    def __call__(self, facts: Facts) -> str | None:
        """Return why it matches, or None."""
        return f"sender {facts.sender}" if self.matches.search(facts.sender) else None


@dataclass(frozen=True, slots=True)
class LoginTest:
    """The login of the CRM matches."""

    matches: re.Pattern[str]
    early = True

    def __call__(self, facts: Facts) -> str | None:
        """Return why it matches, or None."""
        if facts.login is None or not self.matches.search(facts.login):
            return None
        return f"login {facts.login}"


@dataclass(frozen=True, slots=True)
class RecipientsTest:
    """The transaction has at least so many recipients."""

    at_least: int
    early = False

    def __call__(self, facts: Facts) -> str | None:
        """Return why it matches, or None."""
        return f"{facts.recipients} recipients" if facts.recipients >= self.at_least else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTest:
    """The same message went to more than so many different recipients within a time."""

    recipients: int
    within: timedelta
    defer: bool = False  #: Whether suppressed recipients wait until the time has decided.
    early = False

    def __call__(self, facts: Facts) -> str | None:
        """Return why it matches, or None."""
        reached = facts.burst(self.within)
        if reached <= self.recipients:
            return None
        return f"{reached} recipients of the same message within {self.within}"


Test = HeaderTest | SenderTest | LoginTest | RecipientsTest | BurstTest


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, what it says, and the test that must match."""

    name: str
    kind: Kind
    test: Test
    header: str = field(init=False)  #: Without which it can't match, in lower case; or empty.

    def __post_init__(self) -> None:
        test = self.test
        object.__setattr__(self, "header", test.name if isinstance(test, HeaderTest) else "")


@dataclass(frozen=True, slots=True)
class Classification:
    """The kind of a message and what said so: a rule, a listener, an override or the default."""

    kind: Kind
    rule: str

    @property
    def certain(self) -> bool:
        """Whether something positively recognised the message."""
        return self.rule != DEFAULT


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that was looked at."""

    name: str
    matched: bool
    because: str


def classify(facts: Facts, rules: Sequence[Rule], default: Kind) -> Classification:
    """Return what the first matching rule says, else the default.

    A header block that could not be read to its end may hold any mark: it counts as bulk, unless
    something else than the header decides.
    """
    if not facts.headers.whole:
        return classify_early(facts, rules) or Classification(Kind.BULK, UNREAD)
    present = facts.headers.names
    for rule in rules:
        if rule.header and rule.header not in present:
            continue  # The usual case, without a call.
        if why_matched(rule, facts) is not None:
            return Classification(rule.kind, rule.name)
    return Classification(default, DEFAULT)


def why_matched(rule: Rule, facts: Facts) -> str | None:
    """Return why a rule matches, or None.

    A mark of bulk mail counts wherever it stands. What sets mail free must stand where every
    program reads a header field, not behind a line that ends the header for some.
    """
    because = rule.test(facts)
    if because is None or rule.kind is Kind.BULK:
        return because
    certain = facts.headers.certain
    return because if certain is facts.headers else rule.test(replace(facts, headers=certain))


def classify_early(facts: Facts, rules: Sequence[Rule]) -> Classification | None:
    """Return what can be said before the content, as far as no earlier rule needs the content."""
    for rule in rules:
        if not rule.test.early:
            return None
        if rule.test(facts) is not None:
            return Classification(rule.kind, rule.name)
    return None


def rules_tried(facts: Facts, rules: Sequence[Rule]) -> Iterator[Tried]:
    """Tell each rule up to the one that matched, for people who ask why."""
    for rule in rules:
        because = why_matched(rule, facts)
        yield Tried(rule.name, because is not None, because or "no match")
        if because is not None:
            return
