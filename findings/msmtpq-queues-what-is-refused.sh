#!/usr/bin/env bash
# Guess: a mail queue keeps what was answered 4xx or not at all, and tells the sender of a 5xx.
# What happens: msmtpq takes every failure of msmtp for one of the connection. A mail whose recipient
#   is refused with 550 is put into the queue, the program that sent it hears exit code 0, and each
#   run of the queue, which every later mail that goes out starts, tries it again, for ever. A mail to
#   three of whom one is refused reaches none of them.
# Why it matters to a mail gateway: a CRM that sends through msmtpq never hears of a refusal, and one
#   suppressed recipient makes a refusal a minute in the journal until somebody empties the queue.
# Versions: msmtp 1.8.23-1 (Debian 12); 2026-11-28.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
timeout 120 apt-get download -qq msmtp=1.8.23-1 libgsasl18 libntlm0 libsecret-1-0 libidn12 \
    libgssglue1 >/dev/null 2>&1
for package in *.deb; do dpkg-deb -x "$package" .; done

cat >server.py <<'PYTHON'
"""Refuses `refused@…` for good and takes everybody else."""
import pathlib, socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() != b".\r\n":
                    pass
                self.say("250 2.0.0 Taken")
            elif b"refused@" in line:
                with open("refusals", "a") as file:
                    file.write("550\n")
                self.say("550 5.7.1 Never")
            else:
                self.say("221 Bye" if verb == b"QUIT" else "250 Ok")
                if verb == b"QUIT":
                    return

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
    pathlib.Path("port.new").write_text(str(server.server_address[1]))
    pathlib.Path("port.new").rename("port")
    server.serve_forever()
PYTHON
timeout 60 python3 server.py &
server=$!
for _ in $(seq 50); do [ -e port ] && break; sleep 0.1; done

export LD_LIBRARY_PATH="$work/usr/lib/$(uname -m)-linux-gnu" PATH="$work/usr/bin:$work/usr/libexec/msmtp/msmtpq:$PATH" HOME="$work"
export EMAIL_CONN_NOTEST=y MSMTPQ_Q="$work/queue" MSMTPQ_LOG="$work/log"
mkdir -m 700 queue
printf 'account default\nhost 127.0.0.1\nport %s\nfrom office@example.org\n' "$(cat port)" >.msmtprc
chmod 600 .msmtprc
msmtp --version | head -n 1

code=0
printf 'Subject: Hello\n\nHello\n' | timeout 20 msmtpq -- \
    ann@example.org refused@example.org bob@example.org >said 2>&1 || code=$?
echo "msmtp says: $(grep -m 1 'server message' said); msmtpq ends with $code"
[ "$code" = 0 ] || { echo "no longer so: exit $code" >&2; exit 1; }
for _ in 1 2; do
    timeout 20 msmtp-queue -r </dev/null >/dev/null 2>&1 || true
done
kept=$(find queue -name '*.mail' | wc -l)
echo "Mails still in the queue: $kept; refusals so far: $(wc -l <refusals)"
if [ "$kept" != 1 ] || [ "$(wc -l <refusals)" -lt 3 ]; then
    echo "no longer so: it is given up" >&2
    exit 1
fi
