"""What a campaign needs before it can be sent, in plain words with what to do."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.campaigns.campaigns import Campaign
from gateway.core.errors import GatewayError
from gateway.core.mail.address import domain_of
from gateway.store.campaigns import audiences
from gateway.store.campaigns.audiences import Audience
from gateway.store.engine.database import Database
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import MailchimpNotFound
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession

LOOKS = 4  #: A fresh campaign's checklist may lag by some seconds (MAILCHIMP 4.14).
BETWEEN_LOOKS = 2.0  #: Seconds.
NEW_BUILDER = "multichannel"
NOT_OWN = ("base", "gallery")  #: Types of templates that belong to Mailchimp.


class NotReady(GatewayError):
    """Something is missing before a campaign can be created or sent."""


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One requirement for the first campaign."""

    name: str  #: activated, template, domain_verified, domain_authenticated.
    is_met: bool
    text: str  #: What there is, or what is missing and what to do.


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTemplate:
    """One of the account's templates, and why it can't be used, if it can't."""

    id: int
    name: str
    content_type: str
    fault: str  #: Empty: it can be used.


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """What the account has for campaigns."""

    audience: Audience | None
    templates: tuple[AccountTemplate, ...]
    domains: tuple[MailchimpJson, ...]
    is_audience_there: bool = True  #: False if somebody deleted it at Mailchimp.

    def prerequisites(self) -> list[Prerequisite]:
        """Return the document's list, met or not (S2, "Voorbereiding")."""
        if self.audience is None:
            activated = Prerequisite("activated", False, NOT_ACTIVATED)
        elif not self.is_audience_there:
            name = self.audience.name
            gone = f"the audience {name} was deleted at Mailchimp: gateway mailchimp activate"
            activated = Prerequisite("activated", False, gone)
        else:
            activated = Prerequisite("activated", True, f"audience {self.audience.name}")

        usable = ", ".join(template.name for template in self.templates if not template.fault)
        faults = "; ".join(f"{template.name}: {template.fault}" for template in self.templates)
        no_template = (
            f"there is no usable template{f' ({faults})' if faults else ''}: make one at "
            "https://admin.mailchimp.com/templates/ with the classic builder or as HTML"
        )

        of_domains = [
            (
                str(domain.get("domain")),
                bool(domain.get("verified")),
                bool(domain.get("authenticated")),
            )
            for domain in self.domains
        ]
        verified = ", ".join(name for name, is_verified, _ in of_domains if is_verified)
        unverified = ", ".join(name for name, _, _ in of_domains)
        not_verified = (
            "no sender domain is verified"
            f"{f' ({unverified} not yet)' if unverified else ''}: verify the "
            "domain of the from-address at Mailchimp under Account, Domains"
        )
        authenticated = ", ".join(
            name for name, is_verified, is_authentic in of_domains if is_verified and is_authentic
        )
        not_authenticated = f"no sender domain is authenticated: {_UNAUTHENTICATED}"

        return [
            activated,
            Prerequisite(
                "template",
                bool(usable),
                f"templates that can be used: {usable}" if usable else no_template,
            ),
            Prerequisite(
                "domain_verified",
                bool(verified),
                f"sender domains that are verified: {verified}" if verified else not_verified,
            ),
            Prerequisite(
                "domain_authenticated",
                bool(authenticated),
                f"sender domains that are authenticated: {authenticated}"
                if authenticated
                else not_authenticated,
            ),
        ]

    def check(self) -> None:
        """Raise NotReady with everything that is missing."""
        missing = [
            prerequisite.text for prerequisite in self.prerequisites() if not prerequisite.is_met
        ]
        if missing:
            raise NotReady("campaigns can't be made yet: " + "; ".join(missing))

    def template(self, number: int) -> AccountTemplate:
        """Return the account's template with that id; NotReady lists those there are."""
        template = next((candidate for candidate in self.templates if candidate.id == number), None)
        if template is not None:
            return template
        names = ", ".join(
            f"{candidate.id} ({candidate.name})"
            for candidate in self.templates
            if not candidate.fault
        )
        raise NotReady(f"the account has no template {number}; it has {names}")

    def sender_fault(self, address: str) -> str:
        """Return why mail can't be sent from an address; empty: it can."""
        domain = domain_of(address)
        sending_domain = self._domain(domain)
        if sending_domain is None or not sending_domain.get("verified"):
            return (
                f"the domain {domain} of the from-address is not verified at Mailchimp: verify it "
                "there under Account, Domains (Mailchimp mails a code to an address of the domain)"
            )
        return ""

    def faults(self, campaign: Campaign) -> list[str]:
        """Return what the account lacks for sending this campaign."""
        template = next(
            (candidate for candidate in self.templates if candidate.id == campaign.template), None
        )
        faults = [self.sender_fault(campaign.from_address)]
        if template is None:
            faults.append(
                f"the template {campaign.template} no longer exists; it can't be changed: "
                "gateway campaigns recreate --template"
            )
        elif template.fault:
            faults.append(
                f"the template {template.name} can't be used: {template.fault}; then "
                "gateway campaigns recreate --template"
            )
        return [fault for fault in faults if fault]

    def remarks(self, campaign: Campaign) -> list[str]:
        """Return what may keep this campaign out of inboxes."""
        domain = self._domain(domain_of(campaign.from_address))
        if domain and domain.get("verified") and not domain.get("authenticated"):
            return [f"{domain.get('domain')}: {_UNAUTHENTICATED}"]
        return []

    def _domain(self, domain: str) -> MailchimpJson | None:
        same = (
            candidate
            for candidate in self.domains
            if domain_of(f"x@{candidate.get('domain')}") == domain
        )
        return next(same, None)


