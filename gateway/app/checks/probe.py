"""A mail sent by `gateway check --send`, to see what happens to its unsubscribe links.

Receivers show their button only if a DKIM signature covers `List-Unsubscribe` and
`List-Unsubscribe-Post` (RFC 8058, 3.1 and 4). Only a mail that went all the way shows whether the
mail server signs both. So one is sent like a listener's bulk mail, over the same relay, and signed
by the gateway if the listener signs.
"""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import assert_never

from gateway.app import common
from gateway.app.checks.check_relays import own_listener
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.decision.explain import NoSuchListener, explain
from gateway.app.dkim_keys import dkim_signer
from gateway.app.relays import relay_settings
from gateway.app.replies.import_address import import_addresses
from gateway.config import Settings
from gateway.config.smtp import ListenerConfig
from gateway.core import ids
from gateway.core.bounces.unsubscribe import ONE_CLICK, PATH, SAMPLE
from gateway.core.decision.decide import blocking
from gateway.core.decision.explanation import ExplainedMail
from gateway.core.errors import GatewayError
from gateway.core.kinds import Kind, State
from gateway.core.mail import own_mail
from gateway.core.mail.content import header_block_of_file, parted_file
from gateway.core.mail.headers import Headers
from gateway.core.mail.link_signatures import LinkSignature, unsubscribe_report
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.sending.outbox import Deferred, Refused, Sent, Unknown
from gateway.core.written import no_such_name
from gateway.delivery.pool import Pool
from gateway.delivery.submission import submit
from gateway.documents.checks import ProbeDocument, ProbeState
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database
from gateway.store.replies import inbox

#: The link's target without `api.public_url`: certain not to exist (RFC 2606, 2).
_NOWHERE = "https://gateway.invalid"
ARRIVES_WITHIN = timedelta(seconds=60)  #: If the gateway reads the recipient's mail.
_LOOK_SECONDS = 0.25
_TEXT = """\
This mail was sent by `gateway check --send`. Its link to unsubscribe does nothing.

Save it as a file with all its header fields, as it arrived, and ask:

  {command}

It says whether a DKIM signature covers List-Unsubscribe and List-Unsubscribe-Post. Without one
mail programs show no button to unsubscribe.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A mail to test a listener's bulk mail with."""

    recipient: str
    sender: str
    listener: str  #: The listener whose bulk mail it represents.
    relay: str = ""
    id: int = 0
    message_id: str = ""  #: Empty: nothing was sent.
    state: ProbeState = "refused"
    answer: str = ""  #: The relay's answer, or why nothing was sent.
    kind: Kind = Kind.BULK  #: The listener's classification.
    is_to_be_signed: bool = False  #: By the gateway: the listener has `sign = true`.
    signed_by: tuple[str, ...] = ()  #: Domains for which the gateway signed, both fields covered.
    #: Whether it came back in here; None: it should have, False: it goes elsewhere.
    arrived: bool | None = False
    signatures: tuple[LinkSignature, ...] = ()  #: Of the mail as it arrived.

    @property
    def command(self) -> str:
        """The command that reports on the mail as it arrived."""
        return (
            f"gateway explain FILE --from {self.sender} --to {self.recipient} "
            f"--listener {self.listener}"
        )

    def document(self) -> ProbeDocument:
        """Return the JSON document."""
        return {
            "id": ids.show(self.id) if self.message_id else None,
            "message_id": self.message_id or None,
            "recipient": self.recipient,
            "sender": self.sender,
            "listener": self.listener,
            "relay": self.relay,
            "kind": self.kind,
            "state": self.state,
            "answer": self.answer,
            "signed_by": list(self.signed_by),
            "explain": self.command,
            "arrived": bool(self.arrived),
            "signatures": [
                {"domain": signature.domain, "missing": list(signature.missing)}
                for signature in self.signatures
            ],
        }

    def findings(self) -> Iterator[Finding]:
        """Yield the findings about it."""
        if not self.message_id:
            yield error("probe", f"nothing was sent to {self.recipient}: {self.answer}")
            return
        where = (
            f"to {self.recipient} from {self.sender} over relay {self.relay}, "
            f"Message-ID {self.message_id}"
        )
        match self.state:
            case "sent":
                yield good("probe", f"sent {where}; the relay said: {self.answer}")
            case "unknown":
                yield error("probe", f"perhaps sent {where}: {self.answer}")
                return
            case _:
                yield error("probe", f"not sent {where}: {self.answer}")
                return
        if self.kind is not Kind.BULK:
            yield warning(
                "probe",
                f"listener {self.listener} takes mail with List-Unsubscribe for {self.kind}: see "
                "gateway explain",
            )
        if self.signed_by:
            domains = ", ".join(self.signed_by)
            yield good("probe", f"the gateway signed both fields to unsubscribe for {domains}")
        elif self.is_to_be_signed:
            yield warning(
                "probe",
                f"listener {self.listener} has sign = true, and no [[dkim]] key is of the domain "
                f"of {self.sender}: it went out unsigned. "
                "With --from name a sender of the CRM's mail",
            )

    def arrival(self) -> Iterator[Finding]:
        """Yield whether DKIM covers its fields on arrival, or else how to find out."""
        if not self.arrived:
            waited = (
                f"it did not come in within {ARRIVES_WITHIN.seconds} s. "
                if self.arrived is None
                else ""
            )
            text = (
                f"{waited}Does DKIM cover List-Unsubscribe and List-Unsubscribe-Post? Save the "
                f"mail that arrived as a file, and: {self.command}"
            )
            yield warning("probe", text) if waited else good("probe", text)
            return
        if not self.signatures:
            yield warning(
                "probe",
                "arrived without a DKIM signature: receivers show no button. A relay that signs "
                "only what leaves needs an address elsewhere to try",
            )
        for signature in self.signatures:
            missing = " and ".join(signature.missing)
            text = f"arrived; the DKIM signature of {signature.domain or '?'}"
            if missing:
                yield warning("probe", f"{text} leaves out {missing}: its h= must name both")
            else:
                yield good("probe", f"{text} covers both fields to unsubscribe")


