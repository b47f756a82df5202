#!/usr/bin/env bash
# Guess: Perl's Mail::Sendmail sends to whom the server takes, names in `$Mail::Sendmail::error` whom it
#   refused, and returns 1 if it took the mail. Replies of several lines (RFC 5321, 4.2.1) it reads whole, as
#   it does that to EHLO. With a refusal of one line all that is so.
# What happens: of a reply that begins with 4 or 5 it reads the first line only. The second one is the answer to
#   the next RCPT: whoever is named after the refused one is refused, too, for the caller, and gets the mail.
#   All later answers come one command late. What it takes for the verdict on the content is DATA's 354: it
#   returns 1 where the server said 554 after the dot and nobody has the mail. Where the refused one is the last,
#   the second line is DATA's answer, and nobody gets it.
# Why it matters to a mail gateway: a note that says why somebody was left out has several lines (so have the
#   refusals of Google and Microsoft). The CRM marks the wrong person as refused, and a content that was
#   refused as sent. Before such a program a listener refuses after the content, where it reads one line, too,
#   and then hangs up.
# Versions: libmail-sendmail-perl 0.80-3 (Debian 12), Perl as installed; 2026-11-30.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
timeout 120 apt-get download -qq libmail-sendmail-perl=0.80-3 libsys-hostname-long-perl >/dev/null 2>&1 || true
for package in *.deb; do dpkg-deb -x "$package" .; done
[ -e usr/share/perl5/Mail/Sendmail.pm ] || { echo "Mail::Sendmail can't be had" >&2; exit 1; }

cat >server.py <<'PYTHON'
"""Refuses each `bob` at RCPT with one line or, in two.example, with two; all mail from `spam@` after the dot."""
import pathlib, socketserver


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        sender, taken = "", []
        self.say("220 example")
        for line in self.rfile:
            command, answers = line.decode(), ["250 2.0.0 Ok"]
            if command.startswith("MAIL"):
                sender = command
            elif command.startswith("RCPT"):
                name = command.split("<")[1].split("@")[0]
                if name != "bob":
                    taken.append(name)
                elif "@two.example" in command:
                    answers = ["550-5.7.1 Bob is left out:", "550 5.7.1 he doesn't want mailings"]
                else:
                    answers = ["550 5.7.1 Bob is left out"]
            elif command.startswith("DATA"):
                self.say("354 Go on")
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    pass
                if not line:
                    return
                if "spam@" in sender:
                    taken, answers = [], ["554 5.7.1 Not this content"]
                pathlib.Path("taken").write_text(" ".join(taken) or "nobody")
            self.say(*answers)

    def say(self, *answers):
        self.wfile.write("".join(f"{answer}\r\n" for answer in answers).encode())


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
    pathlib.Path("port.new").write_text(str(server.server_address[1]))
    pathlib.Path("port.new").rename("port")
    server.serve_forever()
PYTHON
timeout 60 python3 server.py &
server=$!
for _ in $(seq 50); do [ -e port ] && break; sleep 0.1; done

cat >send.pl <<'PERL'
use strict;
use warnings;
use Mail::Sendmail;

my ($port, $from, $domain, @names) = @ARGV;
my $returned = sendmail(
    Server => '127.0.0.1', Port => $port, From => $from, Subject => 'Hello', Message => 'Hello',
    To => join(', ', map { "$_\@$domain" } @names),
);
my @refused = $Mail::Sendmail::error =~ /Bad recipient <(\w+)@/g;
print "returned $returned, names as refused: @refused", "\n";
PERL
echo "libmail-sendmail-perl $(dpkg-deb -f libmail-sendmail-perl*.deb Version), Perl $(perl -e 'print $^V')"
try() {
    local wanted=$1 seen
    shift
    echo nobody >taken
    seen=$(timeout 20 perl -Iusr/share/perl5 send.pl "$(cat port)" "$@" 2>/dev/null)
    seen="$seen; the server took it for: $(cat taken)"
    echo "$*: $seen"
    [ "$seen" = "$wanted" ] || { echo "no longer so: $wanted" >&2; exit 1; }
}
try 'returned 1, names as refused: bob; the server took it for: ann cleo dirk' \
    office@example.com one.example ann bob cleo dirk
try 'returned 1, names as refused: bob cleo; the server took it for: ann cleo dirk' \
    office@example.com two.example ann bob cleo dirk
try 'returned 0, names as refused: ; the server took it for: nobody' \
    spam@example.com one.example ann cleo dirk
try 'returned 1, names as refused: bob cleo; the server took it for: nobody' \
    spam@example.com two.example ann bob cleo dirk
try 'returned 0, names as refused: bob; the server took it for: nobody' \
    office@example.com two.example ann cleo bob
