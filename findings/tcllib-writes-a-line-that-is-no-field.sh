#!/usr/bin/env bash
# Guess: a library that writes MIME writes fields that every reader and signer takes, as long as the program
#   that uses it hands it nothing odd: a mail of a text and an attachment above all.
# What happens: of each multipart Tcl's mime (tcllib) writes the boundary twice, and between the two a line
#   of its own, `;`, which is no field and continues none (RFC 5322, 2.2). Readers forgive it: Python ends the
#   header there and notes a defect, mailparser makes it a field without a name, and both have text and
#   attachment, as Content-Type is the last field. dkimpy refuses to sign such a mail.
# Why it matters to a mail gateway: every mail with an attachment of such a CRM goes unsigned, or not at
#   all, and each mail of one part is fine. What puts a field at the end of a header (and not on top) puts
#   it where many no longer look. One who tests for "a line that is no field" refuses real mail.
# Versions: tcllib 1.21+dfsg-1 (smtp 1.5.1, mime 1.7.0), Tcl 8.6.13+dfsg-2 (Debian 12), dkimpy 1.1.8,
#   mailparser 3.7.1 (npm), Python 3.11.7; 2026-11-29.
set -euo pipefail

PACKAGES=(tcllib=1.21+dfsg-1 tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
timeout 120 apt-get download -qq "${PACKAGES[@]}" >/dev/null 2>&1 || true
for file in *.deb; do dpkg-deb -x "$file" .; done
[ -x usr/bin/tclsh8.6 ] && [ -d usr/share/tcltk/tcllib1.21 ] || { echo "tcllib can't be had" >&2; exit 1; }
python3 -m venv venv
timeout 120 venv/bin/pip install -q dkimpy==1.1.8 2>/dev/null
npm init -y >/dev/null
timeout 120 npm install --silent --no-audit --no-fund mailparser@3.7.1 >/dev/null
openssl genrsa -traditional -out key.pem 2048 2>/dev/null

cat >server.py <<'PYTHON'
"""Takes one mail a connection, and keeps it under its subject."""
import pathlib, re, socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 example\r\n")
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), b"250 2.0.0 Ok\r\n"
            if verb == b"DATA":
                self.wfile.write(b"354 Go on\r\n")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                name = re.search(rb"^Subject: (\w+)", mail, re.MULTILINE)[1].decode()
                pathlib.Path(f"{name}.eml").write_bytes(mail)
            self.wfile.write(answer)
            if verb == b"QUIT":
                return


with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
    pathlib.Path("port.new").write_text(str(server.server_address[1]))
    pathlib.Path("port.new").rename("port")
    server.serve_forever()
PYTHON
cat >send.tcl <<'TCL'
lappend auto_path [file join [pwd] usr share tcltk tcllib1.21]
package require mime
package require smtp
proc deliver {mail subject} {
    smtp::sendmessage $mail -servers 127.0.0.1 -ports [lindex $::argv 0] -header {From ann@example.org} \
        -header {To office@example.com} -header [list Subject $subject]
}
set text [mime::initialize -canonical text/plain -string "Hello"]
set file [mime::initialize -canonical text/csv -param {name people.csv} -string "1,2" \
    -header {Content-Disposition {attachment; filename="people.csv"}}]
deliver $text one
deliver [mime::initialize -canonical multipart/mixed -parts [list $text $file]] two
TCL
cat >sign.py <<'PYTHON'
"""Signs the two mails, and reads them."""
from email import message_from_bytes, policy
from pathlib import Path

import dkim

for name in "one", "two":
    mail = Path(f"{name}.eml").read_bytes()
    try:
        signed = dkim.sign(mail, b"s", b"example.org", Path("key.pem").read_bytes())[:14].decode()
    except dkim.MessageFormatError as error:
        signed = f"{type(error).__name__}: {error}"
    read = message_from_bytes(mail, policy=policy.default)
    defects = [type(defect).__name__ for defect in read.defects]
    print(f"{name}: dkimpy {signed}; Python {[part.get_content_type() for part in read.walk()]} {defects}")
PYTHON
cat >read.js <<'JS'
const { simpleParser } = require("mailparser");

simpleParser(require("fs").readFileSync("two.eml")).then((mail) =>
  console.log("two: mailparser", mail.text.trim(), mail.attachments.map((file) => file.filename).join(),
    JSON.stringify(mail.headerLines.map((line) => line.key).slice(-2))));
JS
timeout 120 python3 server.py &
server=$!
for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
TCL_LIBRARY=$work/usr/share/tcltk/tcl8.6 LD_LIBRARY_PATH=$(dirname "$work"/usr/lib/*/libtcl8.6.so) \
    timeout 30 usr/bin/tclsh8.6 send.tcl "$(cat port)"
dpkg-deb -f tcllib_*.deb Version
{
    for name in one two; do
        # awk stops at the end of the header.
        echo "$name: lines that are no field: $(tr -d '\r' <"$name.eml" | awk '/^$/ {exit} !/^[ \t]|^[!-9;-~]+:/' | xargs)"
    done
    venv/bin/python sign.py
    node read.js
} | tee seen
for line in 'one: lines that are no field: ' 'two: lines that are no field: ;' \
    "one: dkimpy DKIM-Signature; Python ['text/plain'] []" \
    "two: dkimpy MessageFormatError: Unexpected characters in RFC822 header: b';'; Python\
 ['multipart/mixed', 'text/plain', 'text/csv'] ['MissingHeaderBodySeparatorDefect']" \
    'two: mailparser Hello people.csv ["content-type",""]'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
