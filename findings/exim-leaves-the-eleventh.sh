#!/usr/bin/env bash
# Guess: to keep a connection to the mail server and send mail after mail over it only saves time. A 250 means the
#   same to each of them, and a server that has had enough of a connection says 421 (RFC 5321, 3.8).
# What happens: Exim delivers the first ten that come over one connection at once, and leaves each further one to its
#   next queue run (smtp_accept_queue_per_connection, 10 as shipped): at Debian's up to 30 minutes later. It says the
#   same 250 to all; only its log tells ("no immediate delivery: more than 10 messages received in one
#   connection"). With 0 all are delivered at once.
# Why it matters to a mail gateway: kept connections are the first thing that makes it fast. Behind it an answer to
#   somebody, or a link to log in with, comes half an hour late, now and then, while there is much to send; a
#   test with a few mails never shows it. Where the relay is an Exim (its banner, or PIPECONNECT at EHLO, tells) a
#   new connection has to be made after ten.
# Versions: exim4-daemon-light 4.96-15+deb12u11 (Debian 12), Python 3.11.7; 2026-11-30. Needs root (a file system and
#   a network of its own).
set -euo pipefail
EXIM=4.96-15+deb12u11

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
    --allow-downgrades "exim4-base=$EXIM" "exim4-config=$EXIM" "exim4-daemon-light=$EXIM" \
    >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
cat >tmp/exim4.conf <<'CONF'
primary_hostname = mx.example.com
local_interfaces = 127.0.0.1
daemon_smtp_ports = 2525
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = accept
log_file_path = /tmp/exim-%slog
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = /tmp/box
  maildir_format
  user = mail
  group = mail
CONF
cat >tmp/mail.py <<'PYTHON'
import smtplib, sys

answers = []
with smtplib.SMTP("127.0.0.1", 2525, local_hostname="crm.example", timeout=20) as server:
    server.ehlo()
    for _ in range(13):
        server.mail("office@example.org")
        server.rcpt("ann@example.net")
        answers.append(server.data(b"Subject: Hello\r\n\r\nHello\r\n")[0])
print(f"{sys.argv[1]}: answered 250: {answers.count(250)} of {len(answers)}")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
ip link set lo up
exim4 --version | sed -n 's/ built.*//; s/^Exim/& &/; 1s/Exim version/version/p'
for setting in '' 'smtp_accept_queue_per_connection = 0'; do
    rm -rf /tmp/box /var/spool/exim4/input/* && mkdir /tmp/box && chown mail:mail /tmp/box
    { echo "$setting"; cat /tmp/exim4.conf; } >/etc/exim4/exim4.conf
    timeout 60 exim4 -bdf -q30m >/dev/null 2>&1 &
    exim=$!
    for _ in $(seq 200); do (: </dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
    timeout 30 python3 /tmp/mail.py "${setting:-as shipped}"
    for _ in $(seq 50); do
        here=$(find /tmp/box -path '*/new/*' -type f | wc -l) queued=$(exim4 -bpc)
        [ $((here + queued)) = 13 ] && { [ "$here" -ge 10 ]; } && break
        sleep 0.2
    done
    sleep 2
    echo "${setting:-as shipped}: delivered $(find /tmp/box -path '*/new/*' -type f | wc -l), waiting $(exim4 -bpc)"
    kill "$exim"
    wait "$exim" || true
done
grep -o 'no immediate delivery: .*' /tmp/exim-mainlog | sort | uniq -c | sed 's/^ */log, times /'
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen
cat tmp/seen
for line in 'as shipped: answered 250: 13 of 13' 'as shipped: delivered 10, waiting 3' \
    'smtp_accept_queue_per_connection = 0: delivered 13, waiting 0' \
    'log, times 3 no immediate delivery: more than 10 messages received in one connection'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
