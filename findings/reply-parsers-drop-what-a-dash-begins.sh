#!/usr/bin/env bash
# Guess: what takes the quoted mail and the signature off a reply knows a signature by a line `-- ` or by its
#   being short, at the end, and known words ("Sent from my iPhone"). What is in the middle of a text without a
#   quote stays, as what is unclear does.
# What happens: to email_reply_parser (Python) and node-email-reply-parser a signature is whatever follows an empty
#   line and begins with a dash and a letter or digit, with `--` or with `__`, and it goes on to the end or to a
#   quote. Of "these days suit me:" with a list of days (`-Monday at ten`), a telephone number and a name below
#   nothing but that line is left; of "thanks" and "__I withdraw my application.__" the thanks. A list with a
#   blank behind its dashes stays. email-reply-parser (npm, by others) and mail-parser-reply keep all of them.
# Why it matters to a mail gateway: a CRM that files candidates' replies so shows "Hello," for an answer, without
#   a word that there was more; a test with two sentences has none of it. File the whole text, fold what looks like
#   a quote or a signature, and never drop it.
# Versions: email_reply_parser 0.5.12 and mail-parser-reply 1.36 (PyPI), Python 3.11.7; node-email-reply-parser 0.1.4
#   and email-reply-parser 2.3.7 (npm), Node as installed; 2026-11-30.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install -q email_reply_parser==0.5.12 mail-parser-reply==1.36 2>/dev/null
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund node-email-reply-parser@0.1.4 \
    email-reply-parser@2.3.7 >/dev/null

cat >texts.json <<'JSON'
{
  "days": "Hello,\n\nthese days suit me:\n\n-Monday at ten\n-Tuesday at noon\n\nPlease ring me, 555 0100.\n\nAnn\n",
  "days with blanks": "Hello,\n\nthese days suit me:\n\n- Monday at ten\n- Tuesday at noon\n\nAnn\n",
  "bold": "Dear Bob,\n\nthanks.\n\n__I withdraw my application.__\n\nAnn\n",
  "heading": "Thank you!\n\n--- My answers ---\n\n1. yes\n2. no\n"
}
JSON
cat >read.py <<'PYTHON'
import json
import pathlib
from importlib.metadata import version

import email_reply_parser
import mailparser_reply

for name, text in json.loads(pathlib.Path("texts.json").read_text()).items():
    replies = {
        "email_reply_parser": email_reply_parser.EmailReplyParser.parse_reply(text),
        "mail-parser-reply": mailparser_reply.EmailReplyParser(languages=["en"]).parse_reply(text),
    }
    for library, reply in replies.items():
        what = "all" if reply.strip() == text.strip() else json.dumps(reply.strip())
        print(f"{library} {version(library)}, {name}: {what}")
PYTHON
cat >read.js <<'JS'
const { readFileSync } = require("fs");
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
const shortest = require("node-email-reply-parser");
const Parser = require("email-reply-parser").default ?? require("email-reply-parser");
for (const [name, text] of Object.entries(JSON.parse(readFileSync("texts.json")))) {
  const replies = {
    "node-email-reply-parser": shortest(text, true),
    "email-reply-parser": new Parser().read(text).getVisibleText(),
  };
  for (const [library, reply] of Object.entries(replies)) {
    const what = reply.trim() === text.trim() ? "all" : JSON.stringify(reply.trim());
    console.log(`${library} ${version(library)}, ${name}: ${what}`);
  }
}
JS
{ timeout 60 venv/bin/python read.py; timeout 60 node read.js; } | tee seen
for library in 'email_reply_parser 0.5.12' 'node-email-reply-parser 0.1.4'; do
    for rest in 'days: "Hello,\n\nthese days suit me:"' 'days with blanks: all' \
        'bold: "Dear Bob,\n\nthanks."' 'heading: "Thank you!"'; do
        grep -qxF "$library, $rest" seen || { echo "no longer so: $library, $rest" >&2; exit 1; }
    done
done
for library in 'mail-parser-reply 1.36' 'email-reply-parser 2.3.7'; do
    if [ "$(grep -c "^$library, .*: all$" seen)" != 4 ]; then
        echo "no longer so: $library keeps all" >&2
        exit 1
    fi
done