async def send_probe(
    settings: Settings,
    database: Database,
    *,
    recipient: str,
    sender: str,
    listener: str | None,
) -> Probe:
    """Send one mail like a listener's bulk mail; a suppressed address gets none.

    Without a `sender` it comes from `notices.from`. Without a `listener` the first that adds
    unsubscribe links is used, or else the first. Raises NoSuchListener for an unknown name.
    """
    sender = sender or common.notifier(settings)
    listener_config = _listener(settings, listener)
    number, at = common.ids_of(database).next(), common.now().astimezone(common.time_zone(settings))
    message_id = own_mail.message_id(number, "probe", common.host_name())
    link = f"{settings.api.public_url or _NOWHERE}{PATH}{SAMPLE}"
    probe = Probe(
        recipient=recipient,
        sender=sender,
        listener=listener_config.name,
        is_to_be_signed=listener_config.sign,
    )
    content = content_of(probe, number=number, message_id=message_id, link=link, at=at)
    mail = ExplainedMail(
        content=content, sender=sender, recipients=(recipient,), listener=listener_config.name
    )
    explanation = await explain(settings, database, mail)
    relay = next(relay for relay in settings.relays if relay.name == explanation.relay)
    probe = replace(probe, relay=relay.name, kind=explanation.classification.kind)
    with common.standings(settings, database) as standings:
        address = common.lookup(settings, recipient)
        standing = (await standings.of([address])).get(address)
    # People who get no mailings don't get one here, whatever the listener classifies or overlooks.
    delivery = explanation.deliveries[0]
    if (standing is not None and blocking(Kind.BULK, standing)) or State.SEND_FAILED in (
        delivery.outcome,
        delivery.would,
    ):
        text = f"it gets no bulk mail: gateway suppress show {recipient}"
        return replace(probe, answer=text)
    if explanation.refusal:
        return replace(probe, answer=explanation.refusal)
    if own_listener(settings, relay, offline=False) is not None:
        return replace(probe, answer=f"relay {relay.name} is the gateway itself")

    if listener_config.sign:
        content = dkim_signer(settings).sign(content)
    headers = Headers.of(header_block_of_file(content))
    signatures = unsubscribe_report(headers, is_added=False).signatures
    probe = replace(
        probe,
        id=number,
        message_id=message_id,
        signed_by=tuple(signature.domain for signature in signatures if not signature.missing),
    )
    with closing(
        Pool(relay_settings(relay), connections=1, per_minute=None, observe=lambda *_: None)
    ) as pool:
        try:
            result = await submit(pool, sender=sender, recipient=recipient, content=content)
        except GatewayError as problem:
            result = Deferred(str(problem))
    match result:
        case Sent(reply):
            return replace(probe, state="sent", answer=reply)
        case Refused(reply):
            return replace(probe, state="failed", answer=reply)
        case Deferred(reason):
            return replace(probe, state="deferred", answer=reason)
        case Unknown(reason):
            return replace(probe, state="unknown", answer=reason)
    assert_never(result)


