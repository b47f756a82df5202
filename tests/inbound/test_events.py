"""What webhooks are to tell of replies."""

from collections.abc import Sequence

from gateway.core import ids
from gateway.core.sending.event import WebhookEvent
from gateway.documents.events import event_document, oldest_webhook_events
from gateway.inbound.verdict import NeedsAttention
from tests.inbound.importer_rig import CANDIDATE, ImporterRig
from tests.inbound.mails import forward, with_file
from tests.rig.schemas import check


def told(rig: ImporterRig) -> Sequence[WebhookEvent]:
    with rig.database.reading() as connection:
        found = [one for some in oldest_webhook_events(connection, 100).values() for one in some]
    for one in found:
        check(event_document(one))
    return found


async def test_a_filed_reply_is_told_once_without_what_it_says(each_rig: ImporterRig) -> None:
    mail = with_file(forward()).as_bytes()
    entry = await each_rig.filed(mail)
    await each_rig.take(mail)

    [event] = told(each_rig)
    assert ("reply.imported", str(CANDIDATE)) == (event.type, event.person)
    assert (ids.show(entry.id), "4711") == (event.data["id"], event.data["reference"])
    assert "das passt mir gut" not in str(event.data)


async def test_a_mail_that_waits_for_a_person_is_told(each_rig: ImporterRig) -> None:
    verdict = await each_rig.take(forward(subject="Ohne Nummer"))

    assert isinstance(verdict, NeedsAttention)
    [event] = told(each_rig)
    assert ("reply.needs_attention", "") == (event.type, event.person)
    assert "no_reference" == event.data["reason"]
