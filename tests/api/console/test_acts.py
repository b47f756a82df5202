"""What is done in the console is journaled with who did it, whatever breaks meanwhile."""

import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.store.console import console_acts
from gateway.store.journal import message_lookup
from gateway.store.schema.console import console_acts as acts_table
from gateway.store.triggers import epochs
from tests.api.console.browsing import Browsing, signed_in
from tests.api.served import Served

ROLES = (ConsoleRole.RUN, ConsoleRole.MANAGE)
#: An act on the store, and one of several steps.
PAUSE = ("/console/today/pause", {"what": "bulk"})
HOLD = ("/console/triggers/all/hold", {"note": "wait"})


async def post(browsing: Browsing, path: str, fields: dict[str, str]) -> int:
    page = await browsing.open("/console/today/pause")
    token = page.forms[-1].fields["csrf"]
    answer = await browsing.client.post(path, data={"csrf": token, **fields})
    return answer.status_code


def refuse(api: Served, change: str) -> None:
    """Let the store refuse an insertion into the journal of acts, or a change of it."""
    with api.database.writing() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER refused BEFORE {change} ON {acts_table.name} "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )


def journaled(api: Served) -> list[tuple[str, str]]:
    with api.database.reading() as connection:
        acts = console_acts.list_acts(connection)
    return [(act.user, act.act) for act in acts if act.act != "login"]


def stopped(api: Served) -> tuple[frozenset[str], str]:
    """Return which mail is paused, and why triggered mail is held."""
    with api.database.reading() as connection:
        return message_lookup.paused_mail(connection), epochs.why_held(connection)


@pytest.mark.parametrize(("path", "fields"), [PAUSE, HOLD], ids=["store", "steps"])
async def test_what_cannot_be_journaled_is_not_done(
    one_api: Served, path: str, fields: dict[str, str]
) -> None:
    async with signed_in(one_api, *ROLES) as browsing:
        refuse(one_api, "INSERT")
        status = await post(browsing, path, fields)

    assert status >= 400
    assert (frozenset(), "") == stopped(one_api)


async def test_an_act_that_nobody_saw_the_end_of_says_so(one_api: Served) -> None:
    async with signed_in(one_api, *ROLES) as browsing:
        refuse(one_api, "UPDATE")
        await post(browsing, *HOLD)

    assert [("anna", "triggers.hold.begun")] == journaled(one_api)


async def test_what_was_done_has_one_line_and_what_was_refused_none(one_api: Served) -> None:
    async with signed_in(one_api, *ROLES) as browsing:
        statuses = [
            await post(browsing, path, fields)
            for path, fields in (
                HOLD,
                PAUSE,
                ("/console/inbox/0000000000001/discard", {}),
                ("/console/outbox/0000000000001/retry", {}),
            )
        ]

    assert [303, 303, 404, 404] == statuses
    assert [("anna", "mail.pause"), ("anna", "triggers.hold")] == journaled(one_api)
