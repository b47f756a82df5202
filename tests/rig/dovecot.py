"""A Dovecot of our own: IMAP in plain text, with STARTTLS and TLS, and a choice of capabilities."""

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Self

from tests.rig.certificates import Certificates
from tests.rig.mailboxes import PASSWORD, Mailboxes
from tests.rig.process import (
    LOOPBACK,
    free_port,
    has_listener,
    needs,
    program,
)
from tests.rig.server_process import ServerProcess

OWNER = "mail"  #: The system user who owns the mails.
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = {loopback}
ssl = yes
ssl_cert = <{pair.cert}
ssl_key = <{pair.key}
auth_failure_delay = 0
auth_mechanisms = plain login xoauth2
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 100
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={folder}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
}}
{more}
"""
LMTP = """
protocols = imap lmtp
service lmtp {{
  chroot =
  inet_listener lmtp {{
    port = {port}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@dovecot.example
}}
"""


class Dovecot(Mailboxes):
    """A Dovecot with a mailbox for anybody who gives PASSWORD, or shows an active token."""

    def __init__(
        self,
        certificates: Certificates,
        *,
        separator: str = "/",
        prefix: str = "",
        capability: str = "",
        introspection: str = "http://127.0.0.1:9/",
        takes_mail: bool = False,
        more: str = "",
    ) -> None:
        """`capability` replaces what it offers after login, e.g. without MOVE or IDLE.

        With `takes_mail` it accepts mail for anybody over LMTP, on `lmtp_port`.
        """
        if os.geteuid() != 0:
            needs("dovecot", "only root can start an instance of one's own")
        self._program = program("dovecot", "dovecot-imapd")
        super().__init__(free_port())
        self.tls_port = free_port()
        self.lmtp_port = free_port()
        # Dovecot's own user needs access, which a folder of pytest's does not allow.
        self.folder = Path(tempfile.mkdtemp(prefix="gateway-dovecot-"))
        self._server = ServerProcess("Dovecot", self.folder / "start.log", self.folder)
        more += f"\nimap_capability = {capability}" if capability else ""
        more += LMTP.format(port=self.lmtp_port) if takes_mail else ""
        text = CONFIG.format(
            folder=self.folder,
            loopback=LOOPBACK,
            pair=certificates.server,
            port=self.port,
            tls_port=self.tls_port,
            password=PASSWORD,
            owner=OWNER,
            separator=separator,
            prefix=prefix,
            more=more,
        )
        self._configure(text, introspection)

    def _configure(self, text: str, introspection: str) -> None:
        self.folder.chmod(0o755)
        for name in ("mail", "home"):
            (self.folder / name).mkdir()
            shutil.chown(self.folder / name, OWNER, OWNER)
        (self.folder / "dovecot.conf").write_text(text)
        (self.folder / "oauth2.conf").write_text(
            f"introspection_mode = post\nintrospection_url = {introspection}\n"
            "username_attribute = username\nactive_attribute = active\nactive_value = true\n"
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start it and wait until it accepts connections."""
        command = [self._program, "-F", "-c", str(self.folder / "dovecot.conf")]
        await self._server.start(command, partial(has_listener, self.port))

    async def stop(self) -> None:
        """Stop it; its mail stays, and it can be restarted."""
        await self._server.stop()

    async def close(self) -> None:
        """Stop it and remove its folder."""
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
