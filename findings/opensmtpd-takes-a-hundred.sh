#!/usr/bin/env bash
# Guess: a mail server that wants no more mail over a connection says 421 and closes it (RFC 5321, 3.8), so that a client
#   that keeps connections makes a new one. A 452 at MAIL is about disk space (4.2.2), and "Too many recipients"
#   about the recipients of this mail.
# What happens: OpenSMTPD takes a hundred mails over a connection (`smtp limit max-mails`, as shipped). To the next MAIL
#   it says "452 4.5.3 Too many recipients: Too many messages sent", though no recipient was named, and so to each
#   later one: the connection stays open, and RSET changes nothing. smtplib makes SMTPSenderRefused of it, each
#   time; a new connection is as good as ever.
# Why it matters to a mail gateway: whoever keeps connections and stays on one that answers puts off mail after mail, as
#   long as there is so much of it that the connection is never idle: just the mailing, and whatever else goes by
#   then. Of a mailing over one connection the first hundred get it; and the words send whoever reads the log after
#   recipients. A 4xx at MAIL on a connection that was used before has to be tried once more on a new one.
# Versions: opensmtpd 6.8.0p2-4+b4 (Debian 12), Python 3.11.7; 2026-11-30. Needs root (a file system and a network of
#   its own).
set -euo pipefail

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    timeout 300 unshare --mount --pid --uts --propagation private --fork --kill-child \
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
    --allow-downgrades opensmtpd=6.8.0p2-4+b4 >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
cat >etc/smtpd.conf <<'CONF'
listen on 127.0.0.1 port 2525 hostname mx.example.com
action box mda "/bin/cat"
match from any for domain "example.com" action box
CONF
cat >tmp/mail.py <<'PYTHON'
import itertools, smtplib


def answer(server):
    """Send a mail; return what became of it."""
    try:
        server.sendmail("office@example.org", ["root@example.com"], "Subject: Hello\r\n\r\nHello\r\n")
    except smtplib.SMTPSenderRefused as error:
        return f"SMTPSenderRefused {error.smtp_code} {error.smtp_error.decode()}"
    return "sent"


for name in ("one connection", "a new one"):
    with smtplib.SMTP("127.0.0.1", 2525, local_hostname="crm.example", timeout=20) as server:
        for what, times in itertools.groupby(answer(server) for _ in range(110)):
            print(f"{name}: {len(list(times))} times {what}")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
ip link set lo up
hostname mx.example.com
mkdir -p /run/opensmtpd
dpkg-query -W opensmtpd
timeout 120 smtpd -d >/tmp/smtpd.log 2>&1 &
server=$!
for _ in $(seq 200); do (: </dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
timeout 90 python3 /tmp/mail.py
kill "$server"
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen
cat tmp/seen
REFUSED='10 times SMTPSenderRefused 452 4.5.3 Too many recipients: Too many messages sent'
for line in 'one connection: 100 times sent' "one connection: $REFUSED" 'a new one: 100 times sent'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
