#!/usr/bin/env bash
# Guess: a mail server that hands everything to a smart host leaves addresses as the CRM wrote them, in the envelope and
#   in the header. That a domain which is an alias (CNAME) is replaced by what it stands for was RFC 1123's (5.2.2);
#   RFC 5321 (5.1) wants nothing replaced, and with sendmail FEATURE(`nocanonify') turns it off.
# What happens: sendmail replaces it in both, with nocanonify, too: bob@alias.example.net goes on as
#   bob@office.example.com in RCPT and in To. A bounce has the new address in Final-Recipient and in the
#   header of the mail, and the CRM's in the text for people only. With define(`confDONT_EXPAND_CNAMES', `True') all stays.
# Why it matters to a mail gateway: who is suppressed by the address that the CRM knows gets the mail, as the gateway
#   behind sendmail is told another; a bounce marks an address that nobody has in the CRM as dead, and the
#   CRM goes on writing to the one that is. To is another than the one that was signed, where the CRM signs with DKIM.
#   It begins, on no side that anybody looks at, the day a recipient's domain becomes an alias.
# Versions: sendmail-bin, sendmail-cf 8.17.1.9-2+deb12u2 (Debian 12), Python 3.11.7; 2026-11-30. Needs root (a
#   file system and a network of its own).
set -euo pipefail

PACKAGES=(sendmail-bin=8.17.1.9-2+deb12u2 sendmail-cf=8.17.1.9-2+deb12u2)
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
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }

hostname mx.example.org
rm -f etc/resolv.conf etc/hosts
echo 'nameserver 127.0.0.1' >etc/resolv.conf
echo '127.0.0.1 localhost mx.example.org' >etc/hosts
sed -i 's/^hosts:.*/hosts: files dns/' etc/nsswitch.conf
cat >tmp/names.py <<'PYTHON'
"""A name server in which alias.example.net is an alias of office.example.com, which has a mail server."""
import socketserver, struct

A, CNAME, MX = 1, 5, 15


def written(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


TARGET = written("office.example.com")
EXCHANGE = struct.pack(">H", 10) + written("mx.example.com")
RECORDS = {
    "office.example.com": {MX: EXCHANGE},
    "example.com": {MX: EXCHANGE},
    "mx.example.com": {A: bytes([127, 0, 0, 9])},
}


class Query(socketserver.BaseRequestHandler):
    def handle(self):
        query, answering = self.request
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += query[at] + 1
        (kind,) = struct.unpack(">H", query[at + 1 : at + 3])
        asked, answers = ".".join(labels).lower(), []
        known = asked in RECORDS or asked == "alias.example.net"
        if asked == "alias.example.net":
            answers.append((asked, CNAME, TARGET))
            asked = "office.example.com"
        if kind in RECORDS.get(asked, {}):
            answers.append((asked, kind, RECORDS[asked][kind]))
        head = query[:2] + struct.pack(">HHHHH", 0x8580 | (0 if known else 3), 1, len(answers), 0, 0)
        body = b"".join(
            written(name) + struct.pack(">HHIH", of, 1, 60, len(data)) + data for name, of, data in answers
        )
        answering.sendto(head + query[12 : at + 5] + body, self.client_address)


socketserver.ThreadingUDPServer(("127.0.0.1", 53), Query).serve_forever()
PYTHON
cat >tmp/relay.py <<'PYTHON'
"""A smart host that refuses bob, and writes down what it is told and gets."""
import socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say(b"220 relay")
        for line in self.rfile:
            command = line[:4].upper()
            if command in (b"MAIL", b"RCPT"):
                self.keep(line)
            if command == b"DATA":
                self.say(b"354 Go on")
                for content in iter(self.rfile.readline, b".\r\n"):
                    self.keep(content)
            self.say(b"550 5.1.1 No such person" if command == b"RCPT" and b":<bob@" in line else b"250 Ok")

    def say(self, text):
        self.wfile.write(text + b"\r\n")

    def keep(self, line):
        with open("/tmp/relayed", "ab") as file:
            file.write(line.replace(b"\r", b""))


class Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Relay(("127.0.0.1", 2525), Session) as relay:
    relay.serve_forever()
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
timeout 120 /usr/bin/python3 /tmp/names.py &
timeout 120 /usr/bin/python3 /tmp/relay.py &
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
for setting in "dnl as shipped" "FEATURE(\`nocanonify')dnl" "define(\`confDONT_EXPAND_CNAMES', \`True')dnl"; do
    cat >/etc/mail/relayed.mc <<MC
include(\`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(\`debian')dnl
DOMAIN(\`debian-mta')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
define(\`SMART_HOST', \`relay:[127.0.0.1]')dnl
define(\`RELAY_MAILER_ARGS', \`TCP \$h 2525')dnl
$setting
FEATURE(\`accept_unresolvable_domains')dnl
MAILER(\`local')dnl
MAILER(\`smtp')dnl
MC
    m4 /etc/mail/relayed.mc >/etc/mail/sendmail.cf
    : >/tmp/relayed
    printf '%s\n' 'From: CRM <crm@example.com>' 'To: bob@alias.example.net' 'Subject: News' '' Hello |
        timeout 60 /usr/sbin/sendmail -Am -i -odi -f crm@example.com -- \
            bob@alias.example.net ann@alias.example.net || true # EX_NOUSER, for bob
    for _ in $(seq 100); do grep -q '^Final-Recipient' /tmp/relayed && break; sleep 0.1; done
    sleep 0.5
    echo "$setting"
    grep -i '^RCPT To:<ann\|^To: bob\|^Final-Recipient\|^bob@' /tmp/relayed | sort -u | sed 's/^/    /'
done
SH
timeout 250 unshare --net chroot . bash /tmp/run.sh >tmp/seen 2>tmp/errors || { tail -n 5 tmp/errors >&2; exit 1; }
chroot . dpkg-query -W sendmail-bin
cat tmp/seen
block() {
    printf '%s\n' "$1" "    Final-Recipient: RFC822; bob@$2" "    RCPT To:<ann@$2>" "    To: bob@$2" "    bob@alias.example.net"
}
{
    block 'dnl as shipped' office.example.com
    block "FEATURE(\`nocanonify')dnl" office.example.com
    block "define(\`confDONT_EXPAND_CNAMES', \`True')dnl" alias.example.net
} >tmp/wanted
diff <(sort tmp/wanted) <(sort tmp/seen) >&2 || { echo "no longer so" >&2; exit 1; }
