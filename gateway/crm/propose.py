"""A mapping proposed for a file, by the names of its columns and what stands in them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.core.feed.feed_mapping import DATES, JOINED, column_key, read_mapping
from gateway.core.feed.shipped_mappings import SHIPPED_MAPPINGS
from gateway.core.kinds import TAG_SCOPES, known_tag
from gateway.core.written import plain
from gateway.crm.dates import DateReader, weigh
from gateway.crm.files import FeedFile
from gateway.crm.flags import read_flag
from gateway.crm.kinds import FileKind
from gateway.crm.synonyms import KIND_WORDS, suggested, surely
from gateway.crm.unreadable import UnreadableCell

_LOOKED_AT = 5_000  #: Rows.
_SHOWN = 8  #: Words of a column.
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FLAGS = frozenset(
    {"active", "initial", "closed", "consent_email", "mail_on_set_date",
     "mail_after_first_delivery"}
)  # fmt: skip
#: Columns whose values are keys of other kinds, with what these are called.
_KEYS_OF: Mapping[str, str] = {
    "status": "statuses", "owner": "staff", "group": "groups", "person": "people",
    "programme": "programmes", "responsible": "staff", "examiner": "staff", "created_by": "staff",
}  # fmt: skip
#: Dutch and German names have a part before the last name: `van der`, `von`.
_PREFIXES = frozenset(
    map(column_key, ("tussenvoegsel", "voorvoegsel", "namenszusatz", "infix", "tussenvoegsels"))
)
_LANGUAGES: Mapping[str, str] = {
    word: code
    for code, words in {
        "nl": "nederlands dutch niederländisch néerlandais vlaams flämisch",
        "de": "duits german deutsch allemand",
        "fr": "frans french französisch français",
        "en": "engels english englisch anglais",
    }.items()
    for word in words.split()
}
#: Parts of the names of columns that tell who has died or wants no mail, in the four languages.
_KEEPING_AWAY = frozenset(
    map(
        column_key,
        re.findall(
            r"\w+",
            """
            verstorben gestorben todestag sterbe overleden overlijden gestorven deceased death died
            décédé décès optout unsubscribe uitgeschreven afgemeld abgemeldet désabonn désinscr
            do_not no_mail no_bulk geen_mail keine_mail pas_de_mail gesperrt sperre blocked
            keine_werbung keine_post geen_reclame geen_post geen_nieuws
            geblokkeerd bloqué widerspruch bezwaar opposition bounced
            """,
        ),
    )
)
_MARKS = frozenset("xX✓✔☑")


@dataclass(slots=True)
class _Column:
    """A column of the file."""

    name: str
    values: list[str]  #: Blanks left out.
    rows: int

    @property
    def is_key(self) -> bool:
        """Whether each row has a value of its own, as ids do."""
        return len(self.values) == self.rows > 1 and len(set(self.values)) == self.rows

    @property
    def holds_addresses(self) -> bool:
        """Whether most values are mail addresses."""
        found = sum(bool(_ADDRESS.search(value)) for value in self.values)
        return bool(self.values) and found >= 0.8 * len(self.values)

    @property
    def holds_tags(self) -> bool:
        """Whether any value is a tag that keeps mail away."""
        return any(known_tag(value) in TAG_SCOPES for value in self.values)

    @property
    def holds_dates(self) -> bool:
        """Whether most values are dates, also those of which the order can't be told."""
        evidence = weigh(self.values)
        found = sum(_is_date(value) for value in self.values)
        return bool(self.values) and (found >= 0.8 * len(self.values) or bool(evidence.open))


@dataclass(slots=True)
class _Choice:
    """The columns proposed for one of ours."""

    columns: list[_Column] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def propose(path: Path, kind: FileKind) -> str:
    """Return the table of the config that a file needs, with what is uncertain as comments.

    Raises `FileRefused` where the file can't be read at all.
    """
    file = FeedFile(path, kind)
    names, rows = file.sample(_LOOKED_AT)
    columns, repeated = _columns(names, rows)
    choices = _choices(kind, columns)
    lines = [
        *_lines(file, kind, columns, choices, len(rows)),
        *(
            _comment(f"unsure: the column {name!r} occurs twice in the file: give one another name")
            for name in repeated
        ),
    ]
    return "\n".join(lines) + "\n"