NOT_ACTIVATED = "Mailchimp is not activated: gateway mailchimp activate"
_UNAUTHENTICATED = (
    "put the SPF and CNAME records into the DNS that Mailchimp shows under Account, Domains, "
    "Start authentication"
)


def account_standing(client: MailchimpClient, audience: Audience | None) -> AccountStanding:
    """Ask Mailchimp what the account has: one call each for audience, templates and domains."""
    return AccountStanding(
        audience=audience,
        templates=tuple(map(_template, client.templates())),
        domains=tuple(client.sender_domains()),
        is_audience_there=audience is None or is_at_mailchimp(client, audience),
    )


def is_at_mailchimp(client: MailchimpClient, audience: Audience) -> bool:
    """Ask Mailchimp whether it still has an audience."""
    try:
        client.audience(audience.id)
    except MailchimpNotFound:
        return False
    return True


def active_audience(database: Database) -> Audience:
    """Return the audience in use; raise NotReady before the activation."""
    with database.reading() as connection:
        audience = audiences.active(connection)
    if audience is None:
        raise NotReady(NOT_ACTIVATED)
    return audience


def standing(session: MailchimpSession) -> AccountStanding:
    """Return what the account has; raise NotReady with everything missing."""
    audience = active_audience(session.database)
    account = account_standing(session.client, audience)
    account.check()
    return account


def missing_for_sending(
    client: MailchimpClient, mailchimp_id: str, pause: Callable[[float], None]
) -> list[str]:
    """Return what Mailchimp's checklist misses, checked again while a campaign is fresh."""
    missing: list[str] = []
    for number in range(LOOKS):
        if number:
            pause(BETWEEN_LOOKS)
        checklist = client.checklist(mailchimp_id)
        missing = [
            ": ".join(str(item[key]) for key in ("heading", "details") if item.get(key))
            for item in checklist.get("items") or []
            if item.get("type") == "error"
        ]
        if not missing and checklist.get("is_ready") is False:
            missing = ["Mailchimp says that the campaign is not ready and gives no reason"]
        if not missing:
            break
    return missing


def _template(document: MailchimpJson) -> AccountTemplate:
    return AccountTemplate(
        id=int(document.get("id") or 0),
        name=str(document.get("name") or ""),
        content_type=str(document.get("content_type") or ""),
        fault=_fault(document),
    )


def _fault(document: MailchimpJson) -> str:
    if document.get("active") is False:
        return "it was deleted at Mailchimp"
    if document.get("type") in NOT_OWN:
        return "it is not one of the account's own"
    if document.get("content_type") == NEW_BUILDER:
        return (
            "it was made with Mailchimp's new builder, whose content the API leaves out: make it "
            "again with the classic builder or as HTML"
        )
    return ""
