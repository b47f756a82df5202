"""What mail providers and their users in the demo do with the mail the relay got.

Their reports go to the listener that reads bounces, a click to the API, as if passed on by a web
server. Each waits until the gateway has decided.
"""

import smtplib
import urllib.error
import urllib.request
from dataclasses import dataclass
from email import message_from_bytes
from urllib.parse import urlsplit

from gateway.cli.demo import sample
from gateway.cli.demo.relay import RelayedMail
from gateway.cli.demo.waiting import DemoFailed, wait_for
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.store.bounces import bounces
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from gateway.store.replies import inbox

_COMPLAINTS_TO = "bounces@crm.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProvider:
    """The mailboxes of all readers of the demo's mailings."""

    store: Database
    bounces_port: int
    api_port: int

    def bounce(self, address: str, mail: RelayedMail, reply: str) -> KeptBounce:
        """Report that a mail could not be delivered; return the gateway's record of it."""
        status = reply.split(" ")[1]
        key = self._hand_in(sample.DSN, mail.sender, address, mail, said=reply, status=status)
        return self._bounce_of(key)

    def complain(self, address: str, mail: RelayedMail) -> KeptBounce:
        """Report that somebody called a mail spam; return the gateway's record of it."""
        header = mail.content.partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
        return self._bounce_of(
            self._hand_in(sample.ARF, _COMPLAINTS_TO, address, mail, header=header)
        )

    def be_away(self, address: str, mail: RelayedMail) -> InboxRow:
        """Answer a mail with a notice of absence; return the result."""
        return self._wait_for_decision(self._hand_in(sample.ABSENCE, mail.sender, address, mail))

    def click(self, mail: RelayedMail) -> None:
        """Press the button that mail programs show for an unsubscribe link (RFC 8058, 3.2)."""
        field = str(message_from_bytes(mail.content)["List-Unsubscribe"])
        link = urlsplit(field.partition("<")[2].partition(">")[0])
        request = urllib.request.Request(  # to this machine
            f"http://127.0.0.1:{self.api_port}{link.path}",
            data=b"List-Unsubscribe=One-Click",
            headers={"Host": link.netloc},
        )

        def answered() -> bool | None:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                    return bool(answer.status == 200)
            except urllib.error.HTTPError as refusal:
                if refusal.code != 503:  # else the journal doesn't have the mail yet
                    raise
            except OSError:  # the API is starting
                pass
            return None

        wait_for(answered, "an answer to the click did not come in time")

    def _hand_in(
        self, template: str, to: str, address: str, mail: RelayedMail, **values: str
    ) -> str:
        """Give a report on a mail to the gateway; return its Message-ID without brackets."""
        name = str(message_from_bytes(mail.content)["Message-ID"])

        def is_known() -> bool | None:
            # The journal has a mail a moment after the CRM's answer; real servers take longer.
            with self.store.reading() as connection:
                sent = messages.list_messages(connection, to=address)
            return any(message.message_id == name for message in sent) or None

        wait_for(is_known, "a mail in the journal did not come in time")
        key = f"about-{name.partition('@')[0].lstrip('<')}"
        text = template.format(to=to, address=address, key=key, **values)
        with smtplib.SMTP("127.0.0.1", self.bounces_port, timeout=30) as server:
            server.sendmail("", to, text.encode())
        return f"{key}@example.net"

    def _wait_for_decision(self, message_id: str) -> InboxRow:
        def settled() -> InboxRow | None:
            with self.store.reading() as connection:
                rows = inbox.list_inbox(connection)
            decided = (row for row in rows if row.state is not InboxState.WAITING)
            return next((row for row in decided if message_id in row.message_id), None)

        return wait_for(settled, "what came back did not come in time")

    def _bounce_of(self, message_id: str) -> KeptBounce:
        row = self._wait_for_decision(message_id)
        with self.store.reading() as connection:
            for bounce in bounces.list_bounces(connection):
                if bounce.inbox == row.id:
                    return bounce
        raise DemoFailed(f"the gateway keeps no bounce of {message_id}: {row.detail}")
