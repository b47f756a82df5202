#!/usr/bin/env bash
# Guess: an absence notice made by Sieve (RFC 5230) is marked `Auto-Submitted: auto-replied` and
#   carries no mark of bulk mail: it is one answer to one person.
# What happens: Dovecot's Pigeonhole also writes `Precedence: bulk` and `X-Auto-Response-Suppress:
#   All`, and it threads: In-Reply-To is the mail it answers, References that mail's own chain and
#   its id.
# Why it matters to a mail gateway: a rule "Precedence: bulk is a mailing" that is asked before
#   "auto-replied" takes one person's answer to one person for a mailing.
# Versions: dovecot-core and dovecot-sieve 1:2.3.19.1+dfsg1-2.1+deb12u7 (Pigeonhole 0.5.19), Debian
#   12, 2026-11-28. Needs root (chroot, apt).
set -euo pipefail

VERSION=1:2.3.19.1+dfsg1-2.1+deb12u7
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get update -qq >/dev/null 2>&1 || true
mapfile -t needed < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
    --no-breaks --no-replaces --no-enhances "dovecot-sieve=$VERSION" | grep -E '^(lib|zlib|dovecot)' |
    grep -v -- ':\|dev$' | sort -u)
for package in "${needed[@]}"; do
    case $package in
        dovecot-core | dovecot-sieve) package=$package=$VERSION ;;
    esac
    timeout 60 apt-get download -qq "$package" >/dev/null 2>&1 || true
done
for file in *.deb; do dpkg-deb -x "$file" root; done
[ -x root/usr/bin/sieve-test ] || { echo "dovecot-sieve $VERSION can't be had" >&2; exit 1; }

mkdir -p root/{lib,lib64,etc,dev,tmp,home}
for folder in lib lib64; do cp -an "root/usr/$folder/." "root/$folder/" 2>/dev/null || true; done
chmod 777 root/tmp root/home
: >root/dev/null
chmod 666 root/dev/null
printf 'root:x:0:0::/home:/bin/sh\nnobody:x:65534:65534::/home:/bin/sh\n' >root/etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' >root/etc/group
cat >root/etc/sieve.conf <<'CONF'
mail_location = maildir:/home/mail
base_dir = /tmp/run
ssl = no
log_path = /tmp/log
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
CONF
cat >root/tmp/away.sieve <<'SIEVE'
require ["vacation"];
vacation :subject "Away" "Back on Monday.";
SIEVE
cat >root/tmp/mail.eml <<'MAIL'
From: Office <office@example.org>
To: Ann <ann@example.net>
Subject: Your application
Message-ID: <second@example.org>
References: <first@example.org>
Date: Sat, 28 Nov 2026 10:00:00 +0100

When would it suit you?
MAIL

timeout 30 chroot root /usr/bin/sieve-test -c /etc/sieve.conf -o mail_home=/home \
    -a ann@example.net -f office@example.org -e /tmp/away.sieve /tmp/mail.eml >answer.eml 2>log ||
    { cat log >&2; exit 1; }

echo "dovecot-sieve $VERSION writes:"
sed -n '/^X-Sieve/,/^\r*$/p' answer.eml | tr -d '\r' | grep -v '^Message-ID:\|^Date:' | tee seen

for line in 'Auto-Submitted: auto-replied (vacation)' 'Precedence: bulk' \
    'X-Auto-Response-Suppress: All' 'In-Reply-To: <second@example.org>' \
    'References: <first@example.org> <second@example.org>'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
