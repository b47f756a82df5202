"""Campaigns from the first draft to the three endings: opened, sent, scheduled.

Each ending prepares afresh: the audience is read, every member judged, data updated, new ones
added, the segment built.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from gateway.core import ids
from gateway.core.address import lookup_form
from gateway.core.campaigns import (
    GONE_STATES,
    OPEN_STATES,
    Ask,
    Campaign,
    CampaignState,
    naming_faults,
)
from gateway.core.errors import GatewayError
from gateway.core.membership import is_mailable
from gateway.core.people import PersonRef
from gateway.store import audiences, campaign_members, campaigns
from gateway.store.audiences import Audience
from gateway.store.database import Database
from gateway.sync import acts, readiness
from gateway.sync.office import Office, claimed
from gateway.sync.preparation import Plan, guard, judge_members, prepare
from gateway.sync.readiness import NEW_BUILDER, NOT_ACTIVATED, NotReady, Standing
from gateway.sync.settle import keep, look
from gateway.sync.upload import Uploader, ensure_segment

UNFINISHED = "it was unscheduled to be prepared anew, which did not come to its end"
_ADDED_AT_ONCE = 1_000
_NAMED = 3  #: Campaigns of one name that are told.


class WrongState(GatewayError):
    """That can't be done with the campaign as it stands."""


class NameTaken(GatewayError):
    """There is a campaign of that name; --yes makes another."""

    def __init__(self, name: str, there: Sequence[Campaign]) -> None:
        self.there = tuple(there)  #: The newest first.
        named = ", ".join(f"{ids.show(one.id)}, {one.state}" for one in there[:_NAMED])
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        super().__init__(f'there is a campaign "{name}" already ({named}{more})')


