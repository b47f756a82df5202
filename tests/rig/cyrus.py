"""Cyrus IMAP, with either style of namespace."""

import imaplib
import shlex

from tests.rig.mailboxes import PASSWORD
from tests.rig.process import LOOPBACK
from tests.rig.unpacked import UnpackedServer

_SCRIPT = """\
state=$HOME/changes/state
mkdir -p $state/conf/db $state/conf/socket $state/mail /run/cyrus/proc /run/cyrus/lock
id cyrus >/dev/null 2>&1 || echo 'cyrus:x:8900:8::/:/bin/sh' >>/etc/passwd
cat >/etc/imapd.conf <<CONFIG
configdirectory: $state/conf
defaultpartition: default
partition-default: $state/mail
unixhierarchysep: {style}
altnamespace: {style}
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $state/sasldb2
sasl_mech_list: PLAIN LOGIN
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
idlesocket: $state/conf/socket/idle
expunge_mode: immediate
delete_mode: immediate
CONFIG
cat >/etc/cyrus.conf <<CONFIG
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r"
  idled cmd="/usr/lib/cyrus/bin/idled"
}}
SERVICES {{
  imap cmd="/usr/lib/cyrus/bin/imapd" listen="127.0.0.1:$LISTEN_PORT" prefork=1
}}
EVENTS {{
}}
CONFIG
export LD_LIBRARY_PATH=/usr/lib/cyrus
for user in cyrus {users}; do
    printf %s {password} | saslpasswd2 -p -c -f $state/sasldb2 -u $(hostname) $user
done
chown -R cyrus $state /run/cyrus
chmod 711 $HOME/changes
exec /usr/lib/cyrus/bin/master -D -C /etc/imapd.conf -M /etc/cyrus.conf -p /run/cyrus/master.pid
"""


class Cyrus(UnpackedServer):
    """A server with some users.

    `unix_names`: folders have names like `Imported`, separated by `/`; otherwise like
    `INBOX.Imported`, separated by `.`.
    """

    def __init__(self, *users: str, unix_names: bool) -> None:
        style = "yes" if unix_names else "no"
        values = {"style": style, "users": " ".join(users), "password": shlex.quote(PASSWORD)}
        super().__init__("cyrus-imapd", "sasl2-bin", script=_SCRIPT.format(**values))
        self._users = users
        self._delimiter = "/" if unix_names else "."

    async def __aenter__(self) -> "Cyrus":
        await super().__aenter__()
        with imaplib.IMAP4(LOOPBACK, self.port) as admin:
            admin.login("cyrus", PASSWORD)
            for user in self._users:
                done, said = admin.create(f"user{self._delimiter}{user}")
                assert done == "OK", said
        return self
