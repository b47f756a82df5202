"""The API's actions on campaigns, with the same code as the command line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from gateway.api.services import CampaignActions, NotDone
from gateway.app import common
from gateway.app.campaigns import campaign_people, mailchimp
from gateway.app.campaigns.campaign_people import NobodyMeant, PeopleFileRefused
from gateway.app.campaigns.campaign_report import (
    NoReport,
    drawing,
    report_document,
)
from gateway.config import Settings
from gateway.core import ids
from gateway.core.campaigns.campaign_report import CampaignPlotWords
from gateway.core.campaigns.campaigns import CampaignRequest
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.core.people.people import PersonRef, RefOrAddress
from gateway.core.plot import svg
from gateway.documents.campaigns import (
    CampaignAddedDocument,
    CampaignDoneDocument,
    CampaignPreparedDocument,
    CampaignRemovedDocument,
    CampaignReportDocument,
    CampaignSummaryDocument,
    FreshReportDocument,
    MailchimpAccountDocument,
    MailchimpTemplateDocument,
    campaign_document,
    campaign_summary_document,
)
from gateway.store.campaigns import campaign_members, campaigns
from gateway.store.campaigns.campaigns import NoSuchCampaign
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.sync import campaigns as work
from gateway.sync.activation import Activation, CannotActivate
from gateway.sync.campaign_states import WrongCampaignState
from gateway.sync.campaigns import CampaignRefused, NameTaken
from gateway.sync.mailchimp.errors import MailchimpError
from gateway.sync.mailchimp_session import CampaignBusy, MailchimpSession
from gateway.sync.preparation import SegmentGone, TooManyDropOut, drop_alarm
from gateway.sync.readiness import NotReady, active_audience

_AGAIN_AFTER = 5  #: Seconds until a campaign that another request is working on may be free.


class Campaigns(CampaignActions):
    """Campaign actions on the configured account."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._ids = common.ids_of(database)

    def create(self, new_campaign: CampaignRequest, *, confirmed: bool) -> CampaignDoneDocument:
        with self._session() as session:
            made, remarks = work.create(session, new_campaign, self._ids.next(), yes=confirmed)
        return {**self._summary(made.id), "remarks": remarks}

    def add(
        self, number: int, *, people: Sequence[str], groups: Sequence[str], file: Path | None
    ) -> CampaignAddedDocument:
        """Add people; unknown ones are reported, and don't stop the others."""
        persons = [_read_person(person) for person in people]
        with self._session() as session:
            self._check_exists(number)
            chosen_people = campaign_people.choose_people(
                self._settings(),
                self._database,
                persons=persons,
                groups=groups,
                files=[file] if file else [],
            )
            added = work.add(session, number, chosen_people.people)
        unknown = [f"the CRM has sent no {ref}" for ref in added.unknown]
        return {
            **self._summary(number),
            "added": added.added,
            "known": added.already_in,
            "problems": [*chosen_people.problems, *unknown, *added.remarks],
        }

    def remove(self, number: int, person: str) -> CampaignRemovedDocument:
        ref_or_address = _read_person(person)
        with self._session() as session:
            self._check_exists(number)
            refs = campaign_people.find_people(self._settings(), self._database, ref_or_address)
            gone = [str(ref) for ref in refs if work.remove(session, number, ref)]
        if not gone:
            raise NotDone(404, f"{person} is not in the campaign {ids.show(number)}")
        return {**self._summary(number), "removed": gone}

    def prepare(self, number: int, *, confirmed: bool) -> CampaignPreparedDocument:
        with self._session() as session:
            campaign, plan, missing = work.preview(session, number)
            if confirmed:
                with self._database.writing() as connection:
                    campaign_members.expect(connection, campaign.id)
        return {
            **campaign_document(campaign, plan.tally),
            "changes": plan.document(),
            "missing": missing,
        }

    def open(self, number: int, *, confirmed: bool) -> CampaignDoneDocument:
        with self._session() as session:
            _, missing = work.open_at_mailchimp(session, number, yes=confirmed)
        return {**self._summary(number), "remarks": missing}

    def send(self, number: int, *, confirmed: bool) -> CampaignSummaryDocument:
        with self._session() as session:
            work.send(session, number, yes=confirmed)
        return self._summary(number)

    def schedule(self, number: int, at: datetime, *, confirmed: bool) -> CampaignSummaryDocument:
        with self._session() as session:
            self._check_exists(number)
            work.schedule(session, number, self._quarter(at), yes=confirmed)
        return self._summary(number)

    def check_time(self, at: datetime) -> None:
        with _errors_as_not_done():
            self._quarter(at)

    def _quarter(self, at: datetime) -> datetime:
        zone = common.time_zone(self._settings())
        moment = at if at.tzinfo else at.replace(tzinfo=zone)
        return mailchimp.quarter(moment, zone, at.isoformat(timespec="minutes"))

    def unschedule(self, number: int) -> CampaignSummaryDocument:
        with self._session() as session:
            work.unschedule(session, number)
        return self._summary(number)

    def delete(self, number: int) -> CampaignSummaryDocument:
        with self._session() as session:
            work.delete(session, number)
        return self._summary(number)

    def recreate(self, number: int, template: int | None) -> CampaignDoneDocument:
        with self._session() as session:
            made, remarks = work.recreate(session, number, template=template, new=self._ids.next())
        return {**self._summary(made.id), "remarks": remarks}

    def report(self, number: int) -> FreshReportDocument:
        """Return the results of a sent campaign; a remark says if Mailchimp can't be reached."""
        self._check_exists(number)
        remarks: list[str] = []
        try:
            with self._session() as session:
                mailchimp.sync_rounds(self._settings(), session, lambda _: None).sync_campaign(
                    number
                )
        except NotDone as error:
            remarks.append(f"Mailchimp can't be asked; this is what was known before: {error}")
        return {**self.known_report(number), "remarks": remarks}

    def known_report(self, number: int) -> CampaignReportDocument:
        with _errors_as_not_done():
            return report_document(self._settings(), self._database, number)

    def plot(self, number: int, words: CampaignPlotWords | None = None) -> str:
        with _errors_as_not_done():
            shapes = drawing(self._settings(), self._database, number, words or CampaignPlotWords())
        return svg(shapes, has_dark_form=words is not None)

    def activate(self) -> Sequence[Mapping[str, str]]:
        """Find or create what campaigns need at Mailchimp; can be repeated."""
        settings = self._settings()
        with _errors_as_not_done(), closing(mailchimp.client(settings)) as client:
            activation = Activation(
                client=client,
                database=self._database,
                wishes=mailchimp.wishes(settings),
                clock=common.now,
                dry_run=False,
            )
            return [
                {"did": step.did, "what": step.what, "text": step.text} for step in activation.run()
            ]

    def account(self) -> MailchimpAccountDocument:
        with _errors_as_not_done():
            return mailchimp.account(self._settings(), self._database).document()

    def templates(self) -> Sequence[MailchimpTemplateDocument]:
        with _errors_as_not_done():
            return mailchimp.account(self._settings(), self._database).templates()

    @contextmanager
    def _session(self) -> Iterator[MailchimpSession]:
        """Lend a session for work on campaigns; each request locks them against the others."""
        part = f"api.{self._ids.next()}"
        with (
            _errors_as_not_done(),
            mailchimp.mailchimp_session(self._settings(), self._database, part=part) as session,
        ):
            active_audience(self._database)
            yield session

    def _check_exists(self, number: int) -> None:
        with self._database.reading() as connection:
            campaigns.by_id(connection, number)

    def _summary(self, number: int) -> CampaignSummaryDocument:
        machines = self._settings().mailchimp.count_machine_opens
        with self._database.reading() as connection:
            return campaign_summary_document(connection, number, count_machine_opens=machines)


