#!/usr/bin/env bash
# Guess: what writes a newsletter's CSS into its tags changes `style` attributes; the merge tags of the service that
#   sends it are text like any other and stay where they are. `*|IF:…|*` around a row of a table shows the
#   row to whom it is meant for.
# What happens: css-inline (Python) and inline-css (npm) read HTML as browsers do, and text between rows isn't
#   allowed there: by the standard it goes before the table ("foster parenting"). So do `*|IF:…|*` and
#   `*|END:IF|*`, one behind the other with nothing between them, and the row is shown to everybody. The same
#   with `{% if %}`. Inside a cell conditions stay. premailer and juice leave both where they are.
# Why it matters to a mail gateway: mails are made of tables, and a condition for a group (staff, one country, who
#   has an appointment) is written around rows. What is meant for some goes to all members of the campaign, or to
#   all whom a trigger's template is rendered for, and the tags are still there in pairs. Put conditions
#   inside cells or around whole tables, or write them after the CSS was inlined, and look at what they enclose.
# Versions: css-inline 0.24.0 and premailer 3.10.0 (PyPI), Python 3.11.7; inline-css 4.0.3 and juice 11.1.1 (npm), Node
#   as installed; 2026-11-30.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 180 venv/bin/pip install -q css-inline==0.24.0 premailer==3.10.0 2>/dev/null
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund inline-css@4.0.3 juice@11.1.1 >/dev/null

# Two newsletters for each language of conditions: around a row, and inside a cell.
cat >make.py <<'PYTHON'
import pathlib

STYLE = "<head><style>td { color: red }</style></head>"
for name, begin, end in ("mailchimp", "*|IF:STAFF=yes|*", "*|END:IF|*"), ("jinja", "{% if staff %}", "{% endif %}"):
    row = f"{begin}\n<tr><td>For staff</td></tr>\n{end}\n<tr><td>For all</td></tr>"
    cell = f"<tr><td>{begin}For staff{end}</td></tr>\n<tr><td>For all</td></tr>"
    for place, rows in ("row", row), ("cell", cell):
        page = f"<html>{STYLE}<body><p>Hello</p><table>\n{rows}\n</table></body></html>"
        pathlib.Path(f"{name}-{place}.html").write_text(page)
PYTHON
cat >inline.py <<'PYTHON'
import pathlib

import css_inline
import premailer

for path in list(pathlib.Path().glob("*-*.html")):
    pathlib.Path(f"{path.stem}.css-inline").write_text(css_inline.inline(path.read_text()))
    pathlib.Path(f"{path.stem}.premailer").write_text(premailer.transform(path.read_text()))
PYTHON
cat >inline.js <<'JS'
const { readdirSync, readFileSync, writeFileSync } = require("fs");
const juice = require("juice");
const inlineCss = require("inline-css");
for (const name of readdirSync(".").filter((name) => name.endsWith(".html"))) {
  const [page, stem] = [readFileSync(name, "utf8"), name.replace(".html", "")];
  writeFileSync(`${stem}.juice`, juice(page));
  inlineCss(page, { url: "https://example.org/" }).then((inlined) => writeFileSync(`${stem}.inline-css`, inlined));
}
JS
cat >tell.py <<'PYTHON'
import pathlib
import re

CONDITIONAL = re.compile(r"(?:\*\|IF:.*?\|\*|{% if .*? %})(.*?)(?:\*\|END:IF\|\*|{% endif %})", re.S)
changed = False
for path in sorted(pathlib.Path().glob("*-*.*")):
    text = path.read_text()
    if path.suffix not in (".css-inline", ".inline-css", ".premailer", ".juice"):
        continue
    [between] = CONDITIONAL.findall(text)
    between = " ".join(re.sub(r"<[^>]*>", " ", between).split())
    print(f"{path.suffix[1:]}, {path.stem}: for staff alone: {between!r}")
    is_moved = path.suffix in (".css-inline", ".inline-css") and path.stem.endswith("-row")
    is_inlined = len(re.findall(r'<td style="color: ?red;?">', text)) == 2 and "For staff" in text
    changed = changed or not is_inlined or between != ("" if is_moved else "For staff")
raise SystemExit("no longer so" if changed else 0)
PYTHON
python3 make.py
venv/bin/pip list 2>/dev/null | grep -E '^(css-inline|premailer) ' | tr -s ' '
npm ls --depth 0 | grep -oE '(juice|inline-css)@.*'
timeout 60 venv/bin/python inline.py
timeout 60 node inline.js
timeout 30 python3 tell.py
