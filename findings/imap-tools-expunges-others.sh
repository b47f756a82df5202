#!/usr/bin/env bash
# Guess: `mailbox.move(uid, folder)` of imap_tools uses MOVE where the server has it, as its code says,
#   else UID EXPUNGE (UIDPLUS): that mail leaves the folder, and no other.
# What happens: at Dovecot it copies, marks and says EXPUNGE, which removes every mail that anybody has
#   marked as deleted. It looks for MOVE among the capabilities that Python's imaplib has from before the
#   login, and imaplib never reads the longer list that Dovecot gives with its answer to LOGIN.
#   `delete(uid)` says EXPUNGE at every server.
# Why it matters to a mail gateway: in a mailbox that people open as well, mail programs mark what was
#   deleted and expunge later, or never. A script that files one mail takes away for good what a colleague
#   marked by mistake. After a login a client must ask for capabilities anew, and name what it expunges.
# Versions: imap-tools 1.16.0, Python 3.11.7, Dovecot 1:2.3.19.1+dfsg1-2.1+deb12u7 (Debian 12);
#   2026-11-29. Needs root (a file system of its own).
set -euo pipefail

PACKAGES=({dovecot-core,dovecot-imapd}=1:2.3.19.1+dfsg1-2.1+deb12u7)
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m venv "$work/venv"
    timeout 180 "$work/venv/bin/pip" install -q imap-tools==1.16.0 2>/dev/null
    mkdir "$work/root"
    timeout 300 unshare --mount --pid --propagation private --fork --kill-child \
        bash "$(realpath "$0")" inside "$work"
    exit
fi

# Inside: the machine's files below, what is written in memory, processes end with this one.
cd "$2/root"
mount -t tmpfs tmpfs .
cd "$2/root"
mkdir upper work tree
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay tree
cd tree
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$2" mnt
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs tmpfs run
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }

cat >tmp/dovecot.conf <<'CONF'
protocols = imap
base_dir = /run/dovecot
mail_location = maildir:/tmp/mail/%u
log_path = /tmp/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=975 gid=975 home=/tmp/mail/%u
}
service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imaps {
    port = 0
  }
}
CONF
cat >tmp/try.py <<'PYTHON'
import imaplib
from importlib.metadata import version

from imap_tools import MailBoxUnencrypted


def subjects(client, folder):
    client.select(folder, readonly=True)
    numbers = client.search(None, "ALL")[1][0].split()
    fetched = [client.fetch(number, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1] for number in numbers]
    return [field.decode().split()[1] for field in fetched]


print("imap-tools", version("imap-tools"))
changed = False
for name in "move", "delete":
    colleague = imaplib.IMAP4("127.0.0.1")
    colleague.login(name, "secret")
    colleague.create("Done")
    for subject in "marked", "filed", "waiting":
        colleague.append("INBOX", None, None, f"Subject: {subject}\r\n\r\nHello\r\n".encode())
    colleague.select("INBOX")
    colleague.store("1", "+FLAGS", "\\Deleted")  # and may take the mark off again
    listed = colleague.capability()[1][0].split()
    with MailBoxUnencrypted("127.0.0.1").login(name, "secret") as mailbox:
        known = {word: word in mailbox.client.capabilities for word in ("MOVE", "UIDPLUS")}
        [uid] = mailbox.uids("SUBJECT filed")
        if name == "move":
            mailbox.move(uid, "Done")
        else:
            mailbox.delete(uid)
    left, done = subjects(colleague, "INBOX"), subjects(colleague, "Done")
    print(f"{name}: the server has MOVE {b'MOVE' in listed}, UIDPLUS {b'UIDPLUS' in listed};"
          f" imap-tools knows of {known}; left in INBOX {left}, in Done {done}")
    expected = ["waiting"], ["filed"] if name == "move" else []
    changed = changed or (left, done) != expected or b"MOVE" not in listed or any(known.values())
raise SystemExit("no longer so" if changed else 0)
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
mkdir -p /tmp/mail /run/dovecot
chown 975 /tmp/mail
dovecot -c /tmp/dovecot.conf
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/143) 2>/dev/null && break; sleep 0.1; done
timeout 60 /mnt/venv/bin/python /tmp/try.py
SH
unshare --net chroot . bash /tmp/run.sh
