"""The rules of config/alerts.yml, as Prometheus itself reads them: when each fires and when not."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig.process import program, run

ALERTS = Path(__file__).parents[2] / "config" / "alerts.yml"

pytestmark = pytest.mark.system

#: Series and their values, a sample a step, as promtool writes them: `0+1x3` is 0, 1, 2, 3.
Series = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """When one alert fires, with which labels and words, and what is just not enough for it."""

    alert: str
    severity: str
    after: int  #: How many steps later it is looked at.
    fires: Series
    labels: Mapping[str, str]
    summary: str
    silent: tuple[Series, ...]
    step: str = "1m"


RELAY = 'gateway_relay_health{relay="mailserver"}'
WANTED = 'gateway_processes_wanted{role="smtp"}'
READY = 'gateway_processes_ready{role="smtp"}'
RESTARTS = 'gateway_processes_restarts_total{role="smtp"}'
RELAYED = 'gateway_deliveries_total{kind="bulk", state="relayed", by="relay"}'
DEFERRED = 'gateway_deliveries_total{kind="bulk", state="deferred", by="relay"}'
UNKNOWN = 'gateway_deliveries_total{kind="bulk", state="unknown", by="relay"}'
OF_UNKNOWN = {"kind": "bulk", "state": "unknown", "by": "relay"}
TOOK_NO_ANSWER = "A relay took mail and gave no answer; nothing is resent by itself"
PEOPLE = 'gateway_feed_kind_age_seconds{feed="crm:people"}'
GROUPS = 'gateway_feed_kind_age_seconds{feed="crm:groups"}'
HALF = 'gateway_journal_commit_seconds_bucket{le="0.5"}'
SECOND = 'gateway_journal_commit_seconds_bucket{le="1"}'
ANY = 'gateway_journal_commit_seconds_bucket{le="+Inf"}'
MAILCHIMP, SYNC = 'gateway_mailchimp_health{account="crm"}', "gateway_sync_success"
TWO_DAYS = 2 * 86_400

RULES = [
    Rule(
        "GatewayDown",
        "critical",
        2,
        {'up{job="gateway", instance="gw1:8025"}': "0x5"},
        {"job": "gateway", "instance": "gw1:8025"},
        "The gateway gives no answer on gw1:8025",
        (
            {'up{job="gateway", instance="gw1:8025"}': "1x5"},
            {'up{job="postfix", instance="gw1:9154"}': "0x5"},
            # One scrape that failed.
            {'up{job="gateway", instance="gw1:8025"}': "1 1 0 1 1"},
        ),
    ),
    Rule(
        "GatewayStoreDown",
        "critical",
        1,
        {'gateway_store_up{store="main"}': "0x5"},
        {"store": "main"},
        "The gateway's store is away: bulk mail waits",
        ({'gateway_store_up{store="main"}': "1x5"},),
    ),
    Rule(
        "GatewayRelayDown",
        "critical",
        3,
        {RELAY: "0x5"},
        {"relay": "mailserver"},
        "Relay mailserver can't be reached: its mail waits",
        ({RELAY: "1x5"}, {RELAY: "-1x5"}, {RELAY: "1 1 0 0 1"}),
    ),
    Rule(
        "GatewayRelayRefusesUs",
        "critical",
        1,
        {RELAY: "-1x5"},
        {"relay": "mailserver"},
        "Relay mailserver refuses the gateway itself: someone must change a setting",
        ({RELAY: "0x5"}, {RELAY: "1x5"}),
    ),
    Rule(
        "GatewayRoleDown",
        "critical",
        3,
        {WANTED: "2x5", READY: "1x5"},
        {"role": "smtp"},
        "Role smtp has fewer processes than it should",
        ({WANTED: "2x5", READY: "2x5"}, {WANTED: "2x5", READY: "2 1 1 2 2"}),
    ),
    Rule(
        "GatewayRestarts",
        "warning",
        15,
        {RESTARTS: "0x5 1 2 3 4x10"},
        {"role": "smtp"},
        "Processes of role smtp die again and again",
        ({RESTARTS: "7x20"}, {RESTARTS: "0x5 1x5 2x10"}),
    ),
    Rule(
        "GatewayUnknownOutcome",
        "warning",
        20,
        {UNKNOWN: "1x17 2x10"},
        OF_UNKNOWN,
        TOOK_NO_ANSWER,
        ({UNKNOWN: "1x30"}, {RELAYED: "0+1x30"}),
    ),
    Rule(
        # The first one of all: until then there was no such series.
        "GatewayUnknownOutcome",
        "warning",
        20,
        {UNKNOWN: "_x15 1x10"},
        OF_UNKNOWN,
        TOOK_NO_ANSWER,
        ({UNKNOWN: "_x2 1x30"},),
    ),
    Rule(
        "GatewayDeferring",
        "warning",
        25,
        {RELAYED: "0+7x30", DEFERRED: "0+3x30"},
        {},
        'More than a fifth of the mail hears "try again later"',
        ({RELAYED: "0+9x30", DEFERRED: "0+1x30"}, {RELAYED: "0+9x30"}),
    ),
    Rule(
        "GatewayFeedOld",
        "warning",
        1,
        {'gateway_feed_age_seconds{source="crm"}': f"{TWO_DAYS + 1}x5"},
        {"source": "crm"},
        "Source crm has told nothing for two days: new opt-outs are unknown",
        ({'gateway_feed_age_seconds{source="crm"}': f"{TWO_DAYS}x5"},),
    ),
    Rule(
        "GatewayFeedKindOld",
        "warning",
        1,
        {PEOPLE: f"{TWO_DAYS + 1}x5"},
        {"feed": "crm:people"},
        "crm:people was told nothing of for two days, whatever else comes in",
        ({PEOPLE: f"{TWO_DAYS}x5"}, {GROUPS: f"{9 * TWO_DAYS}x5"}),
    ),
    Rule(
        "GatewayFeedFailed",
        "critical",
        1,
        {'gateway_feed_failed{feed="crm:people"}': "1x5"},
        {"feed": "crm:people"},
        "Nothing of the last file of crm:people could be taken in",
        ({'gateway_feed_failed{feed="crm:people"}': "0x5"},),
    ),
    Rule(
        "GatewayFeedFaulty",
        "warning",
        25,
        {'gateway_feed_problems{feed="crm:people"}': "3x30"},
        {"feed": "crm:people"},
        "3 problems in the files of crm:people, for a day and more",
        (
            {'gateway_feed_problems{feed="crm:people"}': "0x30"},
            # A night's file was wrong, and the next one was not.
            {'gateway_feed_problems{feed="crm:people"}': "3x23 0x10"},
        ),
        step="1h",
    ),
    Rule(
        "GatewayReferencesToNothing",
        "warning",
        61,
        {'gateway_references_to_nothing{reference="status"}': "4x70"},
        {"reference": "status"},
        "4 rows name a status that isn't known: no effect on mail",
        (
            {'gateway_references_to_nothing{reference="status"}': "0x70"},
            {'gateway_references_to_nothing{reference="status"}': "4x50 0x20"},
        ),
    ),
    Rule(
        "GatewayOutboxStuck",
        "warning",
        11,
        {'gateway_outbox_entries{state="failed"}': "2x20"},
        {"state": "failed"},
        "2 entries of the outbox are failed",
        (
            {'gateway_outbox_entries{state="waiting"}': "9x20"},
            {'gateway_outbox_entries{state="unknown"}': "1x5 0x15"},
        ),
    ),
    Rule(
        "GatewayMailboxDown",
        "warning",
        11,
        {'gateway_mailbox_up{mailbox="hr"}': "0x20"},
        {"mailbox": "hr"},
        "Mailbox hr can't be read: forwarded replies wait in it",
        (
            {'gateway_mailbox_up{mailbox="hr"}': "1x20"},
            {'gateway_mailbox_up{mailbox="hr"}': "0x8 1x12"},
        ),
    ),
    Rule(
        "GatewayMailboxStale",
        "warning",
        31,
        {'gateway_mailbox_success{mailbox="hr"}': "0x40"},
        {"mailbox": "hr"},
        "Mailbox hr was not read to its end for half an hour",
        ({'gateway_mailbox_success{mailbox="hr"}': "0+60x40"},),
    ),
    Rule(
        "GatewayPaused",
        "warning",
        61,
        {'gateway_paused{what="bulk"}': "1x70"},
        {"what": "bulk"},
        "bulk mail has been paused for an hour",
        ({'gateway_paused{what="bulk"}': "0x70"}, {'gateway_paused{what="bulk"}': "1x50 0x20"}),
    ),
    Rule(
        "GatewaySlowStore",
        "warning",
        25,
        {HALF: "0+9x30", SECOND: "0+10x30", ANY: "0+10x30"},
        {},
        "Writing a message down takes over half a second",
        ({HALF: "0+99x30", SECOND: "0+100x30", ANY: "0+100x30"}, {HALF: "5x30", ANY: "5x30"}),
    ),
    Rule(
        "GatewayMailchimpRefused",
        "critical",
        1,
        {MAILCHIMP: "-1x5"},
        {"account": "crm"},
        "Mailchimp refuses the key, or the audience is gone: new opt-outs are unknown",
        ({MAILCHIMP: "0x5"}, {MAILCHIMP: "1x5"}),
    ),
    Rule(
        "GatewayMailchimpSilent",
        "warning",
        7,
        {MAILCHIMP: "0x9", SYNC: "0x9"},
        {"account": "crm"},
        "Mailchimp could not be read for six hours",
        ({MAILCHIMP: "1x9", SYNC: "0x9"}, {MAILCHIMP: "0x9", SYNC: "0 3600x8"}),
        step="1h",
    ),
    Rule(
        "GatewayTooManyComplaints",
        "critical",
        1,
        {'gateway_complaint_share{sender="crm.example"}': "0.004x5"},
        {"sender": "crm.example"},
        "0.4% of the mail from crm.example to one domain was called spam in the last 7 days: "
        "Gmail and Yahoo allow 0.3 %",
        ({'gateway_complaint_share{sender="crm.example"}': "0.003x5"},),
    ),
    Rule(
        "GatewayTooManyBounces",
        "warning",
        1,
        {'gateway_bounce_share{sender="crm.example"}': "0.075x5"},
        {"sender": "crm.example"},
        "7.5% of the mail from crm.example to one domain bounced in the last 7 days",
        ({'gateway_bounce_share{sender="crm.example"}': "0.05x5"},),
    ),
]


def test_every_alert_has_its_rows() -> None:
    names = re.findall(r"alert: (\w+)", ALERTS.read_text())

    assert names == list(dict.fromkeys(rule.alert for rule in RULES))


async def test_prometheus_takes_the_rules() -> None:
    done = await run(program("promtool", "prometheus"), "check", "rules", str(ALERTS))

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("step", ["1m", "1h"])
async def test_each_alert_fires_when_it_should_and_not_before(step: str, tmp_path: Path) -> None:
    file = tmp_path / "alerts.json"  # JSON is YAML
    tests = [case for rule in RULES if rule.step == step for case in cases(rule)]
    asked = {"rule_files": [str(ALERTS)], "evaluation_interval": step, "tests": tests}
    file.write_text(json.dumps(asked))

    # One run for all: it names the alert and the time of each that is not as it should be.
    done = await run(program("promtool", "prometheus"), "test", "rules", str(file))

    assert done.returncode == 0, done.stderr


def cases(rule: Rule) -> Iterator[dict[str, object]]:
    """Yield the tests of a rule as `promtool test rules` reads them."""
    alert = {
        "exp_labels": {**rule.labels, "severity": rule.severity},
        "exp_annotations": {"summary": rule.summary},
    }
    for series in (rule.fires, *rule.silent):
        asked = {
            "eval_time": f"{rule.after}{rule.step[-1]}",
            "alertname": rule.alert,
            "exp_alerts": [alert] if series is rule.fires else [],
        }
        yield {
            "interval": rule.step,
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [asked],
        }
