#!/usr/bin/env bash
# Guess: a list server keeps for later whom the server behind it put off (4xx), counts a bounce for whom
#   it refused (5xx), and goes on with the next member either way.
# What happens: mlmmj asks where it was said, not what. At RCPT, 450 is a bounce as 550 is: the member
#   never gets that mail, and bounces are what it unsubscribes people for. After the dot, 554 is put
#   off as 451 is: the run ends there, those behind wait for the next one (Debian's cron: two hours),
#   and the refused member goes to the end of that queue, to stop a later run, again and again.
# Why it matters to a mail gateway: one suppressed member, refused after the content, holds up all
#   members behind; at each try one more. A greylisting relay makes people bounce. In front of mlmmj
#   a gateway refuses at RCPT, or has a mail server between them that keeps a queue.
# Versions: mlmmj 1.3.0-4 (Debian 12); 2026-11-29.
set -euo pipefail

VERSION=1.3.0-4
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
timeout 120 apt-get download -qq "mlmmj=$VERSION" >/dev/null 2>&1 || true
for file in *.deb; do dpkg-deb -x "$file" .; done
[ -x usr/bin/mlmmj-receive ] || { echo "mlmmj $VERSION can't be had" >&2; exit 1; }

cat >server.py <<'PYTHON'
"""Answers RCPT or the dot for bob as it is told, and writes down to whom what was said."""
import pathlib, socketserver, sys

WHERE, ANSWER, LOG = sys.argv[1:]


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb, answer = line[:4].upper(), "250 2.0.0 Ok"
            if verb == b"RCPT":
                self.to = line.decode().split("<")[1].split("@")[0]
                answer = self.answer("RCPT", line)
            elif verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                answer = self.answer("dot", line)
            self.say(answer)
            if verb == b"QUIT":
                return

    def answer(self, where, line):
        answer = ANSWER if where == WHERE and self.to == "bob" else "250 2.0.0 Ok"
        if where == "dot" or answer == ANSWER:
            with open(LOG, "a") as log:
                log.write(f"{self.to}:{answer[:3]}\n")
        return answer

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
    pathlib.Path("port.new").write_text(str(server.server_address[1]))
    pathlib.Path("port.new").rename("port")
    server.serve_forever()
PYTHON

# Sends a mail to the list; afterwards "seen" has who heard what, who waits, and who bounced.
try() {
    rm -rf list port heard
    mkdir -p list/{incoming,queue/discarded,archive,text,subconf,unsubconf,bounce,control} \
        list/{moderation,requeue,subscribers.d,digesters.d,nomailsubs.d}
    cp usr/share/mlmmj/text.skel/en/* list/text/
    echo news@example.org >list/control/listaddress
    echo office@example.org >list/control/owner
    echo 127.0.0.1 >list/control/relayhost
    printf '%s@example.org\n' ann bob cleo dirk >list/subscribers.d/a
    : >heard
    timeout 60 python3 server.py "$1" "$2" heard &
    server=$!
    for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
    cp port list/control/smtpport
    printf '%s\n' 'Return-Path: <office@example.org>' 'From: office@example.org' \
        'To: news@example.org' 'Subject: News' '' 'Hello' |
        timeout 20 "$work/usr/bin/mlmmj-receive" -F -L "$work/list" >log 2>&1
    # It has come to its end when the mail is in the archive or waits for the next run.
    for _ in $(seq 100); do
        [ -n "$(find list/archive list/requeue -type f)" ] && [ -z "$(find list/queue -type f)" ] && break
        sleep 0.1
    done
    first=$(tr '\n' ' ' <heard)
    waits=$(cat list/requeue/*/subscribers 2>/dev/null | tr '\n' ' ' || true)
    bounces=$(ls list/bounce)
    echo "$2 at $1: ${first}| waits: $waits| bounces: $bounces"
    seen="$first|$waits|$bounces"
    kill "$server"
}
expect() { [ "$1" = "$2" ] || { echo "no longer so: $2" >&2; exit 1; }; }

echo "mlmmj $VERSION"
try RCPT '550 5.7.1 Never'
expect "$seen" 'ann:250 bob:550 cleo:250 dirk:250 ||bob=example.org'
try RCPT '450 4.7.1 Later'
expect "$seen" 'ann:250 bob:450 cleo:250 dirk:250 ||bob=example.org'
try dot '451 4.7.1 Later'
expect "$seen" 'ann:250 bob:451 |cleo@example.org dirk@example.org bob@example.org |'
try dot '554 5.7.1 Never'
expect "$seen" 'ann:250 bob:554 |cleo@example.org dirk@example.org bob@example.org |'
