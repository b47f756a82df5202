#!/usr/bin/env bash
# Guess: what a client says with one RCPT (NOTIFY, ORCPT; RFC 3461, 4) is about that recipient. Postfix asks
#   for no reports on whom `always_bcc` adds (NOTIFY=NEVER): whom the mail is to bounce as ever.
# What happens: at OpenSMTPD it holds for everybody who is named after it in that mail and says nothing of
#   their own. Behind a Postfix that keeps copies, which names recipients in the order of their domains,
#   the copy comes first where its domain sorts first, and everybody is NEVER: no bounce, nothing but a
#   line in OpenSMTPD's log. NOTIFY=FAILURE after a NEVER is refused with 553 ("cannot be combined"). An
#   ORCPT goes on to the next server with the wrong recipient.
# Why it matters to a mail gateway: a CRM goes on writing to dead addresses and nobody learns of it. It began
#   when somebody had copies kept, or with a recipient in another country's domain, and tests with one
#   recipient bounce. A report that names the wrong Original-Recipient suppresses somebody else. Before
#   OpenSMTPD, have Postfix ask for no reports at all (`smtp_discard_ehlo_keywords = dsn`), or keep copies
#   behind it.
# Versions: opensmtpd 6.8.0p2-4+b4, postfix 3.7.11-0+deb12u1 (Debian 12); 2026-11-29. Needs root (a file
#   system and a network of its own).
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
DEBIAN_FRONTEND=noninteractive timeout 200 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades postfix=3.7.11-0+deb12u1 libevent-2.1-7 >tmp/apt.log 2>&1 ||
    { tail -n 5 tmp/apt.log >&2; exit 1; }
# Either wants to be the machine's only mail server: unpacked it doesn't get in the way.
(cd tmp && timeout 60 apt-get download -qq opensmtpd=6.8.0p2-4+b4 >/dev/null 2>&1) || true
dpkg-deb -x tmp/opensmtpd_*.deb tmp/opensmtpd
for user in opensmtpd:975 opensmtpq:976; do
    echo "${user%:*}:x:${user#*:}:${user#*:}::/var/lib/opensmtpd/empty:/bin/false" >>etc/passwd
    echo "${user%:*}:x:${user#*:}:" >>etc/group
done
mkdir -p var/lib/opensmtpd/empty
cat >tmp/smtpd.conf <<'CONF'
listen on 127.0.0.1 port 2526
action "relay" relay host smtp://127.0.0.1:2527
match from any for any action "relay"
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
relayhost = [127.0.0.1]:2526
CONF
cat >tmp/server.py <<'PYTHON'
"""The server that OpenSMTPD sends to: knows nobody called gone, and writes down what it hears."""
import socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            with open("/tmp/heard", "ab") as file:
                file.write(line)
            if verb == b"EHLO":
                answer = "250-example\r\n250 DSN"
            elif verb == b"RCPT" and b"<gone@" in line:
                answer = "550 5.1.1 No such person"
            elif verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            elif verb == b"QUIT":
                answer = "221 2.0.0 Bye"
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


Listener(("127.0.0.1", 2527), Session).serve_forever()
PYTHON
cat >tmp/send.py <<'PYTHON'
"""Sends mails, each with two recipients, waits until OpenSMTPD has done with both, and tells what came."""
import pathlib, re, smtplib, subprocess, time

OFFICE = "office@example.com"
HEARD, LOG = pathlib.Path("/tmp/heard"), pathlib.Path("/tmp/smtpd.log")
MAIL = f"From: {OFFICE}\r\nTo: gone@example.net\r\nSubject: Hello\r\n\r\nHello\r\n"


def wait(done, what):
    for _ in range(200):
        if done():
            return
        time.sleep(0.1)
    raise SystemExit(f"waited in vain for {what}")


def settled():
    return len(re.findall(r" mta delivery .*from=<office@", LOG.read_text()))


