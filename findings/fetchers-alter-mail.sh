#!/usr/bin/env bash
# Guess: what fetches mail over IMAP, or copies it from server to server, moves octets: the mail is the
#   same afterwards, but for a field on top where the program was told to write one.
# What happens: none of three leaves mail as it was. mbsync writes a random X-TUID into every mail that
#   it copies and leaves it there, although the server tells it the new number (UIDPLUS): two copies
#   of one mail differ. getmail and OfflineIMAP have Python read and write the mail. A field folded
#   behind its colon, as long Message-IDs come, gets a blank there; in an attached mail blanks at the
#   begin of a field go, and behind a boundary; getmail folds long lines anew and adds
#   `Return-Path: <unknown>`.
# Why it matters to a mail gateway: mail that was moved from another server is other mail by its SHA-256
#   and its size: what was filed comes again. Signatures over the fields as they were break (DKIM's
#   `simple`, S/MIME and PGP over an attached mail). What tells a mail again must be what is in it.
# Versions: isync 1.4.4-5, getmail6 6.18.11-2, offlineimap3 0.0~git20211018.e64c254+dfsg-2, with Dovecot
#   1:2.3.19.1+dfsg1-2.1+deb12u7 (Debian 12); 2026-11-29. Needs root (a file system of its own).
set -euo pipefail

PACKAGES=(isync=1.4.4-5 getmail6=6.18.11-2 "offlineimap3=0.0~git20211018.e64c254+dfsg-2"
    {dovecot-core,dovecot-imapd}=1:2.3.19.1+dfsg1-2.1+deb12u7)
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    timeout 400 unshare --mount --pid --propagation private --fork --kill-child \
        bash "$(realpath "$0")" inside "$work"
    exit
fi

# Inside: the machine's files below, what is written in memory, processes end with this one.
cd "$2"
mount -t tmpfs tmpfs .
cd "$2"
mkdir upper work tree
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay tree
cd tree
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs tmpfs run
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
grep -q '^reader:' etc/passwd || echo 'reader:x:975:975::/tmp/home:/bin/sh' >>etc/passwd

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
cat >tmp/mbsyncrc <<'CONF'
IMAPStore old
Host 127.0.0.1
User old
Pass secret
SSLType None
AuthMechs LOGIN

IMAPStore new
Host 127.0.0.1
User new
Pass secret
SSLType None
AuthMechs LOGIN

Channel move
Far :old:
Near :new:
Sync Pull
SyncState /tmp/home/state
CONF
cat >tmp/getmailrc <<'CONF'
[retriever]
type = SimpleIMAPRetriever
server = 127.0.0.1
username = old
password = secret
[destination]
type = Maildir
path = /tmp/home/getmail/
[options]
received = false
delivered_to = false
CONF
cat >tmp/offlineimaprc <<'CONF'
[general]
accounts = move
[Account move]
localrepository = new
remoterepository = old
[Repository new]
type = Maildir
localfolders = /tmp/home/offlineimap
[Repository old]
type = IMAP
remotehost = 127.0.0.1
remoteuser = old
remotepass = secret
ssl = no
starttls = no
auth_mechanisms = LOGIN
CONF
cat >tmp/mails.py <<'PYTHON'
"""Puts two mails into the old mailbox (`fill`), or says what was made of them (`compare`)."""
import difflib, imaplib, pathlib, re, sys

MAILS = {
    "plain": b"From: ann@example.net\nMessage-ID:\n <plain@example.net>\nList-Unsubscribe: "
    b"<https://example.net/" + b"u" * 60 + b">, <mailto:u@example.net>\nSubject: Hello\n\nHello\n",
    "forward": b"From: ann@example.net\nMessage-ID: <forward@example.net>\nMIME-Version: 1.0\n"
    b"Content-Type: multipart/mixed; boundary=b\n\n--b  \nContent-Type: message/rfc822\n\n"
    b"From: bob@example.net\nSubject:  Vacancy\n\nHello\n--b--\n",
}


def fill():
    client = imaplib.IMAP4("127.0.0.1")
    client.login("old", "secret")
    client.capability()
    for mail in MAILS.values():
        client.append("INBOX", None, None, mail.replace(b"\n", b"\r\n"))
    client.logout()


def compare():
    folders = {"Dovecot": "mail/old", "mbsync": "mail/new", "getmail": "home/getmail",
               "offlineimap": "home/offlineimap/INBOX"}
    for program, folder in folders.items():
        for file in sorted(pathlib.Path("/tmp", folder).glob("[cn][ue][rw]/*")):
            octets = file.read_bytes().replace(b"\r\n", b"\n")
            name = re.search(rb"<(\w+)@example.net>", octets)[1].decode()
            lines = MAILS[name].decode().split("\n"), octets.decode().split("\n")
            changes = [line for line in difflib.ndiff(*lines) if line[0] in "+-"] or ["the same"]
            for change in changes:
                print(f"{program}, {name}: {re.sub('X-TUID.*', 'X-TUID', change)[:50]}|")


{"fill": fill, "compare": compare}[sys.argv[1]]()
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
mkdir -p /tmp/home/getmail/{new,cur,tmp} /tmp/mail /run/dovecot
chown -R reader /tmp/home /tmp/mail
dovecot -c /tmp/dovecot.conf
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/143) 2>/dev/null && break; sleep 0.1; done
timeout 20 /usr/bin/python3 /tmp/mails.py fill
as_reader() { HOME=/tmp/home timeout 60 setpriv --reuid=reader --regid=975 --clear-groups "$@" >>/tmp/log 2>&1; }
as_reader mbsync -c /tmp/mbsyncrc move
as_reader getmail --getmaildir /tmp/home --rcfile /tmp/getmailrc
as_reader offlineimap -c /tmp/offlineimaprc -o -u quiet
/usr/bin/python3 /tmp/mails.py compare
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/log tmp/dovecot.log >&2; exit 1; }
cat tmp/seen
for line in 'Dovecot, plain: the same|' 'Dovecot, forward: the same|' 'mbsync, plain: + X-TUID|' \
    'getmail, plain: + Message-ID: |' 'getmail, plain: + Return-Path: <unknown>|' \
    'getmail, plain: +  <mailto:u@example.net>|' 'getmail, forward: + Subject: Vacancy|' \
    'offlineimap, plain: + Message-ID: |' 'offlineimap, forward: + --b|' \
    'offlineimap, forward: + Subject: Vacancy|'; do
    grep -qxF -- "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
