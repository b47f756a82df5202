"""Whether a message is bulk or individual, and by which rule. The first matching rule decides."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar

from gateway.core.decision.answer import THREAD_FIELDS, answered_id, is_a_forward
from gateway.core.decision.bulk_marks import BulkMark, is_marked
from gateway.core.kinds import Kind
from gateway.core.mail.automatic import Automatic, auto_submitted, report_kind
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import METHODS, has_calendar, invitation, may_invite
from gateway.core.quick_values import quick_value

DEFAULT = "default"
OVERRIDE = "override"  #: A login or header that makes mail go to everybody, whatever its kind.
_MOST_KNOWN = 256  #: How many sets of header fields are cached; about 1 kB each.
_MOST_FIELDS = 50  #: A header with more fields isn't cached.
UNREAD = "unread-header"  #: The header block is too long to be read in full.


@quick_value(kw_only=True)
class MessageFacts:
    """What the rules look at."""

    sender: str
    login: str | None
    recipients: int
    headers: Headers
    #: The start of the content after the header block, as `invitation.opening` returns it.
    opening: bytes = b""
    #: The number of recipients from which the rules call a message a mailing.
    many: int | None = None
    #: How many different recipients a burst of the same message reached within a period, these
    #: included; counted only if a rule needs it.
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
class HeaderTest(RuleTest):
    """A header field exists and one of its values matches."""

    name: str  #: In lower case.
    matches: re.Pattern[str] | None = None

    def __call__(self, facts: MessageFacts) -> str | None:
        if self.name not in facts.headers:
            return None
        if self.matches is None:
            return f"has {self.name}"
        value = next(filter(self.matches.search, facts.headers.texts(self.name)), None)
        return None if value is None else f"{self.name}: {value[:80]}"

    @property
    def in_words(self) -> str:
        return (
            f"it has `{self.name}`"
            if self.matches is None
            else f"its `{self.name}` matches `{self.matches.pattern}`"
        )

    @property
    def header(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class MarkTest(RuleTest):
    """A header field of bulk mail, with a value."""

    mark: BulkMark

    def __call__(self, facts: MessageFacts) -> str | None:
        return self.mark.field_in(facts.headers)

    @property
    def in_words(self) -> str:
        return (
            f"its `{self.mark.header}` has a value"
            if self.mark.is_any_value
            else f"its `{self.mark.header}` matches `{self.mark.matches.pattern}`"
        )

    @property
    def header(self) -> str:
        return "" if self.mark.is_family else self.mark.name

    @property
    def family(self) -> str:
        return self.mark.name if self.mark.is_family else ""


@dataclass(frozen=True, slots=True)
class AnswerTest(RuleTest):
    """The message is a reply to somebody else's mail, according to one field."""

    name: str  #: One of `answer.THREAD_FIELDS`.

    def __call__(self, facts: MessageFacts) -> str | None:
        if _is_to_many(facts):
            return None
        answered = answered_id(facts.headers, self.name, facts.sender)
        if answered is None or is_a_forward(facts.headers):
            return None
        return f"{self.name}: {answered[:80]}"

    @property
    def in_words(self) -> str:
        return f"its `{self.name.title()}` names an id of somebody else's mail"

    @property
    def header(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AutoReplyTest(RuleTest):
    """An automatic reply (RFC 3834, 5.1)."""

    def __call__(self, facts: MessageFacts) -> str | None:
        if _is_to_many(facts) or auto_submitted(facts.headers) != "auto-replied":
            return None
        return "auto-submitted: auto-replied"

    @property
    def in_words(self) -> str:
        return "its `Auto-Submitted` is auto-replied"

    @property
    def header(self) -> str:
        return "auto-submitted"


@dataclass(frozen=True, slots=True)
class AbsenceTest(RuleTest):
    """An out-of-office reply as Exchange writes it: `auto-generated`, to the person who wrote."""

    def __call__(self, facts: MessageFacts) -> str | None:
        headers = facts.headers
        if auto_submitted(headers) != "auto-generated" or facts.recipients != 1:
            return None
        if is_marked(headers):
            return None
        for value in headers.texts("x-auto-response-suppress"):
            if value.strip().lower() not in ("", "none"):
                return f"x-auto-response-suppress: {value[:80]}"
        answers = (answered_id(headers, name, facts.sender) for name in THREAD_FIELDS)
        answered = next(filter(None, answers), None)
        return None if answered is None else f"answers {answered[:80]}"

    @property
    def in_words(self) -> str:
        return (
            "its `Auto-Submitted` is auto-generated, it goes to one recipient without any "
            "mark of bulk mail, and it has `X-Auto-Response-Suppress` or answers a mail"
        )

    @property
    def header(self) -> str:
        return "auto-submitted"


@dataclass(frozen=True, slots=True)
class SystemMailTest(RuleTest):
    """A newsletter program's mail to one person about their subscription, according to one field.

    Such mail, often a request to confirm, has the same marks as the program's mailings.
    """

    name: str  #: In lower case.
    matches: re.Pattern[str] = re.compile("")
    without: str = ""  #: In lower case: a field found only in the program's mailings.

    def __call__(self, facts: MessageFacts) -> str | None:
        if facts.recipients > 1 or self.without in facts.headers:
            return None
        value = next(filter(self.matches.search, facts.headers.texts(self.name)), None)
        return f"{self.name}: {value[:80]}" if value else None

    @property
    def in_words(self) -> str:
        says = f"its `{self.name}` matches `{self.matches.pattern}`"
        has = f"it has `{self.name}` and no `{self.without}`"
        return f"it goes to one recipient, and {has if self.without else says}"

    @property
    def header(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ReportTest(RuleTest):
    """A report on one mail: a read receipt or a delivery report (RFC 8098, RFC 3464)."""

    about: Automatic

    def __call__(self, facts: MessageFacts) -> str | None:
        values = facts.headers.folded("content-type")
        if len(values) != 1 or b"/report" not in values[0].lower():
            return None
        reported = report_kind(facts.headers.text("content-type"))
        return self.about.value.replace("_", " ") if reported is self.about else None

    @property
    def in_words(self) -> str:
        return f"its `Content-Type` is that of a {self.about.value.replace('_', ' ')}"

    @property
    def header(self) -> str:
        return "content-type"


@dataclass(frozen=True, slots=True)
class InvitationTest(RuleTest):
    """A part of the message is an invitation or a reply to one (RFC 5546)."""

    looks_inside = True

    def __call__(self, facts: MessageFacts) -> str | None:
        if not may_invite(facts.headers):
            return None
        method = invitation(facts.headers, facts.opening)
        return None if method is None else f"text/calendar; method={method}"

    @property
    def in_words(self) -> str:
        return f"a text/calendar part has one of the METHODs {', '.join(sorted(METHODS)).upper()}"

    @property
    def header(self) -> str:
        return "content-type"


@dataclass(frozen=True, slots=True)
class CalendarClassTest(RuleTest):
    """Exchange marks it as an appointment, and no part says otherwise ([MS-OXCICAL])."""

    matches: re.Pattern[str]
    looks_inside = True

    def __call__(self, facts: MessageFacts) -> str | None:
        values = facts.headers.texts("content-class")
        if len(values) != 1 or not self.matches.search(values[0]):
            return None
        if has_calendar(facts.headers, facts.opening):
            return None
        return f"content-class: {values[0]}"

    @property
    def in_words(self) -> str:
        return f"its `Content-Class` matches `{self.matches.pattern}`"

    @property
    def header(self) -> str:
        return "content-class"


@dataclass(frozen=True, slots=True)
class SenderTest(RuleTest):
    """The envelope sender matches."""

    matches: re.Pattern[str]
    early = True

    def __call__(self, facts: MessageFacts) -> str | None:
        return f"sender {facts.sender}" if self.matches.search(facts.sender) else None

    @property
    def in_words(self) -> str:
        return f"its envelope sender matches `{self.matches.pattern}`"


@dataclass(frozen=True, slots=True)
class LoginTest(RuleTest):
    """The login used by the CRM matches."""

    matches: re.Pattern[str]
    early = True

    def __call__(self, facts: MessageFacts) -> str | None:
        if facts.login is None or not self.matches.search(facts.login):
            return None
        return f"login {facts.login}"

    @property
    def in_words(self) -> str:
        return f"its login matches `{self.matches.pattern}`"


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
        reached = facts.burst(self.within)
        if reached <= self.recipients:
            return None
        return f"{reached} recipients of the same message within {self.within}"

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


@quick_value()
class Classification:
    """The kind of a message and what decided it: a rule, a listener, an override or the default."""

    kind: Kind
    rule: str

    @property
    def certain(self) -> bool:
        """Whether something positively identified the message."""
        return self.rule != DEFAULT


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that was tried."""

    name: str
    matched: bool
    because: str


def classify(facts: MessageFacts, rules: Sequence[Rule], default: Kind) -> Classification:
    """Return what the first matching rule says, or else the default.

    A header block that could not be read in full may contain any mark: it counts as bulk unless
    something other than the header decides.
    """
    if not facts.headers.whole:
        return classify_early(facts, rules) or Classification(Kind.BULK, UNREAD)
    for rule in rules:
        if why_matched(rule, facts) is not None:
            return Classification(rule.kind, rule.name)
    return Classification(default, DEFAULT)


class RulesByFields:
    """Finds the rules that may match a header block, by the names of its fields.

    A program gives all its mails the same fields in the same order. For each such list of fields,
    the few of the fifty shipped rules that may match are cached.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._known: dict[tuple[str, ...], tuple[Rule, ...]] = {}

    def that_may_match(self, headers: Headers) -> Sequence[Rule]:
        """Return those rules in order; all of them if the header wasn't read in full."""
        if not headers.whole:
            return self._rules
        names = tuple(headers.names)
        known = self._known.get(names)
        if known is not None:
            return known
        listed = "\n" + "\n".join(names)
        rules = tuple(
            rule
            for rule in self._rules
            if (not rule.header or rule.header in names)
            and (not rule.family or rule.family in listed)
        )
        if len(names) <= _MOST_FIELDS:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[names] = rules
        return rules


def is_answer(facts: MessageFacts) -> bool:
    """Whether a message is a reply to somebody else's and has few recipients."""
    if not facts.headers.whole:
        return False
    return any(why_matched(rule, facts) is not None for rule in _ANSWERS)


_ANSWERS = tuple(Rule(name, Kind.INDIVIDUAL, AnswerTest(name)) for name in THREAD_FIELDS)


def many_recipients(rules: Iterable[Rule]) -> int | None:
    """Return the number of recipients that makes a message bulk; None if no rule counts them."""
    counts = (
        rule.test.at_least
        for rule in rules
        if isinstance(rule.test, RecipientsTest) and rule.kind is Kind.BULK
    )
    return min(counts, default=None)


def _is_to_many(facts: MessageFacts) -> bool:
    return facts.many is not None and facts.recipients >= facts.many


def why_matched(rule: Rule, facts: MessageFacts) -> str | None:
    """Return why a rule matches, or None.

    A mark of bulk mail counts anywhere. One that makes mail individual must be where every program
    sees a header field, not after a line that some take for the end of the header.
    """
    because = rule.test(facts)
    if because is None or rule.kind is Kind.BULK:
        return because
    certain = facts.headers.certain
    return because if certain is facts.headers else rule.test(replace(facts, headers=certain))


def classify_early(facts: MessageFacts, rules: Sequence[Rule]) -> Classification | None:
    """Return what can be decided before the content, if no earlier rule needs the content."""
    for rule in rules:
        if not rule.test.early:
            return None
        if rule.test(facts) is not None:
            return Classification(rule.kind, rule.name)
    return None
