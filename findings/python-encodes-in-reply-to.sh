#!/usr/bin/env bash
# Guess: a library never puts the ids in In-Reply-To and References into encoded words: RFC 2047
#   (section 5) allows those in text, comments and phrases only, and an id is none of them.
# What happens: Python's EmailMessage does so as soon as an id is longer than what fits the first
#   line, as those of Exchange Online are (about 80 octets). Message-ID itself is spared (it has a
#   header class of its own), so that a mail has a plain id and hidden ones. Python's own older
#   reader (message_from_bytes without a policy) returns the encoded words as they stand; Node's
#   mailparser decodes them.
# Why it matters to a mail gateway: whoever looks for `<…@…>` in In-Reply-To takes a CRM's answer to
#   a candidate at Microsoft 365 for no answer; whoever threads by it loses the thread.
# Versions: Python 3.11.7, 3.12.1 and 3.13.0; mailparser 3.7.1 (npm); 2026-11-28.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund mailparser@3.7.1 >/dev/null

cat >write.py <<'PYTHON'
import sys
from email.message import EmailMessage
from email.policy import SMTP

answered = "<AM0PR04MB123456789012345678901234567890ABCDE@AM0PR04MB1234.eurprd04.prod.example.org>"
answer = EmailMessage(policy=SMTP)
answer["From"], answer["To"] = "office@example.org", "ann@example.net"
answer["Subject"] = "Re: Your application"
answer["Message-ID"] = answered.replace("AM0", "BN0")
answer["In-Reply-To"] = answered
answer["References"] = answered
answer.set_content("Thank you.\n")
sys.stdout.buffer.write(answer.as_bytes())
PYTHON
python3 write.py >answer.eml

echo "$(python3 --version) writes:"
sed -n '/^Message-ID:/,/^Content-Type:/p' answer.eml | tr -d '\r' | sed '$d' | tee seen
grep -q '^Message-ID: <BN0' seen || { echo "no longer so: a plain Message-ID" >&2; exit 1; }
for field in In-Reply-To References; do
    grep -q "^$field: =?utf-8?q?=3C" seen || { echo "no longer so: $field is encoded" >&2; exit 1; }
done

echo "Read again:"
python3 - <<'PYTHON' | tee read
from email import message_from_binary_file

with open("answer.eml", "rb") as file:
    print("Python, as it reads by default:", message_from_binary_file(file)["In-Reply-To"][:24])
PYTHON
node -e '
const { simpleParser } = require("mailparser");
simpleParser(require("fs").readFileSync("answer.eml"))
  .then((mail) => console.log("mailparser 3.7.1:", mail.inReplyTo.slice(0, 24)));' | tee -a read
grep -q 'default: =?utf-8?q?=3C' read || { echo "no longer so: Python decodes it" >&2; exit 1; }
grep -q 'mailparser 3.7.1: <AM0' read || { echo "no longer so: mailparser decodes it" >&2; exit 1; }
