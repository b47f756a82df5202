#!/usr/bin/env bash
# Guess: Ruby's mail (ActionMailer, Action Mailbox) says of a bounce (RFC 3464) that it is one, and
#   that it can't be tried again, if a recipient in it has `Action: failed` and `Status: 5.…`. It does
#   for a report on one recipient.
# What happens: with a second recipient in the report `retryable?` is true, although both are 5.…:
#   the statuses are a list then, and a list compared with /^5/ never matches. `bounced?` asks the
#   first recipient alone: a report of one delayed and one failed is no bounce.
# Why it matters to a mail gateway: reports on more than one recipient come when a mail had several
#   at one server, which tests with a bounce of one's own don't show. A CRM that asks these two methods
#   writes again to dead addresses. A gateway that reports whom it left out does better with one
#   report a recipient, or must know that such a CRM reads the first only.
# Versions: ruby-mail 2.7.1+dfsg1-2, ruby-mini-mime 1.1.1-2, Ruby 3.1.2 (Debian 12); 2026-11-28. Needs
#   ruby.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
for package in ruby-mail=2.7.1+dfsg1-2 ruby-mini-mime=1.1.1-2; do
    timeout 120 apt-get download -qq "$package" >/dev/null 2>&1 || true
done
for file in *.deb; do dpkg-deb -x "$file" root; done
mapfile -t folders < <(find root/usr -type d \( -name vendor_ruby -o -path '*/gems/*/lib' \))
[ -n "$(find root -name mail.rb)" ] || { echo "ruby-mail can't be had" >&2; exit 1; }

cat >read.rb <<'RUBY'
require "mail"
REPORT = <<MAIL
From: MAILER-DAEMON@example.org
To: office@example.org
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Not everybody could be reached.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

%s
--b--
MAIL
def block(address, action, status)
  "Final-Recipient: rfc822; #{address}@example.net\nAction: #{action}\nStatus: #{status}\n"
end
puts "mail #{Mail::VERSION.version}, Ruby #{RUBY_VERSION}"
{
  "ann failed" => [block("ann", "failed", "5.1.1")],
  "ann failed, bob failed" => [block("ann", "failed", "5.1.1"), block("bob", "failed", "5.2.2")],
  "ann delayed, bob failed" => [block("ann", "delayed", "4.4.1"), block("bob", "failed", "5.2.2")],
}.each do |name, blocks|
  mail = Mail.new((REPORT % blocks.join("\n")).gsub("\n", "\r\n"))
  puts "#{name}: status #{mail.error_status}, bounced #{mail.bounced?}, retryable #{mail.retryable?}"
end
RUBY
timeout 30 ruby -W0 "${folders[@]/#/-I}" read.rb | tee seen
for line in 'ann failed: status 5.1.1, bounced true, retryable false' \
    'ann failed, bob failed: status \["5.1.1", "5.2.2"\], bounced true, retryable true' \
    'ann delayed, bob failed: status \["4.4.1", "5.2.2"\], bounced false, retryable true'; do
    grep -qx "$line" seen || { echo "no longer so: $line" >&2; exit 1; }
done
