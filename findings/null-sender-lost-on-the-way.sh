#!/usr/bin/env bash
# Guess: `sendmail -f '<>'`, by which Dovecot's Sieve sends notices of absence and refusals, is
#   `MAIL FROM:<>` (RFC 5321, 4.5.5), whichever program of that name a machine has.
# What happens: of four small ones for machines with a relay msmtp alone says so. dma says `<<>@` and the
#   machine's name, esmtp `<<>>`, and a server answers 501; Dovecot's log has "sent vacation response"
#   with dma. ssmtp takes ann@… from the mail's From with FromLineOverride=YES, else user and machine.
#   (By hand: nullmailer 2.2 says `<>`; given `-f ''` esmtp does, dma says `<@` and the name.)
# Why it matters to a mail gateway: notices and refusals of a whole office never arrive, and the gateway's
#   journal has syntax errors only, without a recipient. Where ssmtp sends them they have a sender: what
#   tells notices by the null sender takes them for a person's mail, and what bounces comes back to Ann.
#   sendmail_path has to be a program that was seen to say `<>`, or Dovecot's submission_host be set.
# Versions: dma 0.13-1+b1, esmtp 1.2-18+b1, ssmtp 2.64-11, msmtp 1.8.23-1, dovecot-core and dovecot-sieve
#   1:2.3.19.1+dfsg1-2.1+deb12u7, Debian 12; 2026-11-29. Needs root (a file system of its own).
set -euo pipefail

PACKAGES=({dovecot-core,dovecot-sieve}=1:2.3.19.1+dfsg1-2.1+deb12u7
    msmtp=1.8.23-1 esmtp=1.2-18+b1 dma=0.13-1+b1)
# It and dma both want to be /usr/sbin/sendmail: unpacked it doesn't get in the way.
UNPACKED=ssmtp=2.64-11
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
DEBIAN_FRONTEND=noninteractive timeout 200 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
(cd tmp && timeout 60 apt-get download -qq "$UNPACKED" >/dev/null 2>&1) || true
dpkg-deb --fsys-tarfile tmp/ssmtp_*.deb | tar -x --keep-directory-symlink
grep -q '^reader:' etc/passwd || echo 'reader:x:975:975::/tmp/home:/bin/sh' >>etc/passwd
grep -q '^reader:' etc/group || echo 'reader:x:975:' >>etc/group
printf 'account default\nhost 127.0.0.1\nport 2525\nfrom %%U@example.org\n' >etc/msmtprc
printf 'mailhub=127.0.0.1:2525\nhostname=mx.example.org\nFromLineOverride=YES\n' >etc/ssmtp/ssmtp.conf
printf 'hostname = 127.0.0.1:2525\n' >etc/esmtprc
printf 'SMARTHOST 127.0.0.1\nPORT 2525\nMAILNAME mx.example.org\n' >etc/dma/dma.conf

cat >tmp/dovecot.conf <<'CONF'
base_dir = /tmp/home/run
log_path = /tmp/home/log
ssl = no
mail_uid = 975
mail_gid = 975
first_valid_uid = 1
hostname = mx.example.org
postmaster_address = postmaster@example.org
mail_plugins = sieve
plugin {
  sieve = /tmp/away.sieve
}
CONF
printf 'require ["vacation"];\nvacation :addresses ["ann@example.org"] "Back on Monday.";\n' >tmp/away.sieve
printf '%s\n' 'From: Office <office@example.com>' 'To: Ann <ann@example.org>' 'Subject: Your application' \
    'Message-ID: <one@example.com>' 'Date: Sat, 28 Nov 2026 10:00:00 +0100' '' Hello >tmp/mail
cat >tmp/server.py <<'PYTHON'
"""Answers MAIL as RFC 5321 (4.1.1.2, 4.1.2) has it, and writes down who was said to have sent what."""
import re, socketserver

MAIL = re.compile(rb"MAIL FROM:<(?:[\w.+-]+@[\w.-]+)?>(?: .*)?\r\n", re.IGNORECASE)


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            if verb == b"MAIL":
                answer = answer if MAIL.fullmatch(line) else "501 5.1.7 Bad sender address syntax"
                with open("/tmp/heard", "a") as file:
                    file.write(f"{line.decode().split()[1]} {answer[:3]}\n")
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


Listener(("127.0.0.1", 2525), Session).serve_forever()
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
timeout 100 /usr/bin/python3 /tmp/server.py &
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
for program in /usr/bin/msmtp /usr/sbin/ssmtp /usr/bin/esmtp /usr/sbin/dma; do
    rm -rf /tmp/home /tmp/heard
    mkdir -p /tmp/home/run
    chown -R reader /tmp/home
    HOME=/tmp/home USER=ann timeout 20 setpriv --reuid=reader --regid=reader --clear-groups \
        /usr/lib/dovecot/dovecot-lda -c /tmp/dovecot.conf -o "sendmail_path=$program" \
        -o "mail_location=maildir:/tmp/home/mail" -f office@example.com -a ann@example.org </tmp/mail >>/tmp/log 2>&1
    for _ in $(seq 50); do [ -e /tmp/heard ] && break; sleep 0.1; done
    echo "${program##*/}: $(cat /tmp/heard), Dovecot: $(grep -oE '(failed to send|sent) vacation' /tmp/home/log)"
done
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/log >&2; exit 1; }
chroot . dpkg-query -W msmtp esmtp dma
cat tmp/seen
for line in 'msmtp: FROM:<> 250, Dovecot: sent vacation' \
    'ssmtp: FROM:<ann@example.org> 250, Dovecot: sent vacation' \
    'esmtp: FROM:<<>> 501, Dovecot: failed to send vacation' \
    'dma: FROM:<<>@mx.example.org> 501, Dovecot: sent vacation'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
