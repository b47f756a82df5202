#!/usr/bin/env bash
# Guess: failover(smtp://one smtp://two) of Symfony Mailer (and Laravel's `failover`, which is made of
#   it) turns to the second server where the first can't be reached or puts a mail off. A 550 is
#   about the mail: it ends there, and the next mail goes to the first server.
# What happens: any refusal, 550 after the dot too, makes the server "dead" for 60 seconds. The
#   refused mail is sent by the second server, and so is all mail of the next minute. Where both
#   refuse it, both are dead: all mail to anybody fails with "No transports found." and no server hears
#   of it. The refused mail's own exception says "All transports failed." and not why. roundrobin(…)
#   does the same. Whoever sends from one process for each mail sees the first half only.
# Why it matters to a mail gateway: with two gateways for safety, one suppressed recipient stops a
#   worker's mail for a minute, each time. With a gateway and a mail server, who must not get the mailing
#   gets it, and the CRM shows "sent". A CRM behind a gateway has one smtp:// in its DSN; that the
#   gateway can be reached is for a balancer of connections, or a name with two addresses.
# Versions: php-symfony-mailer 5.4.53+dfsg-0+deb12u1, PHP 8.2 (Debian 12); 2026-11-29. Needs root (a file
#   system of its own). The class is the same in 7.0.4 (read).
set -euo pipefail

PACKAGES=(php-symfony-mailer=5.4.53+dfsg-0+deb12u1 php-cli)
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    timeout 400 unshare --mount --pid --propagation private --fork --kill-child \
        bash "$(realpath "$0")" inside "$work"
    exit
fi

# Inside: the machine's files below, what is written in memory, processes end with this one.
cd "$2"
mount -t tmpfs tmpfs .
cd "$2"
mkdir upper work tree
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay tree
cd tree
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
DEBIAN_FRONTEND=noninteractive timeout 300 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }

cat >tmp/servers.py <<'PYTHON'
"""Two servers that write down whose mail they took or refused, then the program that sends."""
import socketserver, subprocess, sys, threading


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 example")
        for line in self.rfile:
            verb, answer = line.split()[0].upper(), "250 2.0.0 Ok"
            if verb == b"RCPT":
                self.to = line.decode().split("<")[1].split("@")[0]
            elif verb == b"DATA":
                self.say("354 Go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                if self.to == "refused" and self.server.refuses:
                    answer = "550 5.7.1 In the group No bulk mail"
                print(f"server {self.server.name}: {self.to} {answer[:3]}", flush=True)
            elif verb == b"QUIT":
                answer = "221 2.0.0 Bye"
            self.say(answer)

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


def serve(name, *, refuses):
    server = Listener(("127.0.0.1", 0), Session)
    server.name, server.refuses = name, refuses
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"smtp://127.0.0.1:{server.server_address[1]}"


for refusing in "both", "one":
    servers = serve("one", refuses=True), serve("two", refuses=refusing == "both")
    for dsn in servers[0], f"failover({' '.join(servers)})", f"roundrobin({' '.join(servers)})":
        print(f"- {dsn.split('(')[0].split(':')[0]}, {refusing} refusing", flush=True)
        subprocess.run(["php", "/tmp/send.php", dsn], check=True, timeout=30)
PYTHON
cat >tmp/send.php <<'PHP'
<?php
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport;
use Symfony\Component\Mime\Email;
mt_srand(1);
$mailer = new Mailer(Transport::fromDsn($argv[1]));
foreach (['ann', 'refused', 'bob', 'cleo'] as $to) {
    $email = (new Email())->from('office@example.com')->to("$to@example.org")->subject('News')->text('News');
    try {
        $mailer->send($email);
        echo "$to: sent\n";
    } catch (Exception $error) {
        echo "$to: ", trim($error->getMessage()), "\n";
    }
}
PHP
cat >tmp/run.sh <<'SH'
/usr/bin/python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
dpkg-query -W php-symfony-mailer php8.2-cli
php -r 'require "/usr/share/php/Symfony/Component/Mailer/autoload.php";
    $made = new ReflectionMethod("Symfony\Component\Mailer\Transport\RoundRobinTransport", "__construct");
    echo "dead for ", $made->getParameters()[1]->getDefaultValue(), " s\n";'
timeout 100 /usr/bin/python3 /tmp/servers.py
SH
unshare --net chroot . bash /tmp/run.sh | tee tmp/seen
block() { sed -n "/^- $1\$/,/^- /p" tmp/seen | grep -v '^- ' || true; }
expect() { [ "$(block "$1")" = "$2" ] || { echo "no longer so: $1" >&2; exit 1; }; }
grep -qx 'dead for 60 s' tmp/seen || { echo "no longer so: 60 s" >&2; exit 1; }
expect 'failover, both refusing' 'server one: ann 250
ann: sent
server one: refused 550
server two: refused 550
refused: All transports failed.
bob: No transports found.
cleo: No transports found.'
expect 'failover, one refusing' 'server one: ann 250
ann: sent
server one: refused 550
server two: refused 250
refused: sent
server two: bob 250
bob: sent
server two: cleo 250
cleo: sent'
for kind in 'roundrobin, both refusing' 'smtp, both refusing'; do block "$kind" >"tmp/${kind%%,*}"; done
grep -qx 'bob: No transports found.' tmp/roundrobin || { echo "no longer so: roundrobin" >&2; exit 1; }
grep -q '^refused: .*550 5.7.1 In the group' tmp/smtp || { echo "no longer so: smtp alone" >&2; exit 1; }
grep -qx 'bob: sent' tmp/smtp || { echo "no longer so: smtp alone" >&2; exit 1; }
