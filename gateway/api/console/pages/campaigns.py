"""Campaigns: create, fill, prepare, open, send, schedule; and their results."""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData, UploadFile

from gateway.api.console.access import LOOKS, WORKS, FormFields, Manages, Works, text_for
from gateway.api.console.acts import doing
from gateway.api.console.form_text import whole_text
from gateway.api.console.pages import campaign_activities
from gateway.api.console.pages import campaign_page as page
from gateway.api.console.pages import campaign_words as words
from gateway.api.console.rendering import render, see_other
from gateway.api.json_response import (
    Cursor,
    Using,
    id_before,
    id_cursor,
    on_page,
)
from gateway.api.routes.campaign_actions import Number
from gateway.api.services import ApiServices, CampaignActions, NotDone, Told
from gateway.api.threads import in_turn
from gateway.core import ids
from gateway.core.campaigns.campaigns import GONE_STATES, CampaignRequest, nobody_is_in
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.core.replies.document_types import clean_filename
from gateway.documents.campaigns import (
    known_numbers_of_several,
)
from gateway.store.campaigns import campaign_members, campaigns
from gateway.store.campaigns.campaign_members import WhichMembers
from gateway.store.engine.database import StoreTransaction

router = APIRouter(prefix="/campaigns")

_AT_ONCE = 50
_LONGEST_NUMBER = 18  #: Digits: the most the store can hold.
_MOST_TOLD = 20  #: How many people that could not be added are named.
_SVG = "image/svg+xml"


@router.get("", dependencies=[LOOKS])
async def list_campaigns(request: Request, using: Using, cursor: Cursor = None) -> Response:
    """List the campaigns, newest first."""
    number, machines = id_before(cursor), using.count_machine_opens()

    def load(connection: StoreTransaction) -> list[dict[str, Any]]:
        listed = campaigns.list_campaigns(connection, before=number, limit=_AT_ONCE + 1)
        tallies = campaign_members.tallies(connection, [campaign.id for campaign in listed])
        numbers = known_numbers_of_several(
            connection,
            [campaign.id for campaign in listed if campaign.state in GONE_STATES],
            count_machine_opens=machines,
            counted_campaigns=using.campaign_counts,
        )
        return [
            {
                "campaign": campaign,
                "tally": tallies[campaign.id],
                "numbers": numbers.get(campaign.id),
            }
            for campaign in listed
        ]

    rows = await using.database.read(load)
    shown_rows, following = on_page(rows, _AT_ONCE, lambda row: id_cursor(row["campaign"]))
    return await render(
        request,
        "campaigns.html",
        {
            "rows": shown_rows,
            "following": following,
            "state_names": words.state_names(request),
        },
    )


@router.get("/new", dependencies=[WORKS])
async def show_new(request: Request, using: Using) -> Response:
    """Show the form for a new campaign."""
    return await _show_new_form(request, using, {})


@router.post("/new")
async def create(request: Request, using: Using, user: Works, form: FormFields) -> Response:
    """Create a campaign; nothing is created at Mailchimp yet."""
    name, from_name = whole_text(form, "name"), whole_text(form, "from_name")
    problems: dict[str, str] = {}
    sender = read_address(whole_text(form, "from_address"))
    template = whole_text(form, "template")
    if not name:
        problems["name"] = text_for(request, "Say what the mail's subject is.")
    if not from_name:
        problems["from_name"] = text_for(request, "Say whom the mail is from.")
    if isinstance(sender, NotAnAddress):
        problems["from_address"] = text_for(request, "This is no address.")
    if not template.isdecimal() or len(template) > _LONGEST_NUMBER:
        problems["template"] = text_for(request, "Choose a template.")
    if problems or isinstance(sender, NotAnAddress):
        return await _show_new_form(
            request, using, _form_texts(form), problems=problems, status=422
        )
    new_campaign = CampaignRequest(
        name=name, template=int(template), from_name=from_name, from_address=sender.address
    )
    try:
        async with doing(request, user, "campaign.create") as act:
            made = await in_turn(
                using.campaigns.create,
                new_campaign,
                confirmed=whole_text(form, "confirmed") == "yes",
            )
            act.about = made["id"]
    except NotDone as error:
        asks = bool(error.more.get("needs_confirmed"))
        why = words.in_words_of_the_page(request, str(error))
        if asks:
            why = text_for(request, "There is a campaign of this name already.")
        return await _show_new_form(
            request, using, _form_texts(form), problem=why, asks=asks, status=error.status
        )
    sentence = text_for(request, "“{name}” is made. Now add people.", name=name)
    return await see_other(
        request, f"/console/campaigns/{made['id']}", words.with_remarks(request, sentence, made)
    )


