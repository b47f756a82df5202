"""The rules shipped with the gateway: their tests, and their order. The config's own come first."""

import re
from abc import abstractmethod
from dataclasses import dataclass

from gateway.core.decision.answer import THREAD_FIELDS, answered_id, is_a_forward
from gateway.core.decision.bulk_marks import MARKS, BulkMark, is_distributed, is_marked
from gateway.core.decision.classify import RulesByFields
from gateway.core.decision.rule import MessageFacts, RecipientsTest, Rule, RuleTest, why_matched
from gateway.core.kinds import Kind
from gateway.core.mail.automatic import Automatic, auto_submitted, report_kind
from gateway.core.mail.invitation import METHODS, has_calendar, invitation, may_invite

MANY_RECIPIENTS = 10


@dataclass(frozen=True, slots=True)
class MarkTest(RuleTest):
    """A header field of bulk mail, with a value."""

    mark: BulkMark

    def __call__(self, facts: MessageFacts) -> str | None:
        return self.mark.field_in(facts.headers)

    @property
    def in_words(self) -> str:
        if self.mark.keys is not None:
            return f"its `{self.mark.header}` has a mark in {self.mark.keys.in_words}"
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


class PersonalTest(RuleTest):
    """Something that is written to one person.

    It isn't where a list manager distributes the mail: what one member answers, or is absent for,
    goes to all who are on the list.
    """

    __slots__ = ()

    def __call__(self, facts: MessageFacts) -> str | None:
        because = self.because(facts)
        # Asked last: most mail is none of these.
        return None if because is None or is_distributed(facts.headers) else because

    @abstractmethod
    def because(self, facts: MessageFacts) -> str | None:
        """Return why the mail is written to one person if no list distributes it, or None."""


@dataclass(frozen=True, slots=True)
class AnswerTest(PersonalTest):
    """The message is a reply to somebody else's mail, according to one field."""

    name: str  #: One of `answer.THREAD_FIELDS`.

    def because(self, facts: MessageFacts) -> str | None:
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
class AutoReplyTest(PersonalTest):
    """An automatic reply (RFC 3834, 5.1)."""

    def because(self, facts: MessageFacts) -> str | None:
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
class AbsenceTest(PersonalTest):
    """An out-of-office reply as Exchange writes it: `auto-generated`, to the person who wrote."""

    def because(self, facts: MessageFacts) -> str | None:
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
class SystemMailTest(PersonalTest):
    """A newsletter program's mail to one person about their subscription, according to one field.

    Such mail, often a request to confirm, has the same marks as the program's mailings.
    """

    name: str  #: In lower case.
    matches: re.Pattern[str] = re.compile("")
    without: str = ""  #: In lower case: a field found only in the program's mailings.

    def because(self, facts: MessageFacts) -> str | None:
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
class ReportTest(PersonalTest):
    """A report on one mail: a read receipt or a delivery report (RFC 8098, RFC 3464)."""

    about: Automatic

    def because(self, facts: MessageFacts) -> str | None:
        values = facts.headers.folded_values("content-type")
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
class InvitationTest(PersonalTest):
    """A part of the message is an invitation or a reply to one (RFC 5546)."""

    looks_inside = True

    def because(self, facts: MessageFacts) -> str | None:
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
class CalendarClassTest(PersonalTest):
    """Exchange marks it as an appointment, and no part says otherwise ([MS-OXCICAL])."""

    matches: re.Pattern[str]
    looks_inside = True

    def because(self, facts: MessageFacts) -> str | None:
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


#: Replies, reports and appointments are written to one person even if the CRM puts bulk marks on
#: everything it sends, so they come first.
SHIPPED_RULES: tuple[Rule, ...] = (
    Rule("reply", Kind.INDIVIDUAL, AnswerTest("in-reply-to")),
    Rule("reply-thread", Kind.INDIVIDUAL, AnswerTest("references")),
    Rule("auto-reply", Kind.INDIVIDUAL, AutoReplyTest()),
    Rule("absence", Kind.INDIVIDUAL, AbsenceTest()),
    Rule("read-receipt", Kind.INDIVIDUAL, ReportTest(Automatic.READ_RECEIPT)),
    Rule("delivery-report", Kind.INDIVIDUAL, ReportTest(Automatic.DELIVERY_REPORT)),
    Rule(
        "phplist-system",
        Kind.INDIVIDUAL,
        SystemMailTest("x-messageid", re.compile(r"^systemmessage\s*$")),
    ),
    Rule(
        "listmonk-opt-in",
        Kind.INDIVIDUAL,
        SystemMailTest("x-listmonk-subscriber", without="x-listmonk-campaign"),
    ),
    Rule("calendar", Kind.INDIVIDUAL, InvitationTest()),
    Rule(
        "calendar-class",
        Kind.INDIVIDUAL,
        CalendarClassTest(re.compile(r"^urn:content-classes:calendarmessage\s*$", re.IGNORECASE)),
    ),
    *(Rule(mark.rule, Kind.BULK, MarkTest(mark)) for mark in MARKS),
    Rule("many-recipients", Kind.BULK, RecipientsTest(MANY_RECIPIENTS)),
)


def is_personal(facts: MessageFacts) -> bool:
    """Whether a message is recognised as written to one person, such as a reply or an invitation.

    So it is however many get one: none of them is part of a burst.
    """
    if not facts.headers.whole:
        return False
    rules = _PERSONAL.that_may_match(facts.headers)
    return any(why_matched(rule, facts) is not None for rule in rules)


_PERSONAL = RulesByFields([rule for rule in SHIPPED_RULES if rule.kind is Kind.INDIVIDUAL])


def _is_to_many(facts: MessageFacts) -> bool:
    return facts.many is not None and facts.recipients >= facts.many
