#!/usr/bin/env bash
# Guess: a mail that a program forwards as an attachment (message/rfc822) is the mail as it came, so
#   its text can be decoded by its own Content-Transfer-Encoding.
# What happens: Emacs takes that field off (`message-forward-ignored-headers`, which is meant for a
#   text it has decoded) and leaves the text encoded, in `rmail-forward` as it is out of the box and
#   in `message-forward` with `message-forward-show-mml` nil. It says 8bit of the attachment. So
#   everybody reads `Gr=C3=BC=C3=9Fe`, or base64.
# Why it matters to a mail gateway: what it files, indexes or shows as a forwarded mail's text is its
#   transfer encoding; only its looks tell (every `=` begins an escape, what they make is UTF-8).
# Versions: emacs-nox 1:28.2+1-15+deb12u4 (Debian 12), 2026-11-28.
set -euo pipefail

VERSION=1:28.2+1-15+deb12u4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get update -qq >/dev/null 2>&1 || true
for package in emacs-{nox,common,el,bin-common}"=$VERSION" libgccjit0 libgpm2 libasound2 libjansson4 \
    liblcms2-2 libxml2 libdbus-1-3 libicu72; do
    timeout 120 apt-get download -qq "$package" >/dev/null 2>&1 || true
done
for file in *.deb; do dpkg-deb -x "$file" unpacked; done
emacs=$work/unpacked/usr/bin/emacs-nox
[ -x "$emacs" ] || { echo "emacs-nox $VERSION can't be had" >&2; exit 1; }
share=$work/unpacked/usr/share/emacs/28.2
EMACSLOADPATH=$(find "$share/lisp" -type d ! -name obsolete -printf '%p:')
export EMACSLOADPATH=${EMACSLOADPATH%:} EMACSDATA=$share/etc EMACSDOC=$share/etc HOME=$work LC_ALL=C.UTF-8
export LD_LIBRARY_PATH=$work/unpacked/usr/lib/$(uname -m)-linux-gnu
dump=$(find "$work/unpacked/usr" -name '*.pdmp' | head -1)

cat >RMAIL <<'MAIL'
From ann@example.org Mon Nov 23 09:15:02 2026
From: Ann <ann@example.org>
To: office@example.com
Subject: Your vacancy
Date: Mon, 23 Nov 2026 09:15:00 +0100
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe aus K=C3=B6ln

MAIL
cat >forward.el <<'LISP'
(require 'rmail)
(setq user-mail-address "office@example.com" mail-host-address "example.com"
      rmail-movemail-variant-in-use '(emacs) rmail-primary-inbox-list '("none")
      message-send-mail-function
      (lambda ()
        (goto-char (point-min))
        (when (search-forward (concat "\n" mail-header-separator "\n") nil t)
          (replace-match "\n\n"))
        (let ((coding-system-for-write 'no-conversion))
          (write-region (point-min) (point-max) "sent.eml" nil 'quiet))))
(rmail (expand-file-name "RMAIL"))
(rmail-show-message 1)
(rmail-forward nil)
(message-goto-to)
(insert "import@example.com")
(message-send-mail)
LISP
timeout 60 "$emacs" ${dump:+--dump-file="$dump"} -Q --batch -l forward.el </dev/null >log 2>&1 || true
[ -s sent.eml ] || { tail -5 log >&2; echo "Emacs sent nothing" >&2; exit 1; }

"$emacs" ${dump:+--dump-file="$dump"} --version | head -1
sed -n '/^Content-Type: message/,$p' sent.eml | tee seen
grep -q 'Gr=C3=BC=C3=9Fe' seen || { echo "no longer so: the text is decoded" >&2; exit 1; }
inner=$(sed -n '/^From: Ann/,/^$/p' seen)
if grep -qi '^Content-Transfer-Encoding' <<<"$inner"; then
    echo "no longer so: the attached mail says how it is encoded" >&2
    exit 1
fi
python3 - <<'PYTHON'
from email import message_from_binary_file, policy

with open("sent.eml", "rb") as file:
    mail = message_from_binary_file(file, policy=policy.default)
inner = next(part for part in mail.walk() if part.get_content_type() == "message/rfc822")
print("Python reads:", inner.get_content().get_content().strip())
PYTHON
