"""What webhooks are to tell of replies."""

from collections.abc import Sequence

from gateway.core import ids
from gateway.core.sending.event import Telling
from gateway.inbound.verdict import NeedsAttention
from gateway.store.views import tellings
from tests.inbound.mails import forward, with_file
from tests.inbound.office import CANDIDATE, Office
from tests.rig.schemas import check


def told(office: Office) -> Sequence[Telling]:
    with office.database.reading() as connection:
        found = [one for some in tellings.oldest(connection, 100).values() for one in some]
    for one in found:
        check(one.document())
    return found


async def test_a_filed_reply_is_told_once_without_what_it_says(each_office: Office) -> None:
    mail = with_file(forward()).as_bytes()
    entry = await each_office.filed(mail)
    await each_office.take(mail)

    [event] = told(each_office)
    assert ("reply.imported", str(CANDIDATE)) == (event.type, event.person)
    assert (ids.show(entry.id), "4711") == (event.data["id"], event.data["reference"])
    assert "das passt mir gut" not in str(event.data)


async def test_a_mail_that_waits_for_a_person_is_told(each_office: Office) -> None:
    verdict = await each_office.take(forward(subject="Ohne Nummer"))

    assert isinstance(verdict, NeedsAttention)
    [event] = told(each_office)
    assert ("reply.needs_attention", "") == (event.type, event.person)
    assert "no_reference" == event.data["reason"]
