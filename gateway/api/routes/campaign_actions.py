"""What is done with campaigns: made, filled, prepared, opened, sent, scheduled, reported."""

import hashlib
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.bearer import READS_CAMPAIGNS, Campaigner
from gateway.api.once import Key, asked_as, in_steps
from gateway.api.problems import Problem
from gateway.api.replies import JSON, MailAddress, Text, Using, octets, read_id, reply
from gateway.api.schemas import (
    CAMPAIGN_ADDED,
    CAMPAIGN_DONE,
    CAMPAIGN_PREPARED,
    CAMPAIGN_REMOVED,
    CAMPAIGN_REPORT,
    MAILCHIMP_STATUS,
    TEMPLATE,
    answers,
    items,
)
from gateway.api.services import NewCampaign, Services, Told
from gateway.core.token import Token
from gateway.store.answers import Answer

router = APIRouter(tags=["campaigns"])

MOST = 10_000  #: People named one by one in a request.
#: Requests that work on campaigns side by side; others wait for their turn.
_TURN = anyio.CapacityLimiter(4)
_CSV = "text/csv"

_Confirmed = Annotated[
    bool,
    Field(description="Go on though unexpectedly many drop out (409 tells how many), as `--yes`."),
]
_Word = Annotated[Text, Field(min_length=1, max_length=2000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CampaignDraft(_Asked):
    """A campaign to be made; its name is the subject."""

    name: _Word
    template: int = Field(ge=0, lt=2**63, description="See `GET /mailchimp/templates`.")
    from_name: _Word
    from_address: MailAddress = Field(min_length=3, max_length=2000)
    confirmed: bool = Field(False, description="Though there is a campaign of that name.")


class NewMembers(_Asked):
    """Who is put into a campaign; at least one."""

    people: list[_Word] = Field([], max_length=MOST, description="`candidate:17`, or addresses.")
    groups: list[_Word] = Field(
        [], max_length=100, description="crm_id or name; `contact:7` for a group of contacts."
    )


class Confirmation(_Asked):
    """Whether the guard is passed."""

    confirmed: _Confirmed = False


class ScheduleTime(Confirmation):
    """When a campaign leaves."""

    at: datetime = Field(description="A quarter of an hour; local unless it says otherwise.")


class TemplateChoice(_Asked):
    """What a campaign made anew is made with."""

    template: int | None = Field(None, ge=0, lt=2**63, description="Else the same.")


_DONE = answers(CAMPAIGN_DONE, "The campaign as it is now, without its members.")


@router.post("/campaigns", status_code=201, responses=answers(CAMPAIGN_DONE, "It is made.", 201))
async def create_campaign(
    request: Request, using: Using, token: Campaigner, asked: CampaignDraft, key: Key = None
) -> Response:
    """Make a campaign; nothing is created at Mailchimp yet.

    Where there is one of that name the answer is 409, unless `confirmed`.
    """
    wanted = NewCampaign(
        name=asked.name,
        template=asked.template,
        from_name=asked.from_name,
        from_address=asked.from_address,
    )
    return await _done(
        using, request, token, key,
        lambda: using.campaigns.create(wanted, confirmed=asked.confirmed), status=201,
    )  # fmt: skip


@router.post(
    "/campaigns/{id}/members",
    responses=answers(CAMPAIGN_ADDED, "How many were added, and who is unknown."),
)
async def add_members(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    asked: NewMembers,
    *,
    key: Key = None,
) -> Response:
    """Put people into a campaign that has not left: by key, address or group."""
    if not (asked.people or asked.groups):
        raise Problem(422, "name somebody: people or groups")
    number = read_id(id)
    return await _done(
        using, request, token, key,
        lambda: using.campaigns.add(number, people=asked.people, groups=asked.groups, file=None),
    )  # fmt: skip


@router.post(
    "/campaigns/{id}/members.csv",
    responses=answers(CAMPAIGN_ADDED, "How many were added, and which lines name nobody."),
    openapi_extra={"requestBody": {"required": True, "content": {_CSV: {"schema": {
        "type": "string", "description": "A header row with kind and crm_id, or email."}}}}},
)  # fmt: skip
async def add_members_of_file(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    key: Key = None,
) -> Response:
    """Put the people of a CSV file into a campaign, as `gateway campaigns add --file` does."""
    number, content = read_id(id), await request.body()

    def work() -> Told:
        with tempfile.TemporaryDirectory(prefix="gateway-members-") as folder:
            file = Path(folder) / "members.csv"
            file.write_bytes(content)
            return using.campaigns.add(number, people=(), groups=(), file=file)

    return await _done(using, request, token, key, work)


@router.delete(
    "/campaigns/{id}/members/{person:id}",
    responses=answers(CAMPAIGN_REMOVED, "Who was taken out."),
)
async def remove_member(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    person: Text,
) -> Response:
    """Take a person out of a campaign that has not left; of an address, everybody who has it."""
    number = read_id(id)
    return await _done(using, request, token, None, lambda: using.campaigns.remove(number, person))


@router.post(
    "/campaigns/{id}/prepare",
    responses=answers(CAMPAIGN_PREPARED, "Who is in, and what would change at Mailchimp."),
)
async def prepare_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    asked: Confirmation | None = None,
    *,
    key: Key = None,
) -> Response:
    """Look who is in, who is out and why; nothing leaves.

    With `confirmed` who is in now is taken for right, and the guard counts from there.
    """
    number, confirmed = read_id(id), asked is not None and asked.confirmed
    return await _done(
        using, request, token, key,
        lambda: using.campaigns.prepare(number, confirmed=confirmed),
    )  # fmt: skip


@router.post("/campaigns/{id}/open", responses=_DONE)
async def open_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    asked: Confirmation | None = None,
    *,
    key: Key = None,
) -> Response:
    """Create a campaign at Mailchimp with its recipients, not sent; `link` opens it there."""
    number, confirmed = read_id(id), asked is not None and asked.confirmed
    return await _done(
        using, request, token, key, lambda: using.campaigns.open(number, confirmed=confirmed)
    )