async def _show_new_form(
    request: Request,
    using: ApiServices,
    form_values: Mapping[str, str],
    *,
    problems: Mapping[str, str] | None = None,
    problem: str = "",
    asks: bool = False,
    status: int = 200,
) -> Response:
    """Show the form for a new campaign with the account's templates, or why there are none."""
    try:
        templates = await in_turn(using.campaigns.templates)
    except NotDone as error:
        templates, problem = [], problem or words.in_words_of_the_page(request, str(error))
    last = await using.database.read(campaigns.list_campaigns, limit=1)
    sender = {
        "from_name": last[0].from_name if last else "",
        "from_address": last[0].from_address if last else "",
    }
    return await render(
        request,
        "campaign_new.html",
        {
            "templates": templates,
            "given": {"name": "", "template": "", **sender, **form_values},
            "problems": problems or {},
            "problem": problem,
            "asks": asks,
        },
        status=status,
    )


@router.get("/account", dependencies=[LOOKS])
async def show_account(request: Request, using: Using) -> Response:
    """Show what the Mailchimp account has and lacks for campaigns."""
    return await _account(request, using)


@router.post("/account")
async def activate(request: Request, using: Using, user: Manages) -> Response:
    """Find or create what campaigns need at Mailchimp, as `gateway mailchimp activate` does."""
    try:
        async with doing(request, user, "mailchimp.activate"):
            steps = await in_turn(using.campaigns.activate)
    except NotDone as error:
        why = words.in_words_of_the_page(request, str(error))
        return await _account(request, using, problem=why, status=error.status)
    return await _account(request, using, steps=steps)


async def _account(
    request: Request,
    using: ApiServices,
    *,
    steps: Sequence[Mapping[str, str]] = (),
    problem: str = "",
    status: int = 200,
) -> Response:
    try:
        account = await in_turn(using.campaigns.account)
    except NotDone as error:
        account, problem = None, problem or words.in_words_of_the_page(request, str(error))
    return await render(
        request,
        "campaign_account.html",
        {
            "account": account,
            "steps": steps,
            "problem": problem,
            "in_words": lambda text: words.in_words_of_the_page(request, text),
        },
        status=status,
    )


@router.get("/{id}", dependencies=[LOOKS])
async def show(
    request: Request,
    using: Using,
    number: Number,
    *,
    which: Annotated[str, Query()] = WhichMembers.ALL,
    cursor: Cursor = None,
) -> Response:
    """Show a campaign: its numbers, its members and why some are out, and the next steps."""
    return await page.show_campaign(request, using, number, which=which, cursor=cursor)


@router.get("/{id}/activities", dependencies=[LOOKS])
async def show_activities(
    request: Request,
    using: Using,
    number: Number,
    *,
    sort: Annotated[str, Query(alias="type")] = "",
    cursor: Cursor = None,
) -> Response:
    """Show who opened, clicked or unsubscribed, and what bounced (S2, "Activiteiten")."""
    return await campaign_activities.show_activities(
        request, using, number, sort=sort, cursor=cursor
    )


@router.get("/{id}/plot", dependencies=[LOOKS])
async def show_plot(request: Request, using: Using, number: Number) -> Response:
    """Show opens, clicks, bounces and unsubscribes over time, in the page's language."""
    plot_words = words.plot_words(request)
    drawn = await in_turn(using.campaigns.plot, number, plot_words)
    return Response(drawn, media_type=_SVG)


