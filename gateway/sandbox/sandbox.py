"""A Mailchimp account to try the gateway with: a real HTTP server, all of it in memory."""

import threading
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from gateway.sandbox import audiences
from gateway.sandbox.account import (
    Account,
    Clock,
    Options,
    SandboxTemplate,
    member_hash,
)
from gateway.sandbox.call import SandboxDocument
from gateway.sandbox.engine import Check, Engine
from gateway.sandbox.hooks import WebhookSender
from gateway.sandbox.sending import leave, record_event
from gateway.sandbox.server import Server


class Sandbox:
    """The account, its server, and what happens to it: recipients, time, faults.

    With `start`, its clock stands still until `advance`; otherwise it runs in real time. `check`
    sees every call not spoilt by a fault, and its complaints are collected in `violations`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        start: datetime | None = None,
        options: Options | None = None,
        check: Check | None = None,
    ) -> None:
        self.options = options or Options()
        self.account = Account(Clock(start), self.options)
        self._engine = Engine(self.account, check)
        self.faults = self._engine.faults
        self.calls = self._engine.calls  #: The calls so far, newest last.
        self.violations = self._engine.violations
        self.webhooks = WebhookSender(self.account)
        self.server = Server(port, self._engine.answer)
        self._thread = threading.Thread(
            target=self.server.serve_forever, args=(0.05,), name="sandbox", daemon=True
        )

    # The server.

    @property
    def url(self) -> str:
        """The value for `[mailchimp] base_url`."""
        return f"http://127.0.0.1:{self.server.server_port}/3.0"

    def __enter__(self) -> Self:
        self.webhooks.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.hang_up()
        self._thread.join()
        self.server.server_close()
        self.webhooks.stop()

    def wait(self) -> None:
        """Serve until interrupted."""
        self._thread.join()

    # Time.

    def now(self) -> datetime:
        """Return the account's time."""
        return self.account.now()

    def advance(self, **by: float) -> None:
        """Move the clock forward, by `hours=3`, and do what falls due: sending, webhook retries."""
        with self.account.lock:
            self.account.clock.advance(timedelta(**by))
            self.account.catch_up()

    # The contents of the account.

    def furnish(self) -> str:
        """Add an initial audience, a template and a sender domain; return the audience."""
        self.add_template("Nieuwsbrief")
        self.add_domain("crm.test")
        return self.add_audience("CRM users")

    def add_audience(self, name: str, *, double_optin: bool = False) -> str:
        """Add an audience and return its id."""
        address = {"company": name, "address1": "Dam 1", "city": "Amsterdam", "country": "NL"}
        defaults = {"from_name": name, "from_email": "", "subject": "", "language": "nl"}
        body: SandboxDocument = {
            "name": name,
            "contact": address,
            "permission_reminder": "You know us.",
            "campaign_defaults": defaults,
            "email_type_option": False,
            "double_optin": double_optin,
        }
        with self.account.lock:
            return audiences.new_audience(self.account, body).id

    def add_template(self, name: str, *, content_type: str = "template") -> int:
        """Add a template and return its id."""
        with self.account.lock:
            template = SandboxTemplate(
                id=self.account.number(),
                name=name,
                created=self.now(),
                type="user",
                content_type=content_type,
            )
            self.account.templates[template.id] = template
            return template.id

    def add_domain(self, domain: str, *, verified: bool = True, authenticated: bool = True) -> None:
        """Add a domain mail may be sent from, once it is verified."""
        with self.account.lock:
            self.account.domains[domain] = {
                "domain": domain,
                "verified": verified,
                "authenticated": authenticated,
                "is_free_email_provider": False,
                "verification_email": f"postmaster@{domain}",
                "verification_sent": "",
                "status": "VERIFIED" if verified else "VERIFICATION_IN_PROGRESS",
            }

    # What recipients do.

    def open(
        self, campaign_id: str, address: str, *, at: datetime | None = None, proxy: bool = False
    ) -> None:
        """Let a recipient, or a mail proxy on their behalf, open a campaign."""
        self._record_event(campaign_id, address, "open", at, proxy=proxy)

    def click(
        self,
        campaign_id: str,
        address: str,
        url: str = "https://www.crm.test/",
        *,
        at: datetime | None = None,
    ) -> None:
        """Let a recipient click a link; the preceding open is not added."""
        self._record_event(campaign_id, address, "click", at, url=url)

    def unsubscribe(self, campaign_id: str, address: str, reason: str = "") -> None:
        """Let a recipient unsubscribe through a campaign."""
        with self.account.lock:
            campaign = self.account.campaign(campaign_id)
            recipient = campaign.recipients[member_hash(address)]
            leave(self.account, campaign, recipient, self.now(), reason)

    def _record_event(
        self, campaign_id: str, address: str, action: str, at: datetime | None, **what: Any
    ) -> None:
        with self.account.lock:
            self.account.catch_up()
            campaign = self.account.campaign(campaign_id)
            recipient = campaign.recipients[member_hash(address)]
            record_event(self.account, campaign, recipient, action, at or self.now(), **what)
