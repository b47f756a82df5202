#!/usr/bin/env bash
# Guess: what reads Outlook's .msg files gives the address that Outlook shows of the sender.
# What happens: of mail within one Exchange the sender's address is a path, /O=…/CN=…, and the property
#   for an address of the Internet (PidTagSenderSmtpAddress) is often absent; Outlook asks the directory.
#   python-oxmsg and @kenjiuno/msgreader give the path for the address, extract-msg the name alone. Yet the
#   file has the address: beside the entry id of who made the mail, which ends with that path (0x3FF9 and
#   0x5D0A, or 0x3FFB and 0x5D0B of who changed it), or in the account it was sent by
#   (PidTagPrimarySendAccount). Of 45 files that such libraries collected for their tests, five are so,
#   and all five have one of these.
# Why it matters to a mail gateway: staff drag a colleague's mail into a forward. Filed by its sender's
#   address it belongs to nobody, or to whom the path is taken for.
# Versions: python-oxmsg 0.0.2, extract-msg 0.57.0, @kenjiuno/msgreader 1.28.0; 2026-11-30.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 180 venv/bin/pip install -q python-oxmsg==0.0.2 extract-msg==0.57.0 2>/dev/null
timeout 120 npm install --silent --no-audit --no-fund @kenjiuno/msgreader@1.28.0 >/dev/null 2>&1

cat >write.py <<'PYTHON'
"""Writes a mail as Outlook stores it: a compound file (MS-CFB) with a stream for each property (MS-OXMSG)."""
import struct

PATH = "/O=OFFICE/OU=EXCHANGE ADMINISTRATIVE GROUP/CN=RECIPIENTS/CN=ANN"
ENTRY_ID = bytes(4) + bytes.fromhex("dca740c8c042101ab4b908002b2fe182") + b"\1" + bytes(7) + PATH.encode() + b"\0"
MAIL = {
    0x001A: "IPM.Note", 0x0037: "Lunch", 0x1000: "At one?", 0x0C1A: "Ann Bos", 0x0C1E: "EX", 0x0C1F: PATH,
    0x0042: "Ann Bos", 0x0064: "EX", 0x0065: PATH, 0x3FF9: ENTRY_ID, 0x5D0A: "ann@office.example",
}
NONE, END, SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 512

streams, table = {}, bytes(32)
for tag, value in MAIL.items():
    octets, kind = (value.encode("utf-16-le"), 0x1F) if isinstance(value, str) else (value, 0x102)
    streams[f"__substg1.0_{tag:04X}{kind:04X}"] = octets
    table += struct.pack("<HHIII", kind, tag, 6, len(octets) + 2 * (kind == 0x1F), 0)
streams["__properties_version1.0"] = table
names = sorted(streams, key=lambda name: (len(name), name))

def entry(name, kind, start, size, child=NONE, right=NONE):
    octets = name.encode("utf-16-le") + b"\0\0"
    return (octets.ljust(64, b"\0") + struct.pack("<HBBIII", len(octets), kind, 1, NONE, right, child)
            + bytes(36) + struct.pack("<IQ", start, size))

small, chain, folder = b"", [], []
for number, name in enumerate(names, 1):
    count = -(-len(streams[name]) // 64)
    folder.append(entry(name, 2, len(chain), len(streams[name]),
                        right=number + 1 if number < len(names) else NONE))
    chain += [*range(len(chain) + 1, len(chain) + count), END]
    small += streams[name].ljust(count * 64, b"\0")
pad = lambda octets, fill=b"\0": octets.ljust(-(-len(octets) // SECTOR) * SECTOR, fill)
sizes = [len(pad(bytes(128 * (len(folder) + 1)))), len(pad(bytes(4 * len(chain)))), len(pad(small))]
fat, firsts = [0xFFFFFFFD], []
for size in sizes:
    firsts.append(len(fat))
    fat += [*range(len(fat) + 1, len(fat) + size // SECTOR), END]
directory = pad(entry("Root Entry", 5, firsts[2], len(small), child=1) + b"".join(folder))
header = (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
          + struct.pack("<IIIIIIIII", 1, firsts[0], 0, 4096, firsts[1], sizes[1] // SECTOR, END, 0, 0))
words = lambda numbers: struct.pack(f"<{len(numbers)}I", *numbers)
with open("ann.msg", "wb") as file:
    file.write(header.ljust(SECTOR, b"\xff") + pad(words(fat), b"\xff") + directory
               + pad(words(chain), b"\xff") + pad(small))
PYTHON
venv/bin/python write.py

cat >read.py <<'PYTHON'
from importlib.metadata import version

import extract_msg
import oxmsg

print(f"python-oxmsg {version('python-oxmsg')}: {oxmsg.Message.load('ann.msg').sender}")
print(f"extract-msg {version('extract-msg')}: {extract_msg.openMsg('ann.msg').sender}")
PYTHON
cat >read.js <<'JAVASCRIPT'
const { default: MsgReader } = require("@kenjiuno/msgreader");
const { version } = require("@kenjiuno/msgreader/package.json");
const mail = new MsgReader(require("fs").readFileSync("ann.msg")).getFileData();
console.log(`@kenjiuno/msgreader ${version}: ${mail.senderName} <${mail.senderEmail}> smtp=${mail.senderSmtpAddress}`);
JAVASCRIPT
timeout 60 venv/bin/python read.py >seen
timeout 60 node read.js >>seen
cat seen
[ "$(grep -c CN=ANN seen)" = 2 ] && [ "$(grep -c 'Ann Bos' seen)" = 3 ] || { echo "no longer so" >&2; exit 1; }
! grep -q ann@office.example seen || { echo "no longer so" >&2; exit 1; }
grep -aq 'a.n.n.@.o.f.f.i.c.e' ann.msg && echo "though the file has it: ann@office.example"
