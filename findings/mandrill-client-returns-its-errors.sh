#!/usr/bin/env bash
# Guess: the promise of @mailchimp/mailchimp_transactional, Mailchimp's own client for Mandrill in Node, rejects
#   where nothing was sent, as that of @mailchimp/mailchimp_marketing does, and as the Python one raises.
# What happens: it never rejects. An answer of 500 that says `"status": "error"` (a wrong key, say), a server
#   that is away, and an answer that doesn't come in time each resolve, with the error object where the list of
#   recipients would be. `await` in a `try` goes on, and `result.status` isn't "error", which is deep in
#   `result.response.data`. Only code that goes through the list trips over it.
# Why it matters to a mail gateway: a CRM that sends its single mails so, and its mailings with the other
#   client, shows "sent" for mail that no server has heard of; nothing comes back, no bounce and no webhook, as
#   there is no mail. Written for one client, moved to the other, the code keeps its `catch` and loses its errors.
#   What counts as sent must be what the list names (`Array.isArray(result)`), each with its own status.
# Versions: @mailchimp/mailchimp_transactional 1.4.1 and @mailchimp/mailchimp_marketing 3.0.80 (npm), Node as
#   installed, mailchimp_transactional 1.4.1 (PyPI), Python 3.11.7; 2026-11-29.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 150 npm install --silent --no-audit --no-fund \
    @mailchimp/mailchimp_transactional@1.4.1 @mailchimp/mailchimp_marketing@3.0.80 >/dev/null
python3 -m venv venv
timeout 150 venv/bin/pip install -q mailchimp_transactional==1.4.1 2>/dev/null

cat >server.py <<'PYTHON'
"""Answers in the forms of both services: mail to Mandrill by its key, anything of the other one 401."""
import http.server, json, pathlib, socket, time


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        code, answer = 401, {"type": "about:blank", "title": "API Key Invalid", "status": 401}
        if asked.get("key") == "slow":
            time.sleep(3)
        if asked.get("key") == "good":
            code, answer = 200, [{"email": "ann@example.org", "status": "sent", "_id": "1"}]
        elif "key" in asked:
            code, answer = 500, {"status": "error", "code": -1, "name": "Invalid_Key", "message": "Invalid API key"}
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except ConnectionError:
            pass  # The client gave up waiting.

    def log_message(self, *told):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
closed = socket.socket()  # Taken, and nobody listens there.
closed.bind(("127.0.0.1", 0))
pathlib.Path("closed").write_text(str(closed.getsockname()[1]))
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
PYTHON
cat >send.js <<'JS'
const transactional = require("@mailchimp/mailchimp_transactional");
const marketing = require("@mailchimp/mailchimp_marketing");
const [port, closed] = process.argv.slice(2);

async function tell(name, act) {
    try {
        const result = await act();
        const isList = Array.isArray(result);
        const saysError = result.status === "error";
        console.log(`${name}: resolves, a list ${isList}, an Error ${result instanceof Error}, status "error" ${saysError}`);
    } catch (error) {
        console.log(`${name}: rejects with ${error.status ?? error.code}`);
    }
}

function send(key, to) {
    const client = transactional(key);
    client.basePath = `http://127.0.0.1:${to}/api/1.3`;
    client.setDefaultTimeoutMs(1000);
    return client.messages.send({ message: { to: [{ email: "ann@example.org" }], text: "Hello" } });
}

(async () => {
    await tell("transactional, good key", () => send("good", port));
    await tell("transactional, wrong key", () => send("wrong", port));
    await tell("transactional, no server", () => send("good", closed));
    await tell("transactional, no answer in time", () => send("slow", port));
    marketing.setConfig({ apiKey: "wrong-us1", server: "us1" });
    for (const [name, to] of [["wrong key", port], ["no server", closed]]) {
        marketing.basePath = `http://127.0.0.1:${to}/3.0`;
        await tell(`marketing, ${name}`, () => marketing.lists.addListMember("1", { email_address: "ann@example.org" }));
    }
})();
JS
cat >send.py <<'PYTHON'
import sys
from importlib.metadata import version

import mailchimp_transactional

print("mailchimp_transactional (Python)", version("mailchimp_transactional"))
for name, port in ("wrong key", sys.argv[1]), ("no server", sys.argv[2]):
    client = mailchimp_transactional.Client("wrong")
    client.api_client.host = f"http://127.0.0.1:{port}/api/1.3/"
    try:
        client.messages.send({"message": {"to": [{"email": "ann@example.org"}], "text": "Hello"}})
        print(f"Python, {name}: returns")
    except Exception as error:
        print(f"Python, {name}: raises {type(error).__name__} {getattr(error, 'status_code', '')}".rstrip())
PYTHON
timeout 100 python3 server.py &
server=$!
for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
for name in transactional marketing; do
    node -p "'$name ' + require('./node_modules/@mailchimp/mailchimp_$name/package.json').version"
done
timeout 40 node send.js "$(cat port)" "$(cat closed)" | tee seen
timeout 40 venv/bin/python send.py "$(cat port)" "$(cat closed)" | tee -a seen
error='resolves, a list false, an Error true, status "error" false'
for line in 'transactional, good key: resolves, a list true, an Error false, status "error" false' \
    "transactional, wrong key: $error" "transactional, no server: $error" "transactional, no answer in time: $error" \
    'marketing, wrong key: rejects with 401' 'marketing, no server: rejects with ECONNREFUSED' 'Python, wrong key: raises ApiClientError 500' \
    'Python, no server: raises ConnectionError'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
