"""Proposes a mapping for a file from the names and contents of its columns."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.core.feed.feed_mapping import ALL_OTHERS, DATES
from gateway.core.kinds import TAG_SCOPES, known_tag
from gateway.core.written import counted
from gateway.crm.cells.dates import weigh
from gateway.crm.cells.flags import is_flag, read_flag
from gateway.crm.cells.language_words import language_named
from gateway.crm.files import FeedFile
from gateway.crm.kinds import FileKind
from gateway.crm.proposed_columns import (
    FLAG_COLUMNS,
    ColumnChoice,
    SampledColumn,
    choose_columns,
    keeps_away,
    may_keep_away,
    named_columns,
    shipped_mapping,
)
from gateway.crm.synonyms import KIND_WORDS, suggest_column

_LOOKED_AT = 5_000  #: How many rows are examined.
_SHOWN = 8  #: How many words of a column are shown.
#: Columns whose values are keys of other kinds, and the names of those kinds.
_KEYS_OF: Mapping[str, str] = {
    "status": "statuses", "owner": "staff", "group": "groups", "person": "people",
    "programme": "programmes", "responsible": "staff", "examiner": "staff", "created_by": "staff",
}  # fmt: skip
_OPTED_OUT = "opt-out"  #: A name for the group of those who want no mail.
_MARKS = frozenset("xX✓✔☑")


def propose(path: Path, kind: FileKind) -> str:
    """Return the config table that a file needs, with comments where something is uncertain.

    Raise `FileRefused` if the file can't be read at all.
    """
    file = FeedFile(path, kind)
    names, rows = file.sample(_LOOKED_AT)
    columns, repeated = named_columns(names, rows)
    choices = choose_columns(kind, columns)
    lines = [
        *_lines(file, kind, columns, choices, len(rows)),
        *(
            _comment(f"unsure: the column {name!r} occurs twice in the file: give one another name")
            for name in repeated
        ),
    ]
    return "\n".join(lines) + "\n"


def _lines(
    file: FeedFile,
    kind: FileKind,
    columns: Sequence[SampledColumn],
    choices: Mapping[str, ColumnChoice],
    rows: int,
) -> Iterator[str]:
    looked_at = f"its first {counted(rows, 'row')}" if rows else "its header"
    yield _comment(f"For {file.name}, by {looked_at}. Look at each line that says: unsure.")
    yield from map(_comment, file.remarks)
    used = {column.name for choice in choices.values() for column in choice.columns}
    ignored = [column for column in columns if column.name not in used]
    if shipped := shipped_mapping(kind, columns):
        alone = ", but for what is unsure below" if any(map(may_keep_away, ignored)) else ""
        yield _comment(
            f'It looks like an export of {shipped}: use = "{shipped}" may be enough{alone}.'
        )
    for missing in sorted(kind.needed - choices.keys()):
        yield _comment(
            f"unsure: no column looks like {missing}, without which nothing can be imported:"
        )
        yield _comment(f"{missing} = …")
    yield f"[crm.map.{kind.name}]"
    if "tag" in kind.columns and "tag" not in choices:
        yield _comment(
            f"unsure: no column holds a tag ({', '.join(TAG_SCOPES)}), so none of these "
            f"{kind.name} keeps mail away; say which do, by the column that tells:"
        )
        told_by = _toml(choices["name"].columns[0].name if "name" in choices else "…")
        tag = "NoMailTag" if kind.name == "statuses" else "NoMailingsTag"
        yield _comment(f'tag = {{column = {told_by}, values = {{"…" = "{tag}"}}}}')
    for ours, choice in choices.items():
        yield from _entry(kind, ours, choice)
    for name in (column.name for column in ignored):
        ours = suggest_column(kind.name, name)
        is_contrary = ours in FLAG_COLUMNS and keeps_away(name)
        if ours in kind.columns and ours not in choices and not is_contrary:
            yield _comment(f"unsure: {name!r} is left out, as too few of its values are {ours}.")
            yield _comment(f"If it is {ours} after all: {ours} = {_toml(name)}")
    is_told = False
    for column in filter(may_keep_away, ignored):
        yield _comment(
            f"unsure: {column.name!r} is left out: does it say who must get no mail? If so:"
        )
        if kind.name == "people" and "crm_id" in choices and not is_told:
            yield from _as_members(column, choices)
            is_told = True  # Only once: a kind has one mapping.
            continue
        if kind.name == "people" and "status" not in choices:
            yield _comment(
                f'status = {{column = {_toml(column.name)}, values = {{"…" = "…"}}}}: one with '
                "NoMailTag, or"
            )
        yield _comment("export those it is set for as members of a group with NoMailingsTag")
    if ignored:
        yield f"ignore = {_toml([column.name for column in ignored])}"


def _as_members(column: SampledColumn, choices: Mapping[str, ColumnChoice]) -> Iterator[str]:
    """Yield how to import the file again as memberships, for a column that says who gets no mail.

    A row makes somebody a member of a group that gets no mail: in `Opt Out` with any word but no,
    in `Newsletter` with any word but yes, in a date of death with any text at all.
    """
    is_opt_out = keeps_away(column.name)
    values = dict.fromkeys(column.values)
    words = {word: "" for word in values if is_flag(word) and read_flag(word) != is_opt_out}
    # Dynamics says `Allow` and `Do Not Allow`: which of two such words blocks mail isn't known.
    are_words = len(values) <= _SHOWN and len(values) < len(column.values)
    unclear = [word for word in values if not is_flag(word)] if are_words else []
    words |= dict.fromkeys(unclear, _OPTED_OUT)
    if len(column.values) < column.rows:
        words[""] = "" if is_opt_out else _OPTED_OUT
    words[ALL_OTHERS] = _OPTED_OUT
    table = ", ".join(f"{_toml(word)} = {_toml(group)}" for word, group in words.items())
    yield _comment("take the file in once more: gateway import memberships FILE --replace, with")
    yield _comment(f"a group {_OPTED_OUT!r} that has NoMailingsTag (NoMailTag: no mail at all) and")
    if unclear:
        unclear_words = ", ".join(map(repr, unclear))
        yield _comment(f'the words that let mail through set to "" (of {unclear_words}), and')
    yield _comment("[crm.map.memberships]")
    yield _comment(f"person = {_toml(choices['crm_id'].columns[0].name)}")
    yield _comment(f"group = {{column = {_toml(column.name)}, values = {{{table}}}}}")
    if "kind" in choices:
        yield _comment("kind = …, as in [crm.map.people]")
    yield _comment('ignore = ["*"]')


def _entry(kind: FileKind, ours: str, choice: ColumnChoice) -> Iterator[str]:
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
    choice: ColumnChoice,
    values: Sequence[str],
    words: Mapping[str, str],
) -> Iterator[str]:
    """Yield what is uncertain about a column's values."""
    if ours in kind.needed and ours in ("crm_id", "reference"):
        [column] = choice.columns
        if not column.is_key and column.rows > 1:
            yield _comment("unsure: not every row has a value of its own in it")
    if ours in FLAG_COLUMNS:
        unknown = _most_frequent(value for value in values if not is_flag(value))
        if unknown:
            name = choice.columns[0].name
            yield _comment(f"unsure: neither yes nor no: {unknown}; say what they mean with")
            yield _comment(f'{ours} = {{column = {_toml(name)}, values = {{"…" = "yes"}}}}')
    if ours == "tag":
        unknown = _most_frequent(value for value in values if known_tag(value) not in TAG_SCOPES)
        if unknown:
            name = choice.columns[0].name
            yield _comment(
                f"unsure: not known as tags: {unknown}; if they keep mail away, say which:"
            )
            yield _comment(f'tag = {{column = {_toml(name)}, values = {{"…" = "NoMailTag"}}}}')
    if ours == "kind":
        known_words = {"candidate", "contact", "application", *words}
        unknown = _most_frequent(value for value in values if value.casefold() not in known_words)
        if unknown:
            yield _comment(f"unsure: no kind is known for {unknown}")
    if of := _KEYS_OF.get(ours):
        few = _most_frequent(values)
        if few and len(set(values)) <= 50:
            # People can't be identified by name: two may have the same.
            what = "crm_id" if of == "people" else "crm_id or name"
            yield _comment(f"unsure: each must be the {what} of one of the {of}: {few}")
            if ours == "status":
                yield _comment('if they are other words: status.values = {"Uit dienst" = "s3", …}')


def _words(ours: str, column: SampledColumn, values: Sequence[str]) -> dict[str, str]:
    """Return our words for the CRM's words in a column, as far as known."""
    if ours == "active" and values and set(values) <= _MARKS and len(values) < column.rows:
        # If only some rows have a mark, the others aren't active, though a blank usually means yes.
        return {"": "no"}
    known_words = KIND_WORDS if ours == "kind" else {}
    our_word_for = (
        language_named if ours == "language" else lambda word: known_words.get(word.casefold())
    )
    read = {word: our_word_for(word) for word in dict.fromkeys(values)}
    return {word: ours for word, ours in read.items() if ours and word.casefold() != ours}


def _most_frequent(values: "Iterator[str] | Sequence[str]") -> str:
    counted = Counter(values).most_common()
    listing = ", ".join(f"{value!r} ({count})" for value, count in counted[:_SHOWN])
    return f"{listing} and {len(counted) - _SHOWN} more" if len(counted) > _SHOWN else listing


def _comment(text: str) -> str:
    # A header may contain anything, even a line end, which would end the comment.
    return "# " + "".join(char if char.isprintable() else " " for char in text)


def _toml(value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        # TOML has all of JSON's escapes, and needs one more.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(_toml, value))}]"
