#!/usr/bin/env bash
# Guess: Original-Recipient in a bounce is the address as the sender wrote it: a server that was told it by ORCPT
#   decodes that (xtext, where `+` and `=` are `+2B` and `+3D`; RFC 3461, 4 and 6.3) before it reports.
# What happens: Exim writes it down as it came, if the client also said NOTIFY (else it forgets ORCPT). Postfix
#   says ORCPT of every recipient to a server that offers DSN, as Exim does with `dsn_advertise_hosts`. So of a
#   mail to jo+jobs@… whose sender asked for reports the bounce names jo+2Bjobs@…, and flufl.bounce, with which
#   Mailman reads bounces, asks that field first: it names an address that nobody has. Who asks for nothing gets
#   a bounce that names jo+jobs@…. Original-Envelope-Id stays encoded either way. Postfix decodes both.
# Why it matters to a mail gateway: a CRM that asks for reports, to be sure, writes again and again to just the
#   people who give each sender an address of their own. What reads bounces goes by Final-Recipient as well,
#   and tries the other one as it stands and decoded; it may be either, as `+2B` is fine in an address. An
#   ENVID is found again only if there is nothing in it to encode.
# Versions: Postfix 3.7.11-0+deb12u1, exim4-daemon-light 4.96-15+deb12u11 (Debian 12), flufl.bounce 6.0.0, Python
#   3.11.7; 2026-11-29. Needs root (a file system and a network of its own).
set -euo pipefail

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/root"
    python3 -m venv "$work/venv"
    timeout 180 "$work/venv/bin/pip" install -q flufl.bounce==6.0.0 2>/dev/null
    timeout 300 unshare --mount --pid --uts --propagation private --fork --kill-child \
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
EXIM=4.96-15+deb12u11
# First Exim for what it needs, then Postfix, which takes its place as the machine's mail server.
for packages in "exim4-base=$EXIM exim4-config=$EXIM exim4-daemon-light=$EXIM" postfix=3.7.11-0+deb12u1; do
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive timeout 200 chroot . apt-get install -y -q --no-install-recommends \
        --allow-downgrades $packages >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
    [ -e tmp/exim4 ] || cp usr/sbin/exim4 tmp/exim4
done
# It runs itself by this name.
install -m 4755 tmp/exim4 usr/sbin/exim4
mkdir -p etc/exim4
cat >etc/exim4/exim4.conf <<'CONF'
primary_hostname = mx2.example.com
local_interfaces = 127.0.0.1
daemon_smtp_ports = 2526
tls_advertise_hosts =
keep_environment =
dsn_advertise_hosts = *
acl_smtp_rcpt = accept
spool_directory = /tmp/spool
log_file_path = /tmp/exim-%slog
begin routers
next:
  driver = manualroute
  route_list = * 127.0.0.1::2527
  self = send
  transport = next
begin transports
next:
  driver = smtp
begin retry
CONF
cp usr/share/postfix/master.cf.dist etc/postfix/master.cf
sed -i -E 's/^([a-z]+ +[a-z]+ +[-yn] +[-yn] +)[-y] /\1n /' etc/postfix/master.cf
cat >etc/postfix/main.cf <<'CONF'
compatibility_level = 3.7
myhostname = mx.example.com
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
maillog_file = /var/log/postfix.log
default_transport = smtp:[127.0.0.1]:2527
CONF
cat >tmp/server.py <<'PYTHON'
"""The server both send to: knows nobody at example.net, and keeps what comes for the office."""
import os, socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            if verb == b"EHLO":
                answer = "250-example\r\n250 DSN"
            elif verb == b"RCPT" and b"@example.net>" in line:
                answer = "550 5.1.1 No such person"
            elif verb == b"DATA":
                self.say("354 Go on")
                with open("/tmp/new", "wb") as file:
                    file.writelines(iter(self.rfile.readline, b".\r\n"))
                os.rename("/tmp/new", "/tmp/bounce.eml")
            elif verb == b"QUIT":
                answer = "221 2.0.0 Bye"
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Who waited for the port hangs up: no error."""


Listener(("127.0.0.1", 2527), Session).serve_forever()
PYTHON
cat >tmp/send.py <<'PYTHON'
"""Sends a mail to Postfix, and tells whom its bounce names."""
import email, pathlib, re, smtplib, sys, time

from flufl.bounce import all_failures

BOUNCE = pathlib.Path("/tmp/bounce.eml")
server = sys.argv[1]
for recipient in "jo@example.net", "jo+jobs@example.net":
    for notify in [], ["NOTIFY=FAILURE"]:
        BOUNCE.unlink(missing_ok=True)
        with smtplib.SMTP("127.0.0.1", 25) as client:
            content = f"From: office@example.com\r\nTo: {recipient}\r\nSubject: Hello\r\n\r\nHello\r\n"
            client.sendmail("office@example.com", [recipient], content, ["ENVID=mailing+2B17"], notify)
        for _ in range(200):
            if BOUNCE.exists():
                break
            time.sleep(0.1)
        text = BOUNCE.read_text()
        said = {
            field: re.search(rf"(?im)^{field}: *(?:rfc822; *)?(.*)$", text)
            for field in ("Original-Recipient", "Final-Recipient", "Original-Envelope-Id")
        }
        fields = ", ".join(f"{field} {found[1].strip()}" for field, found in said.items() if found)
        _, failed = all_failures(email.message_from_string(text))
        asked = notify[0] if notify else "no NOTIFY"
        print(f"{server}, {recipient}, {asked}: {fields}; flufl.bounce {[each.decode() for each in failed]}")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
hostname mx.example.com
/mnt/venv/bin/python -m pip freeze 2>/dev/null | grep flufl
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
timeout 100 /usr/bin/python3 /tmp/server.py &
mkdir -p /tmp/spool
chown Debian-exim /tmp/spool
timeout 100 exim4 -bdf -q1h >/tmp/exim-out 2>&1 &
postfix start >/tmp/start 2>&1 </dev/null || { cat /tmp/start /var/log/postfix.log >&2; exit 1; }
for port in 25 2526 2527; do
    for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
done
timeout 60 /mnt/venv/bin/python /tmp/send.py Postfix
postconf -e 'default_transport = smtp:[127.0.0.1]:2526'
postfix reload >/tmp/start 2>&1 </dev/null
sleep 1
timeout 60 /mnt/venv/bin/python /tmp/send.py Exim
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/exim-mainlog var/log/postfix.log >&2; exit 1; }
chroot . dpkg-query -W postfix
chroot . exim4 --version | head -n 1
cat tmp/seen
plus='jo+jobs@example.net' encoded='jo+2Bjobs@example.net'
for line in \
    "Postfix, $plus, NOTIFY=FAILURE: Original-Recipient $plus, Final-Recipient $plus, Original-Envelope-Id mailing+17; flufl.bounce ['$plus']" \
    "Exim, jo@example.net, NOTIFY=FAILURE: Original-Recipient jo@example.net, Final-Recipient jo@example.net, $(
    )Original-Envelope-Id mailing+2B17; flufl.bounce ['jo@example.net']" \
    "Exim, $plus, no NOTIFY: Final-Recipient $plus, Original-Envelope-Id mailing+2B17; flufl.bounce ['$plus']" \
    "Exim, $plus, NOTIFY=FAILURE: Original-Recipient $encoded, Final-Recipient $plus, $(
    )Original-Envelope-Id mailing+2B17; flufl.bounce ['$encoded']"; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
