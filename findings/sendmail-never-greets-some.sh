#!/usr/bin/env bash
# Guess: of connections that come in one moment, sendmail greets each sooner or later, or refuses it: what
#   connect() calls established gets 220 or 421.
# What happens: its listening queue holds 10 (Listen= of DAEMON_OPTIONS), and it forks for each it takes.
#   Where 60 come at once the queue is full, Linux answers by SYN cookies, as it does by default, and
#   drops the last packet of the handshake of some. With cookies it has kept nothing, so it sends
#   nothing again. These clients see an established connection, on which the server is to speak
#   first, and sendmail knows nothing of it. A third to a half of them are still without a word when
#   all others have had theirs, 20 s later, while a new one is greeted at once.
# Why it matters to a mail gateway: five minutes are the time to wait for a greeting (RFC 5321, 4.5.3.2.1).
#   A pool of connections in which each mail waits for the one that was opened for it keeps some
#   mails of a burst that long, beside connections that are idle, and takes the relay for down. A
#   mail must go over the first to be had. Any server with a short queue that speaks first is like that.
# Versions: Debian 12's sendmail 8.17.1.9-2+deb12u2, Linux with tcp_syncookies = 1; 2026-11-30. Needs root,
#   and what Debian's sendmail needs.
set -euo pipefail

VERSION=8.17.1.9-2+deb12u2
work=$(mktemp -d)
trap '[ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"
for package in sendmail-bin="$VERSION" sendmail-cf="$VERSION" m4 libsigsegv2 libldap-2.5-0 libsasl2-2 libwrap0 \
    libnsl2 libdb5.3; do
    timeout 120 apt-get download -qq "$package" >/dev/null 2>&1 || true
done
for file in *.deb; do dpkg-deb -x "$file" .; done
sendmail=$work/usr/libexec/sendmail/sendmail
[ -x "$sendmail" ] || { echo "sendmail $VERSION can't be had" >&2; exit 1; }
export LD_LIBRARY_PATH=$work/usr/lib/x86_64-linux-gnu:$work/lib/x86_64-linux-gnu

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
chmod 755 .
mkdir -m 700 queue
cat >sendmail.mc <<END
include(\`$work/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(\`linux')dnl
define(\`QUEUE_DIR', \`$work/queue')dnl
define(\`confPID_FILE', \`$work/pid')dnl
define(\`STATUS_FILE', \`/dev/null')dnl
define(\`ALIAS_FILE', \`')dnl
undefine(\`confHOST_STATUS_DIRECTORY')dnl
define(\`confTO_IDENT', \`0')dnl
FEATURE(\`no_default_msa')dnl
DAEMON_OPTIONS(\`Family=inet, Name=MTA, Port=$port, Addr=127.0.0.1')dnl
MAILER(\`local')dnl
MAILER(\`smtp')dnl
END
usr/bin/m4 -D_CF_DIR_="$work/usr/share/sendmail/cf/" sendmail.mc >sendmail.cf
# It sleeps for a minute at the start where the machine's name has no dot.
unshare --uts sh -c 'hostname relay.example && exec "$0" -C "$1" -bD' "$sendmail" "$work/sendmail.cf" >daemon.log 2>&1 </dev/null &
pid=$!

cat >try.py <<'PYTHON'
"""Connects 60 times at once and waits for greetings."""
import asyncio, sys, time

port, count = int(sys.argv[1]), 60

async def greeting(seconds):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return error.strerror.partition(" (")[0]
    try:
        return (await asyncio.wait_for(reader.readline(), seconds))[:3].decode() or "closed"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return error.strerror
    finally:
        writer.close()

async def main():
    for _ in range(100):
        if await greeting(5) == "220":
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    heard = await asyncio.gather(*(greeting(20) for _ in range(count)))
    began = time.monotonic()
    then = await greeting(5)
    print({word: heard.count(word) for word in sorted(set(heard))}, f"; a new one: {then} after {time.monotonic() - began:.1f} s")
    sys.exit(0 if heard.count("silent") and heard.count("220") and then == "220" else "no longer so")

asyncio.run(main())
PYTHON
echo "sendmail $VERSION, 60 connections at once:"
timeout 60 python3 try.py "$port" || { cat daemon.log >&2; exit 1; }