@router.post("/campaigns/{id}/send", responses=_DONE)
async def send_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    asked: Confirmation | None = None,
    *,
    key: Key = None,
) -> Response:
    """Send a campaign now; what has left is sent once, however often it is asked for."""
    number, confirmed = read_id(id), asked is not None and asked.confirmed
    return await _done(
        using, request, token, key, lambda: using.campaigns.send(number, confirmed=confirmed)
    )


@router.post("/campaigns/{id}/schedule", responses=_DONE)
async def schedule_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    asked: ScheduleTime,
    *,
    key: Key = None,
) -> Response:
    """Schedule a campaign; shortly before, it is brought up to date once more."""
    number = read_id(id)
    return await _done(
        using, request, token, key,
        lambda: using.campaigns.schedule(number, asked.at, confirmed=asked.confirmed),
    )  # fmt: skip


@router.post("/campaigns/{id}/unschedule", responses=_DONE)
async def unschedule_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    key: Key = None,
) -> Response:
    """Take a campaign out of the schedule; it stays at Mailchimp."""
    number = read_id(id)
    return await _done(using, request, token, key, lambda: using.campaigns.unschedule(number))


@router.post("/campaigns/{id}/recreate", status_code=201,
             responses=answers(CAMPAIGN_DONE, "The new one.", 201))  # fmt: skip
async def recreate_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
    asked: TemplateChoice | None = None,
    *,
    key: Key = None,
) -> Response:
    """Delete a campaign that was not sent and make it anew with the same people."""
    number, template = read_id(id), asked.template if asked else None
    return await _done(
        using, request, token, key,
        lambda: using.campaigns.recreate(number, template), status=201,
    )  # fmt: skip


@router.delete("/campaigns/{id}", responses=_DONE)
async def delete_campaign(
    request: Request,
    using: Using,
    token: Campaigner,
    id: str,  # noqa: A002
) -> Response:
    """Delete a campaign that was not sent, here and at Mailchimp; its people stay everywhere."""
    number = read_id(id)
    return await _done(using, request, token, None, lambda: using.campaigns.delete(number))


@router.get(
    "/campaigns/{id}/report",
    responses=answers(CAMPAIGN_REPORT, "Bounces, opens, clicks, unsubscribes and links."),
    dependencies=[READS_CAMPAIGNS],
)
async def show_report(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show what became of a campaign that was sent; Mailchimp is asked for what is new."""
    number = read_id(id)
    return reply(request, await _in_turn(lambda: using.campaigns.report(number)))


@router.get(
    "/mailchimp/status",
    responses=answers(MAILCHIMP_STATUS, "What the account has and lacks, and when it was read."),
    dependencies=[READS_CAMPAIGNS],
)
async def show_account(request: Request, using: Using) -> Response:
    """Say what a first campaign needs and still lacks, and when Mailchimp is read."""
    return reply(request, await _in_turn(using.campaigns.account))


@router.get("/mailchimp/templates", responses=items(TEMPLATE), dependencies=[READS_CAMPAIGNS])
async def list_templates(request: Request, using: Using) -> Response:
    """List the account's templates, and whether campaigns can be made with them."""
    found = await _in_turn(using.campaigns.templates)
    return reply(request, {"items": found, "next": None})


async def _done(
    using: Services,
    request: Request,
    token: Token,
    key: str | None,
    work: Callable[[], Told],
    *,
    status: int = 200,
) -> Response:
    """Work in a thread, once for an Idempotency-Key; what failed may be asked for again."""

    async def answer() -> Answer:
        return Answer(status=status, type=JSON, body=octets(await _in_turn(work)))

    digest = hashlib.sha256(await request.body()).hexdigest()
    asked = asked_as(request, token, key, digest)
    return await in_steps(using, asked, answer)


async def _in_turn(work: Callable[[], Any]) -> Any:
    return await anyio.to_thread.run_sync(work, limiter=_TURN)
