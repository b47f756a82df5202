#!/usr/bin/env bash
# Guess: a library's Bcc is an envelope with more recipients than the header shows: one mail, one
#   transaction. Where a recipient is refused either the others get it or nobody does.
# What happens: Tcl's smtp (tcllib) sends whom Bcc names a mail of their own, as MH did: "[Bcc] Hello", with
#   a Message-ID of its own, and in it, as a multipart/digest, the mail. Where one of To and Cc is refused,
#   it says RSET, so that none of those get it, and goes on: the hidden ones do. The call returns without
#   an error, with the one refused and the first line of the reply; so it does where all were refused.
# Why it matters to a mail gateway: a copy to the office's archive by Bcc says that a mail was sent which
#   nobody has. The fields that say what a mail is (Precedence, List-Unsubscribe, a CRM's own) are in the
#   attached one only: a mailing that names its recipients by Bcc comes as a personal mail to them with
#   an attachment. Refuse after the content for such a client, and give it a listener that knows its
#   mail for a mailing without looking.
# Versions: tcllib 1.21+dfsg-1 (smtp 1.5.1, mime 1.7.0), Tcl 8.6.13+dfsg-2 (Debian 12); 2026-11-29.
set -euo pipefail

PACKAGES=(tcllib=1.21+dfsg-1 tcl8.6=8.6.13+dfsg-2 libtcl8.6=8.6.13+dfsg-2)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
timeout 200 apt-get download -qq "${PACKAGES[@]}" >/dev/null 2>&1 || true
for file in *.deb; do dpkg-deb -x "$file" .; done
[ -x usr/bin/tclsh8.6 ] && [ -d usr/share/tcltk/tcllib1.21 ] || { echo "tcllib can't be had" >&2; exit 1; }

cat >server.py <<'PYTHON'
"""Refuses bob, and writes down to whom which mail went."""
import pathlib, socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        names = []
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            if verb == b"RSET":
                self.write(f"none of {' '.join(names)}")
            if verb in (b"MAIL", b"RSET"):
                names = []
            elif verb == b"RCPT":
                names.append(line.decode().split("<")[1].split("@")[0])
                answer = "550-5.7.1 Refused\r\n550 5.7.1 Why" if names[-1] == "bob" else answer
            elif verb == b"DATA":
                self.say("354 Go on")
                fields = [line.decode().strip() for line in iter(self.rfile.readline, b".\r\n")]
                fields = fields[: fields.index("")]
                subject = next(field for field in fields if field.startswith("Subject:"))
                kind = next(field for field in fields if field.startswith("Content-Type:"))
                bulk = [field for field in fields if field.startswith("Precedence:")]
                self.write("; ".join((f"to {' '.join(names)}", subject, kind.rstrip(";"), *bulk)))
            self.say(answer)
            if verb == b"QUIT":
                return

    def write(self, text):
        with open("heard", "a") as file:
            file.write(text + "\n")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Listener(("127.0.0.1", 0), Session) as server:
    pathlib.Path("port.new").write_text(str(server.server_address[1]))
    pathlib.Path("port.new").rename("port")
    server.serve_forever()
PYTHON
cat >send.tcl <<'TCL'
lappend auto_path [file join [pwd] usr share tcltk tcllib1.21]
package require mime
package require smtp
lassign $argv port to
set mail [mime::initialize -canonical text/plain -string "Hello"]
set failed [catch {
    smtp::sendmessage $mail -servers 127.0.0.1 -ports $port -header {From office@example.com} \
        -header [list To $to] -header {Bcc eve@example.net} -header {Subject Hello} \
        -header {Precedence bulk}
} result]
puts "[expr {$failed ? {an error} : {no error}}], returned: $result"
TCL
timeout 120 python3 server.py &
server=$!
for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
export TCL_LIBRARY=$work/usr/share/tcltk/tcl8.6 LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$work"/usr/lib/*/libtcl8.6.so)
for to in 'ann@example.org' 'ann@example.org, bob@example.org' 'bob@example.org'; do
    : >heard
    timeout 30 usr/bin/tclsh8.6 send.tcl "$(cat port)" "$to" >said
    sed "s/^/To $to: /" heard said
done | tee seen
dpkg-deb -f tcllib_*.deb Version
for line in 'To ann@example.org: to ann; Subject: Hello; Content-Type: text/plain; Precedence: bulk' \
    'To ann@example.org: to eve; Subject: [Bcc] Hello; Content-Type: multipart/digest' \
    'To ann@example.org, bob@example.org: none of ann bob' \
    'To ann@example.org, bob@example.org: to eve; Subject: [Bcc] Hello; Content-Type: multipart/digest' \
    'To ann@example.org, bob@example.org: no error, returned: {bob@example.org 550 {5.7.1 Refused}}' \
    'To bob@example.org: to eve; Subject: [Bcc] Hello; Content-Type: multipart/digest' \
    'To bob@example.org: no error, returned: {bob@example.org 550 {5.7.1 Refused}}'; do
    grep -qxF "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
