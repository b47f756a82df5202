"""What was done in the console, and by whom."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import LOOKS, text_for
from gateway.api.console.rendering import render
from gateway.api.json_response import Cursor, id_before, id_cursor, on_page
from gateway.api.using import services
from gateway.store.console import console_acts

router = APIRouter(prefix="/acts")
_AT_ONCE = 100


@router.get("", dependencies=[LOOKS])
async def list_acts(
    request: Request, who: Annotated[str, Query()] = "", cursor: Cursor = None
) -> Response:
    """List acts, newest first."""
    number = id_before(cursor)
    rows = await services(request).database.read(
        console_acts.list_acts, user=who or None, before=number, limit=_AT_ONCE + 1
    )
    shown_acts, following = on_page(rows, _AT_ONCE, id_cursor)
    return await render(
        request,
        "acts.html",
        {"acts": shown_acts, "following": following, "names": act_names(request)},
    )


def act_names(request: Request) -> dict[str, str]:
    """Return the display name of each act."""
    return {
        "login": text_for(request, "signed in"),
        "logout.everywhere": text_for(request, "signed out everywhere"),
        "person.suppress": text_for(request, "suppressed a person"),
        "person.release": text_for(request, "released a person"),
        "message.release": text_for(request, "lifted what kept a mail away"),
        "address.suppress": text_for(request, "suppressed an address"),
        "address.release": text_for(request, "released an address"),
        "application.status": text_for(request, "changed the status of applications"),
        "inbox.assign": text_for(request, "filed a mail"),
        "inbox.retry": text_for(request, "tried to file a mail again"),
        "inbox.discard": text_for(request, "gave a mail up"),
        "campaign.create": text_for(request, "made a campaign"),
        "campaign.add": text_for(request, "added people to a campaign"),
        "campaign.remove": text_for(request, "took somebody out of a campaign"),
        "campaign.prepare": text_for(request, "prepared a campaign"),
        "campaign.open": text_for(request, "created a campaign at Mailchimp"),
        "campaign.send": text_for(request, "sent a campaign"),
        "campaign.schedule": text_for(request, "scheduled a campaign"),
        "campaign.unschedule": text_for(request, "took back when a campaign is sent"),
        "campaign.recreate": text_for(request, "created a campaign again"),
        "campaign.delete": text_for(request, "deleted a campaign"),
        "campaign.report": text_for(request, "asked Mailchimp about a campaign"),
        "mailchimp.activate": text_for(request, "activated Mailchimp"),
        "template.save": text_for(request, "saved a template"),
        "trigger.create": text_for(request, "made a trigger"),
        "trigger.change": text_for(request, "changed a trigger"),
        "trigger.enable": text_for(request, "turned a trigger on"),
        "trigger.disable": text_for(request, "turned a trigger off"),
        "triggers.hold": text_for(request, "held all triggered mail"),
        "triggers.resume": text_for(request, "let triggered mail go"),
        "import": text_for(request, "imported a file"),
        "mail.pause": text_for(request, "stopped mail"),
        "mail.resume": text_for(request, "let mail go again"),
        "outbox.retry": text_for(request, "sent something of the outbox again"),
        "outbox.cancel": text_for(request, "gave something of the outbox up"),
    }
