#!/usr/bin/env bash
# Guess: `$mailer->close or die`, as the documentation of Perl's Mail::Mailer (MailTools) has it, dies where the
#   server took the mail for nobody. So it does where the content is refused. The envelope's sender is the
#   mail's From, as with other libraries, so that who wrote it is told by a bounce whatever is overlooked.
# What happens: no answer to MAIL, RCPT and DATA is looked at. Where Postfix refused the only recipient, and then
#   DATA, the mail comes all the same; Postfix says "221 … I can break rules, too. Goodbye." to its first line
#   and hangs up, and where the connection is gone `close` is true. (It is false where that is seen in its very
#   last step, which is rare. By hand: true as well, every other time, where a server hangs up in the middle of
#   3000 lines.) Of three with one refused the others get it: true. The sender is whom the program runs as, at
#   this machine, unless `new` is given a `From`, too.
# Why it matters to a mail gateway: a suppressed person counts as written to, with `or die` in every place. The
#   refused one is named in nothing that the program sees, and a bounce or a gateway's report goes to the web
#   server's own user. Before such a program refuse after the content, and have it name the sender.
# Versions: libmailtools-perl 2.21-2, Postfix 3.7.11-0+deb12u1 (Debian 12), Perl as installed (Net::SMTP 3.14);
#   2026-11-30. Needs root (a file system and a network of its own).
set -euo pipefail

PACKAGES=(libmailtools-perl=2.21-2 postfix=3.7.11-0+deb12u1)
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
cp usr/share/postfix/master.cf.dist etc/postfix/master.cf
sed -i -E 's/^([a-z]+ +[a-z]+ +[-yn] +[-yn] +)[-y] /\1n /; s/^smtp +inet/127.0.0.1:2525 inet/' \
    etc/postfix/master.cf
cat >etc/postfix/main.cf <<'CONF'
compatibility_level = 3.7
myhostname = mx.example.com
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
maillog_file = /var/log/postfix.log
default_transport = discard
smtpd_recipient_restrictions = check_recipient_access inline:{{bob@example.org = 550 5.7.1 Bob is left out}},
    permit_mynetworks, reject
header_checks = regexp:/etc/postfix/refused
CONF
echo '/^Subject: refused/ REJECT Not this content' >etc/postfix/refused
cat >tmp/send.pl <<'PERL'
use strict;
use warnings;
use Mail::Mailer;

my ($subject, @to) = @ARGV;
my $mailer = Mail::Mailer->new('smtp', Server => '127.0.0.1', Port => 2525);
$mailer->open({ From => 'office@example.com', To => \@to, Subject => $subject });
print $mailer "Hello\n";
print $mailer->close ? "true\n" : "false\n";
PERL
cat >tmp/run.sh <<'SH'
set -euo pipefail
python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
postfix start 2>/dev/null
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
echo "MailTools $(perl -MMail::Mailer -e 'print Mail::Mailer->VERSION'), Net::SMTP" \
    "$(perl -MNet::SMTP -e 'print Net::SMTP->VERSION'), Postfix $(postconf -h mail_version)"

# Sends ten times: how often `close` was true, and to how many Postfix says that it sent the mail.
try() {
    : >/tmp/closed
    : >/var/log/postfix.log
    for _ in $(seq 10); do timeout 30 perl /tmp/send.pl "$@" >>/tmp/closed 2>/dev/null; done
    for _ in $(seq 100); do
        [ "$(grep -c ' disconnect from ' /var/log/postfix.log)" = 10 ] && ! mailq | grep -q '^[0-9A-F]' && break
        sleep 0.1
    done
    true=$(grep -c true /tmp/closed || true)
    sent=$(grep -c ' status=sent ' /var/log/postfix.log || true)
    echo "$*: close is true $true times in 10; sent: $sent"
    [ "$1" != only ] || sed -n 's/.*\(reject: RCPT\) .*; \(from=<.*>\) to=.*/  Postfix: \1 \2/p
        s/.*\(non-SMTP command\) from [^:]*: \([A-Z][a-z]*:\).*/  Postfix: \1/p' /var/log/postfix.log | sort -u
}
try taken ann@example.org
[ "$true $sent" = '10 10' ]
try refused ann@example.org
[ "$true $sent" = '0 0' ]
try one-of-three ann@example.org bob@example.org cleo@example.org
[ "$true $sent" = '10 20' ]
try only bob@example.org | tee /tmp/only
grep -q 'true [1-9][0-9]* times in 10; sent: 0$' /tmp/only
grep -q 'from=<root@' /tmp/only
SH
if ! unshare --net chroot . bash /tmp/run.sh; then
    echo "no longer so" >&2
    exit 1
fi
