#!/usr/bin/env bash
# Guess: a mail forwarded inline has the note of whoever forwards it above "-------- Original Message
#   --------", and below that line, to the end, what was forwarded, as Thunderbird, Outlook and their
#   kin write it.
# What happens: s-nail's `forward` writes the line and the original first and lets the user type
#   after it. The note stands at the very end, behind an empty line of the original, and nothing marks
#   where that ends (`forward-inject-tail` could, it isn't set). The fields above it are the mail's
#   own with the date as it came, and the mailbox's `Status:` among them.
# Why it matters to a mail gateway: whoever files a forwarded mail under its first author cuts at that
#   line. What a recruiter noted for the office ("don't hire") is filed, and quoted back, as the
#   candidate's own words, and the note above it is empty. Without a mark of s-nail's own (User-Agent)
#   such a mail can't be told from a forward without a note.
# Versions: s-nail 14.9.24-2 (Debian 12); 2026-11-28.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
timeout 120 apt-get download -qq s-nail=14.9.24-2 >/dev/null 2>&1 || true
for file in *.deb; do dpkg-deb -x "$file" root; done
[ -x root/usr/bin/s-nail ] || { echo "s-nail 14.9.24-2 can't be had" >&2; exit 1; }
export HOME=$work LC_ALL=C.UTF-8 MAILRC=/dev/null

cat >inbox <<'MAIL'
From ann@example.net Mon Nov 23 09:15:02 2026
From: Ann <ann@example.net>
To: office@example.com
Subject: Vacancy
Date: Mon, 23 Nov 2026 09:15:00 +0100
Message-ID: <1@example.net>

Is it still open?

MAIL
printf '#!/bin/sh\ncat >%q/sent.eml\n' "$work" >mta
chmod 755 mta

# -# and -~: commands, and those within a mail (~. ends it), are read from the pipe as from a terminal.
printf '%s\n' 'forward 1 import@example.org' 'She was with us in 2019.' '~.' 'exit' |
    timeout 20 root/usr/bin/s-nail -n -# -~ -S mta="$work/mta" -S from=office@example.com \
        -S sendwait -R -f inbox >log 2>&1 || { cat log >&2; exit 1; }
[ -s sent.eml ] || { cat log >&2; echo "s-nail sent nothing" >&2; exit 1; }

grep '^User-Agent:' sent.eml
sed '1,/^$/d' sent.eml | tee seen
[ "$(head -n 1 seen)" = "-------- Original Message --------" ] ||
    { echo "no longer so: something stands above the original" >&2; exit 1; }
[ "$(tail -n 3 seen)" = $'Is it still open?\n\nShe was with us in 2019.' ] ||
    { echo "no longer so: the note is last, and unmarked" >&2; exit 1; }
grep -qx 'Date: Mon, 23 Nov 2026 09:15:00 +0100' seen || { echo "no longer so: Date" >&2; exit 1; }
