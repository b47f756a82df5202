#!/usr/bin/env bash
# Guess: `sendmail -t` sends a mail that is sent on with Resent-To (RFC 5322, 3.6.6) to whom the Resent fields
#   name: To and Cc are those of its first journey. And hidden recipients stand in no mail.
# What happens: of five small programs of that name two do, msmtp and nullmailer. ssmtp, esmtp and dma know
#   no Resent fields: the mail goes to everybody who has it already, and not to whom it was sent on.
#   msmtp, which takes Resent-Bcc for an address, leaves that field in the mail, so that dirk reads that
#   eve got it, too; so do the other three, with `Bcc` all five take it out. nullmailer takes out both.
# Why it matters to a mail gateway: a filter or script that sends mail on, on a machine with such a relay
#   client, mails people a second time. In the journal that is a message with the Message-ID and the
#   recipients of one that went out before, from somebody else; a gateway that takes it for a retry and
#   gives the first one's verdict hides it, one that doesn't sends it. Name recipients as arguments, not by
#   -t, for whatever is sent on.
# Versions: msmtp 1.8.23-1, esmtp 1.2-18+b1, dma 0.13-1+b1, ssmtp 2.64-11, nullmailer 1:2.2-4, Debian 12;
#   2026-11-29. Needs root (a file system of its own).
set -euo pipefail

PACKAGES=(msmtp=1.8.23-1 esmtp=1.2-18+b1 dma=0.13-1+b1)
# Each of them wants to be /usr/sbin/sendmail: unpacked these don't get in the way.
UNPACKED=(ssmtp=2.64-11 nullmailer=1:2.2-4)
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
(cd tmp && timeout 60 apt-get download -qq "${UNPACKED[@]}" >/dev/null 2>&1) || true
for file in tmp/*.deb; do dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink; done
grep -q '^reader:' etc/passwd || echo 'reader:x:975:975::/tmp/home:/bin/sh' >>etc/passwd
grep -q '^reader:' etc/group || echo 'reader:x:975:' >>etc/group
printf 'account default\nhost 127.0.0.1\nport 2525\nfrom %%U@example.org\n' >etc/msmtprc
printf 'mailhub=127.0.0.1:2525\nhostname=mx.example.org\n' >etc/ssmtp/ssmtp.conf
printf 'hostname = 127.0.0.1:2525\n' >etc/esmtprc
printf 'SMARTHOST 127.0.0.1\nPORT 2525\nMAILNAME mx.example.org\n' >etc/dma/dma.conf
# A mail of Bob's to Ann and Cleo, which Ann sends on to Dirk, and to Eve without his knowing.
printf '%s\n' 'Resent-From: ann@example.org' 'Resent-To: dirk@example.net' 'Resent-Bcc: eve@example.net' \
    'Resent-Date: Sun, 29 Nov 2026 10:00:00 +0100' 'Resent-Message-ID: <two@example.org>' \
    'From: bob@example.com' 'To: ann@example.org' 'Cc: cleo@example.org' 'Subject: Hello' \
    'Message-ID: <one@example.com>' 'Date: Sat, 28 Nov 2026 10:00:00 +0100' '' Hello >tmp/resent
printf '%s\n' 'From: bob@example.com' 'To: ann@example.org' 'Bcc: eve@example.net' 'Subject: Hello' \
    'Message-ID: <one@example.com>' 'Date: Sat, 28 Nov 2026 10:00:00 +0100' '' Hello >tmp/hidden
cat >tmp/server.py <<'PYTHON'
"""Writes down to whom a mail went, and which hidden recipients stand in it."""
import socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        names, hidden = [], []
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            if verb == b"RCPT":
                names.append(line.decode().split("<")[1].split("@")[0])
            elif verb == b"DATA":
                self.say("354 Go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                hidden = [field.decode().split(":")[0] for field in lines if b"bcc:" in field.lower()]
                with open("/tmp/heard", "a") as file:
                    file.write(f"{' '.join(names)} {' '.join(hidden)}\n")
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
# Sends a mail by a program, and says whom it named. dma goes on in the background, with a mail for each.
ask() {
    rm -rf /tmp/home /tmp/heard
    mkdir -p /tmp/home
    chown reader /tmp/home
    HOME=/tmp/home USER=ann timeout 20 setpriv --reuid=reader --regid=reader --clear-groups \
        "$1" -t <"/tmp/$2" >>/tmp/log 2>&1
    for _ in $(seq 100); do
        [ "$(cat /tmp/heard 2>/dev/null | wc -w)" -ge 2 ] && [ -z "$(ls /var/spool/dma | grep ^M)" ] && break
        sleep 0.1
    done
    echo "${1##*/}, $2: $(grep -o '^[a-z ]*' /tmp/heard | tr ' ' '\n' | sort | xargs) shown: $(
        grep -o '[A-Za-z-]*Bcc$' /tmp/heard | sort -u)"
}
for program in /usr/bin/msmtp /usr/sbin/ssmtp /usr/bin/esmtp /usr/sbin/dma; do
    ask "$program" resent
    ask "$program" hidden
done
# It hands its mail to a queue of its own; with -n it says what it would.
for mail in resent hidden; do
    timeout 20 /usr/bin/nullmailer-inject -h -n -v <"/tmp/$mail" >/tmp/queued
    echo "nullmailer, $mail: $(sed -n '2,/^$/s/@.*//p' /tmp/queued | sort | xargs) shown: $(
        sed -n 's/^\([A-Za-z-]*Bcc\):.*/\1/ip' /tmp/queued)"
done
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen || { tail -n 5 tmp/log >&2; exit 1; }
chroot . dpkg-query -W msmtp esmtp dma
cat tmp/seen
for line in 'msmtp, resent: dirk eve shown: Resent-Bcc' 'ssmtp, resent: ann cleo shown: Resent-Bcc' \
    'esmtp, resent: ann cleo shown: Resent-Bcc' 'dma, resent: ann cleo shown: Resent-Bcc' \
    'nullmailer, resent: dirk eve shown: '; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
for program in msmtp ssmtp esmtp dma nullmailer; do
    grep -qxF "$program, hidden: ann eve shown: " tmp/seen || { echo "no longer so: $program, Bcc" >&2; exit 1; }
done
