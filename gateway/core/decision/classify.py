"""Whether a message is bulk or individual, and by which rule. The first matching rule decides."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.decision.rule import MessageFacts, Rule, why_matched
from gateway.core.kinds import Kind
from gateway.core.mail.headers import Headers
from gateway.core.quick_values import quick_value

DEFAULT = "default"
OVERRIDE = "override"  #: A login or header that makes mail go to everybody, whatever its kind.
_MOST_KNOWN = 256  #: How many sets of header fields are cached; about 1 kB each.
_MOST_FIELDS = 50  #: A header with more fields isn't cached.
UNREAD = "unread-header"  #: The header block is too long to be read in full.


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


def classify_early(facts: MessageFacts, rules: Sequence[Rule]) -> Classification | None:
    """Return what can be decided before the content, if no earlier rule needs the content."""
    for rule in rules:
        if not rule.test.early:
            return None
        if rule.test(facts) is not None:
            return Classification(rule.kind, rule.name)
    return None
