#!/usr/bin/env bash
# Guess: whoever signs mail with DKIM as shipped and adds List-Unsubscribe and List-Unsubscribe-Post
#   has one-click unsubscribe: a signer that covers the first covers the second, which was made for it.
# What happens: OpenDKIM's default list of fields, that of RFC 6376 (5.4.1), is older than RFC 8058. It
#   signs List-Unsubscribe and leaves List-Unsubscribe-Post out; so does dkimpy's. By RFC 8058 (4) a
#   valid signature must cover both, so a receiver that keeps to it offers no button. nodemailer
#   signs both.
# Why it matters to a mail gateway: the CRM's mail gets the fields, the mail server signs, everything
#   verifies (dkim=pass), and the button never shows. The cure at OpenDKIM: `SignHeaders
#   *,+list-unsubscribe,+list-unsubscribe-post`, better `OversignHeaders` as well.
# Versions: Debian 12's opendkim 2.11.0~beta2, dkimpy 1.1.8, nodemailer 10.6.1; 2026-11-28.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir deb root
packages=$(apt-get install -s --no-install-recommends opendkim 2>/dev/null | awk '/^Inst/ {print $2}')
(cd deb && timeout 120 apt-get download -q $packages opendkim >/dev/null 2>&1)
for package in deb/*.deb; do dpkg -x "$package" root; done
echo "opendkim $(dpkg-deb -f deb/opendkim_*.deb Version), dkimpy 1.1.8, nodemailer 10.6.1"
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | tr '\n' ':')
python3 -m venv venv
timeout 120 venv/bin/pip install -q dkimpy==1.1.8 2>/dev/null
timeout 120 npm install --silent --no-fund --no-audit nodemailer@10.6.1 >/dev/null 2>&1

openssl genrsa -traditional -out key.pem 2048 2>/dev/null
chmod 600 key.pem
printf '%s\r\n' 'From: Ann <ann@example.org>' 'To: bob@example.net' 'Subject: News' \
    'Date: Sat, 28 Nov 2026 10:00:00 +0000' 'List-Unsubscribe: <https://example.org/u/1>' \
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click' '' 'Hello' >mail.eml

printf '%s\n' 'Mode s' 'Domain example.org' 'Selector s' "KeyFile $work/key.pem" \
    'RequireSafeKeys no' "UserID $(id -un)" "Socket local:$work/socket" >opendkim.conf
LD_LIBRARY_PATH=$libraries timeout 30 root/usr/sbin/opendkim -x opendkim.conf -t mail.eml -vvv \
    >opendkim.txt 2>&1
timeout 30 venv/bin/python - >dkimpy.txt <<'PYTHON'
from pathlib import Path

import dkim

key = Path("key.pem").read_bytes()
print(dkim.sign(Path("mail.eml").read_bytes(), b"s", b"example.org", key).decode())
PYTHON
cat >sign.js <<'JAVASCRIPT'
const fs = require('fs')
const dkim = { domainName: 'example.org', keySelector: 's', privateKey: fs.readFileSync('key.pem', 'utf8') }
const transport = require('nodemailer').createTransport({ streamTransport: true, buffer: true, dkim })
transport.sendMail({ raw: fs.readFileSync('mail.eml'), envelope: { from: 'ann@example.org', to: 'bob@example.net' } })
    .then(sent => console.log(sent.message.toString()))
JAVASCRIPT
timeout 30 node sign.js >nodemailer.txt

# The fields of h=, on one line in lower case.
signed() { tr -d '\r\n\t ' <"$1" | grep -o '[;'"'"']h=[^;]*' | head -n 1 | cut -c 4- | tr 'A-Z' 'a-z'; }
for signer in opendkim dkimpy nodemailer; do
    fields=":$(signed $signer.txt):"
    post=no
    case $fields in *:list-unsubscribe-post:*) post=yes ;; esac
    case $fields in *:list-unsubscribe:*) ;; *) echo "$signer signs neither: $fields"; exit 1 ;; esac
    echo "$signer signs List-Unsubscribe-Post: $post  ($fields)"
    echo "$signer=$post" >>seen
done
[ "$(tr '\n' ' ' <seen)" = "opendkim=no dkimpy=no nodemailer=yes " ] || { echo "no longer so"; exit 1; }
