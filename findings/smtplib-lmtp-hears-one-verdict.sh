#!/usr/bin/env bash
# Guess: smtplib.LMTP speaks LMTP: after the dot it reads a reply for each recipient (RFC 2033, 4.2),
#   and sendmail() returns those refused there as it returns those refused at RCPT.
# What happens: it says LHLO for EHLO, and is SMTP otherwise. The first recipient's verdict counts as
#   everybody's: of ann (250) and bob (550) it returns that nobody was refused. The other verdicts
#   are read as answers to the next commands: the next mail fails at MAIL with bob's refusal, or at
#   DATA with "250", and all later ones on that connection do. Where everybody was taken, leaving
#   `with smtplib.LMTP(…)` raises SMTPResponseException(250), the second one's verdict, for QUIT's.
# Why it matters to a mail gateway: LMTP is offered for the sake of a verdict for each, and here the CRM
#   loses just those: bob counts as sent. A program that takes the exception for a failure sends
#   again what everybody has. With one recipient a mail, as tests do, all is well. Give such programs
#   SMTP, or one recipient a mail.
# Versions: Python 3.11.7 (3.13.0 by hand: the same); 2026-11-29.
set -euo pipefail

python3 --version
timeout 30 python3 - <<'PYTHON'
import smtplib, socketserver, threading


class Server(socketserver.StreamRequestHandler):
    """Answers the dot once for each recipient, and refuses every `refused…` there."""

    def handle(self):
        recipients = []
        self.say("220 example")
        for line in self.rfile:
            verb, answers = line.split()[0].upper(), ["250 2.0.0 Ok"]
            if verb == b"MAIL":
                recipients = []
            elif verb == b"RCPT":
                recipients.append(line.decode().split("<")[1].split("@")[0])
            elif verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                answers = [self.verdict(to) for to in recipients]
            elif verb == b"QUIT":
                answers = ["221 2.0.0 Bye"]
            for answer in answers:
                self.say(answer)

    def verdict(self, to):
        return f"550 5.7.1 Not {to}" if to.startswith("refused") else f"250 2.0.0 Taken for {to}"

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


def outcomes(address, *mails):
    """Send mails over one connection; return what sendmail() made of each, and of the end."""
    seen = []
    try:
        with smtplib.LMTP(*address, timeout=5) as client:
            for recipients in mails:
                to = [f"{name}@example.org" for name in recipients]
                try:
                    seen.append(f"{client.sendmail('office@example.com', to, 'Hello')}")
                except smtplib.SMTPException as error:
                    seen.append(f"{type(error).__name__} {error.smtp_code} {error.smtp_error.decode()}")
        seen.append("a clean end")
    except smtplib.SMTPException as error:
        seen.append(f"{type(error).__name__} {error.smtp_code} {error.smtp_error.decode()}")
    print(*(", ".join(recipients) for recipients in mails), sep=" | ", end=": ")
    print(*seen, sep="; ")
    return seen


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Listener(("127.0.0.1", 0), Server) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one_each = outcomes(server.server_address, ["ann"], ["bob"])
    refused = outcomes(server.server_address, ["ann", "refused"], ["bob"], ["cleo"])
    taken = outcomes(server.server_address, ["ann", "bob"])
    two_more = outcomes(server.server_address, ["ann", "bob"], ["cleo"])
    server.shutdown()
expected = (
    ["{}", "{}", "a clean end"],
    ["{}", "SMTPSenderRefused 550 5.7.1 Not refused", "SMTPDataError 250 2.0.0 Ok"],
    ["{}", "SMTPResponseException 250 2.0.0 Taken for bob"],
    ["{}", "SMTPDataError 250 2.0.0 Ok"],
)
seen = one_each, refused[:3], taken, two_more[:2]
raise SystemExit("no longer so" if seen != expected else 0)
PYTHON
