r"""The boundaries of a mail's multiparts, as read by `ContentHash`, and the marks in their place.

`Content-Type: multipart/mixed; boundary="b7f"` is hashed as `multipart/mixed; boundary="\0 0\0"`
(without the space), and so is each line `--b7f` of the body: a library may generate a new boundary
for every send.
"""

import re

_LONGEST_LINE = 1_000  #: A boundary delimiter with any trailing white space.
_LONGEST_PART_HEADER = 16_384
_MOST_BOUNDARIES = 100
_FEW_DASHES = 4  #: Examined one by one.
_BETWEEN_FIELDS = re.compile(rb"\r\n(?![ \t])")
_END_OF_PART_HEADER = b"\n\r\n"
_MULTIPART = re.compile(rb"\s*multipart/", re.IGNORECASE)
_BOUNDARY = re.compile(rb';\s*boundary\s*=\s*(?:"([^"\\\r\n]+)"|([^\s;"\\]+))', re.IGNORECASE)


class Boundaries:
    """The boundaries that header fields have named so far."""

    def __init__(self) -> None:
        #: What is hashed instead of each: NUL, which no mail may contain, and its number.
        self.marks: dict[bytes, bytes] = {}

    def marked_fields(self, header: bytes) -> list[tuple[bytes, bytes]]:
        """Return the fields of a header, each preceded by its name in lower case.

        A multipart's boundary is remembered and replaced by a mark.
        """
        fields: list[tuple[bytes, bytes]] = []
        for field in _BETWEEN_FIELDS.split(header):
            name, colon, _ = field.partition(b":")
            fields.append((name.strip().lower() if colon else b"", field))
        types = [number for number, (name, _) in enumerate(fields) if name == b"content-type"]
        if len(types) != 1:
            return fields
        name, field = fields[types[0]]
        start = field.index(b":") + 1
        boundaries = list(_BOUNDARY.finditer(field, start))
        if len(boundaries) != 1 or not _MULTIPART.match(field, start):
            return fields
        group = 1 if boundaries[0][1] is not None else 2
        boundary = boundaries[0][group]
        if boundary not in self.marks:
            if len(self.marks) >= _MOST_BOUNDARIES:
                return fields
            self.marks[boundary] = b"\0%d\0" % len(self.marks)
        first, end = boundaries[0].span(group)
        fields[types[0]] = (name, field[:first] + self.marks[boundary] + field[end:])
        return fields

    def of_line(self, line: bytes) -> tuple[bytes | None, bool]:
        """Return a delimiter line's boundary without the `--`, and whether it is the last one."""
        text = line.rstrip(b" \t\r")
        if text in self.marks:
            return text, False
        if text.endswith(b"--") and text[:-2] in self.marks:
            return text[:-2], True
        return None, False

    def delimiter(self, data: bytes, line: int, *, last: bool) -> tuple[bool, int] | None:
        r"""Return whether a delimiter and its part's header are complete, and where they end.

        `line` is the index of `\n--`; `last`: nothing follows `data`. None if it is ordinary text.
        """
        limit = line + _LONGEST_LINE
        end = data.find(b"\n", line + 3, limit)
        if end < 0:
            if len(data) >= limit:
                return None
            if not last:
                return False, 0
            end = len(data)
        boundary, closes = self.of_line(data[line + 3 : end])
        if boundary is None:
            return None
        if closes:
            return True, end
        limit = end + _LONGEST_PART_HEADER
        header = data.find(_END_OF_PART_HEADER, end, limit)
        if header < 0:
            return last or len(data) >= limit, end
        return True, header + 2


def dashed_line(data: bytes, start: int) -> int:
    """Return the index of the next newline followed by two dashes, or -1.

    Searching for a single octet is far faster than for three, and encoded attachments have no
    dashes.
    """
    for _ in range(_FEW_DASHES):
        dash = data.find(b"-", start + 1)
        if dash < 0:
            return -1
        if data[dash - 1 : dash + 2] == b"\n--":
            return dash - 1
        start = dash
    return data.find(b"\n--", start)
