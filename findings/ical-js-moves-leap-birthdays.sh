#!/usr/bin/env bash
# Guess: a birthday on 29 February that repeats yearly (RRULE:FREQ=YEARLY) is in every calendar on that
#   day in leap years, and in other years nowhere: RFC 5545 (3.3.10) has invalid dates ignored.
# What happens: ical.js, with which Thunderbird and Nextcloud show calendars, puts it on 1 March in the
#   other years. So does BYMONTH=2 alone; with BYMONTHDAY=29 beside it the day is left out as the RFC
#   says. In months without a 31st ical.js leaves FREQ=MONTHLY out, too. dateutil and rrule.js leave
#   out all of them. All read the same file.
# Why it matters to a mail gateway: a recruiter sees "1 March" in the calendar that the CRM exports,
#   the program that mails on birthdays finds nobody for four years, or mails on 28 February. Which
#   day it is must be said by a setting, and a list of birthdays taken from a calendar must come from
#   its DTSTART, never from where the calendar shows them.
# Versions: ical.js 2.2.1 and rrule 2.8.1 (npm), Node as installed, python-dateutil 2.9.0.post0;
#   2026-11-29.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund ical.js@2.2.1 rrule@2.8.1 >/dev/null
python3 -m venv venv
timeout 120 venv/bin/pip install -q python-dateutil==2.9.0.post0 2>/dev/null

cat >days.mjs <<'JS'
import ICAL from "ical.js";
import rrule from "rrule";

const RULES = ["FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=2", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"];
for (const rule of RULES) {
  const days = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromDateString("2024-02-29"));
  console.log("ical.js", rule, [1, 2, 3, 4, 5].map(() => days.next().toString()).join(" "));
}
const months = ICAL.Recur.fromString("FREQ=MONTHLY").iterator(ICAL.Time.fromDateString("2026-01-31"));
console.log("ical.js FREQ=MONTHLY", [1, 2, 3].map(() => months.next().toString()).join(" "));
const others = rrule.rrulestr("DTSTART:20240229T000000Z\nRRULE:FREQ=YEARLY");
const shown = others.all((_, number) => number < 2).map((day) => day.toISOString().slice(0, 10));
console.log("rrule.js FREQ=YEARLY", shown.join(" "));
JS
{
    timeout 30 node days.mjs
    timeout 30 venv/bin/python -c '
from dateutil.rrule import rrulestr
days = rrulestr("DTSTART:20240229T000000\nRRULE:FREQ=YEARLY")
print("dateutil FREQ=YEARLY", *(f"{day:%Y-%m-%d}" for day in days[:2]))'
} | tee seen
for line in 'ical.js FREQ=YEARLY 2024-02-29 2025-03-01 2026-03-01 2027-03-01 2028-02-29' \
    'ical.js FREQ=YEARLY;BYMONTH=2 2024-02-29 2025-03-01 2026-03-01 2027-03-01 2028-02-29' \
    'ical.js FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29 2024-02-29 2028-02-29 2032-02-29 2036-02-29 2040-02-29' \
    'ical.js FREQ=MONTHLY 2026-01-31 2026-03-31 2026-05-31' \
    'rrule.js FREQ=YEARLY 2024-02-29 2028-02-29' 'dateutil FREQ=YEARLY 2024-02-29 2028-02-29'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
