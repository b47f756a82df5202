#!/usr/bin/env bash
# Guess: what a server writes into Authentication-Results (RFC 8601) a library made for that field reads. If it reads
#   those of a server today, it reads them tomorrow: the server's programs and settings are the same.
# What happens: Exim's ${authresults …} names who connected, `smtp.remote-ip=2001:db8::1`, without quotes. A colon may
#   not stand in such a value (RFC 8601, 2.2; RFC 2045, 5.1), and authres, with which dkimpy reads the field for ARC
#   as well, takes none of the field then: SyntaxError, whatever stands in it about SPF, DKIM and DMARC. Mail that
#   comes over IPv4 it reads. Perl's Mail::AuthenticationResults reads both.
# Why it matters to a mail gateway: who believes senders by this field doesn't believe those whose mail comes over
#   IPv6: the office's own mail from the day on on which its provider turns that on, and some colleagues' from
#   home. A test from the next machine shows nothing. Colons must be quoted, or made another character, before
#   the library sees them; nothing in this field means anything by one.
# Versions: exim4-daemon-light 4.96-15+deb12u11, libmail-authenticationresults-perl 2.20230112-1 (Debian 12), authres
#   1.2.0 (PyPI), Python 3.11.7; 2026-11-30. Needs root (a file system and a network of its own).
set -euo pipefail
EXIM=4.96-15+deb12u11

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/root"
    python3 -m venv "$work/venv"
    timeout 180 "$work/venv/bin/pip" install -q authres==1.2.0 2>/dev/null
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
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "exim4-base=$EXIM" "exim4-config=$EXIM" "exim4-daemon-light=$EXIM" \
    libmail-authenticationresults-perl=2.20230112-1 >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
cat >etc/hosts <<'HOSTS'
127.0.0.1 crm.example
2001:db8::1 crm.example
HOSTS
cat >etc/exim4/exim4.conf <<'CONF'
primary_hostname = mx.example.com
daemon_smtp_ports = 2525
host_lookup_order = byaddr
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = rcpt
acl_smtp_data = data
log_file_path = /tmp/exim-%slog
begin acl
rcpt:
  warn verify = reverse_host_lookup
  accept
data:
  accept add_header = :at_start:${authresults {$primary_hostname}}
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = /tmp/box/mails
  user = mail
  group = mail
CONF
cat >tmp/mail.py <<'PYTHON'
import smtplib

for host in ("127.0.0.1", "2001:db8::1"):
    with smtplib.SMTP(host, 2525, local_hostname="crm.example", timeout=20) as server:
        server.sendmail("office@example.org", ["ann@example.net"], "Subject: Hello\r\n\r\nHello\r\n")
PYTHON
cat >tmp/read.py <<'PYTHON'
import mailbox, subprocess
import authres

PERL = "use Mail::AuthenticationResults::Parser; Mail::AuthenticationResults::Parser->new->parse($ARGV[0])"
for mail in sorted(mailbox.mbox("/tmp/box/mails"), key=lambda mail: "::" in mail["Authentication-Results"]):
    value = " ".join(mail["Authentication-Results"].split())
    print(value)
    try:
        authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {value}")
        print("  authres: read")
    except authres.AuthResError as error:
        print(f"  authres: {type(error).__name__}")
    done = subprocess.run(["perl", "-e", PERL, value], capture_output=True)
    print("  Mail::AuthenticationResults:", "error" if done.returncode else "read")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
ip link set lo up
ip -6 address add 2001:db8::1/128 dev lo nodad
exim4 --version | sed -n '1s/ #.*//p'
mkdir /tmp/box && chown mail:mail /tmp/box
timeout 60 exim4 -bdf >/dev/null 2>&1 &
exim=$!
for _ in $(seq 200); do (: </dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
timeout 30 python3 /tmp/mail.py
for _ in $(seq 50); do [ "$(grep -c '^Subject:' /tmp/box/mails)" = 2 ] && break; sleep 0.2; done
kill "$exim"
timeout 30 /mnt/venv/bin/python /tmp/read.py
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen
cat tmp/seen
grep -q 'smtp.remote-ip=2001:db8::1$' tmp/seen || { echo "no longer so: without quotes" >&2; exit 1; }
[ "$(grep -c '^  ' tmp/seen)" = 4 ] || { echo "no longer so: two mails" >&2; exit 1; }
readings=$(sed -n 's/^  //p' tmp/seen | tr '\n' ',')
expected='authres: read,Mail::AuthenticationResults: read,authres: SyntaxError,Mail::AuthenticationResults: read,'
[ "$readings" = "$expected" ] || { echo "no longer so: $expected" >&2; exit 1; }
