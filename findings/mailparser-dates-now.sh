#!/usr/bin/env bash
# Guess: a mail whose Date the library can't read has no date (`undefined`), as one without the
#   field has, or an invalid one.
# What happens: Node's mailparser gives the moment of reading. So does each later reading, another
#   one every time. It takes what JavaScript's Date takes: `CET`, and the military zones of RFC 5322
#   (4.3), which are valid, are not among it; `EST` and `+0100 (CET)` are.
# Why it matters to a mail gateway: an old mail that is imported or filed again stands on top of a
#   person's history as today's, answers come before their questions, and a check for duplicates or
#   for "younger than the consent" by date never sees the same mail twice. Nothing tells such a date
#   from a real one, save the field as text (`headerLines`).
# Versions: mailparser 3.7.1 (npm), Node as installed; 2026-11-28.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund mailparser@3.7.1 >/dev/null

cat >read.js <<'JS'
const { simpleParser } = require("mailparser");
const DATES = ["10:00:00 +0100 (CET)", "10:00:00 EST", "10:00:00 CET", "10:00:00 A", null];
(async () => {
  console.log("mailparser", require("mailparser/package.json").version, "Node", process.version);
  for (const time of DATES) {
    const field = time === null ? "" : `Date: Mon, 6 Jan 2020 ${time}\r\n`;
    const { date } = await simpleParser(`From: ann@example.org\r\n${field}\r\nHello\r\n`);
    const seen = date === undefined ? "undefined"
      : Date.now() - date.getTime() < 60000 ? "now" : date.toISOString();
    console.log(`${field.trim() || "no Date"} -> ${seen}`);
  }
})();
JS
timeout 30 node read.js | tee seen
for line in 'Date: Mon, 6 Jan 2020 10:00:00 +0100 (CET) -> 2020-01-06T09:00:00.000Z' \
    'Date: Mon, 6 Jan 2020 10:00:00 CET -> now' 'Date: Mon, 6 Jan 2020 10:00:00 A -> now' \
    'no Date -> undefined'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
