#!/usr/bin/env bash
# Guess: folder.search(new ReceivedDateTerm(ComparisonTerm.GT, moment)) of Jakarta Mail gives the mail that came
#   after the moment, and over IMAP, whose search knows days only (RFC 9051, 6.4.4), perhaps some more of that day,
#   to be sifted by who asked. FromTerm, which is made with an address and not with a text, gives mail from it.
# What happens: GT is `NOT ON 27-Nov-2026 SINCE 27-Nov-2026`: none of that day, also what came after the moment. LT
#   leaves out all of that day as well, and GE and LE have all of it. FromTerm is `FROM ann@example.org`, which by
#   the RFC is part of a text: joann@example.org is found, too. The terms' own match(), by which folders that
#   aren't a server's are searched, is right by the second and by the address.
# Why it matters to a mail gateway: "what came since my last look" leaves out the rest of the day, and the next
#   look begins where this one ended: replies that came in the afternoon are read by nobody, ever. Tests with a
#   moment of last week find all. And replies of one candidate are filed to another. Ask with GE, and for each
#   mail ask match() again; or keep UIDs.
# Versions: libjakarta-mail-java 2.0.0-2 and dovecot-core, dovecot-imapd 1:2.3.19.1+dfsg1-2.1+deb12u7 (Debian 12), Java
#   as installed; 2026-11-30. Needs java, and root (a file system of its own).
set -euo pipefail

PACKAGES=({dovecot-core,dovecot-imapd}=1:2.3.19.1+dfsg1-2.1+deb12u7)
if [ "${1:-}" != inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    timeout 300 unshare --mount --pid --propagation private --fork --kill-child \
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
mount -t tmpfs tmpfs run
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive timeout 240 chroot . apt-get install -y -q --no-install-recommends \
    --allow-downgrades "${PACKAGES[@]}" >tmp/apt.log 2>&1 || { tail -n 5 tmp/apt.log >&2; exit 1; }
# Unpacked, as installed it wants Debian's own Java.
mkdir tmp/jars
(cd tmp/jars && timeout 120 apt-get download -qq libjakarta-mail-java=2.0.0-2 libjakarta-activation-java \
    >/dev/null 2>&1) || true
for package in tmp/jars/*.deb; do dpkg-deb -x "$package" tmp/jars; done
[ -e tmp/jars/usr/share/java/jakarta-mail.jar ] || { echo "Jakarta Mail can't be had" >&2; exit 1; }

cat >tmp/dovecot.conf <<'CONF'
protocols = imap
listen = 127.0.0.1
base_dir = /run/dovecot
mail_location = maildir:/tmp/mail/%u
log_path = /tmp/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=975 gid=975 home=/tmp/mail/%u
}
service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imaps {
    port = 0
  }
}
CONF
cat >tmp/fill.py <<'PYTHON'
import imaplib

client = imaplib.IMAP4("127.0.0.1")
client.login("office", "secret")
for day, hour, sender in (26, 9, "ann"), (27, 9, "ann"), (27, 15, "joann"), (28, 9, "bob"):
    mail = f"From: {sender}@example.org\r\nSubject: {day}th,{hour}h,{sender}\r\n\r\nHello\r\n"
    client.append("INBOX", None, f'"{day}-Nov-2026 {hour:02}:00:00 +0000"', mail.encode())
PYTHON
cat >tmp/Search.java <<'JAVA'
import jakarta.mail.Folder;
import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.search.*;
import java.time.Instant;
import java.util.*;

class Search {
    public static void main(String[] arguments) throws Exception {
        var store = Session.getInstance(new Properties()).getStore("imap");
        store.connect("127.0.0.1", 143, "office", "secret");
        var folder = store.getFolder("INBOX");
        folder.open(Folder.READ_ONLY);
        var noon = Date.from(Instant.parse("2026-11-27T12:00:00Z"));
        var terms = new LinkedHashMap<String, SearchTerm>();
        terms.put("after noon of the 27th (GT)", new ReceivedDateTerm(ComparisonTerm.GT, noon));
        terms.put("not before it (GE)", new ReceivedDateTerm(ComparisonTerm.GE, noon));
        terms.put("before it (LT)", new ReceivedDateTerm(ComparisonTerm.LT, noon));
        terms.put("from ann", new FromTerm(new InternetAddress("ann@example.org")));
        for (var term : terms.entrySet()) {
            var matching = new ArrayList<Message>();
            for (var mail : folder.getMessages()) {
                if (term.getValue().match(mail)) matching.add(mail);
            }
            System.out.println(term.getKey() + ": search() " + subjects(List.of(folder.search(term.getValue())))
                + "; match() " + subjects(matching));
        }
        store.close();
    }

    static String subjects(List<Message> mails) throws Exception {
        var subjects = new StringJoiner(" ");
        for (var mail : mails) subjects.add(mail.getSubject());
        return subjects.toString();
    }
}
JAVA
cat >tmp/run.sh <<'SH'
set -euo pipefail
export TZ=UTC
python3 - <<'PYTHON'
import fcntl, socket, struct

with socket.socket() as up:  # lo is down in a new network: SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
PYTHON
mkdir -p /tmp/mail /run/dovecot
chown 975 /tmp/mail
dovecot -c /tmp/dovecot.conf
for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/143) 2>/dev/null && break; sleep 0.1; done
timeout 30 python3 /tmp/fill.py
jars=/tmp/jars/usr/share/java
echo "libjakarta-mail-java $(dpkg-deb -f /tmp/jars/libjakarta-mail-java*.deb Version)," \
    "Dovecot $(dovecot --version | cut -d' ' -f1)"
timeout 60 java -cp "$jars/jakarta-mail.jar:$jars/jakarta-activation.jar" /tmp/Search.java
SH
unshare --net chroot . bash /tmp/run.sh | tee tmp/seen
for line in 'after noon of the 27th (GT): search() 28th,9h,bob; match() 27th,15h,joann 28th,9h,bob' \
    'not before it (GE): search() 27th,9h,ann 27th,15h,joann 28th,9h,bob; match() 27th,15h,joann 28th,9h,bob' \
    'before it (LT): search() 26th,9h,ann; match() 26th,9h,ann 27th,9h,ann' \
    'from ann: search() 26th,9h,ann 27th,9h,ann 27th,15h,joann; match() 26th,9h,ann 27th,9h,ann'; do
    grep -qxF "$line" tmp/seen || { echo "no longer so: $line" >&2; exit 1; }
done
