"""Rules in the config that classify messages: their keys, and what they test.

The rules that come with the gateway are in `core.decision.shipped_rules`.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, field_validator, model_validator

from gateway.config.section import Section, option, wrong
from gateway.config.values import Count, HeaderName, Interval, Name, Pattern
from gateway.core.decision.burst import LONGEST_BURST
from gateway.core.decision.classify import NO_RULES
from gateway.core.decision.rule import BurstTest, MessageFacts, RecipientsTest, RuleTest
from gateway.core.kinds import Kind

_NO_TESTS = ("name", "kind", "unsubscribe", "matches")  #: Keys of a rule that aren't tests.


def _check_burst_period(value: timedelta) -> timedelta:
    if value > LONGEST_BURST:
        raise ValueError("must be at most 1d: the same message is looked for no further back")
    return value


BurstPeriod = Annotated[Interval, AfterValidator(_check_burst_period)]


class Burst(Section):
    """The same login, From and subject, to many recipients one by one."""

    recipients: Count
    """Up to this many different recipients are no burst; mail to the next one is bulk."""
    within: BurstPeriod
    """The time in which they are counted, at most a day."""
    first: Literal["relay", "defer"] = "relay"
    """What becomes of suppressed people among the first: `relay`, or `defer` (4xx) until the
    window has decided."""


class RuleConfig(Section):
    """Exactly one test, and the kind it gives a message; the first rule that matches decides."""

    name: Name = option(..., example="mailings")
    """How decisions, logs and reports call the rule; not `default`, `override` or
    `unread-header`."""
    kind: Kind = option(..., example="bulk")
    """What a message that passes the test is."""
    unsubscribe: Literal["keep", "add"] = "keep"
    """`add` gives what the rule calls bulk links to unsubscribe, as the key of listeners does."""
    header: HeaderName | None = option(example="X-Mailing")
    """Test: the message has this header field."""
    matches: Pattern | None = option(example="^yes$")
    """With `header`: one of its values matches this regular expression."""
    sender: Pattern | None = option(example="^newsletter@")
    """Test: the envelope sender matches this regular expression."""
    login: Pattern | None = option(example="^mailing$")
    """Test: the login matches this regular expression."""
    recipients_at_least: Count | None = option(example=10)
    """Test: the transaction asked for at least this many recipients, whatever became of them."""
    burst: Burst | None = option(example={"recipients": 50, "within": "10m", "first": "relay"})
    """Test: the message is part of a burst."""

    @field_validator("name")
    @classmethod
    def _is_a_rules(cls, name: str) -> str:
        if name in NO_RULES:
            raise ValueError(
                f"is what decisions name where no rule decided ({', '.join(NO_RULES)}): "
                "choose another name"
            )
        return name

    @model_validator(mode="after")
    def _has_one_test(self) -> Self:
        keys = [key for key in RuleConfig.model_fields if key not in _NO_TESTS]
        tests = [key for key in keys if getattr(self, key) is not None]
        if len(tests) != 1:
            names = " and ".join(tests) or "none"
            wrong("", f"needs exactly one test of {', '.join(keys)}; has {names}")
        if self.matches and not self.header:
            wrong("matches", "needs header, which names the field to look at")
        if self.unsubscribe == "add" and self.kind is not Kind.BULK:
            wrong("unsubscribe", 'needs kind = "bulk": nobody unsubscribes from other mail')
        if self.burst and self.kind is not Kind.BULK:
            wrong("kind", "a burst can only make a message bulk")
        return self

    def test(self) -> RuleTest:
        """Return the rule's one test."""
        if self.header is not None:
            return HeaderTest(self.header.lower(), self.matches)
        if self.sender is not None:
            return SenderTest(self.sender)
        if self.login is not None:
            return LoginTest(self.login)
        if self.recipients_at_least is not None:
            return RecipientsTest(self.recipients_at_least)
        assert self.burst is not None  # the validator requires one of the keys
        return BurstTest(
            recipients=self.burst.recipients,
            within=self.burst.within,
            defer=self.burst.first == "defer",
        )


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
        value = next(filter(self.matches.search, facts.headers.whole_texts(self.name)), None)
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