@router.post("/{id}/add")
async def add(
    request: Request, using: Using, user: Works, number: Number, form: FormFields
) -> Response:
    """Add people: a group, keys and addresses, or those of a CSV file."""
    groups = [text for text in form.getlist("group") if isinstance(text, str) and text]
    people = [
        text for text in whole_text(form, "people").replace(",", "\n").split("\n") if text.strip()
    ]
    sent = form.get("file")
    content, sent_name = b"", ""
    if isinstance(sent, UploadFile) and sent.filename:
        content, sent_name = await sent.read(), sent.filename
    if not (groups or people or sent_name):
        why = text_for(request, "Choose a group, name people, or choose a file.")
        return await page.show_campaign(request, using, number, problem=why, status=422)

    def work(actions: CampaignActions) -> Told:
        stripped_people = [text.strip() for text in people]
        if not sent_name:
            return actions.add(number, people=stripped_people, groups=groups, file=None)
        with tempfile.TemporaryDirectory(prefix="gateway-members-") as folder:
            file = Path(folder) / clean_filename(sent_name)
            file.write_bytes(content)
            return actions.add(number, people=stripped_people, groups=groups, file=file)

    def detail(done: Mapping[str, Any]) -> list[str]:
        counted = {"added": done["added"], "known": done["known"]}
        added = text_for(request, "Added: {added}. In already: {known}.", **counted)
        problems = done["problems"][:_MOST_TOLD]
        lines = [added, *(words.in_words_of_the_page(request, problem) for problem in problems)]
        if len(done["problems"]) > _MOST_TOLD:
            more = len(done["problems"]) - _MOST_TOLD
            lines.append(
                text_for(
                    request,
                    "And {more} more row names nobody.|And {more} more rows name nobody.",
                    more=more,
                )
            )
        return lines

    written = "\n".join(text.strip() for text in people)
    return await page.carry_out(
        request, using, user, number, act="add", work=work, detail=detail, people_text=written
    )


@router.post("/{id}/remove")
async def remove(
    request: Request, using: Using, user: Works, number: Number, form: FormFields
) -> Response:
    """Remove a person."""
    person = whole_text(form, "person")
    return await page.carry_out(
        *(request, using, user, number),
        act="remove",
        work=lambda actions: actions.remove(number, person),
        sentence=text_for(request, "{person} is taken out.", person=person),
    )


@router.post("/{id}/prepare")
async def prepare(
    request: Request, using: Using, user: Works, number: Number, form: FormFields
) -> Response:
    """Show who is in, who is out and why, and the changes at Mailchimp; nothing is sent."""
    confirmed = whole_text(form, "confirmed") == "yes"
    try:
        async with doing(request, user, "campaign.prepare", about=ids.show(number)):
            prepared = await in_turn(using.campaigns.prepare, number, confirmed=confirmed)
    except NotDone as error:
        return await page.show_refusal(request, using, number, error, action="prepare")
    return await page.show_campaign(request, using, number, prepared=prepared)


@router.post("/{id}/open")
async def open_it(
    request: Request, using: Using, user: Works, number: Number, form: FormFields
) -> Response:
    """Create it at Mailchimp with its recipients, without sending it."""
    confirmed = whole_text(form, "confirmed") == "yes"
    return await page.carry_out(
        *(request, using, user, number),
        act="open",
        work=lambda actions: actions.open(number, confirmed=confirmed),
        sentence=text_for(request, "It is at Mailchimp now, not sent."),
    )


@router.post("/{id}/send")
async def send(
    request: Request, using: Using, user: Manages, number: Number, form: FormFields
) -> Response:
    """Send it now, once the sender has seen to how many."""
    if (asking := await _asking(request, using, number, form, asks="send")) is not None:
        return asking
    confirmed = whole_text(form, "confirmed") == "yes"
    return await page.carry_out(
        *(request, using, user, number),
        act="send",
        work=lambda actions: actions.send(number, confirmed=confirmed),
        sentence=text_for(request, "It is on its way."),
    )


