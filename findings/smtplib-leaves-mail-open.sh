#!/usr/bin/env bash
# Guess: whatever becomes of a mail, smtplib's sendmail() ends what it began: it says RSET before it
#   raises, as it does when a server refuses, and the next mail on that connection has a fresh start.
# What happens: an address beyond ASCII among the recipients raises UnicodeEncodeError when it comes to
#   it, after MAIL and the RCPTs before, and nothing is said to the server. The next mail, to somebody
#   else, hears 503 for its MAIL ("nested MAIL command" at Postfix; RFC 5321, 4.1.4) and raises
#   SMTPSenderRefused; that one says RSET, and the third mail goes. send_message() looks first, and
#   raises without a word to the server.
# Why it matters to a mail gateway: of a mailing over one connection the wrong mail seems to fail as well,
#   and its exception blames the sender, whose address is fine. In the gateway's journal stands neither
#   of them. Connections are closed after any exception that isn't an SMTPException.
# Versions: Python 3.11.7; 2026-11-29.
set -euo pipefail

python3 --version
timeout 30 python3 - <<'PYTHON'
import smtplib, socketserver, threading
from email.message import EmailMessage

HEARD = []


class Strict(socketserver.StreamRequestHandler):
    """Takes a MAIL only where none is open, as RFC 5321 has it."""

    def handle(self):
        self.say("220 example")
        is_open = False
        for line in self.rfile:
            verb = line.split()[0].upper().decode()
            HEARD.append(verb)
            answer = "250 2.0.0 Ok"
            if verb == "MAIL" and is_open:
                answer = "503 5.5.1 Error: nested MAIL command"
            elif verb == "DATA":
                self.say("354 Go on")
                while self.rfile.readline() != b".\r\n":
                    pass
            elif verb == "QUIT":
                answer = "221 2.0.0 Bye"
            is_open = verb in ("MAIL", "RCPT")
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


def outcome(send, *arguments):
    HEARD.clear()
    try:
        send(*arguments)
        result = "sent"
    except Exception as error:
        result = type(error).__name__
    print(f"{send.__name__} to {arguments[1] if len(arguments) > 1 else arguments[0]['To']}:"
          f" {result}; the server heard {' '.join(HEARD)}")
    return result, [verb for verb in HEARD if verb != "EHLO"]


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Strict) as server:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = "Subject: Hello\n\nHello\n"
    with smtplib.SMTP(*server.server_address, timeout=5) as client:
        seen = [
            outcome(client.sendmail, "office@example.com", to, text)
            for to in (["ann@example.org", "jörg@example.org"], ["bob@example.org"], ["cleo@example.org"])
        ]
        mail = EmailMessage()
        mail["From"], mail["To"] = "office@example.com", "ann@example.org, jörg@example.org"
        seen.append(outcome(client.send_message, mail))
    server.shutdown()
expected = [
    ("UnicodeEncodeError", ["MAIL", "RCPT"]),
    ("SMTPSenderRefused", ["MAIL", "RSET"]),
    ("sent", ["MAIL", "RCPT", "DATA"]),
    ("SMTPNotSupportedError", []),
]
raise SystemExit("no longer so" if seen != expected else 0)
PYTHON
