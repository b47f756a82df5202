"""Every JSON document, byte for byte as scripts know it.

Beside it, in `golden/NAME.json`, stands what a document is with everything (`full`) and with
nothing that can be left out (`bare`). A new field shows up there; nothing else may change.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from gateway.api.json_response import octets
from gateway.app.campaigns.mailchimp import AccountState
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.campaigns.campaign_report import CampaignReport
from gateway.core.campaigns.campaigns import Campaign
from gateway.core.campaigns.precedence import Activity
from gateway.core.decision.explanation import ExplainedDelivery, Explanation, WhatIf
from gateway.core.feed.references import ReferenceUse
from gateway.core.feed.unread_fields import UnreadField
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import Scope, State
from gateway.core.mail.typed.typed_address import NotAnAddress, TypedAddress
from gateway.core.people.applications import KnownApplication
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.people.people import Standing, Suppression
from gateway.core.replies.inbox import InboxRow
from gateway.core.sending.event import WebhookEvent
from gateway.core.sending.outbox import OutboxRow
from gateway.core.token import Token
from gateway.core.triggers.application_change import ChangeResult
from gateway.core.triggers.events.birthday import BIRTHDAY
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.occurrence import Occurrence
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_preview import Preview
from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.crm.importer import ImportReport
from gateway.documents.access import token_document
from gateway.documents.bounces import address_event_data, bounce_document
from gateway.documents.campaigns import (
    MemberDoings,
    activity_document,
    campaign_activity_data,
    campaign_document,
    campaign_report_document,
    member_document,
    numbers_document,
    opted_out_data,
)
from gateway.documents.events import event_document, send_failed_webhook_events
from gateway.documents.explanations import explanation_document
from gateway.documents.feed import (
    kind_state_document,
    open_reference_document,
    past_import_document,
)
from gateway.documents.messages import message_document
from gateway.documents.people import person_document, timeline_event_document
from gateway.documents.replies import (
    filed_reply_document,
    history_entry_document,
    import_addresses_document,
    inbox_mail_document,
    person_file_document,
)
from gateway.documents.sending import outbox_entry_document
from gateway.documents.suppressions import (
    address_standing_document,
    mailchimp_refusal_document,
    person_standing_document,
    released_document,
    suppressed_address_document,
    suppression_document,
    suppression_entry_document,
    unmatched_address_document,
)
from gateway.documents.triggers.applications import application_document, whole_application_document
from gateway.documents.triggers.triggers import (
    application_transition_document,
    change_result_document,
    preview_document,
    run_finished_data,
    transition_finished_data,
    trigger_document,
    trigger_run_document,
    trigger_sent_data,
    waiting_document,
)
from gateway.documents.unread_fields import unread_field_document
from gateway.store.campaigns.activities import ActivityCampaign, RecipientActivity
from gateway.store.campaigns.campaign_members import CampaignMember
from gateway.store.campaigns.campaign_syncs import Synced
from gateway.store.campaigns.departures import Departure
from gateway.store.campaigns.opt_outs import Refusal
from gateway.store.feed.feed import ImportOutcome
from gateway.store.feed.feed_faults import KindState, PastImport
from gateway.store.feed.references.open_references import OpenText
from gateway.store.people.mending import Unmatched
from gateway.store.people.people import PersonRecord
from gateway.store.people.releases import Released
from gateway.store.people.suppressed import SuppressedAddress
from gateway.store.people.suppression import SuppressionEntry
from gateway.store.triggers.status_mail import MailedTransition
from gateway.store.views.timeline import PersonPage, TimelineEvent
from gateway.sync.preparation import PreparationPlan
from tests.documents.samples import bare, full

GOLDEN = Path(__file__).parent / "golden"
T = TypeVar("T")
Make = Callable[[], Any]

AT = datetime(2026, 3, 12, 9, 30, 15, 123_456, UTC)
ZONE = timezone(timedelta(hours=1))
ADDRESS = "a@example.org"


def of(document: Callable[[T], Any], kind: type[T]) -> tuple[Make, Make]:
    """Return what makes the document of a full value, and of a bare one."""
    return lambda: document(full(kind)), lambda: document(bare(kind))


def left_out(message: Message) -> Any:
    """Return what webhooks are told of a message none of whose recipients was mailed."""
    deliveries = message.deliveries or (bare(Delivery),)
    failed = tuple(replace(delivery, state=State.SEND_FAILED) for delivery in deliveries)
    webhook_events = send_failed_webhook_events(replace(message, deliveries=failed))
    return [event_document(webhook_event) for webhook_event in webhook_events]


WHAT_IF = full(WhatIf, outcome=State.RELAYED)
EXPLAINED_DELIVERY = full(
    ExplainedDelivery, outcome=State.RELAYED, would=State.SEND_FAILED, what_if=(WHAT_IF,)
)
USE = full(ReferenceUse, reference="memberships.group")
MEMBER = full(CampaignMember)
CHANGE = full(MailedTransition, event="status_changed")
LEAST_CHANGE = bare(MailedTransition, event="birthday")

DOCUMENTS: dict[str, tuple[Make, Make]] = {
    "message": of(message_document, Message),
    "message_send_failed": of(left_out, Message),
    "webhook_event": of(event_document, WebhookEvent),
    "message_with_reports": (
        lambda: message_document(full(Message), [full(KeptBounce)]),
        lambda: message_document(bare(Message), [bare(KeptBounce)]),
    ),
    "bounce": of(bounce_document, KeptBounce),
    "address_bounced": (
        lambda: address_event_data(full(KeptBounce), Scope.ALL),
        lambda: address_event_data(bare(KeptBounce), None),
    ),
    "suppression": of(suppression_document, Suppression),
    "suppression_entry": of(suppression_entry_document, SuppressionEntry),
    "suppressed_address": of(suppressed_address_document, SuppressedAddress),
    "address_standing": (
        lambda: address_standing_document(ADDRESS, full(Standing), [full(SuppressionEntry)]),
        lambda: address_standing_document(ADDRESS, bare(Standing), []),
    ),
    "person_standing": (
        lambda: person_standing_document(
            full(PersonRecord), [full(Suppression)], [full(SuppressionEntry)]
        ),
        lambda: person_standing_document(bare(PersonRecord), [], []),
    ),
    "released": of(lambda released: released_document(ADDRESS, released), Released),
    "mailchimp_refusal": of(mailchimp_refusal_document, Refusal),
    "unmatched_address": (
        lambda: unmatched_address_document(full(Unmatched, reading=full(TypedAddress))),
        lambda: unmatched_address_document(bare(Unmatched, reading=full(NotAnAddress))),
    ),
    "application": of(application_document, KnownApplication),
    "whole_application": of(whole_application_document, KnownApplication),
    "inbox_mail": of(inbox_mail_document, InboxRow),
    "import_addresses": (
        lambda: import_addresses_document(
            [("a@example.org", "[notices] from"), ("b@example.org", "x")]
        ),
        lambda: import_addresses_document([]),
    ),
    "history_entry": of(history_entry_document, HistoryEntry),
    "filed_reply": of(filed_reply_document, HistoryEntry),
    "person_file": of(person_file_document, Document),
    "person": of(person_document, PersonPage),
    "timeline_event": of(timeline_event_document, TimelineEvent),
    "open_reference": of(open_reference_document, OpenText),
    "unread_field": of(unread_field_document, UnreadField),
    "import_state": of(kind_state_document, KindState),
    "import_past": of(past_import_document, PastImport),
    "import_report": (
        lambda: full(ImportReport, outcome=full(ImportOutcome, references=(USE,))).document(),
        lambda: bare(ImportReport).document(),
    ),
    "outbox_entry": of(outbox_entry_document, OutboxRow),
    "token": of(token_document, Token),
    "campaign": (
        lambda: campaign_document(full(Campaign), {"": 3, "opt_out": 2, "duplicate": 1}),
        lambda: campaign_document(bare(Campaign), {}),
    ),
    "campaign_member": (
        lambda: member_document(MEMBER, MemberDoings({MEMBER.address: [full(Activity)]})),
        lambda: member_document(bare(CampaignMember)),
    ),
    "member_activity": of(activity_document, Activity),
    "campaign_numbers": of(
        lambda numbers: numbers_document(numbers, count_machine_opens=True), CampaignReport
    ),
    "campaign_report": (
        lambda: campaign_report_document(
            full(Synced), full(CampaignReport), count_machine_opens=True
        ),
        lambda: campaign_report_document(
            bare(Synced), bare(CampaignReport), count_machine_opens=False
        ),
    ),
    "campaign_changes": of(PreparationPlan.document, PreparationPlan),
    "campaign_activity": of(
        lambda act: campaign_activity_data(
            full(ActivityCampaign) if act.recipient else bare(ActivityCampaign), act
        ),
        RecipientActivity,
    ),
    "opted_out": (
        lambda: opted_out_data(full(Departure), "Spring"),
        lambda: opted_out_data(bare(Departure), None),
    ),
    "mailchimp_account": of(AccountState.document, AccountState),
    "mailchimp_templates": of(AccountState.templates, AccountState),
    "trigger": (
        lambda: trigger_document(full(Trigger, event=STATUS_CHANGED), date(2026, 3, 12)),
        lambda: trigger_document(bare(Trigger, event=BIRTHDAY), None),
    ),
    "preview": of(preview_document, Preview),
    "change_result": of(change_result_document, ChangeResult),
    "waiting_mail": (
        lambda: waiting_document([full(UnreadField)], [full(Occurrence)]),
        lambda: waiting_document([], []),
    ),
    "trigger_run": of(trigger_run_document, TriggerRun),
    "application_transition": (
        lambda: application_transition_document(CHANGE, ZONE),
        lambda: application_transition_document(LEAST_CHANGE, ZONE),
    ),
    "trigger_sent": (
        lambda: trigger_sent_data(
            full(Occurrence, event="status_changed"),
            message=1 << 61,
            message_id="<1@example.org>",
            at=AT,
        ),
        lambda: trigger_sent_data(
            bare(Occurrence, event="birthday"), message=1 << 61, message_id="<1@example.org>", at=AT
        ),
    ),
    "trigger_run_finished": (
        lambda: run_finished_data(full(TriggerRun), RunState.FINISHED, AT),
        lambda: run_finished_data(
            bare(TriggerRun), RunState.HELD, AT.replace(second=0, microsecond=0)
        ),
    ),
    "transition_finished": (
        lambda: transition_finished_data(CHANGE, ZONE, AT),
        lambda: transition_finished_data(LEAST_CHANGE, ZONE, AT),
    ),
    "explanation": (
        lambda: explanation_document(full(Explanation, deliveries=(EXPLAINED_DELIVERY,))),
        lambda: explanation_document(
            bare(Explanation, deliveries=(bare(ExplainedDelivery, outcome=State.SEND_FAILED),))
        ),
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_as_scripts_know_it(name: str) -> None:
    whole, least = DOCUMENTS[name]

    printed = json.dumps({"full": whole(), "bare": least()}, indent=2, ensure_ascii=False)

    assert (GOLDEN / f"{name}.json").read_text() == printed + "\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_api_writes_the_same_as_the_command_line(name: str) -> None:
    whole, _ = DOCUMENTS[name]

    assert json.dumps(whole()) == json.dumps(orjson.loads(octets(whole())))


def test_no_golden_document_is_left_over() -> None:
    assert set(DOCUMENTS) == {file.stem for file in GOLDEN.glob("*.json")}
