"""Bounces: where they arrive, and when they suppress an address."""

from datetime import timedelta
from typing import Self

from pydantic import field_validator, model_validator

from gateway.config.section import Section, option, wrong
from gateway.config.values import ConfigPath, Count, Interval, MailAddress
from gateway.core.mail.typed.typed_address import name_and_address

#: A local part has 64 octets at most (RFC 5321, 4.5.3.1.1), a link's `+TOKEN` 35 of them.
_LONGEST_LOCAL = 29


class BouncesConfig(Section):
    """Bounces and complaints: they arrive in a mailbox or at a listener with purpose `bounces`, or
    among the replies."""

    address: MailAddress | None = option(example="bounces@example.org")
    """The address bounces come to. Listeners with envelope `rewrite` give every message an envelope
    sender made from it (`bounces+TOKEN@example.org`), which the mail server must deliver to where
    the gateway reads (Postfix: `recipient_delimiter = +`). In ASCII, at most 29 characters before
    the @."""
    suppress_after: Count = 2
    """After how many hard bounces (no such user, no such domain, account closed) an address gets no
    more mail; mail that arrives in between starts the count again."""
    apart: Interval = option("2d")
    """Bounces closer together than this count once."""
    within: Interval = option("90d")
    """Older bounces don't count."""
    keep: Interval = option("400d")
    """How long bounces and complaints are kept, with the mails that reported them, and other
    automatic mail. Suppressions stay."""
    report_to: MailAddress | None = option(example="office@example.org")
    """Who gets a report a day by mail: what share came back in the last 7 days, by the domains it
    went from and to; absent: nobody."""

    @field_validator("address")
    @classmethod
    def _leaves_room(cls, typed: str | None) -> str | None:
        address = name_and_address(typed or "")[1]
        local = address.rpartition("@")[0]
        if not address.isascii() or local.startswith('"'):
            raise ValueError("must be ASCII without quotes, its domain in the form xn--…")
        if len(local) > _LONGEST_LOCAL:
            raise ValueError(
                f"has {len(local)} characters before the @; as +TOKEN is added to them, "
                f"there may be {_LONGEST_LOCAL}"
            )
        return typed

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        least = self.apart * (self.suppress_after - 1)
        if self.within < least or self.within == timedelta(0):
            wrong("within", f"{self.suppress_after} bounces so far apart never fall within it")
        if self.keep < max(self.within, timedelta(days=1)):
            wrong("keep", "must be at least 1d, and no less than within: older bounces count")
        return self


class KeysConfig(Section):
    """What the gateway signs with: return addresses, links to unsubscribe, hashes of the erased."""

    file: ConfigPath = option("gateway.keys")
    """A file with a key in hexadecimal digits per line, beside this file if no folder is named;
    made when it is first needed. The first key signs, each of them verifies: `gateway keys rotate`
    puts a new one in front, and those below stay."""