@contextmanager
def _errors_as_not_done() -> Iterator[None]:
    """Turn errors that prevent work on campaigns into `NotDone`."""
    try:
        yield
    except (NotDone, NoSuchCampaign, StoreUnavailable):
        raise
    except TooManyDropOut as error:
        counts = {"dropped": error.drop.dropped, "dropped_of": error.drop.before}
        text = f"{drop_alarm(error.drop)}; if it is right, repeat with confirmed = true"
        raise NotDone(409, text, more={"needs_confirmed": True, **counts}) from error
    except NameTaken as error:
        same_name = [ids.show(campaign.id) for campaign in error.namesakes]
        text = f"{error}: confirmed = true makes another of that name"
        raise NotDone(409, text, more={"needs_confirmed": True, "campaigns": same_name}) from error
    except CampaignBusy as error:
        raise NotDone(409, str(error), again_after=_AGAIN_AFTER) from error
    except (CampaignRefused, NobodyMeant, PeopleFileRefused) as error:
        raise NotDone(422, str(error)) from error
    except (
        NotReady,
        WrongCampaignState,
        SegmentGone,
        NoReport,
        mailchimp.NoKey,
        CannotActivate,
    ) as error:
        raise NotDone(409, str(error)) from error
    except MailchimpError as error:
        again = _AGAIN_AFTER if error.is_temporary else None
        raise NotDone(502, f"Mailchimp: {error}", again_after=again) from error


def _read_person(text: str) -> RefOrAddress:
    """Parse `candidate:17`, or an address; NotDone 422 otherwise."""
    try:
        return PersonRef.parse(text.strip())
    except ValueError:
        if "@" not in text:
            fault = f"neither a person (candidate:17, contact:17) nor a mail address: {text!r}"
            raise NotDone(422, fault) from None
    read = read_address(text)
    if isinstance(read, NotAnAddress):
        raise NotDone(422, str(read))
    return read.address