async def _asking(
    request: Request,
    using: ApiServices,
    number: int,
    form: FormData,
    *,
    asks: str,
    at: datetime | None = None,
) -> Response | None:
    """Ask whether to send it, and to how many; None once that number was confirmed.

    If nobody is in, there is nothing to ask, and the page says that instead.
    """
    question = None if at is None else {"at": at}
    tally = await using.database.read(campaign_members.tally, number)
    if not tally.get("", 0):
        why = words.in_words_of_the_page(request, nobody_is_in(tally))
        return await page.show_campaign(request, using, number, problem=why, status=409)
    if whole_text(form, "sure") != "yes":
        return await page.show_campaign(request, using, number, asks=asks, question=question)
    read_number = whole_text(form, "people")
    if not read_number or read_number == str(tally.get("", 0)):
        return None
    # Somebody added or removed people after the question was shown.
    why = text_for(request, "It has changed meanwhile: look at the number once more.")
    return await page.show_campaign(
        request, using, number, asks=asks, question=question, problem=why, status=409
    )


@router.post("/{id}/schedule")
async def schedule(
    request: Request, using: Using, user: Manages, number: Number, form: FormFields
) -> Response:
    """Schedule it for a quarter of an hour, local time, once the number was confirmed."""
    confirmed = whole_text(form, "confirmed") == "yes"
    try:
        at = datetime.fromisoformat(whole_text(form, "at"))
    except ValueError:
        why = text_for(request, "Say the day and the quarter of an hour.")
        return await page.show_campaign(request, using, number, problem=why, status=422)
    try:
        await in_turn(using.campaigns.check_time, at)
    except NotDone as error:
        return await page.show_refusal(request, using, number, error, action="schedule")
    asking = await _asking(request, using, number, form, asks="schedule", at=at)
    if asking is not None:
        return asking
    return await page.carry_out(
        *(request, using, user, number),
        act="schedule",
        work=lambda actions: actions.schedule(number, at, confirmed=confirmed),
        sentence=text_for(request, "It is scheduled."),
        fields={"at": at.isoformat()},
    )


@router.post("/{id}/unschedule")
async def unschedule(request: Request, using: Using, user: Manages, number: Number) -> Response:
    """Unschedule it; it stays at Mailchimp."""
    return await page.carry_out(
        *(request, using, user, number),
        act="unschedule",
        work=lambda actions: actions.unschedule(number),
        sentence=text_for(request, "It is not scheduled any more."),
    )


@router.post("/{id}/recreate")
async def recreate(request: Request, using: Using, user: Works, number: Number) -> Response:
    """Delete an unsent campaign and create it again with the same people."""
    try:
        async with doing(request, user, "campaign.recreate", about=ids.show(number)) as act:
            made = await in_turn(using.campaigns.recreate, number, None)
            act.about = made["id"]
    except NotDone as error:
        return await page.show_refusal(request, using, number, error, action="recreate")
    sentence = text_for(request, "This is the new one, with the same people.")
    return await see_other(
        request, f"/console/campaigns/{made['id']}", words.with_remarks(request, sentence, made)
    )


@router.post("/{id}/delete")
async def delete(
    request: Request, using: Using, user: Manages, number: Number, form: FormFields
) -> Response:
    """Delete an unsent campaign, here and at Mailchimp, once confirmed."""
    if whole_text(form, "sure") != "yes":
        return await page.show_campaign(request, using, number, asks="delete")
    return await page.carry_out(
        *(request, using, user, number),
        act="delete",
        work=lambda actions: actions.delete(number),
        sentence=text_for(request, "It is deleted, here and at Mailchimp."),
    )


@router.post("/{id}/report")
async def ask_for_report(request: Request, using: Using, user: Works, number: Number) -> Response:
    """Read new activities from Mailchimp."""
    try:
        async with doing(request, user, "campaign.report", about=ids.show(number)):
            fresh = await in_turn(using.campaigns.report, number)
    except NotDone as error:
        return await page.show_refusal(request, using, number, error, action="report")
    sentence = text_for(request, "This is what Mailchimp knows now.")
    return await see_other(
        request,
        f"/console/campaigns/{ids.show(number)}",
        words.with_remarks(request, sentence, fresh),
    )


def _form_texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}
