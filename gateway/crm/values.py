"""What may stand in a field of a file: flags, dates, lists, addresses."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import TypeVar

from email_validator import EmailNotValidError, validate_email

from gateway.core.address import fits_envelope
from gateway.core.typed_address import TypedAddress, read_address

Word = TypeVar("Word")
_FLAGS = dict.fromkeys(("true", "yes", "1"), True) | dict.fromkeys(("false", "no", "0"), False)
#: Most addresses of most files. What looks otherwise is asked of the validator, which is slow.
_USUAL = re.compile(
    r"[A-Za-z0-9_-]{1,30}(?:[.+][A-Za-z0-9_-]{1,15}){0,2}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,40}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,18}"
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_COUNT = re.compile(r"[0-9]{1,5}")
_LANGUAGE = re.compile(r"([a-z]{2})(?:[-_][A-Za-z]{2,4})?")


class Fields:
    """The fields of one row as text, read by type; ValueError names the column and what is wrong.

    `zone` is that of times that name none. `remarks` gathers what is wrong without making the row
    useless.
    """

    __slots__ = ("_texts", "_zone", "remarks")

    def __init__(self, texts: Mapping[str, str], zone: tzinfo = UTC) -> None:
        self._texts = texts
        self._zone = zone
        self.remarks: list[str] = []

    def text(self, name: str) -> str:
        """Return a text without the white space around it; empty where there is none."""
        value = self._texts.get(name, "").strip()
        if not value.isprintable():
            _check_characters(name, value)
        return value

    def required(self, name: str) -> str:
        """Return a text that may not be blank."""
        value = self.text(name)
        if not value:
            raise ValueError(f"{name}: is blank")
        return value

    def flag(self, name: str, *, blank: bool = False) -> bool:
        """Return true (true yes 1) or false (false no 0)."""
        value = self.text(name)
        if not value:
            return blank
        try:
            return _FLAGS[value.lower()]
        except KeyError:
            raise ValueError(f"{name}: not true or false: {value!r}") from None

    def day(self, name: str) -> date | None:
        """Return a date written 1980-05-31."""
        try:
            return _day(self.text(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def count(self, name: str) -> int | None:
        """Return a whole number from 0 on; None where it is blank."""
        value = self.text(name)
        if not value:
            return None
        if not _COUNT.fullmatch(value):
            raise ValueError(f"{name}: not a number of days such as 30: {value!r}")
        return int(value)

    def moment(self, name: str) -> datetime | None:
        """Return a time written 1980-05-31T08:30, local unless it says otherwise, or a date."""
        value = self.text(name)
        if not value:
            return None
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{name}: not a time such as 1980-05-31T08:30: {value!r}") from None
        return found if found.tzinfo else found.replace(tzinfo=self._zone)

    def items(self, name: str) -> tuple[str, ...]:
        """Return what stands between `;`, blanks left out."""
        return tuple(filter(None, map(str.strip, self.text(name).split(";"))))

    def choice(self, name: str, known: Mapping[str, Word]) -> Word:
        """Return what one of the known words stands for."""
        value = self.text(name)
        found = known.get(value) or known.get(value.lower())
        if found is None:
            raise ValueError(f"{name}: not one of {', '.join(filter(None, known))}: {value!r}")
        return found

    def language(self, name: str) -> str:
        """Return the two letters of a language; `nl-BE` is `nl`."""
        try:
            return _language(self.text(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the usable ones of several mail addresses; the others become remarks."""
        given = [(each, *_read(each)) for each in self.items(name)]
        self.remarks += [
            f"{name}: {each!r} is left out: it {fault}" for each, _, fault in given if fault
        ]
        return tuple(address for _, address, _ in given if address)

    def unusable(self, name: str) -> tuple[str, ...]:
        """Return those of several mail addresses to which no mail can be sent."""
        return tuple(each for each in self.items(name) if _read(each)[1])


@lru_cache(50_000)
def _day(value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value if _DAY.fullmatch(value) else "")
    except ValueError:
        raise ValueError(f"not a date such as 1980-05-31: {value!r}") from None


@lru_cache(1_000)
def _language(value: str) -> str:
    found = _LANGUAGE.fullmatch(value.lower())
    if value and found is None:
        raise ValueError(f"not a language such as nl: {value!r}")
    return found[1] if found else ""


def _check_characters(name: str, value: str) -> None:
    if "\0" in value:
        raise ValueError(f"{name}: contains a NUL")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: is not UTF-8") from None


def _read(text: str) -> tuple[str, str]:
    """Return the address a text names, or what keeps it from being one; the other is empty."""
    found = read_address(text)
    if isinstance(found, TypedAddress):
        return found.address, ""
    return ("", found.fault) if _fault(text) else (text, "")


def _fault(address: str) -> str:
    """Return what is wrong with an address; empty: mail can be sent there.

    What the envelope's own grammar takes is taken, though the validator be stricter (carriers gave
    out `a..b@`, and mail within an intranet needs no dot): an address left out isn't suppressed.
    """
    if _USUAL.fullmatch(address) and "--" not in address:
        return ""
    try:
        validate_email(
            address,
            allow_quoted_local=True,
            allow_domain_literal=True,
            globally_deliverable=False,
            check_deliverability=False,
        )
    except EmailNotValidError as error:
        return "" if fits_envelope(address) else str(error)
    return ""
