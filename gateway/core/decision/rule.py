"""What a rule is: a name, the kind it stands for, and the test that must match.

The tests that count recipients are here, too: the proxy has to count for them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from gateway.core.kinds import Kind
from gateway.core.quick_values import quick_value

if TYPE_CHECKING:
    from gateway.core.mail.headers import Headers


@quick_value(kw_only=True)
class MessageFacts:
    """What the rules look at."""

    sender: str
    login: str | None
    recipients: int
    headers: "Headers"
    #: The start of the content after the header block, as `invitation.opening` returns it.
    opening: bytes = b""
    #: The number of recipients from which the rules call a message a mailing.
    many: int | None = None
    #: How many different recipients a burst of the same message reached within a period, these
    #: included, or any number too large for every rule; counted only if a rule needs it.
    burst: Callable[[timedelta], int] = lambda _: 0


class RuleTest(ABC):
    """A kind of rule.

    A subclass holds everything about it: settings, when it matches or can't, and its wording in the
    documentation.
    """

    __slots__ = ()
    early: ClassVar[bool] = False  #: Whether it needs nothing that comes with the content.
    looks_inside: ClassVar[bool] = False  #: Whether it looks beyond the header block.

    @abstractmethod
    def __call__(self, facts: MessageFacts) -> str | None:
        """Return why it matches, or None."""

    @property
    @abstractmethod
    def in_words(self) -> str:
        """When it matches, in the documentation's words: "the message is bulk if …"."""

    @property
    def header(self) -> str:
        """A field without which it can't match, in lower case; empty: none."""
        return ""

    @property
    def family(self) -> str:
        """The prefix of a field without which it can't match, in lower case; empty: none."""
        return ""


@dataclass(frozen=True, slots=True)
class RecipientsTest(RuleTest):
    """The transaction has at least this many recipients."""

    at_least: int

    def __call__(self, facts: MessageFacts) -> str | None:
        return f"{facts.recipients} recipients" if facts.recipients >= self.at_least else None

    @property
    def in_words(self) -> str:
        return f"it asked for at least {self.at_least} recipients"


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTest(RuleTest):
    """The same message went to more than this many different recipients within a period."""

    recipients: int
    within: timedelta
    defer: bool = False  #: Whether suppressed recipients wait until the time is over.

    def __call__(self, facts: MessageFacts) -> str | None:
        if facts.burst(self.within) <= self.recipients:
            return None
        return f"the same message to more than {self.recipients} within {self.within}"

    @property
    def in_words(self) -> str:
        return f"the same went to more than {self.recipients} recipients within {self.within}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, the kind it stands for, and the test that must match."""

    name: str
    kind: Kind
    test: RuleTest
    #: In lower case: a field without which it can't match, or a line break and the prefix of such a
    #: field; empty if there is none.
    header: str = field(init=False)
    family: str = field(init=False)

    def __post_init__(self) -> None:
        # Stored, as it is read for every message.
        object.__setattr__(self, "header", self.test.header)
        object.__setattr__(self, "family", self.test.family and f"\n{self.test.family}")

    @property
    def looks_inside(self) -> bool:
        """Whether it looks beyond the header block."""
        return self.test.looks_inside


def many_recipients(rules: Iterable[Rule]) -> int | None:
    """Return the number of recipients that makes a message bulk; None if no rule counts them."""
    counts = (
        rule.test.at_least
        for rule in rules
        if isinstance(rule.test, RecipientsTest) and rule.kind is Kind.BULK
    )
    return min(counts, default=None)


def why_matched(rule: Rule, facts: MessageFacts) -> str | None:
    """Return why a rule matches, or None.

    A mark of bulk mail counts anywhere. One that makes mail individual must be where every program
    sees a header field, not after a line that some take for the end of the header.
    """
    because = rule.test(facts)
    if because is None or rule.kind is Kind.BULK:
        return because
    certain = facts.headers.certain_fields
    return because if certain is facts.headers else rule.test(replace(facts, headers=certain))
