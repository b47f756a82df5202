#!/usr/bin/env bash
# Guess: DKIM signs the fields that a mail has. One that is added on the way and wasn't there isn't covered,
#   but breaks nothing: only From is signed once more than it is there, as a guard against a second one.
# What happens: Exim, as shipped, puts into h= every field of RFC 6376's list (5.4.1) that a mail may have, be it
#   there or not, and so signs that there is none: of Sender, Reply-To, Cc, List-Unsubscribe, List-Id, all
#   Resent- fields and more. Whoever adds one of them makes it dkim=fail, on top or below. List-Unsubscribe-Post
#   and fields of one's own may be added. What dkimpy or nodemailer signs as shipped stays valid each time.
# Why it matters to a mail gateway: a gateway that adds List-Unsubscribe behind Exim breaks the CRM's
#   signature, and under DMARC its mail is lost where SPF doesn't help; a gateway must not add to what is
#   signed, by whomever. A colleague who sends a mail on with Resent-To, or a list that changes nothing and
#   names itself, makes the mail of some senders untrusted, of others not. Cure at Exim: dkim_sign_headers.
# Versions: exim4-daemon-light 4.96-15+deb12u11 (Debian 12), dkimpy 1.1.8, nodemailer 10.6.1 (npm), Node as
#   installed; 2026-11-29. Needs root (a file system and a network of its own).
set -euo pipefail

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/node" "$work/root"
    (cd "$work/node" && npm init -y >/dev/null &&
        timeout 120 npm install --silent --no-audit --no-fund nodemailer@10.6.1 >/dev/null)
    python3 -m venv "$work/venv"
    timeout 180 "$work/venv/bin/pip" install -q dkimpy==1.1.8 2>/dev/null
    openssl genrsa -out "$work/key.pem" 2048 2>/dev/null
    openssl rsa -in "$work/key.pem" -pubout -outform DER -out "$work/public.der" 2>/dev/null
    timeout 300 unshare --mount --pid --propagation private --fork --kill-child \
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
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades {exim4-base,exim4-config,exim4-daemon-light}=4.96-15+deb12u11 >tmp/apt.log 2>&1 ||
    { tail -n 5 tmp/apt.log >&2; exit 1; }
install -m 644 "$2/key.pem" tmp/key.pem
cat >etc/exim4/exim.conf <<'CONF'
primary_hostname = mx.example.org
tls_advertise_hosts =
keep_environment =
log_file_path = /tmp/exim-%slog
begin routers
next:
  driver = manualroute
  route_list = * 127.0.0.1::2525
  self = send
  transport = next
begin transports
next:
  driver = smtp
  dkim_domain = example.org
  dkim_selector = exim
  dkim_private_key = /tmp/key.pem
begin retry
CONF
cat >tmp/mail <<'MAIL'
From: Office <office@example.org>
To: Jo <jo@example.net>
Subject: News
Message-ID: <one@example.org>
Date: Sun, 29 Nov 2026 10:00:00 +0100

Hello
MAIL
cat >tmp/server.py <<'PYTHON'
"""Keeps the one mail that Exim sends."""
import os, socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            answer = "250 Ok"
            if line.upper().startswith(b"DATA"):
                self.say("354 Go on")
                with open("/tmp/new", "wb") as file:
                    file.writelines(iter(self.rfile.readline, b".\r\n"))
                os.rename("/tmp/new", "/tmp/exim.eml")
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


socketserver.ThreadingTCPServer(("127.0.0.1", 2525), Session).serve_forever()
PYTHON
cat >"$2/node/sign.js" <<'JS'
const fs = require("fs");
const nodemailer = require("nodemailer");

const dkim = { domainName: "example.org", keySelector: "nodemailer", privateKey: fs.readFileSync("/tmp/key.pem", "utf8") };
const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows", dkim });
const envelope = { from: "office@example.org", to: "jo@example.net" };
transport.sendMail({ raw: fs.readFileSync("/tmp/mail"), envelope }, (error, info) => {
    if (error) throw error;
    fs.writeFileSync("/tmp/nodemailer.eml", info.message);
});
JS
cat >tmp/check.py <<'PYTHON'
"""Says which signatures stay valid when a field is added on top of the mail."""
import base64, pathlib, re, subprocess
from importlib.metadata import version

import dkim

print("dkimpy", version("dkimpy"))
PUBLIC = base64.b64encode(pathlib.Path("/mnt/public.der").read_bytes())
KEY = pathlib.Path("/tmp/key.pem").read_bytes()
mail = pathlib.Path("/tmp/mail").read_bytes().replace(b"\n", b"\r\n")
pathlib.Path("/tmp/dkimpy.eml").write_bytes(dkim.sign(mail, b"dkimpy", b"example.org", KEY) + mail)
ADDED = (
    "",
    "List-Unsubscribe: <https://mail.example.org/u/1>",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    "List-Id: <news.example.org>",
    "Reply-To: crm@example.org",
    "Resent-To: bob@example.org",
    "X-Mailing: 1",
)
for signer in "exim", "dkimpy", "nodemailer":
    signed = pathlib.Path(f"/tmp/{signer}.eml").read_bytes()
    names = re.search(rb"\bh=([^;]*);", signed, re.IGNORECASE)[1]
    has = sum(name.strip().lower() == b"list-unsubscribe" for name in names.split(b":"))
    print(f"{signer}: fields in h= {len(names.split(b':'))}, List-Unsubscribe {has}")
    for field in ADDED:
        text = f"{field}\r\n".encode() * bool(field) + signed
        below = signed.replace(b"\r\n\r\n", f"\r\n{field}\r\n\r\n".encode(), 1) if field else signed
        valid = [
            dkim.verify(each, dnsfunc=lambda *name, **rest: b"v=DKIM1; k=rsa; p=" + PUBLIC)
            for each in (text, below)
        ]
        print(f"{signer} with {field.split(':')[0] or 'nothing'}: on top {valid[0]}, below {valid[1]}")
PYTHON
cat >tmp/run.sh <<'SH'
set -euo pipefail
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
timeout 60 /usr/bin/python3 /tmp/server.py &
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/2525) 2>/dev/null && break; sleep 0.1; done
timeout 30 exim4 -C /etc/exim4/exim.conf -odf -f office@example.org jo@example.net </tmp/mail >/tmp/exim-out 2>&1
[ -e /tmp/exim.eml ] || { cat /tmp/exim-out /tmp/exim-mainlog >&2; exit 1; }
timeout 20 node /mnt/node/sign.js
timeout 30 /mnt/venv/bin/python /tmp/check.py
SH
unshare --net chroot . bash /tmp/run.sh >tmp/seen
chroot . dpkg-query -W exim4-daemon-light
cat tmp/seen
for signer in exim dkimpy nodemailer; do
    for field in nothing List-Unsubscribe-Post X-Mailing; do
        grep -qx "$signer with $field: on top True, below True" tmp/seen || { echo "no longer so: $signer, $field" >&2; exit 1; }
    done
    kept=True
    [ "$signer" != exim ] || kept=False
    for field in List-Unsubscribe List-Id Reply-To Resent-To; do
        grep -qx "$signer with $field: on top $kept, below $kept" tmp/seen || { echo "no longer so: $signer, $field" >&2; exit 1; }
    done
done
