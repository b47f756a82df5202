"""Activation: check the key, and find or create what campaigns need (S2)."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from gateway.core.campaigns.membership import is_mailable
from gateway.core.errors import GatewayError
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import PersonKind
from gateway.store.campaigns import audiences, opt_outs
from gateway.store.engine.database import Database
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import MailchimpError
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import create_once, required_text

NAME = "CRM users"  #: The name of an audience created by the gateway.
FIELDS = {
    "FNAME": "First name",
    "LNAME": "Last name",
    "OWNERNAME": "Owner's name",
    "OWNEREMAIL": "Owner's e-mail",
}
#: The events of a webhook: they only make a sync start sooner.
EVENTS = ("unsubscribe", "cleaned", "upemail", "campaign")
WEBHOOK_PATH = "/mailchimp/webhook/"


class CannotActivate(GatewayError):
    """Something must be set or done first."""


class StepResult(StrEnum):
    """What was done for a step."""

    FOUND = "found"
    MADE = "made"
    WOULD_MAKE = "would make"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ActivationStep:
    """One thing that campaigns need, and what was done about it."""

    did: StepResult
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationRequest:
    """The account's part of the settings."""

    audience: str = ""  #: Its id or name; empty: the gateway chooses.
    contact: Mapping[str, str] | None  #: The postal address for a new audience.
    from_name: str
    from_email: str
    language: str
    public_url: str = ""  #: Where Mailchimp reaches the gateway; empty: nowhere.


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Finds or creates everything, and may be repeated; a dry run changes nothing."""

    client: MailchimpClient
    database: Database
    wishes: ActivationRequest
    clock: Callable[[], datetime]
    dry_run: bool

    def run(self) -> Iterator[ActivationStep]:
        """Yield each step once it is done; raise CannotActivate and MailchimpError."""
        self.client.ping()
        yield ActivationStep(
            StepResult.FOUND, "key", f"Mailchimp answers at {self.client.base_url}"
        )
        audience, step = self._audience()
        yield step
        number = str(audience.get("id") or "")
        yield from self._merge_fields(number)
        yield from self._groups()
        if not self.dry_run:
            with self.database.writing() as connection:
                audiences.activate(
                    connection,
                    required_text(audience, "id"),
                    name=str(audience.get("name") or ""),
                    double_optin=audience.get("double_optin") is True,
                    now=self.clock(),
                )
        if self.wishes.public_url:
            yield self._webhook(number, self.wishes.public_url.rstrip("/") + WEBHOOK_PATH)

    def _audience(self) -> tuple[MailchimpJson, ActivationStep]:
        """Return the chosen or new audience; an empty one if a dry run would create it."""
        answer = self.client.audiences()
        lists: list[MailchimpJson] = answer.get("lists") or []
        with self.database.reading() as connection:
            active = audiences.active(connection)
        audience = choose_audience(
            lists,
            wished=self.wishes.audience,
            active=active.id if active else "",
            may_make=self.wishes.contact is not None,
        )
        did = StepResult.FOUND
        if audience is None:
            name = self.wishes.audience or NAME
            names = ", ".join(sorted(str(existing.get("name")) for existing in lists)) or "none yet"
            if self.wishes.contact is None:
                raise CannotActivate(
                    f"there is no audience {name!r} (there are: {names}): set [mailchimp] audience "
                    "to one of them, or [mailchimp] audience_contact for one to be made"
                )
            if self.wishes.audience and lists:
                # A mistyped name would create a new audience, in which nobody has opted out.
                raise CannotActivate(
                    f"there is no audience {name!r} (there are: {names}): set [mailchimp] audience "
                    "to one of them, or leave it out for one to be made"
                )
            if (answer.get("constraints") or {}).get("may_create") is False:
                raise CannotActivate(
                    f"the Mailchimp plan allows no audience besides {names}: set [mailchimp] "
                    "audience to one of them"
                )
            if self.dry_run:
                return {}, ActivationStep(StepResult.WOULD_MAKE, "audience", name)
            audience = self._create(name)
            required_text(audience, "id")
            did = StepResult.MADE
        text = f"{audience.get('name', '')} ({audience.get('id', '')})"
        return audience, ActivationStep(did, "audience", text)

    def _create(self, name: str) -> MailchimpJson:
        # Mail comes from this address unless a campaign has its own, as all of ours do.
        from_email = self.wishes.from_email
        if not is_mailable(lookup_form(from_email)):
            domains = self.client.sender_domains()
            verified = (domain.get("domain") for domain in domains if domain.get("verified"))
            host = next(verified, "") or "localhost.localdomain"
            from_email = f"noreply@{host}"
        contact = {key: value for key, value in (self.wishes.contact or {}).items() if value}
        body: MailchimpJson = {
            "name": name,
            "contact": contact,
            "permission_reminder": f"You are known to {contact.get('company', name)}.",
            "campaign_defaults": {
                "from_name": self.wishes.from_name,
                "from_email": from_email,
                "subject": "",
                "language": self.wishes.language,
            },
            "email_type_option": False,
        }

        def find() -> MailchimpJson | None:
            return audience_named(self.client.audiences().get("lists") or [], name)

        return create_once(lambda: self.client.create_audience(body), find)

    def _merge_fields(self, audience: str) -> Iterator[ActivationStep]:
        def find(tag: str) -> MailchimpJson | None:
            fields = self.client.merge_fields(audience)
            return next((field for field in fields if field.get("tag") == tag), None)

        fields = self.client.merge_fields(audience) if audience else []
        known_tags = {field.get("tag") for field in fields}
        for tag, name in FIELDS.items():
            if tag in known_tags:
                yield ActivationStep(StepResult.FOUND, "merge field", tag)
            elif self.dry_run:
                yield ActivationStep(StepResult.WOULD_MAKE, "merge field", tag)
            else:
                add_field = partial(self.client.add_merge_field, audience, tag=tag, name=name)
                create_once(add_field, partial(find, tag))
                yield ActivationStep(StepResult.MADE, "merge field", tag)

    def _groups(self) -> Iterator[ActivationStep]:
        for kind in PersonKind:
            with self.database.reading() as connection:
                group = opt_outs.group(connection, kind)
            did = StepResult.FOUND
            if group is None and self.dry_run:
                yield ActivationStep(
                    StepResult.WOULD_MAKE, f"{kind} group", f"{opt_outs.NAME} ({opt_outs.TAG})"
                )
                continue
            if group is None:
                did = StepResult.MADE
                with self.database.writing() as connection:
                    group, _ = opt_outs.ensure(connection, kind)
            text = f"{group.name or group.crm_id} ({group.tag}), {kind}:{group.crm_id}"
            yield ActivationStep(did, f"{kind} group", text)

    def _webhook(self, audience: str, base: str) -> ActivationStep:
        """Find or register the webhook below a URL; its secret path is generated here."""
        hooks = self.client.webhooks(audience) if audience else []
        registered = next(
            (hook for hook in hooks if str(hook.get("url", "")).startswith(base)), None
        )
        if registered is not None:
            if not self.dry_run:
                self._keep_webhook(audience, registered)
            return ActivationStep(StepResult.FOUND, "webhook", base)
        if self.dry_run:
            return ActivationStep(StepResult.WOULD_MAKE, "webhook", base)

        url = base + secrets.token_urlsafe(24)
        # Stored first: Mailchimp calls the URL before it answers.
        with self.database.writing() as connection:
            audiences.change(connection, audience, webhook_url=url)

        def find() -> MailchimpJson | None:
            hooks = self.client.webhooks(audience)
            return next((hook for hook in hooks if hook.get("url") == url), None)

        try:
            made = create_once(lambda: self.client.create_webhook(audience, url, EVENTS), find)
        except MailchimpError as error:
            text = f"{base}: {error}: let the role api run where [mailchimp] public_url leads, then"
            return ActivationStep(
                StepResult.FAILED, "webhook", f"{text} activate again; until then all is polled"
            )
        self._keep_webhook(audience, made)
        return ActivationStep(StepResult.MADE, "webhook", base)

    def _keep_webhook(self, audience: str, webhook: MailchimpJson) -> None:
        values: dict[str, Any] = {"webhook": str(webhook.get("id") or "")}
        if webhook.get("url"):
            values["webhook_url"] = str(webhook["url"])
        # Returned only once, on creation.
        if webhook.get("signing_secret"):
            values["webhook_secret"] = str(webhook["signing_secret"])
        with self.database.writing() as connection:
            audiences.change(connection, audience, **values)


def choose_audience(
    lists: Sequence[MailchimpJson], *, wished: str, active: str, may_make: bool
) -> MailchimpJson | None:
    """Return the audience to use from an account; None: create one.

    If the settings name one (by id or name), only that counts. Otherwise it is the one already in
    use (`active`, its id), one the gateway created and named earlier, or the only one there is,
    unless the settings allow another to be created.
    """
    if wished:
        return audience_named(lists, wished)
    audience = (audience_named(lists, active) if active else None) or audience_named(lists, NAME)
    if audience is None and not may_make and len(lists) == 1:
        return lists[0]
    return audience


def audience_named(lists: Sequence[MailchimpJson], wished: str) -> MailchimpJson | None:
    """Return the audience with that id, or else that name."""
    for key in ("id", "name"):
        for audience in lists:
            if audience.get(key) == wished:
                return audience
    return None
