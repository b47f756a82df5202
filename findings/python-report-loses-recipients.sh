#!/usr/bin/env bash
# Guess: get_content() of Python's EmailMessage gives a bounce's message/delivery-status as a whole:
#   all its blocks of fields, or an error, as the class has for kinds it can't give.
# What happens: it gives the first block alone. That is the one about the report (Reporting-MTA,
#   Arrival-Date); those about the recipients (RFC 3464, 2.3: Final-Recipient, Action, Status) are
#   left out without a word. They are had only as the part's payload, a list of messages, one a block.
# Why it matters to a mail gateway: whoever reads every part with get_content(), as new programs do, and
#   looks for `Final-Recipient:` sees bounces that name nobody. The CRM goes on writing to addresses
#   that do not exist.
# Versions: Python 3.11.7; 2026-11-28.
set -euo pipefail

python3 --version
timeout 20 python3 - <<'PYTHON'
from email import message_from_bytes, policy

REPORT = b"""\
From: MAILER-DAEMON@example.org
To: office@example.org
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Two of them could not be reached.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; ann@example.net
Action: failed
Status: 5.1.1

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.2.2

--b--
"""
report = message_from_bytes(REPORT, policy=policy.default)
[status] = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
content = status.get_content()
blocks = [dict(block.items()) for block in status.get_payload()]
print("get_content():", content)
print("get_payload():", *blocks, sep="\n  ")
recipients = [block.get("Final-Recipient") for block in blocks]
if b"Reporting-MTA" not in content or b"Final-Recipient" in content:
    raise SystemExit("no longer so: get_content() has other blocks than the first")
if recipients != [None, "rfc822; ann@example.net", "rfc822; bob@example.net"]:
    raise SystemExit("no longer so: the payload has a message a block")
PYTHON
