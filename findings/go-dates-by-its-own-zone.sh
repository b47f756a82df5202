#!/usr/bin/env bash
# Guess: mail.ParseDate of Go, "parses an RFC 5322 date string", gives `EST` the five hours RFC 5322
#   (4.3) gives it, and fails, or says UTC, for names it doesn't know. The machine has no part in it.
# What happens: the machine's own time zone decides. Where TZ is America/New_York, `EST` is -0500;
#   in Berlin or under UTC, as containers run, it is +0000 by the name of EST, without an error:
#   five hours early. `CET`, which RFC 5322 doesn't know, is +0100 in Berlin and +0000 elsewhere.
#   (time.Parse says of itself that it makes up such zones; net/mail hands them on.)
# Why it matters to a mail gateway: the same mail has two dates on two machines. Who finds a mail
#   again by its date, sorts a conversation or asks whether it came before an unsubscription, in Go on
#   one side and in Python (-0500 everywhere) on the other, gets two answers.
# Versions: Go 1.19.8 (Debian 12), Python 3.11.7; 2026-11-28. Needs go and the zones of tzdata.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >read.go <<'GO'
package main

import (
	"fmt"
	"net/mail"
	"time"
)

func main() {
	for _, zone := range []string{"EST", "CET", "+0100"} {
		date, err := mail.ParseDate("Sat, 28 Nov 2026 10:00:00 " + zone)
		fmt.Println(zone, "->", date.UTC().Format(time.RFC3339), err)
	}
}
GO
go version
GOCACHE="$work/cache" GOTOOLCHAIN=local timeout 240 nice go build -o read read.go
for zone in UTC Europe/Berlin America/New_York; do
    TZ=$zone timeout 10 ./read | sed "s|^|TZ=$zone: |"
done | tee seen
echo "Python: $(python3 -c '
from email.utils import parsedate_to_datetime
print(parsedate_to_datetime("Sat, 28 Nov 2026 10:00:00 EST").isoformat())')"
for line in 'TZ=UTC: EST -> 2026-11-28T10:00:00Z <nil>' \
    'TZ=Europe/Berlin: EST -> 2026-11-28T10:00:00Z <nil>' \
    'TZ=America/New_York: EST -> 2026-11-28T15:00:00Z <nil>' \
    'TZ=UTC: CET -> 2026-11-28T10:00:00Z <nil>' \
    'TZ=Europe/Berlin: CET -> 2026-11-28T09:00:00Z <nil>'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