def _columns(
    names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[_Column], list[str]]:
    """Return the columns that have a name, and the names that stand there again."""
    seen: set[str] = set()
    columns, repeated = [], []
    for at, name in enumerate(map(str.strip, names)):
        if column_key(name) in seen:
            repeated.append(name)
        elif name:
            values = [value for row in rows if (value := plain(row[at]))]
            columns.append(_Column(name, values, len(rows)))
            seen.add(column_key(name))
    return columns, repeated


def _choices(kind: FileKind, columns: Sequence[_Column]) -> dict[str, _Choice]:
    """Return the columns for each of ours, in our order."""
    by_ours: dict[str, list[tuple[int, _Column]]] = {name: [] for name in kind.columns}
    for column in columns:
        ours = suggested(kind.name, column.name)
        if ours:
            by_ours[ours].append((surely(kind.name, column.name, ours), column))
    choices = {}
    for ours, found in by_ours.items():
        choice = _chosen(ours, found)
        if choice is not None:
            choices[ours] = choice
    _choose_tag(kind, columns, choices)
    _add_by_content(kind, columns, choices)
    prefix = next((each for each in columns if column_key(each.name) in _PREFIXES), None)
    if prefix and "last_name" in choices and prefix not in choices["last_name"].columns:
        choices["last_name"].columns.insert(0, prefix)
    return {name: choices[name] for name in kind.columns if name in choices}


def _chosen(ours: str, found: Sequence[tuple[int, _Column]]) -> _Choice | None:
    """Return the best column for one of ours, all of them for addresses."""
    if ours in ("emails", "email"):
        found = [each for each in found if each[1].holds_addresses or not each[1].values]
    if ours in DATES:
        found = [each for each in found if each[1].holds_dates or not each[1].values]
    found = [(sureness, column) for sureness, column in found if sureness or _may_be(ours, column)]
    if ours in _FLAGS:  # `Do not email` is the contrary of consent to it.
        found = [each for each in found if not _may_keep_away(each[1].name)]
    if not found:
        return None
    ranked = sorted(found, key=lambda each: -each[0])
    if ours == "crm_id":
        ranked.sort(key=lambda each: not each[1].is_key)
    sureness, best = ranked[0]
    others = [column.name for _, column in ranked[1:]]
    if JOINED.get(ours) == ";":
        return _Choice([column for _, column in found])
    doubts = [] if sureness else [f"only its name is like {ours}"]
    if others:
        doubts.append(f"or is it {', '.join(map(repr, others))}?")
    return _Choice([best], doubts)


def _may_be(ours: str, column: _Column) -> bool:
    """Tell whether what stands in a column is no reason against what its name is only like."""
    if ours in ("emails", "email") or ours in DATES or not column.values:
        return True
    if column.holds_addresses or column.holds_dates:
        return False
    return column.is_key or ours not in ("crm_id", "reference")


def _choose_tag(kind: FileKind, columns: Sequence[_Column], choices: dict[str, _Choice]) -> None:
    """Choose the column in which known tags stand, whatever it is called."""
    found = [column for column in columns if column.holds_tags]
    if "tag" not in kind.columns or not found:
        return
    names = {column.name for column in found}
    chosen = choices.get("tag")
    if chosen is None or not names & {column.name for column in chosen.columns}:
        choices["tag"] = chosen = _Choice(found[:1])
    best = chosen.columns[0].name
    if others := [column.name for column in found if column.name != best]:
        chosen.doubts = [f"tags stand in {', '.join(map(repr, others))} too"]
    for ours in [ours for ours, choice in choices.items() if ours != "tag"]:
        if best in {column.name for column in choices[ours].columns}:
            del choices[ours]


