#!/usr/bin/env bash
# Guess: SheetJS with `cellDates: true` gives a workbook's day as that day's midnight in the zone of the
#   machine, so that getDate() is the day, everywhere. What tests see in Berlin is so in Paris.
# What happens: in Paris it gives 23:59:39 of the day before, in Kolkata 23:59:50, in Shanghai 23:59:17;
#   in Berlin, Amsterdam and New York midnight. It counts from 1899 by getTimezoneOffset(), which has
#   whole minutes: Paris was 9 minutes and 21 seconds ahead of UTC then. In Madrid and Lisbon it errs the
#   other way: what it reads is right by the day, and a workbook it writes from midnights has 23:59:16 of
#   the day before. All days do so, of any year; a 29 February is a 28.
# Why it matters to a mail gateway: a feed of people from there has every birthday a day early, and a
#   date of a contract, too; nobody sees it who tests elsewhere. Such days must be told by the time that
#   they all have in common. (sheet_to_csv, which formats the number itself, is right in Paris; exceljs
#   4.4.0 gives midnights of UTC.)
# Versions: xlsx 0.18.5 (the newest of npm; its makers publish later ones elsewhere), Node as installed
#   (its own tz data); 2026-11-29.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund xlsx@0.18.5 >/dev/null

cat >days.js <<'JS'
const XLSX = require("xlsx");

const options = { cellDates: true };
const shown = (sheet) =>
  XLSX.utils.sheet_to_json(sheet, { header: 1 }).flat()
    .map((day) => day.toString().slice(4, 24)).join(", ");
const written = (cells) => {
  const book = XLSX.utils.book_new();
  XLSX.utils.book_append_sheet(book, cells, "People");
  return XLSX.write(book, { type: "buffer", bookType: "xlsx" });
};
const read = (file, how) => Object.values(XLSX.read(file, how).Sheets)[0];

// A workbook as Excel writes it: whole numbers, formatted as days.
const sheet = XLSX.utils.aoa_to_sheet([[29221], [20514]]);
for (const name of ["A1", "A2"]) sheet[name].z = "yyyy-mm-dd";
const file = written(sheet);
console.log(process.env.TZ, "reads", shown(read(file, options)));
console.log(process.env.TZ, "as CSV", XLSX.utils.sheet_to_csv(read(file, {})).split("\n").join(", "));

const midnights = XLSX.utils.aoa_to_sheet([[new Date(1980, 0, 1)], [new Date(1956, 1, 29)]]);
const numbers = read(written(midnights), {});
const seconds = [numbers.A1, numbers.A2].map(({ v }) => `${Math.floor(v)} + ${Math.round((v % 1) * 86400)} s`);
console.log(process.env.TZ, "writes", seconds.join(", "));
JS
node -p '`xlsx ${require("xlsx").version}, Node ${process.version}, tz data ${process.versions.tz}`'
for zone in Europe/Berlin Europe/Paris Europe/Madrid Asia/Shanghai; do
    TZ=$zone timeout 30 node days.js
done | tee seen
for line in 'Europe/Berlin reads Jan 01 1980 00:00:00, Feb 29 1956 00:00:00' \
    'Europe/Berlin writes 29221 + 0 s, 20514 + 0 s' \
    'Europe/Paris reads Dec 31 1979 23:59:39, Feb 28 1956 23:59:39' \
    'Europe/Paris as CSV 1980-01-01, 1956-02-29' \
    'Europe/Madrid reads Jan 01 1980 00:00:44, Feb 29 1956 00:00:44' \
    'Europe/Madrid writes 29220 + 86356 s, 20513 + 86356 s' \
    'Asia/Shanghai reads Dec 31 1979 23:59:17, Feb 28 1956 23:59:17'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
