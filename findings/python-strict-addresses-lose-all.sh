#!/usr/bin/env bash
# Guess: getaddresses() of the Pythons that parse addresses strictly (3.13, 3.12.6, Debian 12's 3.11.2)
#   gives ('', '') in the place of a field that is malformed, as its docstring says; the other
#   fields' addresses, and valid ones, are there.
# What happens: it counts commas, and where their number isn't that of the addresses, [('', '')] is the
#   answer for all fields together. A comma in a comment, `Ann (Sales, EU) <ann@…>`, is one too many;
#   so is one behind the last address, which RFC 5322 (4.4) wants every reader to take. smtplib's
#   send_message() hands over To, Cc and Bcc at once: with such a comma in Cc it says `RCPT TO:<>`
#   alone, and SMTPRecipientsRefused names ''. Nobody gets the mail. It is so with MIMEText and what
#   was parsed without a policy; EmailMessage writes its fields anew, without either comma.
# Why it matters to a mail gateway: a CRM's mail that went for years fails after an update of the system,
#   with a refusal of `<>`, and no log names whom it was to. A gateway that asks To and Cc of mail
#   that came back finds nobody in them. Ask for each field by itself, and with strict=False where
#   nothing is allowed to anybody for such an address.
# Versions: Debian 12's python3.11 3.11.2-6+deb12u8 (3.13.0 by hand: the same), before: Python 3.11.7;
#   2026-11-29. Needs what Debian's python3 needs.
set -euo pipefail

VERSION=3.11.2-6+deb12u8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in {python3.11-minimal,libpython3.11-minimal,libpython3.11-stdlib}="$VERSION"; do
    timeout 120 apt-get download -qq "$package" >/dev/null 2>&1 || true
done
for file in *.deb; do dpkg-deb -x "$file" .; done
[ -x usr/bin/python3.11 ] || { echo "python3.11 $VERSION can't be had" >&2; exit 1; }

cat >try.py <<'PYTHON'
"""Reads lists of addresses, and sends mails to them."""
import smtplib, socketserver, sys, threading
from email.message import EmailMessage
from email.mime.text import MIMEText
from email.utils import getaddresses

RECIPIENTS = []


class Server(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            if verb == b"RCPT":
                to = line.decode().strip().partition(":")[2]
                RECIPIENTS.append(to)
                answer = "501 5.1.3 No address" if to == "<>" else answer
            elif verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            elif verb == b"QUIT":
                answer = "221 2.0.0 Bye"
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


def sent(client, kind, cc):
    mail = kind("Hello") if kind is MIMEText else kind()
    mail["From"], mail["To"], mail["Cc"] = "office@example.com", "ann@example.org", cc
    RECIPIENTS.clear()
    try:
        client.send_message(mail)
        outcome = "sent"
    except smtplib.SMTPRecipientsRefused as error:
        outcome = f"refused: {[*error.recipients]}"
    return f"{' '.join(RECIPIENTS)} {outcome}"


print("Python", sys.version.split()[0])
for fields in (
    ["ann@example.org", '"Doe, Bob" <bob@example.org>'],
    ["ann@example.org", "Bob (Sales, EU) <bob@example.org>"],
    ["ann@example.org", "bob@example.org,"],
):
    print(f"{' | '.join(fields)}: {[address for _, address in getaddresses(fields)]}")
with Listener(("127.0.0.1", 0), Server) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with smtplib.SMTP(*server.server_address, timeout=5) as client:
        for kind in MIMEText, EmailMessage:
            for cc in "bob@example.org", "Bob (Sales, EU) <bob@example.org>", "bob@example.org,":
                print(f"{kind.__name__}, Cc {cc}: {sent(client, kind, cc)}")
    server.shutdown()
PYTHON
PYTHONHOME=$work/usr timeout 30 usr/bin/python3.11 try.py | tee seen
for line in 'ann@example.org | "Doe, Bob" <bob@example.org>: '"['ann@example.org', 'bob@example.org']" \
    "ann@example.org | Bob (Sales, EU) <bob@example.org>: ['']" "ann@example.org | bob@example.org,: ['']" \
    'MIMEText, Cc bob@example.org: <ann@example.org> <bob@example.org> sent' \
    "MIMEText, Cc Bob (Sales, EU) <bob@example.org>: <> refused: ['']" \
    "MIMEText, Cc bob@example.org,: <> refused: ['']" \
    'EmailMessage, Cc Bob (Sales, EU) <bob@example.org>: <ann@example.org> <bob@example.org> sent' \
    'EmailMessage, Cc bob@example.org,: <ann@example.org> <bob@example.org> sent'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
