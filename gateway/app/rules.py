"""The rules for bulk mail, configured and shipped."""

from gateway.config import Settings
from gateway.core.decision.rule import Rule
from gateway.core.decision.shipped_rules import SHIPPED_RULES


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """Return the rules in order: the config's own, then the shipped ones."""
    own = tuple(Rule(rule.name, rule.kind, rule.test()) for rule in settings.rules)
    return own + (SHIPPED_RULES if settings.smtp.shipped_rules else ())
