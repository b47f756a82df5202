#!/usr/bin/env bash
# Guess: Haraka's smtp_forward with `one_message_per_rcpt=true` gives each recipient a transaction of their own, so
#   that a verdict is about one of them: the others get the mail, and of who was refused the sender is told.
# What happens: at the first recipient whom the server behind refuses or puts off it stops. Those before
#   have the mail, those after are never tried, and the client hears that one's verdict for the whole mail. If
#   that is a 4xx, the client tries again, as it must: those before get the mail once more at each try, those
#   after never, as long as the one in the middle is put off. Without the setting nobody gets the mail then.
#   A 554 comes through as 550, and a reply of several lines as one.
# Why it matters to a mail gateway: a suppressed recipient keeps mail from whoever is named after them; the CRM
#   shows that it failed for everybody, and its user sends again to those who have it. A recipient who is put
#   off makes a copy for those before at every try. Before a gateway that decides after the content, and takes
#   the mail for the others, the setting has to be off; before a server that refuses at RCPT, smtp_proxy hands
#   each answer on (the last lines below).
# Versions: Haraka 3.3.4 (npm), Node 20, Python 3.11.7; 2026-11-29. Needs root (a network of its own).
set -euo pipefail

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm init -y >/dev/null &&
        timeout 200 npm install --silent --ignore-scripts --no-audit --no-fund Haraka@3.3.4 >/dev/null)
    timeout 120 unshare --net --mount --pid --mount-proc --fork --kill-child \
        bash "$(realpath "$0")" inside "$work"
    exit
fi

# Inside: a network of its own, processes end with this one.
cd "$2"
python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
cat >server.py <<'PYTHON'
"""The server behind: refuses bob, puts off eve, refuses max after the content; counts what everybody got."""
import socketserver

ANSWERS = {"bob": "550-5.7.1 Not this one\r\n550 5.7.1 Reason: unsubscribed", "eve": "451 4.7.1 Greylisted"}


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        users = []
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 Ok"
            if verb in (b"MAIL", b"RSET"):
                users = []
            elif verb == b"RCPT":
                user = line.split(b"<")[1].split(b"@")[0].decode()
                answer = ANSWERS.get(user, answer)
                users += [user] * (user not in ANSWERS)
            elif verb == b"DATA":
                self.say("354 Go on")
                for _ in iter(self.rfile.readline, b".\r\n"):
                    pass
                answer = "554 5.7.1 Not this one" if "max" in users else answer
                with open("got", "a") as file:
                    file.writelines(f"{user}\n" for user in users if answer == "250 Ok")
            elif verb == b"QUIT":
                answer = "221 Bye"
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Haraka hangs up after QUIT, and so does who waited for the port: no error."""


Listener(("127.0.0.1", 2527), Session).serve_forever()
PYTHON
timeout 100 python3 server.py &
start() { # NAME PORT PLUGIN: a Haraka that hands on with it.
    local folder=$1
    node node_modules/Haraka/bin/haraka -i "$PWD/$folder" >/dev/null 2>&1
    printf 'rcpt_to.in_host_list\nqueue/%s\n' "$3" >"$folder/config/plugins"
    echo example.net >"$folder/config/host_list"
    echo mx.example.org >"$folder/config/me"
    printf 'listen=127.0.0.1:%s\nnodes=0\n' "$2" >"$folder/config/smtp.ini"
    printf 'host=127.0.0.1\nport=2527\none_message_per_rcpt=%s\n' "$1" >"$folder/config/$3.ini"
    timeout 100 node node_modules/Haraka/bin/haraka -c "$folder" >"$folder.log" 2>&1 </dev/null &
}
start true 2525 smtp_forward
start false 2526 smtp_forward
start proxy 2528 smtp_proxy
for log in true.log false.log proxy.log; do
    for _ in $(seq 300); do grep -q 'Listening on' "$log" && break; sleep 0.1; done
done
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/2527) 2>/dev/null && break; sleep 0.1; done
cat >send.py <<'PYTHON'
"""Sends mails, each as often as a client does that hears 4xx (three times here), and says who got what."""
import collections, pathlib, smtplib

GOT = pathlib.Path("got")
for setting, port in ("true", 2525), ("false", 2526), ("proxy", 2528):
    for users in "ann carl", "ann bob carl", "ann max carl", "ann eve carl":
        GOT.write_text("")
        heard = []
        for _ in range(3):
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                client.ehlo()
                client.mail("crm@example.com")
                asked = [client.rcpt(f"{user}@example.net")[0] for user in users.split()]
                code, text = client.data("Subject: News\r\n\r\nHello\r\n")
            heard.append(str(code))
            if code < 400 or code >= 500:
                break
        got = collections.Counter(GOT.read_text().split())
        copies = " ".join(f"{user} {got[user]}" for user in users.split())
        print(f"{setting}, {users}: RCPT {asked}, the mail {' '.join(heard)}; copies: {copies}")
        if "bob" in users:
            print(f"{setting}, the text: {text.decode().split(' (')[0]!r}")
PYTHON
timeout 80 python3 send.py >seen || { tail -n 25 true.log >&2; exit 1; }
echo "Haraka $(node -p 'require("./node_modules/Haraka/package.json").version'), Node $(node --version)"
cat seen
for line in 'true, ann carl: RCPT [250, 250], the mail 250; copies: ann 1 carl 1' \
    'true, ann bob carl: RCPT [250, 250, 250], the mail 550; copies: ann 1 bob 0 carl 0' \
    'true, ann max carl: RCPT [250, 250, 250], the mail 550; copies: ann 1 max 0 carl 0' \
    'true, ann eve carl: RCPT [250, 250, 250], the mail 450 450 450; copies: ann 3 eve 0 carl 0' \
    'false, ann bob carl: RCPT [250, 250, 250], the mail 550; copies: ann 0 bob 0 carl 0' \
    'false, ann eve carl: RCPT [250, 250, 250], the mail 450 450 450; copies: ann 0 eve 0 carl 0' \
    'proxy, ann bob carl: RCPT [250, 550, 250], the mail 250; copies: ann 1 bob 0 carl 1' \
    'proxy, ann eve carl: RCPT [250, 450, 250], the mail 250; copies: ann 1 eve 0 carl 1' \
    "true, the text: '5.7.1 Not this one 5.7.1 Reason: unsubscribed'"; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
