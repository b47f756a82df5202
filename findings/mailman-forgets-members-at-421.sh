#!/usr/bin/env bash
# Guess: Mailman 3 that hears 421 while it names members to its mail server keeps for later all whom
#   nobody has taken the mail for: it has a queue for members who were put off.
# What happens: it keeps the one whose RCPT heard the 421. Those accepted before and those not yet named,
#   up to nine of ten as shipped, count as sent: no bounce, no other try. Mailman asks smtplib's
#   SMTPRecipientsRefused who was refused, and that names some only (smtplib-refused-names-some.sh).
#   Postfix says 421 there after smtpd_hard_error_limit refused recipients without a mail that went
#   well; a server that stops may say it at any command (RFC 5321, 3.8).
# Why it matters to a mail gateway: of a list of ten with five dead addresses one of the five others gets
#   the mail, where an operator has set that limit to 5; each time, until Mailman has removed the dead.
#   What stands behind Mailman must not count refused recipients as errors, and does better to say 421
#   between mails only. Of a connection that is lost Mailman tries all ten again.
# Versions: mailman 3.3.10 (pip), Python 3.11.7, Postfix 3.7.11-0+deb12u1 (Debian 12); 2026-11-29. Needs
#   root (a file system of its own).
set -euo pipefail

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m venv "$work/venv"
    timeout 240 "$work/venv/bin/pip" install -q mailman==3.3.10 2>/dev/null
    timeout 400 unshare --mount --pid --uts --propagation private --fork --kill-child \
        bash "$(realpath "$0")" inside "$work"
    exit
fi

# Inside: the machine's files below, what is written in memory, processes end with this one.
work=$2
mkdir "$work/root"
mount -t tmpfs tmpfs "$work/root"
cd "$work/root"
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
    --allow-downgrades postfix=3.7.11-0+deb12u1 >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
mkdir -p "${work#/}"
mount --bind "$work" ".$work"
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
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/gone, permit_mynetworks, reject
default_transport = discard
smtpd_hard_error_limit = 5
CONF
echo '/^gone/ 550 5.1.1 No such person' >etc/postfix/gone
cat >tmp/send.py <<'PYTHON'
"""Has Mailman send mails to ten members, some of whom are gone, and asks whom it knows as failed."""
import email, pathlib, tempfile
from mailman.core.initialize import initialize

folder = pathlib.Path(tempfile.mkdtemp())
(folder / "mailman.cfg").write_text(
    f"[mailman]\nlayout: local\n[paths.local]\nvar_dir: {folder}/var\n"
    "[mta]\nincoming: mailman.mta.null.NullMTA\nsmtp_host: 127.0.0.1\nsmtp_port: 25\n"
)
initialize(str(folder / "mailman.cfg"))

from mailman.app.lifecycle import create_list
from mailman.config import config
from mailman.email.message import Message
from mailman.interfaces.domain import IDomainManager
from mailman.interfaces.mta import SomeRecipientsFailed
from mailman.mta.deliver import deliver
from zope.component import getUtility

getUtility(IDomainManager).add("example.com")
news = create_list("news@example.com")
TEXT = "From: office@example.com\nTo: news@example.com\nSubject: News\nMessage-ID: <{}@example.com>\n\nNews\n"
print("max_recipients", config.mta.max_recipients)
for gone in 2, 5:
    members = {f"gone{number}@example.org" for number in range(gone)}
    members |= {f"{'az'[number % 2]}{number}@example.org" for number in range(10 - gone)}
    mail = email.message_from_string(TEXT.format(gone), Message)
    try:
        deliver(news, mail, {"recipients": set(members)})
    except SomeRecipientsFailed as error:
        bounces = error.permanent_failures
        print(f"{gone} of 10 gone: {len(bounces)} bounces, tried again: {error.temporary_failures}")
PYTHON
cat >tmp/run.sh <<SH
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
postfix start >/tmp/start 2>&1 || { cat /tmp/start /var/log/postfix.log >&2; exit 1; }
for _ in \$(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/25) 2>/dev/null && break; sleep 0.1; done
timeout 100 $work/venv/bin/python /tmp/send.py
for _ in \$(seq 100); do [ "\$(grep -c 'status=sent' /var/log/postfix.log)" -ge 8 ] && break; sleep 0.1; done
echo "Postfix has \$(grep -c 'status=sent' /var/log/postfix.log) to deliver"
grep -o 'too many errors after [A-Z]*' /var/log/postfix.log || true
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 var/log/postfix.log >&2; exit 1; }
cat tmp/seen
for line in '2 of 10 gone: 2 bounces, tried again: []' "5 of 10 gone: 5 bounces, tried again: ['z1@example.org']" \
    'Postfix has 8 to deliver' 'too many errors after RCPT'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
