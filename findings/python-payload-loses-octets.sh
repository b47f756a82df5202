#!/usr/bin/env bash
# Guess: get_payload() of Python's Message, without decode=True, returns the content of a part as it
#   stands: its documentation says that it decodes nothing then.
# What happens: octets above ASCII (8bit, binary, or base64 with a stray octet in it) are decoded by
#   the charset of the part, or of ASCII, and what doesn't fit is U+FFFD. The same call returns text
#   for one part and damage for the next; the octets can't be had back from it. decode=True keeps
#   them, but decodes base64 and quoted-printable too.
# Why it matters to a mail gateway: whoever streams attachments and therefore takes the payload
#   undecoded stores `cv.txt`, a vCard or a PDF that came in 8bit or binary damaged, or not at all
#   where surrogates are expected. ASCII files, and all that is in base64, work: tests don't show it.
# Versions: Python 3.11.7; 2026-11-28.
set -euo pipefail

python3 --version
timeout 20 python3 - <<'PYTHON'
from email import message_from_bytes

PARTS = {
    "a PDF in binary": (b"application/pdf", b"binary", b"%PDF-1.4 \x80\xe9\xff"),
    "a vCard in 8bit, UTF-8": (b"text/vcard", b"8bit", "FN:Müller".encode()),
    "a CSV in 8bit, UTF-8": (b"text/csv; charset=utf-8", b"8bit", "Größe;1".encode()),
}
changed = False
for name, (kind, encoding, octets) in PARTS.items():
    part = message_from_bytes(
        b"Content-Type: " + kind + b"\nContent-Transfer-Encoding: " + encoding + b"\n\n" + octets
    )
    undecoded = part.get_payload()
    try:
        had_back = undecoded.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        had_back = None
    print(f"{name}: get_payload() is {undecoded!r}; octets had back: {had_back == octets};"
          f" with decode=True: {part.get_payload(decode=True) == octets}")
    changed = changed or had_back == octets or part.get_payload(decode=True) != octets
raise SystemExit("no longer so: octets can be had back" if changed else 0)
PYTHON
