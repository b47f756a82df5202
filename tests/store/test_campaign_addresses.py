"""Addresses of members and contacts that change, in the CRM or at Mailchimp."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from gateway.core.campaigns.membership import KnownContact
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.campaigns import audiences, campaign_members, campaigns
from gateway.store.campaigns.campaign_members import MemberToDecide
from gateway.store.engine.database import Database
from gateway.store.schema.campaigns import campaign_members as members
from gateway.store.schema.campaigns import campaigns as campaigns_table

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
OLD, NEW = "bob@klant.test", "robert@klant.test"
BOB = MemberToDecide(
    ref=PersonRef(PersonKind.CANDIDATE, "bob"),
    added_at=NOW,
    is_known=True,
    email=OLD,
    address=OLD,
    has_unusable=False,
    opted_out=False,
    unread="",
    former_address=OLD,
    segmented=True,
)


@pytest.fixture
def prepared(database: Database) -> Database:
    """A campaign that was prepared, with Bob in its segment."""
    campaign = {"id": 1, "name": "News", "state": "scheduled", "template": 1, "from_name": "HR"}
    campaign |= {"from_address": "hr@crm.test", "refreshed_at": NOW}
    bob = {"campaign": 1, "kind": "candidate", "person": "bob", "address": OLD, "added_at": NOW}
    with database.writing() as connection:
        connection.execute(insert(campaigns_table).values(campaign))
        connection.execute(insert(members).values(bob | {"included": True, "segmented": True}))
    return database


@pytest.mark.parametrize(("address", "is_prepared"), [(OLD, True), (NEW, False)])
def test_a_changed_address_is_not_in_the_segment(
    prepared: Database, address: str, is_prepared: bool
) -> None:
    with prepared.writing() as connection:
        decided = [(replace(BOB, address=address), None)]
        campaign_members.keep_decisions(connection, 1, decided)
        (bob,) = campaign_members.candidates(connection, 1, after=None, limit=9)
        refreshed_at = campaigns.by_id(connection, 1).refreshed_at
        campaign_members.leave_out_latecomers(connection, 1, "too late")
        tally = campaign_members.tally(connection, 1)

    assert (address, is_prepared) == (bob.former_address, bob.segmented)
    assert (NOW if is_prepared else None) == refreshed_at
    assert ({"": 1} if is_prepared else {"too_late": 1}) == tally


MOVED = f"the contact is {NEW} at Mailchimp now: change the address in the CRM, too"


@pytest.mark.parametrize(
    ("status", "former"),
    [
        ("subscribed", ("", MOVED)),
        ("pending", ("", MOVED)),
        ("unsubscribed", ("unsubscribed", "")),
        ("cleaned", ("cleaned", "")),
    ],
)
def test_a_former_address_follows_its_contact(
    database: Database, status: str, former: tuple[str, str]
) -> None:
    before = KnownContact(
        address=OLD, email=OLD, contact_id="c1", status="subscribed", changed_at=NOW
    )
    after = replace(
        before, address=NEW, email=NEW, status=status, changed_at=NOW + timedelta(hours=1)
    )
    other = replace(before, address="ann@klant.test", contact_id="")
    with database.writing() as connection:
        audiences.activate(connection, "a", name="A", double_optin=False, now=NOW)
        audiences.take_in(connection, "a", [before, after, other])
        for _ in range(2):
            audiences.follow_changed_addresses(connection, "a")
        known = audiences.known_contacts(connection, "a", [OLD, NEW, other.address])

    assert former == (known[OLD].status, known[OLD].refusal)
    assert (status, "") == (known[NEW].status, known[NEW].refusal)
    assert "subscribed" == known[other.address].status
