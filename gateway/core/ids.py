"""Time-ordered identifiers: 63-bit numbers in the store, thirteen letters for people."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_SEQUENCE_BITS = 22


class IdSource:
    """Hands out rising numbers; `salt` (10 bits) keeps processes apart within a millisecond."""

    def __init__(self, salt: int) -> None:
        self._salt = (salt & 0x3FF) << 12
        self._last = 0
        self._sequence = 0

    def next(self, milliseconds: int) -> int:
        """Return a new id for a moment in milliseconds since `EPOCH`."""
        moment = max(milliseconds, self._last)
        self._sequence = self._sequence + 1 if moment == self._last else 0
        if self._sequence > 0xFFF:
            moment, self._sequence = moment + 1, 0
        self._last = moment
        return (moment << _SEQUENCE_BITS) | self._salt | self._sequence


def milliseconds_of(moment: datetime) -> int:
    """Milliseconds since `EPOCH`; negative before it."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def first_id_at(moment: datetime) -> int:
    """Return the smallest id a thing of that moment can have: ids are searched by time with it."""
    return max(0, milliseconds_of(moment)) << _SEQUENCE_BITS


def moment_of(number: int) -> datetime:
    """Return when an id was made, to the millisecond."""
    return EPOCH + timedelta(milliseconds=number >> _SEQUENCE_BITS)


def show(number: int) -> str:
    """Write an id as people see it: thirteen letters of Crockford's base 32."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(60, -1, -5))


def read(text: str) -> int:
    """Read what `show` wrote; ValueError names a text that is none."""
    letters = text.strip().lower()
    if len(letters) != 13 or any(letter not in _VALUES for letter in letters):
        raise ValueError(f"not an id: {text!r} (thirteen letters and digits)")
    number = 0
    for letter in letters:
        number = number << 5 | _VALUES[letter]
    return number
