#!/usr/bin/env bash
# Guess: a mail library that has given up waiting for the verdict after the final dot drops the
#   connection: the late verdict would be read as the answer to the next command.
# What happens: PHPMailer with SMTPKeepAlive keeps it. It says RSET, gives up on that too, and its
#   next mail reads the late verdict as the answer to MAIL, RSET's answer as that to RCPT, and so on:
#   a recipient the server refuses counts as taken, the mail fails at DATA although the server said
#   250, and its RSET hears "550 Not this one". Every mail after it fails, too, until the process
#   connects anew.
# Why it matters to a mail gateway: behind a slow relay the worker that sends a CRM's mailing stops
#   sending for good, and what its log says of recipients is another command's answer. A gateway
#   should answer within its clients' time limits (PHPMailer: 300 s as shipped), and must know a retry
#   of the first mail, which was delivered.
# Versions: libphp-phpmailer 6.6.3-1 (Debian 12), PHP 8.2; 2026-11-28. Needs php-cli.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
timeout 120 apt-get download -qq libphp-phpmailer=6.6.3-1 >/dev/null 2>&1
dpkg-deb -x libphp-phpmailer_*.deb .

cat >server.py <<'PYTHON'
"""Takes every first mail, but says so four seconds late; refuses every recipient `refused@…`."""
import pathlib, socket, time

listener = socket.create_server(("127.0.0.1", 0))
pathlib.Path("port.new").write_text(str(listener.getsockname()[1]))
pathlib.Path("port.new").rename("port")
client, _ = listener.accept()
lines, mails, has_recipient = client.makefile("rb"), 0, False


def say(text):
    client.sendall(f"{text}\r\n".encode())


say("220 example")
for line in lines:
    verb = line.split()[0].upper()
    if verb == b"DATA" and not has_recipient:
        say("503 5.5.1 No recipient")
    elif verb == b"DATA":
        say("354 Go on")
        while lines.readline() != b".\r\n":
            pass
        mails += 1
        time.sleep(4 if mails == 1 else 0)
        say("250 2.0.0 Taken")
    elif b"refused@" in line:
        say("550 5.7.1 Not this one")
    else:
        has_recipient = verb == b"RCPT"
        say("221 Bye" if verb == b"QUIT" else "250 2.1.0 Ok")
PYTHON
timeout 60 python3 server.py &
server=$!
for _ in $(seq 50); do [ -e port ] && break; sleep 0.1; done

cat >send.php <<'PHP'
<?php
require "$argv[1]/usr/share/php/libphp-phpmailer/autoload.php";
use PHPMailer\PHPMailer\PHPMailer;
$mail = new PHPMailer(true);
echo "PHPMailer ", PHPMailer::VERSION, ", PHP ", PHP_VERSION, "\n";
$mail->isSMTP();
$mail->SMTPKeepAlive = true;
$mail->SMTPAutoTLS = false;
$mail->Host = '127.0.0.1';
$mail->Port = (int) file_get_contents("$argv[1]/port");
$mail->Timeout = $mail->getSMTPInstance()->Timelimit = 1;
$mail->setFrom('office@example.org');
$mail->Subject = $mail->Body = 'Hello';
foreach (['ann@example.org', 'refused@example.org', 'bob@example.org', 'cleo@example.org'] as $number => $to) {
    $mail->clearAddresses();
    $mail->addAddress($to);
    try {
        $mail->send();
        echo "$to: sent\n";
    } catch (Exception $error) {
        echo "$to: ", trim(preg_replace('/\s+/', ' ', $mail->ErrorInfo)), "\n";
    }
    sleep($number == 0 ? 3 : 0);
}
PHP
timeout 60 php send.php "$work" | tee seen
grep -q '^refused@example.org: .*RSET command failed Detail: Not this one' seen \
    || { echo "no longer so: RSET hears the answer to RCPT" >&2; exit 1; }
if grep -q ': sent' seen; then echo "no longer so: a later mail is sent" >&2; exit 1; fi
echo "RSET heard that a recipient is refused, and no later mail could be sent."
