"""What members of a campaign did, counted over time."""

from datetime import timedelta

from gateway.core.campaigns.precedence import ActivityType
from gateway.store.campaigns import campaign_reports
from gateway.store.engine.database import Database
from gateway.store.schema.activities import activities
from tests.store.feeding import NOW

CAMPAIGN = 7
MINUTE = timedelta(minutes=1)
OPENED, CLICKED = ActivityType.OPENED.value, ActivityType.CLICKED.value
#: Who did what, after how many minutes, and whether a machine did.
DONE = (
    ("ann@klant.test", OPENED, 1, True),
    ("ann@klant.test", OPENED, 5, False),
    ("ann@klant.test", OPENED, 9, False),
    ("bob@klant.test", OPENED, 5, True),
    ("eva@klant.test", OPENED, 5, False),
    ("ann@klant.test", CLICKED, 6, False),
    ("ann@klant.test", CLICKED, 7, False),
)


def test_each_member_counts_once_when_it_did_a_thing_first(database: Database) -> None:
    with database.writing() as connection:
        for recipient, kind, after, machine in DONE:
            row = {
                **{"campaign": CAMPAIGN, "recipient": recipient, "type": kind, "link": 0, "nth": 0},
                **{"at": NOW + after * MINUTE, "machine": machine, "seen_at": NOW},
                **{"url": "", "bounce": "", "reason": ""},
            }
            connection.execute(activities.insert().values(row))

    with database.reading() as connection:
        over_time = campaign_reports.over_time(connection, CAMPAIGN, MINUTE)
        kept = campaign_reports.kept_counts(connection, CAMPAIGN)

    grown = {
        name: [(int((at - MINUTE - NOW) / MINUTE), number) for at, number in sorted(entries)]
        for name, entries in over_time.items()
    }
    assert {OPENED: [(1, 1), (5, 2)], "people": [(5, 2)], CLICKED: [(6, 1)]} == grown
    totals = {name: sum(number for _, number in entries) for name, entries in grown.items()}
    assert kept.opened.members == totals[OPENED]
    assert kept.opened_by_people.members == totals["people"]
    assert kept.clicked.members == totals[CLICKED]
