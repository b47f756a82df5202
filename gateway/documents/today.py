"""Current mail flow, what waits for a person, and health."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from gateway.core.kinds import State
from gateway.core.moments import in_utc
from gateway.documents.checks import FindingDocument
from gateway.documents.fields import JsonSchema, TimeText
from gateway.store.views.today import QuarterHour, Undecided

#: Where a person sees and decides what waits: the command, and the console page.
DECIDED_AT = {
    Undecided.INBOX: ("gateway inbox list", "inbox"),
    Undecided.TRIGGERS_HELD: ("gateway triggers resume", "triggers"),
    Undecided.TRIGGERS_UNREAD: ("gateway triggers list --waiting", "triggers"),
    Undecided.TRIGGERS_UNKNOWN: ("gateway triggers history", "triggers"),
    Undecided.MESSAGES_UNKNOWN: ("gateway messages list --state unknown", "messages?state=unknown"),
    Undecided.OUTBOX_UNKNOWN: ("gateway outbox list --state unknown", "outbox?state=unknown"),
    Undecided.OUTBOX_FAILED: ("gateway outbox list --state failed", "outbox?state=failed"),
    Undecided.BOUNCES: ("gateway bounces list --undecided", "bounces"),
    Undecided.IMPORTS: ("gateway check --offline", "feed"),
    Undecided.CAMPAIGNS: ("gateway campaigns list", "campaigns"),
}


class QuarterHourDocument(TypedDict):
    """The deliveries of messages received in a quarter of an hour."""

    at: Annotated[TimeText, JsonSchema(description="Its beginning.")]
    deliveries: Annotated[dict[State, int], JsonSchema(description="By state.")]


class UndecidedDocument(TypedDict):
    """What only a person can decide."""

    what: Undecided
    count: int
    command: Annotated[str, JsonSchema(description="Which shows it.")]


class TodayDocument(TypedDict):
    """Current mail flow, and what waits for a person."""

    quarters: Annotated[
        list[QuarterHourDocument], JsonSchema(description="Of the last 24 hours, the oldest first.")
    ]
    undecided: list[UndecidedDocument]
    paused: Annotated[list[str], JsonSchema(description="bulk, all")]


class LightsDocument(TypedDict):
    """The latest findings of `gateway check` that can change by themselves."""

    looked_at: Annotated[TimeText | None, JsonSchema(description="None: not yet.")]
    findings: list[FindingDocument]


class TodayWithLightsDocument(TodayDocument):
    """The same with the latest findings of `gateway check`."""

    lights: LightsDocument


def today_document(
    quarters: Iterable[QuarterHour], undecided: Mapping[Undecided, int], paused: Iterable[str]
) -> TodayDocument:
    """Return mail flow and what waits; entries with a count of zero are left out."""
    return {
        "quarters": [
            {
                "at": in_utc(quarter.at),
                "deliveries": {
                    state: quarter.counts[state] for state in State if quarter.counts.get(state)
                },
            }
            for quarter in quarters
        ],
        "undecided": [
            {"what": what, "count": count, "command": DECIDED_AT[what][0]}
            for what, count in undecided.items()
            if count
        ],
        "paused": sorted(paused),
    }


def lights_document(
    looked_at: datetime | None, findings: Iterable[FindingDocument]
) -> LightsDocument:
    """Return the findings."""
    return {
        "looked_at": None if looked_at is None else in_utc(looked_at),
        "findings": list(findings),
    }