def tell(name, port, *recipients):
    HEARD.write_text("")
    before = settled()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo("crm.example.com")
        client.docmd(f"MAIL FROM:<{OFFICE}>")
        answers = [client.docmd(f"RCPT TO:{recipient}")[0] for recipient in recipients]
        client.data(MAIL)
    expected = 2 if answers[-1] == 250 else 1
    expected += name.startswith("copies")
    wait(lambda: settled() - before == expected, "the recipients")
    # A bounce is one more mail to the server, a second or two after the refusal.
    until = time.monotonic() + 8
    while f"<{OFFICE}>" not in HEARD.read_text().partition("FROM:<>")[2] and time.monotonic() < until:
        time.sleep(0.1)
    asked = sorted(line[8:] for line in HEARD.read_text().splitlines() if line.startswith("RCPT"))
    bounced = f"<{OFFICE}>" in asked
    asked = [line for line in asked if OFFICE not in line]
    print(f"{name}: answers {answers}, bounced {bounced}, said to the next server: {', '.join(asked)}")


tell("gone alone says nothing", 2526, "<bob@example.net>", "<gone@example.net>")
tell("bob NEVER", 2526, "<bob@example.net> NOTIFY=NEVER", "<gone@example.net>")
tell("bob NEVER, gone FAILURE", 2526, "<bob@example.net> NOTIFY=NEVER", "<gone@example.net> NOTIFY=FAILURE")
tell("bob ORCPT", 2526, "<bob@example.net> ORCPT=rfc822;bob@example.net", "<gone@example.net>")
tell("Postfix", 25, "<bob@example.net>", "<gone@example.net>")
for copies, discarded in ("archive@example.org", ""), ("archive@example.com", ""), ("archive@example.com", "dsn"):
    setting = [f"always_bcc = {copies}", f"smtp_discard_ehlo_keywords = {discarded}"]
    for command in ["postconf", "-e", *setting], ["postfix", "reload"]:
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    name = f"copies to {copies}, no DSN" if discarded else f"copies to {copies}"
    tell(name, 25, "<bob@example.net>", "<gone@example.net>")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
hostname mx.example.com
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
echo '127.0.0.1 localhost mx.example.com' >/etc/hosts
timeout 150 /usr/bin/python3 /tmp/server.py &
timeout 150 /tmp/opensmtpd/usr/sbin/smtpd -d -v -f /tmp/smtpd.conf >/tmp/smtpd.log 2>&1 &
postfix start >/tmp/start 2>&1 </dev/null || { cat /tmp/start /var/log/postfix.log >&2; exit 1; }
for port in 25 2526 2527; do
    for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
done
timeout 120 /usr/bin/python3 /tmp/send.py
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/smtpd.log >&2; exit 1; }
chroot . dpkg-query -W postfix
basename tmp/opensmtpd_*.deb
cat tmp/seen
said='said to the next server:'
bob='<bob@example.net>' gone='<gone@example.net>' of=ORCPT=rfc822
for line in "gone alone says nothing: answers [250, 250], bounced True, $said $bob, $gone" \
    "bob NEVER: answers [250, 250], bounced False, $said $bob NOTIFY=NEVER, $gone NOTIFY=NEVER" \
    "bob NEVER, gone FAILURE: answers [250, 553], bounced False, $said $bob NOTIFY=NEVER" \
    "bob ORCPT: answers [250, 250], bounced True, $said $bob $of;bob@example.net, $gone $of;bob@example.net" \
    "Postfix: answers [250, 250], bounced True, $said $bob $of;bob@example.net, $gone $of;gone@example.net" \
    "copies to archive@example.org: answers [250, 250], bounced True, $said $(
    )<archive@example.org> NOTIFY=NEVER $of;archive@example.org, $bob $of;bob@example.net, $gone $of;gone@example.net" \
    "copies to archive@example.com, no DSN: answers [250, 250], bounced True, $said <archive@example.com>, $bob, $gone" \
    "copies to archive@example.com: answers [250, 250], bounced False, $said $(
    )<archive@example.com> NOTIFY=NEVER $of;archive@example.com, $(
    )$bob NOTIFY=NEVER $of;bob@example.net, $gone NOTIFY=NEVER $of;gone@example.net"; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
