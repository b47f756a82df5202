"""The rules that tell bulk mail, from the settings and as shipped."""

from gateway.config import RuleConfig, Settings
from gateway.core.decision import classify
from gateway.core.decision.shipped_rules import SHIPPED_RULES


def rules_of(settings: Settings) -> tuple[classify.Rule, ...]:
    """Return the rules in the order they are tried: the config's own, then the shipped ones."""
    own = tuple(classify.Rule(one.name, one.kind, test_of(one)) for one in settings.rules)
    return own + (SHIPPED_RULES if settings.smtp.shipped_rules else ())


def test_of(rule: RuleConfig) -> classify.Test:
    """Return the test of a rule; the config has let pass exactly one of its keys."""
    if rule.header is not None:
        return classify.HeaderTest(rule.header.lower(), rule.matches)
    if rule.sender is not None:
        return classify.SenderTest(rule.sender)
    if rule.login is not None:
        return classify.LoginTest(rule.login)
    if rule.recipients_at_least is not None:
        return classify.RecipientsTest(rule.recipients_at_least)
    if rule.burst is None:
        raise AssertionError("the config lets no rule without a test pass")
    return classify.BurstTest(
        recipients=rule.burst.recipients,
        within=rule.burst.within,
        defer=rule.burst.first == "defer",
    )
