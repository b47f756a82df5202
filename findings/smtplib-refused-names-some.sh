#!/usr/bin/env bash
# Guess: smtplib's SMTPRecipientsRefused is what its documentation says: all recipients were refused,
#   and its `recipients` has each of them with the reply; nobody else can be in it or missing.
# What happens: a 421 at any RCPT (the server shuts down, or has had enough of this client) raises
#   it, too, with those refused so far only. Of three recipients the first was accepted, the second
#   heard 421, the third was never named to the server: `recipients` has the second, nobody gets the
#   mail. A 421 at MAIL, DATA and after the dot raises exceptions of their own, without recipients.
# Why it matters to a mail gateway: a CRM that marks as failed whom the exception names takes the
#   others for sent, and tries again the one alone: two people never get the mail. A gateway or server
#   that wants to put off one recipient says 450 or 451 at RCPT; 421 there loses the others.
# Versions: Python 3.11.7; 2026-11-28.
set -euo pipefail

python3 --version
timeout 30 python3 - <<'PYTHON'
import smtplib, socket, threading

THREE = ["ann@example.org", "bob@example.org", "cleo@example.org"]


def serve(listener, code, heard):
    """Accepts every recipient but bob, who hears `code`."""
    client, _ = listener.accept()
    with client, client.makefile("rb") as lines:
        client.sendall(b"220 example\r\n")
        for line in lines:
            heard.append(line)
            if line.upper().startswith(b"DATA"):
                client.sendall(b"354 Go on\r\n")
                while lines.readline() != b".\r\n":
                    pass
            if line.upper().startswith(b"RCPT") and b"bob@" in line:
                client.sendall(b"%d 4.3.2 Later\r\n" % code)
            else:
                client.sendall(b"221 Bye\r\n" if line.upper().startswith(b"QUIT") else b"250 2.0.0 Ok\r\n")


def send(code):
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, code, heard), daemon=True).start()
        with smtplib.SMTP(*listener.getsockname(), timeout=5) as client:
            try:
                said = "returned", client.sendmail("office@example.org", THREE, "Subject: Hello\n\nHello\n")
            except smtplib.SMTPRecipientsRefused as error:
                said = "SMTPRecipientsRefused", error.recipients
    asked = sum(line.upper().startswith(b"RCPT") for line in heard)
    sent = any(line.upper().startswith(b"DATA") for line in heard)
    print(f"{code} for the second of three: {said[0]} {said[1]}; RCPT said {asked} times, mail sent: {sent}")
    return said[0], list(said[1]), asked, sent


if send(451) != ("returned", ["bob@example.org"], 3, True):
    raise SystemExit("no longer so: 451 is that recipient's alone")
if send(421) != ("SMTPRecipientsRefused", ["bob@example.org"], 2, False):
    raise SystemExit("no longer so: the exception for all names one")
PYTHON
