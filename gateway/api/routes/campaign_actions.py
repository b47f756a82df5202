"""Actions on campaigns: create, fill, prepare, open, send, schedule, report."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.bearer import READS_CAMPAIGNS, CampaignsToken
from gateway.api.idempotency import Key, in_steps, record_of_request
from gateway.api.json_response import (
    JSON,
    MOST,
    Cursor,
    Limit,
    OneAddress,
    PlainText,
    Using,
    as_it_is,
    octets,
    read_id,
    respond,
    whole_page,
)
from gateway.api.problems import Problem
from gateway.api.schemas import answers, items
from gateway.api.services import ApiServices, CampaignActions, Told
from gateway.api.threads import in_turn
from gateway.core.campaigns.campaigns import CampaignRequest
from gateway.core.token import Token
from gateway.documents.campaigns import (
    CampaignAddedDocument,
    CampaignDoneDocument,
    CampaignPreparedDocument,
    CampaignRemovedDocument,
    FreshReportDocument,
    MailchimpAccountDocument,
    MailchimpTemplateDocument,
)
from gateway.store.api.answers import StoredAnswer

router = APIRouter(tags=["campaigns"])

_MOST_NAMED = 10_000  #: People named individually in a request.
_CSV = "text/csv"
_SVG = "image/svg+xml"

_Confirmed = Annotated[
    bool,
    Field(description="Go on even if unexpectedly many drop out (409 says how many)."),
]
_Word = Annotated[PlainText, Field(min_length=1, max_length=2000)]


class _RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CampaignDraft(_RequestBody):
    """A new campaign; its name is the subject."""

    name: _Word
    template: int = Field(ge=0, lt=2**63, description="See `GET /mailchimp/templates`.")
    from_name: _Word
    from_address: OneAddress = Field(min_length=3, max_length=2000)
    confirmed: bool = Field(False, description="Even if there is a campaign of that name.")


class NewMembers(_RequestBody):
    """The people to add to a campaign; at least one."""

    people: list[_Word] = Field(
        [], max_length=_MOST_NAMED, description="`candidate:17`, or addresses."
    )
    groups: list[_Word] = Field(
        [], max_length=100, description="crm_id or name; `contact:7` for a group of contacts."
    )


class Confirmation(_RequestBody):
    """Whether the guard is passed."""

    confirmed: _Confirmed = False


class ScheduleTime(Confirmation):
    """When to send a campaign."""

    at: datetime = Field(description="A quarter hour; local time unless it has a zone.")


class TemplateChoice(_RequestBody):
    """The template to recreate a campaign with."""

    template: int | None = Field(None, ge=0, lt=2**63, description="Else the same.")


@dataclass(frozen=True, slots=True)
class _CampaignAction:
    """An action on a campaign; with an idempotency key, it is done once."""

    request: Request
    using: ApiServices
    token: Token
    key: str | None

    async def run(self, work: Callable[[CampaignActions], Told], *, status: int = 200) -> Response:
        """Run it in a thread and return the answer; what failed may be requested again."""

        async def answer() -> StoredAnswer:
            document = await in_turn(work, self.using.campaigns)
            return StoredAnswer(status=status, type=JSON, body=octets(document))

        digest = hashlib.sha256(await self.request.body()).hexdigest()
        request_record = record_of_request(self.request, self.token, self.key, digest)
        return await in_steps(self.using, request_record, answer)


def action(
    request: Request, using: Using, token: CampaignsToken, key: Key = None
) -> _CampaignAction:
    """Return an action that is done once for its `Idempotency-Key`."""
    return _CampaignAction(request, using, token, key)


def deletion(request: Request, using: Using, token: CampaignsToken) -> _CampaignAction:
    """Return an action that can be repeated and so needs no key."""
    return _CampaignAction(request, using, token, None)


def _number(id: str) -> int:  # noqa: A002
    return read_id(id)


def is_confirmed(asked: Confirmation | None = None) -> bool:
    """Return whether the body, which is optional, confirms the action."""
    return asked is not None and asked.confirmed


Action = Annotated[_CampaignAction, Depends(action)]
Deletion = Annotated[_CampaignAction, Depends(deletion)]  #: Harmless if repeated: without a key.
Number = Annotated[int, Depends(_number)]  #: The number of the campaign in the path.
IsConfirmed = Annotated[bool, Depends(is_confirmed)]  #: From the body, which is optional.
_DONE = answers(CampaignDoneDocument, "The campaign as it is now, without its members.")


@router.post(
    "/campaigns", status_code=201, responses=answers(CampaignDoneDocument, "It is made.", 201)
)
async def create_campaign(action: Action, draft: CampaignDraft) -> Response:
    """Create a campaign; nothing is created at Mailchimp yet.

    If one with that name exists, the answer is 409, unless `confirmed`.
    """
    new_campaign = CampaignRequest(
        name=draft.name,
        template=draft.template,
        from_name=draft.from_name,
        from_address=draft.from_address,
    )
    return await action.run(
        lambda campaigns: campaigns.create(new_campaign, confirmed=draft.confirmed),
        status=201,
    )


@router.post(
    "/campaigns/{id}/members",
    responses=answers(CampaignAddedDocument, "How many were added, and who is unknown."),
)
async def add_members(action: Action, number: Number, new_members: NewMembers) -> Response:
    """Add people to a campaign that has not been sent: by key, address or group."""
    if not (new_members.people or new_members.groups):
        raise Problem(422, "name somebody: people or groups")
    return await action.run(
        lambda campaigns: campaigns.add(
            number, people=new_members.people, groups=new_members.groups, file=None
        ),
    )


@router.post(
    "/campaigns/{id}/members.csv",
    responses=answers(CampaignAddedDocument, "How many were added, and which lines name nobody."),
    openapi_extra={"requestBody": {"required": True, "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        _CSV: {"schema": {
            "type": "string", "description": "A header row with kind and crm_id, or email."}}}}},
)  # fmt: skip
async def add_members_of_file(action: Action, number: Number) -> Response:
    """Add the people in a CSV file to a campaign, as `gateway campaigns add --file` does."""
    content = await action.request.body()

    def work(campaigns: CampaignActions) -> Told:
        with tempfile.TemporaryDirectory(prefix="gateway-members-") as folder:
            file = Path(folder) / "members.csv"
            file.write_bytes(content)
            return campaigns.add(number, people=(), groups=(), file=file)

    return await action.run(work)


@router.delete(
    "/campaigns/{id}/members/{person:id}",
    responses=answers(CampaignRemovedDocument, "Who was taken out."),
)
async def remove_member(deletion: Deletion, number: Number, person: PlainText) -> Response:
    """Remove a person, or everybody with an address, from a campaign that has not been sent."""
    return await deletion.run(lambda campaigns: campaigns.remove(number, person))


@router.post(
    "/campaigns/{id}/prepare",
    responses=answers(CampaignPreparedDocument, "Who is in, and what would change at Mailchimp."),
)
async def prepare_campaign(action: Action, number: Number, confirmed: IsConfirmed) -> Response:
    """Determine who is in, who is out and why; nothing is sent.

    With `confirmed` who is in now is taken for right, and the guard counts from there.
    """
    return await action.run(lambda campaigns: campaigns.prepare(number, confirmed=confirmed))


@router.post("/campaigns/{id}/open", responses=_DONE)
async def open_campaign(action: Action, number: Number, confirmed: IsConfirmed) -> Response:
    """Create a campaign at Mailchimp with its recipients, not sent; `link` opens it there."""
    return await action.run(lambda campaigns: campaigns.open(number, confirmed=confirmed))


@router.post("/campaigns/{id}/send", responses=_DONE)
async def send_campaign(action: Action, number: Number, confirmed: IsConfirmed) -> Response:
    """Send a campaign now; it is sent once, however often this is requested."""
    return await action.run(lambda campaigns: campaigns.send(number, confirmed=confirmed))


@router.post("/campaigns/{id}/schedule", responses=_DONE)
async def schedule_campaign(action: Action, number: Number, schedule: ScheduleTime) -> Response:
    """Schedule a campaign; shortly before, it is updated once more."""
    return await action.run(
        lambda campaigns: campaigns.schedule(number, schedule.at, confirmed=schedule.confirmed)
    )


@router.post("/campaigns/{id}/unschedule", responses=_DONE)
async def unschedule_campaign(action: Action, number: Number) -> Response:
    """Remove a campaign from the schedule; it stays at Mailchimp."""
    return await action.run(lambda campaigns: campaigns.unschedule(number))


@router.post(
    "/campaigns/{id}/recreate",
    status_code=201,
    responses=answers(CampaignDoneDocument, "The new one.", 201),
)
async def recreate_campaign(
    action: Action, number: Number, asked: TemplateChoice | None = None
) -> Response:
    """Delete a campaign that was not sent and create it again with the same people."""
    template = asked.template if asked else None
    return await action.run(
        lambda campaigns: campaigns.recreate(number, template),
        status=201,
    )


@router.delete("/campaigns/{id}", responses=_DONE)
async def delete_campaign(deletion: Deletion, number: Number) -> Response:
    """Delete a campaign that was not sent, here and at Mailchimp; its people stay everywhere."""
    return await deletion.run(lambda campaigns: campaigns.delete(number))


@router.get(
    "/campaigns/{id}/report",
    responses=answers(FreshReportDocument, "Bounces, opens, clicks, unsubscribes and links."),
    dependencies=[READS_CAMPAIGNS],
)
async def show_report(request: Request, using: Using, number: Number) -> Response:
    """Show the results of a sent campaign, after reading new activities from Mailchimp."""
    return respond(request, await in_turn(using.campaigns.report, number))


@router.get(
    "/campaigns/{id}/plot",
    responses={200: {"description": "The report over time.", "content": {_SVG: {}}}},
    dependencies=[READS_CAMPAIGNS],
)
async def show_plot(using: Using, number: Number) -> Response:
    """Show opens, clicks, bounces and unsubscribes over time, as last read."""
    return Response(await in_turn(using.campaigns.plot, number), media_type=_SVG)


@router.get(
    "/mailchimp/status",
    responses=answers(
        MailchimpAccountDocument, "What the account has and lacks, and when it was read."
    ),
    dependencies=[READS_CAMPAIGNS],
)
async def show_account(request: Request, using: Using) -> Response:
    """Say what a first campaign needs and still lacks, and when Mailchimp is read."""
    return respond(request, await in_turn(using.campaigns.account))


@router.get(
    "/mailchimp/templates",
    responses=items(MailchimpTemplateDocument),
    dependencies=[READS_CAMPAIGNS],
)
async def list_templates(
    request: Request, using: Using, limit: Limit = MOST, cursor: Cursor = None
) -> Response:
    """List the account's templates, and whether campaigns can be made with them."""
    templates = await in_turn(using.campaigns.templates)
    return whole_page(
        request,
        templates,
        limit,
        cursor,
        document=as_it_is,
        key=lambda template: str(template["id"]),
    )
