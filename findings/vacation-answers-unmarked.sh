#!/usr/bin/env bash
# Guess: a program for notices of absence that heeds Auto-Submitted in the mail it gets (RFC 3834) writes
#   it into its answers; and it answers no mail of a list.
# What happens: Debian's `vacation` is silent about `Auto-Submitted: auto-generated` and `Precedence:
#   bulk`, but its own answer has neither of them, nor In-Reply-To, nor any field but what the user put
#   into .vacation.msg, and the envelope sender is the user (`-z` makes it <>). It answers a mail with
#   List-Id; one with List-Unsubscribe alone, or X-Auto-Response-Suppress: All, is answered by maildrop's
#   mailbot, too, which marks its answer.
# Why it matters to a mail gateway: such a notice can't be told from a mail that a person wrote, but by
#   its words. A newsletter marked for one click, and not with Precedence or List-Id as well, brings one
#   from each such reader; a program that answers everything that isn't marked answers them.
# Versions: vacation 3.3.3, maildrop 2.9.3-2.1 (Debian 12); 2026-11-29. Needs root (a file system of its
#   own, where sendmail writes down what it gets).
set -euo pipefail

PACKAGES=(vacation=3.3.3 maildrop=2.9.3-2.1)
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
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }

rm -f usr/sbin/sendmail usr/lib/sendmail
cat >usr/sbin/sendmail <<'SH'
#!/bin/sh
# One file per mail, whole at once: the arguments, and the mail.
{ echo "sendmail $*"; cat; } >"/tmp/sent/.$$" && mv "/tmp/sent/.$$" "/tmp/sent/$$"
SH
chmod 755 usr/sbin/sendmail
ln -s /usr/sbin/sendmail usr/lib/sendmail
grep -q '^ann:' etc/passwd || echo 'ann:x:976:976::/tmp/ann:/bin/sh' >>etc/passwd
cat >tmp/run.sh <<'SH'
set -euo pipefail
mkdir -p /tmp/ann /tmp/sent
printf 'Subject: Away\nFrom: Ann <ann@example.org>\n\nBack on Monday.\n' >/tmp/ann/.vacation.msg
echo 'Back on Monday.' >/tmp/ann/away.txt
chown -R ann /tmp/ann /tmp/sent
as_ann() { HOME=/tmp/ann timeout 20 setpriv --reuid=ann --regid=976 --clear-groups "$@"; }

# Gives both a mail with one more field. vacation hands its answer on in the background.
ask() {
    printf '%s\n' 'Return-Path: <office@example.com>' 'From: Office <office@example.com>' \
        'To: ann@example.org' 'Subject: Your application' 'Message-ID: <1@example.com>' \
        ${1:+"$1"} '' 'Hello' >/tmp/mail
    rm -f /tmp/sent/* /tmp/ann/.vacation.db /tmp/ann/answered*
    as_ann vacation -i
    as_ann vacation ann </tmp/mail
    for _ in $(seq 10); do [ -n "$(ls /tmp/sent)" ] && break; sleep 0.1; done
    [ -z "$(ls /tmp/sent)" ] || mv /tmp/sent/* /tmp/ann/answered.vacation
    as_ann mailbot -t /tmp/ann/away.txt -A 'From: Ann <ann@example.org>' /usr/sbin/sendmail -f '' </tmp/mail
    [ -z "$(ls /tmp/sent)" ] || mv /tmp/sent/* /tmp/ann/answered.mailbot
    echo "${1:-no mark}: answered by$(ls /tmp/ann | sed -n 's/^answered\./ /p' | tr -d '\n')"
}
ask ''
sed '/^$/,$d; s/^/vacation writes: /' /tmp/ann/answered.vacation
sed -n 's/^\(Auto-Submitted\|Precedence\|In-Reply-To\):/mailbot writes: &/p' /tmp/ann/answered.mailbot
ask 'Auto-Submitted: auto-generated'
ask 'Precedence: bulk'
ask 'List-Id: <news.example.com>'
ask 'List-Unsubscribe: <https://example.com/u/1>'
ask 'X-Auto-Response-Suppress: All'
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen
cat tmp/seen
for line in 'no mark: answered by mailbot vacation' 'vacation writes: sendmail -f ann -- office@example.com' \
    'mailbot writes: Auto-Submitted: auto-replied' 'Auto-Submitted: auto-generated: answered by' \
    'Precedence: bulk: answered by' 'List-Id: <news.example.com>: answered by vacation' \
    'List-Unsubscribe: <https://example.com/u/1>: answered by mailbot vacation' \
    'X-Auto-Response-Suppress: All: answered by mailbot vacation'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
if grep -qi 'vacation writes: \(Auto-Submitted\|Precedence\|In-Reply-To\)' tmp/seen; then
    echo "no longer so: its answer is marked" >&2
    exit 1
fi
