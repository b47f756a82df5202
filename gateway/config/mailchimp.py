"""The Mailchimp account campaigns go out through."""

from typing import Literal

from pydantic import Field, SecretStr

from gateway.config.section import Section, option
from gateway.config.values import HttpUrl, Text
from gateway.core.kinds import Scope


class AudienceContact(Section):
    """The postal address Mailchimp puts below campaigns."""

    company: Text
    """Name of the organisation."""
    address1: Text
    """Street and number."""
    address2: str = ""
    """More of the address."""
    city: Text
    """City."""
    state: str = ""
    """State or province."""
    zip: str = ""
    """Postal code."""
    country: Text = Field(pattern="^[A-Z]{2}$")
    """Country, two letters (ISO 3166)."""
    phone: str = ""
    """Telephone."""


class Mailchimp(Section):
    """Mailchimp; without a key the gateway has no campaigns."""

    api_key: SecretStr | None = None
    """The account's API key."""
    base_url: HttpUrl | None = option(example="https://us1.api.mailchimp.com/3.0")
    """The API's address with the version; absent: from the key's suffix."""
    audience: Text | None = option(example="CRM")
    """The audience for campaigns, by id or name; absent: the gateway makes one."""
    audience_contact: AudienceContact | None = option(
        example={"company": "Example", "address1": "Street 1", "city": "Utrecht", "country": "NL"},
    )
    """For an audience the gateway makes: `company`, `address1`, `address2`, `city`, `state`,
    `zip`, `country`, `phone`."""
    public_url: HttpUrl | None = option(example="https://gateway.example.org")
    """Where Mailchimp reaches the gateway's API for webhooks; absent: changes are polled."""
    count_machine_opens: bool = True
    """Whether opens by mail programs that fetch everything count."""
    age_from: Literal["created", "sent"] = "created"
    """From when a campaign's age counts, which says how often it is synced."""
    optout_scope: Literal[Scope.MAILCHIMP, Scope.BULK] = Scope.MAILCHIMP
    """What an opt-out at Mailchimp covers: campaigns, or all bulk mail."""
