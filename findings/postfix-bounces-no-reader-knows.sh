#!/usr/bin/env bash
# Guess: Postfix reports in the form for addresses beyond ASCII (message/global-delivery-status, RFC 6533)
#   where an address or a header is beyond ASCII; a mail of plain ASCII bounces as it always did.
# What happens: it does so for every mail whose client said SMTPUTF8 at MAIL, be all of it ASCII (some
#   libraries always say it where it is offered, Go's net/smtp does), and keeps report-type=delivery-status
#   around it. What reads bounces looks for message/delivery-status: flufl.bounce, with which Mailman
#   reads them, finds nobody in it; Python's parser knows that type alone to be a list of blocks, and
#   has of this one a mail whose header is the first block, without a recipient. (By hand: Sisimai
#   4.25.15 makes "filtered", 5.0.910, of "5.1.1"; Mail::DeliveryStatus::BounceParser 1.543 names nobody.)
# Why it matters to a mail gateway: a CRM, or its library, that says SMTPUTF8 by habit never learns
#   which addresses are dead. What reads bounces must know the type, encoded in base64, too.
# Versions: Postfix 3.7.11-0+deb12u1 (Debian 12), flufl.bounce 6.0.0, Python 3.11.7; 2026-11-29. Needs
#   root (a file system and a network of its own).
set -euo pipefail

VERSION=3.7.11-0+deb12u1
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    for package in "postfix=$VERSION" libicu72; do
        timeout 120 apt-get download -qq "$package" >/dev/null 2>&1 || true
    done
    [ -e postfix_*.deb ] || { echo "postfix $VERSION can't be had" >&2; exit 1; }
    python3 -m venv venv
    timeout 120 venv/bin/pip install -q flufl.bounce==6.0.0 2>/dev/null
    mkdir root
    timeout 120 unshare --mount --net --pid --uts --propagation private --fork --kill-child \
        bash "$(cd "$OLDPWD" && realpath "$0")" inside "$work"
    exit
fi

# Inside: the machine's files below, what is written in memory, processes end with this one.
work=$2
mount -t tmpfs tmpfs "$work/root"
cd "$work/root"
mkdir upper work tree
mount -t overlay -o "lowerdir=/,upperdir=upper,workdir=work" overlay tree
cd tree
mount -t proc proc proc
mount --rbind /dev dev
rm -rf etc/postfix var/spool/postfix var/lib/postfix
for file in "$work"/*.deb; do
    dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink
done
mount --bind "$work" mnt
grep -q '^postfix:' etc/passwd || echo 'postfix:x:970:970::/var/spool/postfix:/usr/sbin/nologin' >>etc/passwd
grep -q '^postfix:' etc/group || echo 'postfix:x:970:' >>etc/group
grep -q '^postdrop:' etc/group || echo 'postdrop:x:971:' >>etc/group
mkdir -p var/spool/postfix var/lib/postfix
chroot . chown postfix var/lib/postfix
cp usr/share/postfix/master.cf.dist etc/postfix/master.cf
sed -i -E 's/^([a-z]+ +[a-z]+ +[-yn] +[-yn] +)[-y] /\1n /' etc/postfix/master.cf
cat >etc/postfix/main.cf <<'CONF'
compatibility_level = 3.7
myhostname = mx.example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
smtpd_reject_unlisted_recipient = no
alias_maps =
maillog_file = /var/log/postfix.log
default_transport = error:5.1.1 no such person
transport_maps = inline:{office@example.com=smtp:[127.0.0.1]:2600}
CONF
cat >mnt/try.py <<'PYTHON'
"""Sends two mails that bounce, takes the bounces, and has them read."""
import smtplib, socketserver, threading
from email import message_from_bytes, policy
from flufl.bounce import all_failures

BOUNCES = []
ARRIVED = threading.Condition()


class Office(socketserver.StreamRequestHandler):
    """The mail server of office@example.com."""

    def handle(self):
        self.wfile.write(b"220 example.com\r\n")
        for line in self.rfile:
            answer = b"250 Ok"
            if line.upper().startswith(b"EHLO"):
                answer = b"250-example.com\r\n250 8BITMIME"
            elif line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 Go on\r\n")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                with ARRIVED:
                    BOUNCES.append(content)
                    ARRIVED.notify()
            self.wfile.write(answer + b"\r\n")


office = socketserver.ThreadingTCPServer(("127.0.0.1", 2600), Office)
office.daemon_threads = True
threading.Thread(target=office.serve_forever, daemon=True).start()
changed = False
for options in (), ("SMTPUTF8",):
    with smtplib.SMTP("127.0.0.1", 25, timeout=10) as client:
        client.sendmail(
            "office@example.com",
            "ann@example.net",
            "From: office@example.com\nTo: ann@example.net\nSubject: Hello\n\nHello\n",
            mail_options=options,
        )
    with ARRIVED:
        assert ARRIVED.wait_for(lambda: BOUNCES, timeout=20), "no bounce came"
        bounce = BOUNCES.pop()
    mail = message_from_bytes(bounce, policy=policy.default)
    kind = next(part for part in mail.walk() if "-status" in part.get_content_type())
    names = [block["Final-Recipient"] for block in kind.get_payload()]
    _, dead = all_failures(message_from_bytes(bounce))
    print(f"MAIL {' '.join(options) or 'without'}: {kind.get_content_type()}, report-type"
          f" {mail['Content-Type'].params['report-type']}; Python reads {names}, flufl.bounce {set(dead)}")
    expected = (
        ("message/global-delivery-status", [None], set())
        if options
        else ("message/delivery-status", [None, "rfc822; ann@example.net"], {b"ann@example.net"})
    )
    changed = changed or (kind.get_content_type(), names, set(dead)) != expected
raise SystemExit("no longer so" if changed else 0)
PYTHON
python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
chroot . postconf -d mail_version
chroot . postfix start >start 2>&1 || { cat start var/log/postfix.log >&2; exit 1; }
chroot . /mnt/venv/bin/python /mnt/try.py || { tail -n 5 var/log/postfix.log >&2; exit 1; }