def _add_by_content(
    kind: FileKind, columns: Sequence[_Column], choices: dict[str, _Choice]
) -> None:
    """Choose by what stands in them where no name is known."""
    used = {column.name for choice in choices.values() for column in choice.columns}
    free = [column for column in columns if column.name not in used]
    for ours in ("emails", "email"):
        found = [column for column in free if column.holds_addresses]
        if ours == "emails" and ours in choices and found:
            # Whoever is suppressed is so at each of their addresses: one left out gets through.
            choice = choices[ours]
            choice.columns += found
            names = ", ".join(repr(column.name) for column in found)
            choice.doubts.append(f"addresses stand in {names} too; ignore them if they are others'")
            free = [column for column in free if column not in found]
        elif ours in kind.columns and ours not in choices and found:
            taken = found if ours == "emails" else found[:1]
            choices[ours] = _Choice(taken, ["it holds mail addresses; its name doesn't say so"])
            free = [column for column in free if column not in taken]
    key = next((name for name in ("crm_id", "reference") if name in kind.needed), None)
    if key and key not in choices:
        found = [
            column
            for column in free
            if column.is_key and not column.holds_addresses and not column.holds_dates
        ]
        if found:
            choices[key] = _Choice(found[:1], ["every row has its own; its name doesn't say so"])


def _lines(
    file: FeedFile,
    kind: FileKind,
    columns: Sequence[_Column],
    choices: Mapping[str, _Choice],
    rows: int,
) -> Iterator[str]:
    looked_at = f"its first {rows} rows" if rows else "its header"
    yield _comment(f"For {file.name}, by {looked_at}. Look at each line that says: unsure.")
    yield from map(_comment, file.remarks)
    if shipped := _shipped(kind, columns):
        yield _comment(f'It looks like an export of {shipped}: use = "{shipped}" alone may do.')
    for missing in sorted(kind.needed - choices.keys()):
        yield _comment(
            f"unsure: no column looks like {missing}, without which nothing can be taken in:"
        )
        yield _comment(f"{missing} = …")
    yield f"[crm.map.{kind.name}]"
    if "tag" in kind.columns and "tag" not in choices:
        yield _comment(
            f"unsure: no column holds a tag ({', '.join(TAG_SCOPES)}): none of these {kind.name} "
            "keeps mail away; say which do by the column that tells it:"
        )
        told_by = _toml(choices["name"].columns[0].name if "name" in choices else "…")
        tag = "NoMailTag" if kind.name == "statuses" else "NoMailingsTag"
        yield _comment(f'tag = {{column = {told_by}, values = {{"…" = "{tag}"}}}}')
    for ours, choice in choices.items():
        yield from _entry(kind, ours, choice)
    used = {column.name for choice in choices.values() for column in choice.columns}
    ignored = [column.name for column in columns if column.name not in used]
    for name in filter(_may_keep_away, ignored):
        yield _comment(f"unsure: {name!r} is left out: does it tell to whom no mail may go? If so:")
        yield from map(_comment, _instead(kind, name))
    if ignored:
        yield f"ignore = {_toml(ignored)}"


def _may_keep_away(column: str) -> bool:
    """Whether a column may tell who has died or wants no mail, by its name."""
    key = column_key(column)
    return any(word in key for word in _KEEPING_AWAY)


def _instead(kind: FileKind, column: str) -> Iterator[str]:
    """Yield how a column that is a flag of people becomes one of ours."""
    if kind.name == "people":
        yield f'status = {{column = {_toml(column)}, values = {{"…" = "…"}}}}: one with NoMailTag'
    yield "or export those it is set for as members of a group with NoMailingsTag"


