#!/usr/bin/env bash
# Guess: a mail that is attached whole (message/rfc822) is one of the attachments that a library lists,
#   as a PDF would be; the files in it are that mail's, and are had by reading it.
# What happens: Ruby's mail looks through it. `attachments` has the files of the attached mail as if they
#   were attached to the outer one, and never the mail itself, be it named or not: its author, date and
#   text are in no attachment and not in `text_part`; where it has no files there are no attachments at all.
#   Node's mailparser goes by the Content-Disposition: `inline`, as mutt and Emacs write it, makes the mail a
#   part of the outer one's text, and its files the outer one's; `attachment` and none an attachment. Python
#   gives the attached mail each time.
# Why it matters to a mail gateway: forwarding as an attachment is the form in which nothing is left out. A
#   CRM made with Rails files the candidate's CV as the recruiter's and the candidate's words nowhere, and no
#   error says so. A bounce that returns the mail brings back the CRM's own attachment as a document of whoever
#   bounced. Such a CRM must look for parts of that type, and read them, before it asks for attachments.
# Versions: ruby-mail 2.7.1+dfsg1-2 (Debian 12), mailparser 3.7.1 (npm), Node as installed, Python 3.11.7;
#   2026-11-29. Needs root (a file system of its own).
set -euo pipefail

if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/node" "$work/root"
    (cd "$work/node" && npm init -y >/dev/null &&
        timeout 120 npm install --silent --no-audit --no-fund mailparser@3.7.1 >/dev/null)
    timeout 300 unshare --mount --pid --propagation private --fork --kill-child \
        bash "$(realpath "$0")" inside "$work"
    exit
fi

# Inside: the machine's files below, what is written in memory, processes end with this one.
cd "$2/root"
mount -t tmpfs tmpfs .
cd "$2/root"
mkdir upper work tree
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay tree
cd tree
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$2" mnt
mount -t tmpfs -o mode=1777 tmpfs tmp
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades ruby-mail=2.7.1+dfsg1-2 >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }

cat >tmp/make.py <<'PYTHON'
"""Writes a recruiter's mail with a candidate's mail attached whole, in forms that programs write."""
from email.message import EmailMessage
from email.policy import SMTP

DISPOSITIONS = {
    "named": 'attachment; filename="Application.eml"',
    "attachment": "attachment",
    "inline": "inline",
    "none": None,
}


def write(name, disposition, with_file):
    theirs = EmailMessage(policy=SMTP)
    theirs["From"], theirs["To"] = "Jo <jo@example.net>", "ann@example.org"
    theirs["Subject"], theirs["Message-ID"] = "Application", "<jo@example.net>"
    theirs["Date"] = "Sat, 28 Nov 2026 10:00:00 +0100"
    theirs.set_content("Words of Jo.\r\n")
    if with_file:
        theirs.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="cv.pdf")
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "Ann <ann@example.org>", "import@crm.example"
    mail["Subject"], mail["Message-ID"] = "4711 Fwd: Application", "<ann@example.org>"
    mail["Date"] = "Sun, 29 Nov 2026 10:00:00 +0100"
    mail.set_content("Note of Ann.\r\n")
    mail.add_attachment(theirs)
    part = list(mail.iter_attachments())[0]
    del part["Content-Disposition"]
    if disposition:
        part["Content-Disposition"] = disposition
    with open(f"/tmp/{name}.eml", "wb") as file:
        file.write(bytes(mail))


for name, disposition in DISPOSITIONS.items():
    write(name, disposition, True)
write("without-file", DISPOSITIONS["named"], False)
PYTHON
cat >tmp/read.py <<'PYTHON'
import email, pathlib, platform
from email.policy import default

print("Python", platform.python_version())
for path in sorted(pathlib.Path("/tmp").glob("*.eml")):
    mail = email.message_from_bytes(path.read_bytes(), policy=default)
    attached = [part.get_content_type() for part in mail.iter_attachments()]
    has_words = "Words of Jo" in mail.get_body().get_content()
    print(f"python, {path.stem}: attachments {' '.join(attached)}; in the text: {str(has_words).lower()}")
PYTHON
cat >tmp/read.rb <<'RUBY'
require "mail"
puts "ruby-mail #{Mail::VERSION.version}, Ruby #{RUBY_VERSION}"
Dir["/tmp/*.eml"].sort.each do |path|
  mail = Mail.read(path)
  attached = mail.attachments.map(&:mime_type).join(" ")
  has_words = (mail.text_part || mail).decoded.include?("Words of Jo")
  puts "ruby, #{File.basename(path, ".eml")}: attachments #{attached}; in the text: #{has_words}"
end
RUBY
cat >"$2/node/read.js" <<'JS'
const fs = require("fs");
const { simpleParser } = require("mailparser");

(async () => {
    console.log("mailparser", require("mailparser/package.json").version, "Node", process.version);
    for (const name of fs.readdirSync("/tmp").filter(name => name.endsWith(".eml")).sort()) {
        const mail = await simpleParser(fs.readFileSync(`/tmp/${name}`));
        const attached = mail.attachments.map(file => file.contentType).join(" ");
        const hasWords = mail.text.includes("Words of Jo");
        console.log(`mailparser, ${name.replace(".eml", "")}: attachments ${attached}; in the text: ${hasWords}`);
    }
})();
JS
cat >tmp/run.sh <<'SH'
set -euo pipefail
timeout 20 python3 /tmp/make.py
timeout 20 python3 /tmp/read.py
timeout 20 ruby -W0 /tmp/read.rb
timeout 20 node /mnt/node/read.js
SH
unshare --net chroot . bash /tmp/run.sh | tee tmp/seen
mail=message/rfc822 pdf=application/pdf
for line in "python, named: attachments $mail; in the text: false" "python, inline: attachments $mail; in the text: false" \
    "ruby, named: attachments $pdf; in the text: false" "ruby, attachment: attachments $pdf; in the text: false" \
    "ruby, inline: attachments $pdf; in the text: false" "ruby, none: attachments $pdf; in the text: false" \
    'ruby, without-file: attachments ; in the text: false' \
    "mailparser, named: attachments $mail; in the text: false" "mailparser, none: attachments $mail; in the text: false" \
    "mailparser, inline: attachments $pdf; in the text: true"; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
