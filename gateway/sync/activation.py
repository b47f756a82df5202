"""Activation: the key is proved, and what campaigns need is found or made (S2)."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.core.campaigns.membership import is_mailable
from gateway.core.errors import GatewayError
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import PersonKind
from gateway.store.campaigns import audiences, opt_outs
from gateway.store.engine.database import Database
from gateway.sync.client import MailchimpClient
from gateway.sync.errors import MailchimpError
from gateway.sync.mailchimp_session import once, told
from gateway.sync.transport import Document

NAME = "CRM users"  #: Of an audience the gateway makes.
FIELDS = {
    "FNAME": "First name",
    "LNAME": "Last name",
    "OWNERNAME": "Owner's name",
    "OWNEREMAIL": "Owner's e-mail",
}
#: What a webhook tells of: it only brings a sync forward.
EVENTS = ("unsubscribe", "cleaned", "upemail", "campaign")
WEBHOOK_PATH = "/mailchimp/webhook/"


class CannotActivate(GatewayError):
    """Something has to be set or done first."""


class StepResult(StrEnum):
    """What was done about a thing."""

    FOUND = "found"
    MADE = "made"
    WOULD_MAKE = "would make"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that campaigns need, and what was done about it."""

    did: StepResult
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRequest:
    """What the settings say of the account."""

    audience: str = ""  #: Its id or name; empty: the gateway's choice.
    contact: Mapping[str, str] | None  #: The postal address of an audience to be made.
    from_name: str
    from_email: str
    language: str
    public_url: str = ""  #: Where Mailchimp reaches the gateway; empty: nowhere.


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Finds or makes everything, as often as it is asked; a dry run changes nothing."""

    client: MailchimpClient
    database: Database
    wishes: ActivationRequest
    clock: Callable[[], datetime]
    dry_run: bool

    def run(self) -> Iterator[Step]:
        """Yield each step once it is done; raises CannotActivate and MailchimpError."""
        self.client.ping()
        yield Step(StepResult.FOUND, "key", f"Mailchimp answers at {self.client.base_url}")
        audience, step = self._audience()
        yield step
        number = str(audience.get("id") or "")
        yield from self._merge_fields(number)
        yield from self._groups()
        if not self.dry_run:
            self._keep(audience)
        yield from self._webhook(number)

    def _audience(self) -> tuple[Document, Step]:
        answer = self.client.audiences()
        lists: list[Document] = answer.get("lists") or []
        found = self._choice(lists)
        if found is not None:
            return found, _step(StepResult.FOUND, "audience", found)
        name = self.wishes.audience or NAME
        self._check_may_create(answer, name, lists)
        if self.dry_run:
            return {}, Step(StepResult.WOULD_MAKE, "audience", name)
        made = self._create(name)
        told(made, "id")
        return made, _step(StepResult.MADE, "audience", made)

    def _choice(self, lists: list[Document]) -> Document | None:
        if self.wishes.audience:
            return _matching(lists, self.wishes.audience)
        with self.database.reading() as connection:
            before = audiences.active(connection)
        known = _matching(lists, before.id) if before else None
        by_name = known or _matching(lists, NAME)
        if by_name is None and self.wishes.contact is None and len(lists) == 1:
            return lists[0]
        return by_name

    def _check_may_create(self, answer: Document, name: str, lists: list[Document]) -> None:
        names = ", ".join(sorted(str(each.get("name")) for each in lists)) or "none yet"
        if self.wishes.contact is None:
            raise CannotActivate(
                f"there is no audience {name!r} (there are: {names}): set [mailchimp] audience to "
                "one of them, or [mailchimp] audience_contact for one to be made"
            )
        if (answer.get("constraints") or {}).get("may_create") is False:
            raise CannotActivate(
                f"the Mailchimp plan allows no further audience than {names}: set [mailchimp] "
                "audience to one of them"
            )

    def _create(self, name: str) -> Document:
        contact = {key: value for key, value in (self.wishes.contact or {}).items() if value}
        body: Document = {
            "name": name,
            "contact": contact,
            "permission_reminder": f"You are known to {contact.get('company', name)}.",
            "campaign_defaults": {
                "from_name": self.wishes.from_name,
                "from_email": self._from_email(),
                "subject": "",
                "language": self.wishes.language,
            },
            "email_type_option": False,
        }

        def look() -> Document | None:
            return _matching(self.client.audiences().get("lists") or [], name)

        return once(lambda: self.client.create_audience(body), look)

    def _from_email(self) -> str:
        """Return the address mail comes from unless a campaign says otherwise, as all do here."""
        if is_mailable(lookup_form(self.wishes.from_email)):
            return self.wishes.from_email
        domains = (each for each in self.client.sender_domains() if each.get("verified"))
        return f"noreply@{next(domains, {}).get('domain') or 'localhost.localdomain'}"

    def _merge_fields(self, audience: str) -> Iterator[Step]:
        there = self._tags(audience) if audience else set()
        for tag, name in FIELDS.items():
            if tag in there:
                yield Step(StepResult.FOUND, "merge field", tag)
            elif self.dry_run:
                yield Step(StepResult.WOULD_MAKE, "merge field", tag)
            else:
                self._add_field(audience, tag, name)
                yield Step(StepResult.MADE, "merge field", tag)

    def _add_field(self, audience: str, tag: str, name: str) -> None:
        def look() -> Document | None:
            return {"tag": tag} if tag in self._tags(audience) else None

        once(lambda: self.client.add_merge_field(audience, tag=tag, name=name), look)

    def _tags(self, audience: str) -> set[str]:
        return {str(each.get("tag")) for each in self.client.merge_fields(audience)}

    def _groups(self) -> Iterator[Step]:
        for kind in PersonKind:
            with self.database.reading() as connection:
                group = opt_outs.group(connection, kind)
            did = StepResult.FOUND
            if group is None and self.dry_run:
                yield Step(
                    StepResult.WOULD_MAKE, f"{kind} group", f"{opt_outs.NAME} ({opt_outs.TAG})"
                )
                continue
            if group is None:
                did = StepResult.MADE
                with self.database.writing() as connection:
                    group, _ = opt_outs.ensure(connection, kind)
            text = f"{group.name or group.crm_id} ({group.tag}), {kind}:{group.crm_id}"
            yield Step(did, f"{kind} group", text)

    def _keep(self, audience: Document) -> None:
        with self.database.writing() as connection:
            audiences.activate(
                connection,
                told(audience, "id"),
                name=str(audience.get("name") or ""),
                double_optin=audience.get("double_optin") is True,
                now=self.clock(),
            )

    def _webhook(self, audience: str) -> Iterator[Step]:
        if not self.wishes.public_url:
            return
        base = self.wishes.public_url.rstrip("/") + WEBHOOK_PATH
        hooks = self.client.webhooks(audience) if audience else []
        found = next((each for each in hooks if str(each.get("url", "")).startswith(base)), None)
        if found is not None:
            if not self.dry_run:
                self._keep_webhook(audience, found)
            yield Step(StepResult.FOUND, "webhook", base)
        elif self.dry_run:
            yield Step(StepResult.WOULD_MAKE, "webhook", base)
        else:
            yield self._register(audience, base)

    def _register(self, audience: str, base: str) -> Step:
        url = base + secrets.token_urlsafe(24)
        # Kept first: Mailchimp looks at the address before it answers.
        with self.database.writing() as connection:
            audiences.change(connection, audience, webhook_url=url)

        def look() -> Document | None:
            hooks = self.client.webhooks(audience)
            return next((each for each in hooks if each.get("url") == url), None)

        try:
            made = once(lambda: self.client.create_webhook(audience, url, EVENTS), look)
        except MailchimpError as error:
            text = f"{base}: {error}: let the role api run where [mailchimp] public_url leads, then"
            return Step(
                StepResult.FAILED, "webhook", f"{text} activate again; until then all is polled"
            )
        self._keep_webhook(audience, made)
        return Step(StepResult.MADE, "webhook", base)

    def _keep_webhook(self, audience: str, webhook: Document) -> None:
        values: dict[str, Any] = {"webhook": str(webhook.get("id") or "")}
        if webhook.get("url"):
            values["webhook_url"] = str(webhook["url"])
        # Told once, when it is made.
        if webhook.get("signing_secret"):
            values["webhook_secret"] = str(webhook["signing_secret"])
        with self.database.writing() as connection:
            audiences.change(connection, audience, **values)


def _matching(lists: list[Document], wanted: str) -> Document | None:
    """Return the audience of that id, or else of that name."""
    for name in ("id", "name"):
        found = next((each for each in lists if each.get(name) == wanted), None)
        if found is not None:
            return found
    return None


def _step(did: StepResult, what: str, document: Document) -> Step:
    return Step(did, what, f"{document.get('name', '')} ({document.get('id', '')})")