def _shipped(kind: FileKind, columns: Sequence[_Column]) -> str:
    """Return the name of a shipped mapping that knows columns of the file; empty: none does."""
    names = [column.name for column in columns]
    for name, tables in SHIPPED_MAPPINGS.items():
        if kind.name in tables:
            mapping = read_mapping(kind.name, tables[kind.name], {})
            theirs = {each for one in mapping.columns.values() for each in one.columns}
            keys = set(map(column_key, names))
            if sum(column_key(each) in keys for each in theirs) > max(2, len(theirs) // 2):
                return name
    return ""


def _entry(kind: FileKind, ours: str, choice: _Choice) -> Iterator[str]:
    names = [column.name for column in choice.columns]
    values = [value for column in choice.columns for value in column.values]
    yield from (_comment(f"unsure: {doubt}") for doubt in choice.doubts)
    words = _words(ours, choice.columns[0], values)
    yield from _doubts_of(kind, ours, choice, values, words)
    written = names[0] if len(names) == 1 else names
    if words:
        values_table = ", ".join(
            f"{_toml(word)} = {_toml(meaning)}" for word, meaning in words.items()
        )
        yield f"{ours} = {{column = {_toml(written)}, values = {{{values_table}}}}}"
    else:
        yield f"{ours} = {_toml(written)}"
    if ours in DATES and (evidence := weigh(values)).open and evidence.order is None:
        yield _comment(f"unsure: {evidence.open!r} may have the day or the month first; say which:")
        yield _comment('date_order = "day-first"')


def _doubts_of(
    kind: FileKind,
    ours: str,
    choice: _Choice,
    values: Sequence[str],
    words: Mapping[str, str],
) -> Iterator[str]:
    """Yield what is uncertain of a column's values."""
    if ours in kind.needed and ours in ("crm_id", "reference"):
        [column] = choice.columns
        if not column.is_key and column.rows > 1:
            yield _comment("unsure: not every row has a value of its own in it")
    if ours in _FLAGS:
        unknown = _most(value for value in values if not _is_flag(value))
        if unknown:
            name = choice.columns[0].name
            yield _comment(f"unsure: neither yes nor no: {unknown}; say what they mean by")
            yield _comment(f'{ours} = {{column = {_toml(name)}, values = {{"…" = "yes"}}}}')
    if ours == "tag":
        unknown = _most(value for value in values if known_tag(value) not in TAG_SCOPES)
        if unknown:
            name = choice.columns[0].name
            yield _comment(f"unsure: no known tags: {unknown}; if they keep mail away, say which:")
            yield _comment(f'tag = {{column = {_toml(name)}, values = {{"…" = "NoMailTag"}}}}')
    if ours == "kind":
        known = {"candidate", "contact", "application", *words}
        unknown = _most(value for value in values if value.casefold() not in known)
        if unknown:
            yield _comment(f"unsure: no kind is known for {unknown}")
    if of := _KEYS_OF.get(ours):
        few = _most(values)
        if few and len(set(values)) <= 50:
            # People aren't known by their names: two may have one.
            what = "crm_id" if of == "people" else "crm_id or name"
            yield _comment(f"unsure: each must be the {what} of one of the {of}: {few}")
            if ours == "status":
                yield _comment('if they are other words: status.values = {"Uit dienst" = "s3", …}')


def _words(ours: str, column: _Column, values: Sequence[str]) -> dict[str, str]:
    """Return what the CRM's words of a column are in ours, where that is known."""
    if ours == "active" and values and set(values) <= _MARKS and len(values) < column.rows:
        # Where only some rows have a mark, the others aren't active; a blank is usually yes.
        return {"": "no"}
    known = {"kind": KIND_WORDS, "language": _LANGUAGES}.get(ours, {})
    read = {word: known.get(word.casefold(), "") for word in dict.fromkeys(values)}
    return {word: ours for word, ours in read.items() if ours and word.casefold() != ours}


def _most(values: "Iterator[str] | Sequence[str]") -> str:
    counted = Counter(values).most_common()
    shown = ", ".join(f"{value!r} ({count})" for value, count in counted[:_SHOWN])
    return f"{shown} and {len(counted) - _SHOWN} more" if len(counted) > _SHOWN else shown


def _is_flag(value: str) -> bool:
    try:
        read_flag(value)
    except UnreadableCell:
        return False
    return True


def _is_date(value: str) -> bool:
    try:
        return DateReader(today=None, are_serials=False).day(value) is not None
    except UnreadableCell:
        return False


def _comment(text: str) -> str:
    # A header may hold anything; nothing of it ends the comment.
    return "# " + "".join(char if char.isprintable() else " " for char in text)


def _toml(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        # JSON's escapes are among TOML's, and those that TOML has beside them are here.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(_toml, value))}]"
