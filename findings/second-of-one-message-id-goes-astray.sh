#!/usr/bin/env bash
# Guess: a mailbox's rule `redirect` (Sieve, RFC 5228) sends every mail on, and a server puts every mail it says 250 to
#   into the mailbox. If two of them have one Message-ID, who reads them sees two: texts, senders and the fields
#   with which people send mail on (Resent-…; RFC 5322, 3.6.6) may differ.
# What happens: of the second one Dovecot's Pigeonhole says 250 and doesn't send it on. It is put into the mailbox that
#   the rule is to empty; the log has "discarded duplicate forward". So it is with another text and another sender;
#   Resent-Message-ID makes it another mail. Cyrus says 250 to the second one and stores it nowhere, with
#   another text, another sender and Resent fields; another Date makes it another mail. Mail without an id
#   both take each time.
# Why it matters to a mail gateway: a program that sends a mail again with a better text and the same id (Ruby's, Perl's
#   and Go's libraries leave it as it is) corrects nothing, and its journal has two times 250. A
#   colleague who redirects a reply to the mailbox that had it, as it was filed wrongly or deleted, brings nothing at
#   Cyrus. What is asked for replies must look into the mailbox of such a rule as well, or the rule has to be an alias.
# Versions: dovecot-core, dovecot-lmtpd and dovecot-sieve 1:2.3.19.1+dfsg1-2.1+deb12u7 (Pigeonhole 0.5.19),
#   cyrus-imapd 3.6.1-4+deb12u5, Debian 12; 2026-11-30. Needs root (a file system and a network of its own).
set -euo pipefail

DOVECOT=1:2.3.19.1+dfsg1-2.1+deb12u7
PACKAGES=(dovecot-core=$DOVECOT dovecot-lmtpd=$DOVECOT dovecot-sieve=$DOVECOT cyrus-imapd=3.6.1-4+deb12u5)
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    timeout 300 unshare --mount --pid --propagation private --fork --kill-child \
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
protocols = lmtp
base_dir = /run/dovecot
mail_location = maildir:/tmp/home/%u/Maildir
log_path = /tmp/dovecot.log
ssl = no
first_valid_uid = 1
hostname = mx.example.org
postmaster_address = postmaster@example.org
submission_host = 127.0.0.1:2525
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=975 gid=975 home=/tmp/home/%u
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 2424
  }
}
protocol lmtp {
  mail_plugins = sieve
}
plugin {
  sieve = /tmp/rule.sieve
}
CONF
echo 'redirect "import@gateway.example";' >tmp/rule.sieve
cat >etc/imapd.conf <<'CONF'
configdirectory: /tmp/cyrus
defaultpartition: default
partition-default: /tmp/cyrus/mail
unixhierarchysep: yes
virtdomains: off
autocreate_post: yes
autocreate_quota: 0
servername: mx.example.org
CONF
cat >etc/cyrus.conf <<'CONF'
START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r"
}
SERVICES {
  lmtp cmd="/usr/lib/cyrus/bin/lmtpd -a" listen="127.0.0.1:2425" prefork=0
}
EVENTS {
}
CONF
cat >tmp/gateway.py <<'PYTHON'
"""An SMTP server that takes all mail and keeps each in a file."""
import contextlib, itertools, socketserver

NUMBERS = itertools.count()


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(ConnectionResetError):
            self.talk()

    def talk(self):
        self.wfile.write(b"220 gateway\r\n")
        for line in self.rfile:
            if line[:4].upper() == b"DATA":
                self.wfile.write(b"354 Go on\r\n")
                with open(f"/tmp/forwarded/{next(NUMBERS)}", "wb") as file:
                    file.writelines(iter(self.rfile.readline, b".\r\n"))
            self.wfile.write(b"250 Ok\r\n")


class Gateway(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Gateway(("127.0.0.1", 2525), Session) as gateway:
    gateway.serve_forever()
PYTHON
cat >tmp/send.py <<'PYTHON'
"""Sends mails over LMTP, and says of each what was answered and where it is."""
import pathlib, smtplib, time

ID = "Message-ID: <1@example.com>\n"
DATE = "Date: Sat, 28 Nov 2026 10:00:00 +0100\n"
RESENT = "Resent-From: ann@example.org\nResent-Date: Sun, 29 Nov 2026 10:00:00 +0100\n"
PLACES = {
    "sent on": ("/tmp/forwarded", "*"),
    "in the mailbox": ("/tmp/home", "*/Maildir/new/*"),
    "stored": ("/tmp/cyrus/mail/uuid", "**/*."),
}


def held():
    return {name: len(list(pathlib.Path(folder).glob(files))) for name, (folder, files) in PLACES.items()}


def send(server, port, what, fields, text="Hello", sender="jo@example.com"):
    before = held()
    with smtplib.LMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        client.mail(sender)
        client.rcpt("ann")
        code, _ = client.data(f"From: {sender}\nTo: ann@example.org\nSubject: Hi\n{fields}\n{text}\n".encode())
    time.sleep(0.5)
    where = [name for name, number in held().items() if number > before[name]]
    print(f"{server}, {what}: {code}, {' and '.join(where) or 'nowhere'}")


for server, port in (("Dovecot", 2424), ("Cyrus", 2425)):
    send(server, port, "first", ID + DATE)
    send(server, port, "another text", ID + DATE, text="I meant Tuesday")
    send(server, port, "another sender", ID + DATE, sender="kim@example.net")
    send(server, port, "another date", ID + DATE.replace("28", "29").replace("Sat", "Sun"))
    send(server, port, "sent on", RESENT + "Resent-Message-ID: <2@example.org>\n" + ID + DATE)
    send(server, port, "without an id", DATE)
    send(server, port, "without an id again", DATE, text="I meant Tuesday")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
await() { for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && break; sleep 0.1; done; }
mkdir -p /tmp/home/ann /run/dovecot /tmp/forwarded /tmp/cyrus/mail
chown -R reader /tmp/home
chown -R cyrus:mail /tmp/cyrus
timeout 120 /usr/bin/python3 /tmp/gateway.py &
dovecot -c /tmp/dovecot.conf
setpriv --reuid=cyrus --regid=mail --init-groups /usr/lib/cyrus/bin/makedirs >/tmp/made 2>&1
/usr/lib/cyrus/bin/master -p /tmp/cyrus.pid >>/tmp/made 2>&1 &
for port in 2525 2424 2425; do await "$port"; done
timeout 90 /usr/bin/python3 /tmp/send.py
SH
timeout 200 unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/dovecot.log tmp/made >&2; exit 1; }
chroot . dpkg-query -W dovecot-sieve cyrus-imapd
cat tmp/seen
cat >tmp/wanted <<'SEEN'
Dovecot, first: 250, sent on
Dovecot, another text: 250, in the mailbox
Dovecot, another sender: 250, in the mailbox
Dovecot, another date: 250, in the mailbox
Dovecot, sent on: 250, sent on
Dovecot, without an id: 250, sent on
Dovecot, without an id again: 250, sent on
Cyrus, first: 250, stored
Cyrus, another text: 250, nowhere
Cyrus, another sender: 250, nowhere
Cyrus, another date: 250, stored
Cyrus, sent on: 250, nowhere
Cyrus, without an id: 250, stored
Cyrus, without an id again: 250, stored
SEEN
diff tmp/wanted tmp/seen >&2 || { echo "no longer so" >&2; exit 1; }
