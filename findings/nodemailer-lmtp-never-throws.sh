#!/usr/bin/env bash
# Guess: nodemailer's sendMail() throws where nobody gets the mail, with what the server said, be it
#   over SMTP or over LMTP (`lmtp: true`); of some that were refused it tells in `rejected`.
# What happens: over LMTP it throws where all are refused at RCPT, and returns where all are refused after
#   the content, the only recipient of a mail, too: `accepted` is empty, and `response` is the 550 that
#   over SMTP is in the exception.
# Why it matters to a mail gateway: a refusal that looks at the content comes after it. A CRM that went over
#   from SMTP to LMTP for the sake of a verdict for each recipient shows everything as sent from then on,
#   unless it looks at `rejected`.
# Versions: nodemailer 10.6.1 (npm), Node as installed; 2026-11-29.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund nodemailer@10.6.1 >/dev/null

cat >send.mjs <<'JS'
// Sends over SMTP and LMTP to recipients whom the server takes, or refuses at RCPT or after the content.
import net from "node:net";
import nodemailer from "nodemailer";

function talk(socket, lmtp) {
  let recipients = [], isContent = false, rest = "";
  const say = (text) => socket.write(`${text}\r\n`);
  const verdict = (to) => (to.startsWith("late") ? `550 5.7.1 Not ${to}` : `250 2.0.0 Taken`);
  const answer = (line) => {
    const verb = line.slice(0, 4).toUpperCase();
    if (isContent && line !== ".") return;
    if (isContent) {
      isContent = false;
      const refused = recipients.find((to) => to.startsWith("late")) ?? recipients[0];
      (lmtp ? recipients : [refused]).forEach((to) => say(verdict(to)));
      recipients = [];
    } else if (verb === "RCPT" && line.includes("<early")) say("550 5.7.1 Not early");
    else if (verb === "RCPT") say("250 2.1.0 Ok", recipients.push(line.split("<")[1].split("@")[0]));
    else if (verb === "DATA") say("354 Go on", (isContent = true));
    else say(verb === "QUIT" ? "221 2.0.0 Bye" : "250 2.0.0 Ok");
  };
  say("220 example");
  socket.on("error", () => {});
  socket.on("data", (data) => {
    const lines = (rest + data).split("\r\n");
    rest = lines.pop();
    lines.forEach(answer);
  });
}

const mails = [["ann"], ["early"], ["late"], ["late1", "late2"], ["ann", "late"]];
for (const lmtp of [false, true]) {
  const server = net.createServer((socket) => talk(socket, lmtp));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  for (const names of mails) {
    const transport = nodemailer.createTransport({ host: "127.0.0.1", port: server.address().port, lmtp });
    const to = names.map((name) => `${name}@example.org`);
    let outcome;
    try {
      const info = await transport.sendMail({ from: "office@example.com", to, subject: "Hello", text: "Hello" });
      outcome = `returned, accepted ${info.accepted.length}, rejected ${info.rejected.length}, ${info.response}`;
    } catch (error) {
      outcome = `threw ${error.code} ${error.responseCode}`;
    }
    console.log(`${lmtp ? "LMTP" : "SMTP"} to ${names.join(", ")}: ${outcome}`);
    transport.close();
  }
  server.close();
}
JS
timeout 60 node send.mjs | tee seen
for line in 'SMTP to early: threw EENVELOPE 550' 'SMTP to late: threw EMESSAGE 550' \
    'LMTP to early: threw EENVELOPE 550' \
    'LMTP to late: returned, accepted 0, rejected 1, 550 5.7.1 Not late' \
    'LMTP to late1, late2: returned, accepted 0, rejected 2, 550 5.7.1 Not late2' \
    'LMTP to ann, late: returned, accepted 1, rejected 1, 550 5.7.1 Not late'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
