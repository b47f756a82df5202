"""Time-ordered identifiers: 63-bit numbers in the store, thirteen letters for people."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_SEQUENCE_BITS = 22
LARGEST = 2**63 - 1
#: A process's number is the salt of its ids, so no two processes make the same one. For the proxy's
#: workers (`store/journal/workers.py`):
NUMBERED = range(256)
#: For workers that got no number because the store is away: two machines may draw the same. Their
#: records are checked for that before they enter the store (`workers.take_in`).
PROVISIONAL = range(256, 512)
#: For all other processes, leased from the store (`store/engine/process_numbers.py`).
OTHERS = range(512, 1024)
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each


class IdSource:
    """Hands out rising ids; `salt` (10 bits, a process's number) keeps processes apart."""

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
    """Return the milliseconds since `EPOCH`; negative before it."""
    since = moment - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def first_id_at(moment: datetime) -> int:
    """Return the smallest id possible for that moment; used to search ids by time.

    From 2089 on this is the largest possible id, which fits the store's integers.
    """
    return min(max(0, milliseconds_of(moment)) << _SEQUENCE_BITS, LARGEST)


def first_id_after(moment: datetime) -> int:
    """Return the smallest id of anything after a moment, to the millisecond."""
    return min((max(0, milliseconds_of(moment)) + 1) << _SEQUENCE_BITS, LARGEST)


def moment_of(number: int) -> datetime:
    """Return when an id was made, to the millisecond."""
    return EPOCH + timedelta(milliseconds=number >> _SEQUENCE_BITS)


def show(number: int) -> str:
    """Format an id for people: thirteen letters of Crockford's base 32."""
    return (
        _ALPHABET[number >> 60]
        + _PAIRS[number >> 50 & 1023]
        + _PAIRS[number >> 40 & 1023]
        + _PAIRS[number >> 30 & 1023]
        + _PAIRS[number >> 20 & 1023]
        + _PAIRS[number >> 10 & 1023]
        + _PAIRS[number & 1023]
    )


def read(text: str) -> int:
    """Parse what `show` wrote; raise ValueError for anything else.

    Thirteen letters are 65 bits: a text starting above 7, as other servers' queue ids may, doesn't
    fit the store's integers.
    """
    letters = text.strip().lower()
    if len(letters) != 13 or letters[0] > "7" or any(letter not in _VALUES for letter in letters):
        raise ValueError(f"not an id: {text!r} (thirteen letters and digits, as lists show them)")
    number = 0
    for letter in letters:
        number = number << 5 | _VALUES[letter]
    return number
