"""Whether a message is bulk or individual, and by which rule. The first matching rule decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.core.decision.rule import MessageFacts, Rule, why_matched
from gateway.core.kinds import Kind
from gateway.core.mail.headers import Headers
from gateway.core.quick_values import quick_value

DEFAULT = "default"
OVERRIDE = "override"  #: A login or header that makes mail go to everybody, whatever its kind.
_MOST_KNOWN = 256  #: How many sets of header fields are cached; about 1 kB each.
_MOST_FIELDS = 50  #: A header with more fields isn't cached.
UNREAD = "unread-header"  #: The header block is too long to be read in full.
#: What a decision names where no rule decided. No rule may be called so: mail that one called
#: `override` made bulk would go to everybody.
NO_RULES = (DEFAULT, OVERRIDE, UNREAD)


@quick_value()
class Classification:
    """The kind of a message and what decided it: a rule, a listener, an override or the default."""

    kind: Kind
    rule: str

    @property
    def is_certain(self) -> bool:
        """Whether something positively identified the message."""
        return self.rule != DEFAULT


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that was tried, or what decided instead of one: a listener, an override."""

    name: str
    matched: bool
    because: str


#: Returns why a rule matches, or None.
Ask = Callable[[Rule, MessageFacts], str | None]


@dataclass(frozen=True, slots=True)
class TriedRules:
    """All that was tried to find a message's kind, in order, for whoever asks why."""

    steps: list[Tried] = field(default_factory=list)

    def ask(self, rule: Rule, facts: MessageFacts) -> str | None:
        """Return why a rule matches, or None, and record the answer."""
        because = why_matched(rule, facts)
        self.steps.append(Tried(rule.name, because is not None, because or "no match"))
        return because

    def note_decider(self, name: str, because: str) -> None:
        """Record what decided without being a rule."""
        self.steps.append(Tried(name, True, because))


def rule_of_listener(name: str) -> str:
    """Return what the journal names as the rule where a listener's own kind decided."""
    return f"listener {name}"


def classify(
    facts: MessageFacts, rules: Sequence[Rule], default: Kind, ask: Ask = why_matched
) -> Classification:
    """Return what the first matching rule says, or else the default.

    A header block that could not be read in full may contain any mark: it counts as bulk unless
    something other than the header decides.
    """
    if not facts.headers.whole:
        return classify_early(facts, rules, ask) or Classification(Kind.BULK, UNREAD)
    for rule in rules:
        if ask(rule, facts) is not None:
            return Classification(rule.kind, rule.name)
    return Classification(default, DEFAULT)


class RulesByFields:
    """Finds the rules that may match a header block, by the names of its fields.

    A program gives all its mails the same fields in the same order. For each such list of fields,
    the few of the fifty shipped rules that may match are cached.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._rules_by_names: dict[tuple[str, ...], tuple[Rule, ...]] = {}

    def that_may_match(self, headers: Headers) -> Sequence[Rule]:
        """Return those rules in order; all of them if the header wasn't read in full."""
        if not headers.whole:
            return self._rules
        names = tuple(headers.names)
        known_rules = self._rules_by_names.get(names)
        if known_rules is not None:
            return known_rules
        listed = "\n" + "\n".join(names)
        rules = tuple(
            rule
            for rule in self._rules
            if (not rule.header or rule.header in names)
            and (not rule.family or rule.family in listed)
        )
        if len(names) <= _MOST_FIELDS:
            if len(self._rules_by_names) >= _MOST_KNOWN:
                self._rules_by_names.clear()
            self._rules_by_names[names] = rules
        return rules


def classify_early(
    facts: MessageFacts, rules: Sequence[Rule], ask: Ask = why_matched
) -> Classification | None:
    """Return what can be decided before the content, if no earlier rule needs the content."""
    for rule in rules:
        if not rule.test.early:
            return None
        if ask(rule, facts) is not None:
            return Classification(rule.kind, rule.name)
    return None
