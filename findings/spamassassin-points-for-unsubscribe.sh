#!/usr/bin/env bash
# Guess: to SpamAssassin a newsletter with List-Unsubscribe and List-Unsubscribe-Post, which receivers
#   ask for, is as good as one without, or better.
# What happens: List-Unsubscribe without a List-Id is "incomplete mailing list headers" to it. A mail
#   with up to 1 kB of HTML that has no DKIM signature yet gets a point of its five for that
#   (LIST_PARTIAL_SHORT_MSG). With a List-Id, a signature (of whatever worth), more HTML, or as text
#   alone it gets none.
# Why it matters to a mail gateway: what adds the two fields to the short mails of a CRM makes them worse
#   where SpamAssassin looks before they are signed (a filter for outgoing mail, a colleague's mailbox).
#   Have it signed where the fields are added, or let the CRM write List-Id as well.
# Versions: spamassassin 4.0.1-1~deb12u1 (Debian 12), its rules as packaged, no look-ups; 2026-11-29.
#   Needs root (a file system of its own).
set -euo pipefail

VERSION=4.0.1-1~deb12u1
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    timeout 400 unshare --mount --pid --propagation private --fork --kill-child \
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
    --allow-downgrades "spamassassin=$VERSION" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }

UNSUBSCRIBE='List-Unsubscribe: <https://example.org/u/1>
List-Unsubscribe-Post: List-Unsubscribe=One-Click'
SIGNATURE='DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=a; h=from:to:subject;
 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=c2lnbmF0dXJl'

# Says whether a mail of that kind (html or plain) with these fields more gets the rule's points.
ask() {
    printf '%s\n' 'From: Office <office@example.org>' 'To: Ann <ann@example.net>' "Date: $(date -R)" \
        'Subject: News of the week' 'Message-ID: <1@example.org>' ${3:+"$3"} 'MIME-Version: 1.0' \
        "Content-Type: text/$2; charset=us-ascii" '' \
        '<html><body><p>Dear Ann, the office moves in May.</p></body></html>' >tmp/mail
    points=$(HOME=/tmp timeout 100 unshare --net chroot . spamassassin -L -t <tmp/mail 2>/dev/null |
        awk '$2 == "LIST_PARTIAL_SHORT_MSG" {print $1; exit}')
    echo "$1: ${points:-none}"
}
{
    echo "spamassassin $VERSION"
    ask 'short HTML' html ''
    ask 'with the fields to unsubscribe' html "$UNSUBSCRIBE"
    ask 'with them and a List-Id' html "$UNSUBSCRIBE
List-Id: <news.example.org>"
    ask 'with them and signed' html "$UNSUBSCRIBE
$SIGNATURE"
    ask 'with them, as text' plain "$UNSUBSCRIBE"
} | tee tmp/seen
for line in 'short HTML: none' 'with the fields to unsubscribe: 1.0' 'with them and a List-Id: none' \
    'with them and signed: none' 'with them, as text: none'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