def _listener(settings: Settings, name: str | None) -> ListenerConfig:
    of_crm = [
        listener_config
        for listener_config in settings.smtp.listeners
        if listener_config.purpose == "proxy"
    ]
    if name is not None:
        matches = [listener_config for listener_config in of_crm if listener_config.name == name]
    else:
        matches = [
            listener_config for listener_config in of_crm if listener_config.unsubscribe == "add"
        ] or of_crm
    if matches:
        return matches[0]
    what, names = (
        "listener for the CRM's mail",
        [listener_config.name for listener_config in of_crm],
    )
    raise NoSuchListener(no_such_name(what, name, names) if name else f"no {what}")


def content_of(probe: Probe, *, number: int, message_id: str, link: str, at: datetime) -> bytes:
    """Write the mail, with CRLF line ends; `number` is its id, `link` where people unsubscribe."""
    header = own_mail.own_header(
        sender=own_mail.angled(probe.sender),
        recipient=own_mail.angled(probe.recipient),
        subject=f"Is List-Unsubscribe signed? Probe No. {ids.show(number)}",
        at=at,
        message_id=message_id,
        language="en",
        before=(
            f"List-Unsubscribe: <{link}>",
            f"List-Unsubscribe-Post: {'='.join(ONE_CLICK)}",
            "Precedence: bulk",
        ),
        automatic="auto-generated",
        after=(own_mail.own_mark(number),),
    )
    return own_mail.with_text(header, _TEXT.format(command=probe.command), number=number)


async def look_for(settings: Settings, database: Database, probe: Probe) -> Probe:
    """Wait for a probe, if the gateway reads its recipient's mail; return it as it arrived.

    The role `inbound` reads it, here or on another machine, and stores what comes in.
    """
    read_here = {address.address for address in import_addresses(settings)}
    read_here.add(name_and_address(settings.bounces.address or "")[1])
    read_here |= {mailbox.username for mailbox in settings.inbound.mailboxes}
    lookup_forms = {common.lookup(settings, address) for address in read_here if "@" in address}
    if common.lookup(settings, probe.recipient) not in lookup_forms:
        return probe
    deadline = monotonic() + ARRIVES_WITHIN.total_seconds()
    while monotonic() < deadline:
        rows = await database.read(inbox.list_inbox)
        row = next((row for row in rows if probe.message_id.strip("<>") in row.message_id), None)
        if row is not None:
            content = await Blobs(settings.store.blobs).get(row.content)
            headers = Headers.of(parted_file(content)[0])
            signatures = unsubscribe_report(headers, is_added=False).signatures
            return replace(probe, arrived=True, signatures=signatures)
        await asyncio.sleep(_LOOK_SECONDS)
    return replace(probe, arrived=None)
