#!/usr/bin/env bash
# Guess: Sieve's `reject` refuses a mail: over LMTP with 550 and the user's text for whoever sent it,
#   and where that can't be, by a bounce (RFC 3464).
# What happens: Dovecot's Pigeonhole says "250 … Saved" over LMTP and sends a read receipt
#   (report-type=disposition-notification) with the disposition "deleted", of which RFC 8098 (3.2.6.2)
#   says that the recipient may have seen the mail: the form that RFC 3028 had for it. Cyrus says 550
#   with the text, but with one letter beyond ASCII in that, such as ü, it says 250 and sends such a
#   receipt, too. That the mail was refused stands in the text for people and the subject; of all
#   other fields only Auto-Submitted has it, in its comment "(rejected)".
# Why it matters to a mail gateway: what somebody says to whoever writes to them, "I have left the firm"
#   or "no more mail, please", comes as what everybody ignores, and the mail counts as delivered. What
#   sorts receipts out before it looks for bounces never sees it. And whoever tests with Cyrus and an
#   English text sees a bounce of their own server's.
# Versions: dovecot-core, dovecot-lmtpd and dovecot-sieve 1:2.3.19.1+dfsg1-2.1+deb12u7 (Pigeonhole
#   0.5.19), cyrus-imapd 3.6.1-4+deb12u5, Debian 12; 2026-11-29. Needs root (a file system of its own).
set -euo pipefail

PACKAGES=(dovecot-{core,lmtpd,sieve}=1:2.3.19.1+dfsg1-2.1+deb12u7 cyrus-{common,imapd}=3.6.1-4+deb12u5)
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
mail_location = maildir:/tmp/home/%u
log_path = /tmp/dovecot.log
ssl = no
first_valid_uid = 1
hostname = mx.example.org
postmaster_address = postmaster@example.org
sendmail_path = /tmp/sendmail
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
  sieve = /tmp/reject.sieve
}
CONF
cat >etc/imapd.conf <<'CONF'
configdirectory: /tmp/cyrus
defaultpartition: default
partition-default: /tmp/cyrus/mail
sievedir: /tmp/cyrus/sieve
unixhierarchysep: yes
virtdomains: off
autocreate_post: yes
autocreate_quota: 0
servername: mx.example.org
postmaster: postmaster@example.org
sendmail: /tmp/sendmail
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
cat >tmp/sendmail <<'PYTHON'
#!/usr/bin/python3
"""Keeps the mail that a server sends: given as it is, or over SMTP (`-bs`)."""
import os, sys

lines = iter(sys.stdin.buffer.readline, b"")
if "-bs" in sys.argv:
    print("220 example", end="\r\n", flush=True)
    for line in lines:
        if line.upper().startswith(b"DATA"):
            break
        print("250 Ok", end="\r\n", flush=True)
    print("354 Go on", end="\r\n", flush=True)
    lines = iter(lines.__next__, b".\r\n")
with open("/tmp/answers/new", "wb") as file:
    file.writelines(lines)
os.rename("/tmp/answers/new", "/tmp/answers/answer")
if "-bs" in sys.argv:
    print("250 Ok\r\n221 Bye", end="\r\n", flush=True)
PYTHON
chmod 755 tmp/sendmail
cat >tmp/send.py <<'PYTHON'
"""Sends a mail over LMTP, and says what the server answered and sent."""
import email, pathlib, smtplib, sys, time

name, port, to = sys.argv[1:]
ANSWER = pathlib.Path("/tmp/answers/answer")
MAIL = (
    "From: Office <office@example.com>\nTo: Ann <ann@example.org>\nSubject: Your application\n"
    f"Message-ID: <{name.replace(' ', '.')}@example.com>\nDate: Sat, 28 Nov 2026 10:00:00 +0100\n\nHello\n"
)
with smtplib.LMTP("127.0.0.1", int(port), timeout=10) as client:
    client.ehlo()
    client.mail("office@example.com")
    client.rcpt(to)
    code, text = client.data(MAIL.encode())
    print(f"{name}: {code} {text.decode().split(' SESSIONID')[0]}" if code != 250 else f"{name}: 250")
for _ in range(50 if code == 250 and name != "made" else 0):
    if ANSWER.exists():
        break
    time.sleep(0.1)
if ANSWER.exists():
    mail = email.message_from_bytes(ANSWER.read_bytes())
    ANSWER.unlink()
    print(f"{name}: Content-Type: {mail.get_content_type()}; report-type={mail.get_param('report-type')}")
    print(f"{name}: Auto-Submitted: {mail['Auto-Submitted']}")
    for part in mail.walk():
        if part.get_content_type() == "message/disposition-notification":
            print(f"{name}: Disposition: {part.get_payload()[0]['Disposition']}")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
await() { for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && break; sleep 0.1; done; }
send() { timeout 30 /usr/bin/python3 /tmp/send.py "$@"; }
write() { printf 'require ["reject"];\nreject "%s";\n' "$1" >/tmp/reject.sieve; }
mkdir -p /tmp/home /run/dovecot /tmp/answers /tmp/cyrus/mail
chown -R reader /tmp/home
chown -R cyrus:mail /tmp/cyrus
chmod 777 /tmp/answers

dovecot -c /tmp/dovecot.conf
await 2424
write 'I have left the firm.'
send 'Dovecot' 2424 ann@example.org

setpriv --reuid=cyrus --regid=mail --init-groups /usr/lib/cyrus/bin/makedirs >/tmp/made 2>&1
/usr/lib/cyrus/bin/master -p /tmp/cyrus.pid >>/tmp/made 2>&1 &
await 2425
send made 2425 ann
# Scripts lie in a folder named as the mailbox is, which its first mail has made.
mailbox=$(cd /tmp/cyrus/mail && find uuid -name 1.)
scripts=/tmp/cyrus/sieve/${mailbox%/1.}
mkdir -p "$scripts"
ln -sf default.bc "$scripts/defaultbc"
for text in 'I have left the firm.' 'Bin weg. Grüße'; do
    write "$text"
    /usr/lib/cyrus/bin/sievec /tmp/reject.sieve "$scripts/default.bc"
    chown -R cyrus:mail /tmp/cyrus/sieve
    send "Cyrus, $text" 2425 ann
done
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/dovecot.log tmp/made >&2; exit 1; }
chroot . dpkg-query -W dovecot-sieve cyrus-imapd
grep -v '^made' tmp/seen
receipt='Content-Type: multipart/report; report-type=disposition-notification'
disposition='Disposition: automatic-action/MDN-sent-automatically; deleted'
for line in 'Dovecot: 250' "Dovecot: $receipt" "Dovecot: $disposition" \
    'Dovecot: Auto-Submitted: auto-replied (rejected)' \
    'Cyrus, I have left the firm.: 550 5.7.1 I have left the firm.' \
    'Cyrus, Bin weg. Grüße: 250' "Cyrus, Bin weg. Grüße: $receipt" "Cyrus, Bin weg. Grüße: $disposition"; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
