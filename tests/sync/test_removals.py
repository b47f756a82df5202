"""Contacts of erased people are archived or deleted at Mailchimp."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from gateway.store.campaigns import removals
from gateway.store.engine.database import Database
from gateway.store.schema.erasures import mailchimp_removals
from gateway.sync.mailchimp.client import member_id
from gateway.sync.mailchimp.errors import MailchimpNotFound
from gateway.sync.removals import Removals
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.returning import Crm

EMAIL = "zoe@crm.test"


@pytest.fixture
def crm(sandbox: ScriptedSandbox, tmp_path: Path) -> Iterator[Crm]:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    crm = Crm(database, sandbox)
    yield crm
    crm.close()
    database.close()


def wanted(crm: Crm, mode: str) -> Removals:
    """Have a contact of the audience wait for its removal."""
    crm.client.add_members(crm.audience, [{"email_address": EMAIL, "status": "subscribed"}])
    with crm.database.writing() as connection:
        values = {"id": 1, "audience": crm.audience, "member": member_id(EMAIL), "mode": mode}
        values |= {"next_at": crm.sandbox.now()}
        connection.execute(insert(mailchimp_removals).values(values))
    return Removals(database=crm.database, client=crm.client, clock=crm.sandbox.now)


def left(crm: Crm) -> list[str]:
    with crm.database.reading() as connection:
        return removals.errors_of_waiting(connection)


def test_a_contact_is_archived(crm: Crm) -> None:
    assert (1, []) == wanted(crm, "archive").run()

    assert "archived" == crm.client.member(crm.audience, member_id(EMAIL))["status"]
    assert [] == left(crm)


def test_a_contact_is_deleted_for_ever(crm: Crm) -> None:
    assert (1, []) == wanted(crm, "delete").run()

    with pytest.raises(MailchimpNotFound):
        crm.client.member(crm.audience, member_id(EMAIL))
    assert [] == left(crm)


def test_who_is_gone_already_is_done(crm: Crm) -> None:
    asked = wanted(crm, "delete")
    crm.client.delete_member_for_ever(crm.audience, member_id(EMAIL))

    assert (1, []) == asked.run()


def test_a_key_of_another_account_does_not_pass_for_gone(crm: Crm) -> None:
    asked = wanted(crm, "archive")
    account = crm.sandbox.account
    own, account.audiences = account.audiences, {}

    gone, errors = asked.run()

    assert (0, 1) == (gone, len(errors))
    account.audiences = own
    crm.sandbox.advance(hours=1)
    assert (1, []) == asked.run()
    assert "archived" == crm.client.member(crm.audience, member_id(EMAIL))["status"]


def test_what_mailchimp_refuses_is_tried_again_later(crm: Crm) -> None:
    asked = wanted(crm, "archive")
    crm.sandbox.revoke_key()

    gone, errors = asked.run()

    assert (0, 1) == (gone, len(errors))
    with crm.database.reading() as connection:
        later = connection.scalar(select(mailchimp_removals.c.next_at))
    assert later is not None
    assert timedelta(0) < later - crm.sandbox.now()
    assert (0, []) == asked.run()
