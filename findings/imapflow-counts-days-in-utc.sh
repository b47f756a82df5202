#!/usr/bin/env bash
# Guess: imapflow's search() with new Date(2026, 10, 29), that day's midnight on this machine, says
#   29-Nov-2026: IMAP's search knows days only (RFC 9051, 6.4.4), and it is the 29th here. `before` that
#   midnight is `BEFORE 29-Nov-2026`: the mail of the days that are over.
# What happens: it takes the day in UTC. In Berlin `sentOn` and `since` say 28-Nov-2026. `before` takes the
#   next day unless the moment is a midnight of UTC: in Berlin that makes it the 29th again, in New York
#   the 30th, with all of the 29th's mail in it, also what came after the moment. A text, "2026-11-29", is
#   the 29th everywhere. node-imap says the 29th of such a Date everywhere, but of the text, in New York,
#   the 28th: who goes over from one to the other has to change just what was right.
# Why it matters to a mail gateway: what archives or removes what came `before` today takes along today's
#   bounces and replies in America, read or not; what looks at those `sentOn` today gets yesterday's in
#   Europe, and none of today's. Containers in UTC, and tests there, show nothing.
# Versions: imapflow 2.10.2, imap (node-imap) 0.8.19 (npm), Node as installed; 2026-11-29.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 200 npm install --silent --no-audit --no-fund imapflow@2.10.2 imap@0.8.19 >/dev/null

cat >server.py <<'PYTHON'
"""An IMAP server with one mail, which writes down what is searched for."""
import pathlib, socketserver

ANSWERS = {
    "CAPABILITY": ["CAPABILITY IMAP4rev1"],
    "NAMESPACE": ['NAMESPACE (("" "/")) NIL NIL'],
    "LIST": ['LIST (\\HasNoChildren) "/" "INBOX"'],
    "SELECT": ["FLAGS (\\Seen)", "1 EXISTS", "OK [UIDVALIDITY 1] Valid", "OK [UIDNEXT 2] Next"],
    "EXAMINE": ["FLAGS (\\Seen)", "1 EXISTS", "OK [UIDVALIDITY 1] Valid", "OK [UIDNEXT 2] Next"],
    "UID": ["SEARCH 1"],
    "LOGOUT": ["BYE Closing"],
}


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] Hello\r\n")
        for line in self.rfile:
            tag, command, *rest = line.decode().split()
            if command.upper() == "UID":
                with open("heard", "a") as file:
                    file.write(" ".join(rest) + "\n")
            for answer in ANSWERS.get(command.upper(), []):
                self.wfile.write(f"* {answer}\r\n".encode())
            self.wfile.write(f"{tag} OK Done\r\n".encode())
            if command.upper() == "LOGOUT":
                return


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Listener(("127.0.0.1", 0), Session) as server:
    pathlib.Path("port.new").write_text(str(server.server_address[1]))
    pathlib.Path("port.new").rename("port")
    server.serve_forever()
PYTHON
cat >imapflow.mjs <<'JS'
import { ImapFlow } from "imapflow";

const client = new ImapFlow({
  host: "127.0.0.1", port: Number(process.argv[2]), secure: false, doSTARTTLS: false,
  auth: { user: "ann", pass: "none" }, logger: false,
});
await client.connect();
const lock = await client.getMailboxLock("INBOX");
const midnight = new Date(2026, 10, 29);
for (const query of [{ sentOn: midnight }, { since: midnight }, { before: midnight }, { before: "2026-11-29" }])
  await client.search(query, { uid: true });
lock.release();
await client.logout();
JS
cat >node-imap.cjs <<'JS'
const Imap = require("imap");

const client = new Imap({ user: "ann", password: "none", host: "127.0.0.1", port: Number(process.argv[2]) });
const midnight = new Date(2026, 10, 29);
const queries = [
  ["SENTON", midnight], ["SINCE", midnight], ["BEFORE", midnight], ["BEFORE", "2026-11-29"],
];
const next = () => (queries.length ? client.search([queries.shift()], next) : client.end());
client.once("ready", () => client.openBox("INBOX", true, next));
client.on("error", (error) => { throw error; });
client.connect();
JS
timeout 120 python3 server.py &
server=$!
for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
for name in imapflow imap; do
    node -p "'$name ' + require('./node_modules/$name/package.json').version"
done
for zone in UTC Europe/Berlin America/New_York; do
    for program in imapflow.mjs node-imap.cjs; do
        : >heard
        TZ=$zone timeout 30 node "$program" "$(cat port)" || { echo "$program failed" >&2; exit 1; }
        echo "$zone, ${program%.*}: $(sed 's/^SEARCH //; s/-Nov-2026//' heard | paste -sd '|')"
    done
done | tee seen
for line in 'UTC, imapflow: SENTON 29|SINCE 29|BEFORE 29|BEFORE 29' \
    'UTC, node-imap: SENTON 29|SINCE 29|BEFORE 29|BEFORE 29' \
    'Europe/Berlin, imapflow: SENTON 28|SINCE 28|BEFORE 29|BEFORE 29' \
    'Europe/Berlin, node-imap: SENTON 29|SINCE 29|BEFORE 29|BEFORE 29' \
    'America/New_York, imapflow: SENTON 29|SINCE 29|BEFORE 30|BEFORE 29' \
    'America/New_York, node-imap: SENTON 29|SINCE 29|BEFORE 29|BEFORE 28'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