class CampaignRefused(GatewayError):
    """The campaign can't be made as it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person asks for."""

    name: str
    template: int
    from_name: str
    from_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of people who were to be put into a campaign."""

    added: int
    known: int  #: Who were in it before.
    unknown: tuple[PersonRef, ...]  #: Of whom the CRM does not tell.


def activated(database: Database) -> Audience:
    """Return the audience in use; NotReady before the activation."""
    with database.reading() as connection:
        audience = audiences.active(connection)
    if audience is None:
        raise NotReady(NOT_ACTIVATED)
    return audience


def standing(office: Office) -> Standing:
    """Return what the account has; NotReady with all that is missing."""
    audience = activated(office.database)
    found = readiness.look(office.client, audience)
    found.check()
    return found


def create(
    office: Office, draft: Draft, number: int, *, yes: bool = False
) -> tuple[Campaign, list[str]]:
    """Keep a new campaign; return it with remarks on what would keep it from being sent.

    NameTaken where there is one of that name, unless `yes`.
    """
    audience = activated(office.database)
    faults = naming_faults(draft.name, draft.from_name)
    if not is_mailable(lookup_form(draft.from_address)):
        faults.append(f"the from-address {draft.from_address!r} is none")
    if faults:
        raise CampaignRefused("; ".join(faults))
    with office.database.reading() as connection:
        there = [] if yes else campaigns.of_name(connection, draft.name)
    if there:
        raise NameTaken(draft.name, there)
    account = standing(office)
    template = account.template(draft.template)
    if template.fault and template.content_type != NEW_BUILDER:
        raise NotReady(f"the template {template.name} can't be used: {template.fault}")
    campaign = Campaign(
        id=number,
        name=draft.name,
        state=CampaignState.DRAFT,
        template=draft.template,
        template_name=template.name,
        from_name=draft.from_name,
        from_address=draft.from_address,
        audience=audience.id,
    )
    with office.database.writing() as connection:
        campaigns.put(connection, campaign)
    return campaign, _faults(account, campaign) + _remarks(account, campaign)


def add(office: Office, number: int, refs: Iterable[PersonRef]) -> Added:
    """Put people into a campaign that has not left, and judge them by what is known here."""
    added = known = 0
    unknown: list[PersonRef] = []
    with claimed(office, number) as held:
        campaign = _open_one(held, number)
        now = held.clock()
        for chunk in _chunks(dict.fromkeys(refs)):
            with held.database.writing() as connection:
                there = campaign_members.known_people(connection, chunk)
                found = [ref for ref in chunk if ref in there]
                new = campaign_members.add(connection, number, found, now)
            added += new
            known += len(found) - new
            unknown += [ref for ref in chunk if ref not in there]
            held.beat("Adding people", added + known, 0)
        judge_members(held, campaign)
        with held.database.writing() as connection:
            campaign_members.expect_new(connection, number, now)
    return Added(added=added, known=known, unknown=tuple(unknown))


def _chunks(refs: Iterable[PersonRef]) -> Iterator[list[PersonRef]]:
    rest = iter(refs)
    while chunk := list(islice(rest, _ADDED_AT_ONCE)):
        yield chunk


def remove(office: Office, number: int, ref: PersonRef) -> bool:
    """Take a person out of a campaign that has not left; False if it was not in it."""
    with claimed(office, number) as held:
        _open_one(held, number)
        with held.database.writing() as connection:
            campaigns.change(connection, number, refreshed_at=None)
            return campaign_members.remove(connection, number, ref)


def preview(office: Office, number: int) -> tuple[Campaign, Plan, list[str]]:
    """Prepare, and return what would change at Mailchimp and what is missing; nothing leaves."""
    with claimed(office, number) as held:
        campaign = _looked_at(held, number)
        account = readiness.look(held.client, activated(held.database))
        plan = prepare(held, campaign)
        if plan.from_segment:
            # So that the sync looks at the whole of a scheduled one again before its time.
            campaign = keep(held, campaign, refreshed_at=None)
    missing = [each.text for each in account.prerequisites() if not each.is_met]
    return campaign, plan, missing or _faults(account, campaign) + _remarks(account, campaign)


def open_at_mailchimp(office: Office, number: int, *, yes: bool) -> tuple[Campaign, list[str]]:
    """Create the campaign at Mailchimp; return it with what is missing for sending it."""
    with claimed(office, number) as held:
        campaign = _looked_at(held, number)
        if campaign.state is CampaignState.SCHEDULED:
            raise WrongState("the campaign is scheduled: gateway campaigns unschedule first")
        account = standing(held)
        campaign = _process(held, campaign, yes=yes)
        missing = _faults(account, campaign)
        missing += readiness.missing_for_sending(
            held.client, campaign.mailchimp_id, _hurry(held, missing)
        )
    return campaign, missing


def send(office: Office, number: int, *, yes: bool) -> Campaign:
    """Send the campaign now."""
    with claimed(office, number) as held:
        before = _stored(held, number)
        campaign = _looked_at(held, number, wished=before.asked is Ask.SEND)
        if campaign.state in GONE_STATES:
            return campaign
        campaign = _ready(held, campaign, yes=yes)
        return acts.send(held, campaign)


def schedule(office: Office, number: int, at: datetime, *, yes: bool) -> Campaign:
    """Schedule the campaign for a time Mailchimp takes (aware, UTC)."""
    with claimed(office, number) as held:
        campaign = _ready(held, _looked_at(held, number), yes=yes)
        return acts.schedule(held, campaign, at)


def unschedule(office: Office, number: int) -> Campaign:
    """Take the campaign out of the schedule."""
    with claimed(office, number) as held:
        before = _stored(held, number)
        campaign = _looked_at(held, number)
        if campaign.state is CampaignState.SCHEDULED:
            campaign = acts.unschedule(held, campaign)
        elif CampaignState.SCHEDULED not in {before.state, campaign.state}:
            raise WrongState(f"the campaign is {campaign.state}, not scheduled")
        _refuse_gone(campaign)
        return keep(held, campaign, trouble="", scheduled_for=None)


def delete(office: Office, number: int) -> Campaign:
    """Delete the campaign here and at Mailchimp; one that was sent stays."""
    with claimed(office, number) as held:
        campaign = _stored(held, number)
        if campaign.state is CampaignState.DELETED:
            return campaign
        campaign = look(held, _found_again(held, campaign))
        _refuse_gone(campaign)
        if campaign.state is CampaignState.SCHEDULED:
            campaign = acts.unschedule(held, campaign)
            _refuse_gone(campaign)
        return acts.delete(held, campaign)


def recreate(
    office: Office, number: int, *, template: int | None, new: int
) -> tuple[Campaign, list[str]]:
    """Make a campaign anew as a draft with the same members, then delete the old one."""
    with claimed(office, number) as held:
        old = look(held, _found_again(held, _stored(held, number)))
        _refuse_gone(old)
    draft = Draft(
        name=old.name,
        template=template or old.template,
        from_name=old.from_name,
        from_address=old.from_address,
    )
    campaign, remarks = create(office, draft, new, yes=True)
    with claimed(office, new) as held:
        now = held.clock()
        with held.database.writing() as connection:
            campaign_members.copy(connection, number, new, now)
        judge_members(held, campaign)
        with held.database.writing() as connection:
            campaign_members.expect_new(connection, new, now)
    delete(office, number)
    return campaign, remarks


def _ready(office: Office, campaign: Campaign, *, yes: bool) -> Campaign:
    """Return the campaign processed and ready to leave; NotReady with all that is missing."""
    faults = _faults(standing(office), campaign)
    if faults:
        raise NotReady(_not_ready(faults))
    campaign = _process(office, campaign, yes=yes)
    missing = readiness.missing_for_sending(office.client, campaign.mailchimp_id, office.pause)
    if missing:
        keep(office, campaign, trouble="; ".join(missing))
        raise NotReady(_not_ready(missing) + acts.MADE_ANEW)
    return campaign


def _process(office: Office, campaign: Campaign, *, yes: bool) -> Campaign:
    """Prepare, and bring members, segment and campaign to Mailchimp; it is not scheduled then."""
    plan = prepare(office, campaign)
    if not yes:
        guard(plan)
    _refuse_empty(plan.tally)
    if campaign.state is CampaignState.SCHEDULED:
        campaign = acts.unschedule(office, campaign)
        _refuse_gone(campaign)
        campaign = keep(office, campaign, trouble=UNFINISHED)
    campaign = ensure_segment(office, campaign)
    uploader = uploader_for(office, campaign)
    uploader.members()
    uploader.segment(plan.from_segment)
    with office.database.reading() as connection:
        _refuse_empty(campaign_members.tally(connection, campaign.id))
    campaign = acts.create(office, campaign)
    with office.database.writing() as connection:
        campaign_members.expect(connection, campaign.id)
        values = {"refreshed_at": office.clock(), "trouble": ""}
        return campaigns.change(connection, campaign.id, **values)


def _refuse_empty(tally: Mapping[str, int]) -> None:
    if not tally:
        raise NotReady("nobody is in: gateway campaigns add")
    if not tally.get("", 0):
        raise NotReady("nobody is in: gateway campaigns show says why each member is out")


def uploader_for(office: Office, campaign: Campaign) -> Uploader:
    """Return what brings the members of a campaign to Mailchimp."""
    with office.database.reading() as connection:
        audience = audiences.one(connection, campaign.audience)
    double_optin = audience is not None and audience.double_optin
    return Uploader(office=office, campaign=campaign, double_optin=double_optin)


def _faults(account: Standing, campaign: Campaign) -> list[str]:
    """Return what the account lacks for sending this campaign."""
    template = next((each for each in account.templates if each.id == campaign.template), None)
    faults = [account.sender_fault(campaign.from_address)]
    if template is None:
        faults.append(
            f"the template {campaign.template} is not there any more; it can't be changed: "
            "gateway campaigns recreate --template"
        )
    elif template.fault:
        faults.append(
            f"the template {template.name} can't be used: {template.fault}; then "
            "gateway campaigns recreate --template"
        )
    return list(filter(None, faults))


def _remarks(account: Standing, campaign: Campaign) -> list[str]:
    return list(filter(None, [account.sender_remark(campaign.from_address)]))


def _not_ready(missing: list[str]) -> str:
    return f"the campaign can't leave: {'; '.join(missing)}"


def _hurry(office: Office, faults: list[str]) -> Callable[[float], None]:
    """Return the office's pause, or none where something is missing that waiting won't bring."""
    return (lambda _: None) if faults else office.pause


def _stored(office: Office, number: int) -> Campaign:
    with office.database.reading() as connection:
        return campaigns.one(connection, number)


def _open_one(office: Office, number: int) -> Campaign:
    campaign = _stored(office, number)
    if campaign.state not in OPEN_STATES:
        _refuse_gone(campaign)
        raise WrongState(f"the campaign {ids.show(number)} is {campaign.state}")
    return campaign


def _looked_at(office: Office, number: int, *, wished: bool = False) -> Campaign:
    """Return a campaign that has not left as Mailchimp has it now.

    One that has left is returned only where that is what was wished for.
    """
    campaign = look(office, _found_again(office, _open_one(office, number)))
    if campaign.state is CampaignState.DELETED:
        raise WrongState(
            "the campaign was deleted at Mailchimp: gateway campaigns recreate makes it anew"
        )
    if not wished:
        _refuse_gone(campaign)
    if campaign.asked in {Ask.SEGMENT, Ask.CREATE, Ask.NOTHING}:
        return campaign
    return keep(office, campaign, asked=Ask.NOTHING)


def _found_again(office: Office, campaign: Campaign) -> Campaign:
    """Return a campaign that was being created when the answer was lost, if Mailchimp has it."""
    return acts.found(office, campaign) if campaign.asked is Ask.CREATE else campaign


def _refuse_gone(campaign: Campaign) -> None:
    if campaign.state in GONE_STATES:
        raise WrongState(
            f"the campaign is {campaign.state}: what has left can't be changed, and is sent once"
        )
