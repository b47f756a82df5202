#!/usr/bin/env bash
# Guess: what signs mail with DKIM and verifies its own signature has a signature that is valid to others: `relaxed`
#   is written down in full (RFC 6376, 3.4.2), blanks are spaces and tabs, and every library has vectors to test with.
# What happens: dkimpy takes a vertical tab and a form feed in a header for blanks, too, and makes a space of them.
#   OpenDKIM finds the signature bad then, by a Subject with such a character anywhere in it; Mail::DKIM, which takes
#   them for blanks within a line, by one at its end. dkimpy itself finds all of them valid. With `simple` for the
#   header all three agree. In a body all agree anyway.
# Why it matters to a mail gateway: a vertical tab is what Word has for a line break within a paragraph; pasted into the
#   CRM's field for the subject it stays, and nobody sees it. That one mailing goes out with a bad signature, fails
#   DMARC where SPF doesn't help, and every test of the set-up passes. What signs with dkimpy takes `simple` for such
#   a header, or takes the character out before.
# Versions: dkimpy 1.1.8 (PyPI), Python 3.11.7, opendkim 2.11.0~beta2-8+deb12u1, libmail-dkim-perl
#   1.20230212-2~deb12u1, dnsmasq-base 2.90-4~deb12u2 (Debian 12); 2026-11-30. Needs root (a file system and a
#   network of its own).
set -euo pipefail
OPENDKIM=2.11.0~beta2-8+deb12u1

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/root"
    python3 -m venv "$work/venv"
    timeout 180 "$work/venv/bin/pip" install -q dkimpy==1.1.8 2>/dev/null
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
    --allow-downgrades "opendkim=$OPENDKIM" "opendkim-tools=$OPENDKIM" \
    libmail-dkim-perl=1.20230212-2~deb12u1 dnsmasq-base=2.90-4~deb12u2 >tmp/apt.log 2>&1 \
    || { tail -n 5 tmp/apt.log >&2; exit 1; }
rm -f etc/resolv.conf
echo nameserver 127.0.0.1 >etc/resolv.conf
cat >tmp/sign.py <<'PYTHON'
import base64, subprocess
import dkim

key = open("/tmp/key.pem", "rb").read()
command = ["openssl", "rsa", "-in", "/tmp/key.pem", "-pubout", "-outform", "DER"]
der = subprocess.run(command, capture_output=True, check=True).stdout
record = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
open("/tmp/record", "w").write(",".join(f'"{record[at:at + 200]}"' for at in range(0, len(record), 200)))
HEADER = (
    b"From: office@example.com\r\nTo: ann@example.org\r\nSubject: %s\r\n"
    b"Date: Mon, 30 Nov 2026 10:00:00 +0000\r\n\r\n"
)
MAILS = {
    "plain": (b"Jobs in the north", b"Hello\r\n"),
    "vertical-tab": (b"Jobs in\vthe north", b"Hello\r\n"),
    "form-feed": (b"Jobs in\fthe north", b"Hello\r\n"),
    "at-the-end": (b"Jobs in the north\v", b"Hello\r\n"),
    "in-the-body": (b"Jobs in the north", b"Hello\vyou\f \v\r\n\f\r\n"),
}
for form in (b"relaxed", b"simple"):
    for name, (subject, body) in MAILS.items():
        mail = HEADER % subject + body
        signed = dkim.sign(mail, b"s1", b"example.com", key, canonicalize=(form, b"relaxed")) + mail
        valid = dkim.verify(signed, dnsfunc=lambda *_, **__: record.encode())
        file = f"/tmp/mails/{form.decode()}.{name}"
        open(file, "wb").write(signed)
        open(f"{file}.dkimpy", "w").write("valid" if valid else "bad")
PYTHON
cat >tmp/verify.pl <<'PERL'
use Mail::DKIM::Verifier;
my $verifier = Mail::DKIM::Verifier->new;
binmode STDIN;
while (<STDIN>) { $verifier->PRINT($_) }
$verifier->CLOSE;
print $verifier->result eq "pass" ? "valid" : "bad";
PERL
cat >tmp/run.sh <<'SH'
set -euo pipefail
ip link set lo up
mkdir /tmp/mails
openssl genrsa -out /tmp/key.pem 2048 2>/dev/null
/mnt/venv/bin/python /tmp/sign.py
echo "txt-record=s1._domainkey.example.com,$(cat /tmp/record)" >/tmp/dns.conf
dnsmasq --conf-file=/tmp/dns.conf --no-resolv --no-hosts --listen-address=127.0.0.1 --bind-interfaces \
    --pid-file=/tmp/dns.pid >/dev/null 2>&1
for file in /tmp/mails/*.dkimpy; do
    mail=${file%.dkimpy}
    said=$(timeout 20 opendkim-testmsg <"$mail" 2>&1 || true)
    case $said in *'Bad signature'*) opendkim=bad ;; '') opendkim=valid ;; *) opendkim=$said ;; esac
    echo "$(basename "$mail"): dkimpy $(cat "$file"), OpenDKIM $opendkim, Mail::DKIM $(timeout 20 perl /tmp/verify.pl <"$mail")"
done
kill "$(cat /tmp/dns.pid)"
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen
cat tmp/seen
for line in 'relaxed.plain: dkimpy valid, OpenDKIM valid, Mail::DKIM valid' \
    'relaxed.vertical-tab: dkimpy valid, OpenDKIM bad, Mail::DKIM valid' \
    'relaxed.form-feed: dkimpy valid, OpenDKIM bad, Mail::DKIM valid' \
    'relaxed.at-the-end: dkimpy valid, OpenDKIM valid, Mail::DKIM bad' \
    'relaxed.in-the-body: dkimpy valid, OpenDKIM valid, Mail::DKIM valid' \
    'simple.vertical-tab: dkimpy valid, OpenDKIM valid, Mail::DKIM valid' \
    'simple.form-feed: dkimpy valid, OpenDKIM valid, Mail::DKIM valid' \
    'simple.at-the-end: dkimpy valid, OpenDKIM valid, Mail::DKIM valid'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
