"""A `.msg` file as Outlook writes it, with the properties a test gives it (MS-OXMSG, MS-CFB)."""

import struct
from collections.abc import Mapping, Sequence

_SECTOR, _SMALL_SECTOR = 512, 64
_FREE, _END, _OF_FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5

#: What a storage holds, by name: streams, and storages.
Tree = Mapping[str, "bytes | Tree"]


def msg_file(
    properties: Mapping[int, str | bytes],
    *,
    without: Sequence[int] = (),
    numbers: Mapping[int, int] | None = None,
    mails: Sequence[Tree] = (),
) -> bytes:
    """Write a mail of which each property is a text (PtypString) or octets (PtypBinary).

    `without`: properties, texts, that the table names, but of which there is no stream; `numbers`:
    properties that are numbers (PtypInteger32); `mails`: those attached, by `mail_within`.
    """
    return compound_file(_mail(32, properties, without, numbers or {}, mails))


def mail_within(
    properties: Mapping[int, str | bytes], *, head: int = 24, mails: Sequence[Tree] = ()
) -> Tree:
    """Return a mail attached to another, and called by its subject (MS-OXMSG, 2.4.1.2)."""
    subject = properties.get(0x0037, "")
    attachment = _storage(8, {0x3001: subject}, numbers={0x3705: 5})
    return {**attachment, "__substg1.0_3701000D": _mail(head, properties, (), {}, mails)}


def _mail(
    head: int,
    properties: Mapping[int, str | bytes],
    without: Sequence[int],
    numbers: Mapping[int, int],
    mails: Sequence[Tree],
) -> Tree:
    attached = {f"__attach_version1.0_#{number:08X}": mail for number, mail in enumerate(mails)}
    return {**_storage(head, properties, without, numbers), **attached}


def _storage(
    head: int,
    properties: Mapping[int, str | bytes],
    without: Sequence[int] = (),
    numbers: Mapping[int, int] | None = None,
) -> Tree:
    table = bytes(head)
    streams = {}
    for number, content in properties.items():
        octets = content.encode("utf-16-le") if isinstance(content, str) else content
        kind = 0x001F if isinstance(content, str) else 0x0102
        streams[f"__substg1.0_{number:04X}{kind:04X}"] = octets
        size = len(octets) + (2 if isinstance(content, str) else 0)
        table += struct.pack("<HHIII", kind, number, 6, size, 0)
    for number in without:
        table += struct.pack("<HHIII", 0x001F, number, 6, 10, 0)
    for number, value in (numbers or {}).items():
        table += struct.pack("<HHIII", 0x0003, number, 6, value, 0)
    return {"__properties_version1.0": table, **streams}


def compound_file(root: Tree) -> bytes:
    """Write a compound file of small streams (MS-CFB, 2.2 to 2.6)."""
    small = b""
    chain: list[int] = []
    entries: list[bytes] = [b""]

    def write(tree: Tree) -> int:
        """Add the entries of a storage; return the number of the first."""
        nonlocal small
        names = sorted(tree, key=lambda name: (len(name), name.upper()))
        first = len(entries)
        entries.extend(b"" for _ in names)
        for number, name in enumerate(names, first):
            content = tree[name]
            following = number + 1 if name != names[-1] else _NONE
            if not isinstance(content, bytes):
                entries[number] = _entry(
                    name, _STORAGE, start=0, size=0, child=write(content), following=following
                )
                continue
            entries[number] = _entry(
                name, _STREAM, start=len(chain), size=len(content), following=following
            )
            count = -(-len(content) // _SMALL_SECTOR)
            chain.extend([*range(len(chain) + 1, len(chain) + count), _END])
            small += content.ljust(count * _SMALL_SECTOR, b"\0")
        return first

    child = write(root)
    entries[0] = _entry("Root Entry", _ROOT, start=0, size=len(small), child=child)
    directory = b"".join(entries)
    parts = [
        directory.ljust(-(-len(directory) // _SECTOR) * _SECTOR, b"\0"),
        _sectors_of(chain),
        small.ljust(-(-len(small) // _SECTOR) * _SECTOR, b"\0"),
    ]
    fat, firsts = [_OF_FAT], []
    for part in parts:
        firsts.append(len(fat))
        fat += [*range(len(fat) + 1, len(fat) + len(part) // _SECTOR), _END]
    directory = parts[0][:116] + struct.pack("<I", firsts[2]) + parts[0][120:]
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    header += struct.pack("<III", 1, firsts[0], 0)
    header += struct.pack("<IIIII", 4096, firsts[1], len(parts[1]) // _SECTOR, _END, 0)
    header += struct.pack("<I", 0).ljust(436, b"\xff")
    return header + _sectors_of(fat) + directory + parts[1] + parts[2]


def _entry(
    name: str, kind: int, *, start: int, size: int, child: int = _NONE, following: int = _NONE
) -> bytes:
    octets = name.encode("utf-16-le") + b"\0\0"
    written = octets.ljust(64, b"\0") + struct.pack("<HBB", len(octets), kind, 1)
    written += struct.pack("<III", _NONE, following, child) + bytes(16 + 4 + 8 + 8)
    return written + struct.pack("<IQ", start, size)


def _sectors_of(numbers: list[int]) -> bytes:
    octets = struct.pack(f"<{len(numbers)}I", *numbers)
    return octets.ljust(-(-len(octets) // _SECTOR) * _SECTOR, b"\xff")
