"""What was done in the console, and by whom."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import LOOKS, said
from gateway.api.console.rendering import render
from gateway.api.json_response import Cursor, before, id_cursor, on_page
from gateway.api.using import services
from gateway.store.console import console_acts

router = APIRouter(prefix="/acts")
_AT_ONCE = 100


@router.get("", dependencies=[LOOKS])
async def list_acts(
    request: Request, who: Annotated[str, Query()] = "", cursor: Cursor = None
) -> Response:
    """List acts, newest first."""
    number = before(cursor)
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
        "login": said(request, "signed in"),
        "logout.everywhere": said(request, "signed out everywhere"),
        "person.suppress": said(request, "suppressed a person"),
        "person.release": said(request, "released a person"),
        "message.release": said(request, "lifted what kept a mail away"),
        "address.suppress": said(request, "suppressed an address"),
        "address.release": said(request, "released an address"),
        "application.status": said(request, "changed the status of applications"),
        "inbox.assign": said(request, "filed a mail"),
        "inbox.retry": said(request, "tried to file a mail again"),
        "inbox.discard": said(request, "gave a mail up"),
        "campaign.create": said(request, "made a campaign"),
        "campaign.add": said(request, "added people to a campaign"),
        "campaign.remove": said(request, "took somebody out of a campaign"),
        "campaign.prepare": said(request, "prepared a campaign"),
        "campaign.open": said(request, "created a campaign at Mailchimp"),
        "campaign.send": said(request, "sent a campaign"),
        "campaign.schedule": said(request, "scheduled a campaign"),
        "campaign.unschedule": said(request, "took back when a campaign is sent"),
        "campaign.recreate": said(request, "created a campaign again"),
        "campaign.delete": said(request, "deleted a campaign"),
        "campaign.report": said(request, "asked Mailchimp about a campaign"),
        "mailchimp.activate": said(request, "activated Mailchimp"),
        "template.save": said(request, "saved a template"),
        "trigger.create": said(request, "made a trigger"),
        "trigger.change": said(request, "changed a trigger"),
        "trigger.enable": said(request, "turned a trigger on"),
        "trigger.disable": said(request, "turned a trigger off"),
        "triggers.hold": said(request, "held all triggered mail"),
        "triggers.resume": said(request, "let triggered mail go"),
        "import": said(request, "imported a file"),
        "mail.pause": said(request, "stopped mail"),
        "mail.resume": said(request, "let mail go again"),
        "outbox.retry": said(request, "sent something of the outbox again"),
        "outbox.cancel": said(request, "gave something of the outbox up"),
    }
