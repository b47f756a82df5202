"""Courier IMAP as shipped by Debian: it offers IDLE, but checks for new mail once a minute."""

import shlex

from tests.rig.mailboxes import PASSWORD
from tests.rig.unpacked import UnpackedServer

_SCRIPT = """\
mkdir -p /run/courier/authdaemon
export LD_LIBRARY_PATH=/usr/lib:/usr/lib/courier-authlib
HASH=$(openssl passwd -1 {password})
for user in {users}; do
    home=$HOME/users/$user
    mkdir -p $home
    maildirmake.courier $home/Maildir
    printf '%s\\tuid=%s|gid=%s|home=%s|mail=%s/Maildir|systempw=%s\\n' \
        $user $(id -u mail) $(id -g mail) $home $home "$HASH" >>/etc/courier/userdb
done
chown -R mail:mail $HOME/users
chmod 600 /etc/courier/userdb
makeuserdb
cat >/etc/courier/authdaemonrc <<'CONFIG'
authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=3
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
CONFIG
/usr/lib/courier/courier-authlib/authdaemond &
until [ -S /run/courier/authdaemon/socket ]; do sleep 0.05; done
chmod 755 /run/courier/authdaemon
set -a
. /etc/courier/imapd
exec couriertcpd -address=127.0.0.1 -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup \
    $LISTEN_PORT /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
"""


class Courier(UnpackedServer):
    """A server with some users."""

    def __init__(self, *users: str) -> None:
        script = _SCRIPT.format(users=" ".join(users), password=shlex.quote(PASSWORD))
        super().__init__("courier-imap", "gamin", script=script)
