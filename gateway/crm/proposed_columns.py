"""Which columns of a file may match which of ours, by their names and contents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.core.feed.feed_mapping import DATES, JOINED, column_key, read_mapping
from gateway.core.feed.shipped_mappings import SHIPPED_MAPPINGS
from gateway.core.kinds import TAG_SCOPES, known_tag
from gateway.core.written import plain
from gateway.crm.cells.dates import DateReader, weigh
from gateway.crm.cells.flags import is_flag
from gateway.crm.cells.unreadable import UnreadableCell
from gateway.crm.kinds import FileKind
from gateway.crm.synonyms import certainty_of, suggest_column

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
#: Our yes/no columns.
FLAG_COLUMNS = frozenset(
    {"active", "initial", "closed", "consent_email", "mail_on_set_date",
     "mail_after_first_delivery"}
)  # fmt: skip
#: Dutch and German names have a part before the last name: `van der`, `von`.
_PREFIXES = frozenset(
    map(column_key, ("tussenvoegsel", "voorvoegsel", "namenszusatz", "infix", "tussenvoegsels"))
)


#: What CRMs call a column with first and last name in one.
_WHOLE_NAMES = frozenset(
    map(column_key, ("name", "full name", "naam", "volledige naam", "nom complet", "display name"))
)


def _keys(words: str) -> frozenset[str]:
    return frozenset(map(column_key, words.split()))


#: Parts of column names, in the four languages, that suggest who has died, has left or wants no
#: mail.
_KEEPING_AWAY = _keys(
    """
    verstorben gestorben todestag sterbe overleden overlijden gestorven deceased death died
    décédé décès deleted gelöscht verwijderd supprimé archiv
    optout optedout unsub uitgeschreven uitschrijf afgemeld afmeld abgemeld abmeld abbestell austrag
    désabonn désinscr do_not dont ne_pas no_mail no_email no_bulk no_news no_marketing
    geen_mail geen_email geen_bulk geen_nieuws geen_reclame geen_post geen_marketing
    keine_mail keine_email keine_werbung keine_post keine_news kein_mail kein_news kein_massen
    pas_de_mail pas_demail pas_de_news pas_de_pub pas_dinfo
    gesperrt sperr blocked blocklist blacklist geblokkeerd bloqué suppress
    widerspr widerruf bezwaar opposition refus bounce complain
    """
)
#: Parts of yes/no column names that suggest who wants mailings.
_LETTING_IN = _keys(
    """
    newsletter nieuwsbrief infolettre rundbrief mailing marketing werbung reclame publicité
    abonn subscri gdpr dsgvo rgpd toestemming einwilligung consent optin optedin
    """
)


@dataclass(slots=True)
class SampledColumn:
    """A column of the file, with the values in its first rows."""

    name: str
    values: list[str]  #: Blanks left out.
    rows: int

    @property
    def is_key(self) -> bool:
        """Whether each row has a different value, as ids do."""
        return len(self.values) == self.rows > 1 and len(set(self.values)) == self.rows

    @property
    def holds_addresses(self) -> bool:
        """Whether most values are mail addresses."""
        addresses = sum(bool(_ADDRESS.search(value)) for value in self.values)
        return bool(self.values) and addresses >= 0.8 * len(self.values)

    @property
    def holds_tags(self) -> bool:
        """Whether some value is a tag that blocks mail."""
        return any(known_tag(value) in TAG_SCOPES for value in self.values)

    @property
    def holds_dates(self) -> bool:
        """Whether most values are dates, even if the order of day and month isn't known."""
        evidence = weigh(self.values)
        read_as_dates = 0
        for value in self.values:
            try:
                day = DateReader(today=None, are_serials=False).day(value)
            except UnreadableCell:
                continue
            read_as_dates += day is not None
        are_most = read_as_dates >= 0.8 * len(self.values)
        return bool(self.values) and (are_most or bool(evidence.open))


@dataclass(slots=True)
class ColumnChoice:
    """The file's columns proposed for one of ours."""

    columns: list[SampledColumn] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def named_columns(
    names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[SampledColumn], list[str]]:
    """Return the columns with a name, and the names that occur twice."""
    seen_keys: set[str] = set()
    columns, repeated = [], []
    for at, name in enumerate(map(str.strip, names)):
        if column_key(name) in seen_keys:
            repeated.append(name)
        elif name:
            values = [value for row in rows if (value := plain(row[at]))]
            columns.append(SampledColumn(name, values, len(rows)))
            seen_keys.add(column_key(name))
    return columns, repeated


def choose_columns(kind: FileKind, columns: Sequence[SampledColumn]) -> dict[str, ColumnChoice]:
    """Return the columns proposed for each of ours, in our order."""
    by_ours: dict[str, list[tuple[int, SampledColumn]]] = {name: [] for name in kind.columns}
    for column in columns:
        ours = suggest_column(kind.name, column.name)
        if ours:
            by_ours[ours].append((certainty_of(kind.name, column.name, ours), column))
    choices = {}
    for ours, suggestions in by_ours.items():
        choice = choose_by_name(ours, suggestions)
        if choice is not None:
            choices[ours] = choice
    choose_tag(kind, columns, choices)
    choose_by_content(kind, columns, choices)
    if kind.name == "staff":
        choose_names_of_staff(columns, choices)
    whole = next((column for column in columns if column_key(column.name) in _WHOLE_NAMES), None)
    if kind.name == "people" and whole and not {"first_name", "last_name"} & choices.keys():
        choices["last_name"] = ColumnChoice([whole], ["it seems to be the whole name"])
    prefix = next((column for column in columns if column_key(column.name) in _PREFIXES), None)
    if prefix and "last_name" in choices and prefix not in choices["last_name"].columns:
        choices["last_name"].columns.insert(0, prefix)
    return {name: choices[name] for name in kind.columns if name in choices}


def choose_by_name(
    ours: str, suggestions: Sequence[tuple[int, SampledColumn]]
) -> ColumnChoice | None:
    """Return the best of the columns whose names suggest one of ours; for addresses, all of them.

    Each comes with how certain its name is: 0 if it is only similar. None: no candidate.
    """
    possible = []
    for sureness, column in suggestions:
        is_blank = not column.values
        if ours in ("emails", "email"):
            can_be = column.holds_addresses or is_blank
        elif ours in DATES:
            can_be = column.holds_dates or is_blank
        elif sureness or is_blank:
            can_be = True
        elif column.holds_addresses or column.holds_dates:
            can_be = False
        else:
            can_be = column.is_key or ours not in ("crm_id", "reference")
        if ours in FLAG_COLUMNS and keeps_away(column.name):
            can_be = False  # `Do not email` is the opposite of consent.
        if can_be:
            possible.append((sureness, column))
    if not possible:
        return None
    if JOINED.get(ours) == ";":
        return ColumnChoice([column for _, column in possible])
    ranked = sorted(possible, key=lambda suggestion: -suggestion[0])
    if ours == "crm_id":
        ranked.sort(key=lambda suggestion: not suggestion[1].is_key)
    sureness, best = ranked[0]
    others = [column.name for _, column in ranked[1:]]
    doubts = [] if sureness else [f"only its name is like {ours}"]
    if others:
        doubts.append(f"or is it {', '.join(map(repr, others))}?")
    return ColumnChoice([best], doubts)


def choose_tag(
    kind: FileKind, columns: Sequence[SampledColumn], choices: dict[str, ColumnChoice]
) -> None:
    """Choose the column that contains known tags, whatever its name."""
    tagged = [column for column in columns if column.holds_tags]
    if "tag" not in kind.columns or not tagged:
        return
    names = {column.name for column in tagged}
    tag_choice = choices.get("tag")
    if tag_choice is None or not names & {column.name for column in tag_choice.columns}:
        choices["tag"] = tag_choice = ColumnChoice(tagged[:1])
    best = tag_choice.columns[0].name
    if others := [column.name for column in tagged if column.name != best]:
        tag_choice.doubts = [f"tags stand in {', '.join(map(repr, others))} too"]
    for ours in [ours for ours, choice in choices.items() if ours != "tag"]:
        if best in {column.name for column in choices[ours].columns}:
            del choices[ours]


def choose_names_of_staff(
    columns: Sequence[SampledColumn], choices: dict[str, ColumnChoice]
) -> None:
    """Choose first and last name if no column has both: staff have just one column `name`."""
    name_choice = choices.get("name")
    if name_choice is not None and certainty_of("staff", name_choice.columns[0].name, "name"):
        return
    parts = {suggest_column("people", column.name): column for column in columns}
    names = [parts[part] for part in ("first_name", "last_name") if part in parts]
    if names:
        choices["name"] = ColumnChoice(names)


def choose_by_content(
    kind: FileKind, columns: Sequence[SampledColumn], choices: dict[str, ColumnChoice]
) -> None:
    """Choose by content if no name is known."""
    used = {column.name for choice in choices.values() for column in choice.columns}
    free = [column for column in columns if column.name not in used]
    for ours in ("emails", "email"):
        with_addresses = [column for column in free if column.holds_addresses]
        if ours == "emails" and ours in choices and with_addresses:
            # A suppression counts for all addresses of a person: one that is left out gets mail.
            choice = choices[ours]
            choice.columns += with_addresses
            names = ", ".join(repr(column.name) for column in with_addresses)
            choice.doubts.append(
                f"addresses stand in {names} too; ignore them if they are other people's"
            )
            free = [column for column in free if column not in with_addresses]
        elif ours in kind.columns and ours not in choices and with_addresses:
            address_columns = with_addresses if ours == "emails" else with_addresses[:1]
            choices[ours] = ColumnChoice(
                address_columns, ["it holds mail addresses; its name doesn't say so"]
            )
            free = [column for column in free if column not in address_columns]
    key = next((name for name in ("crm_id", "reference") if name in kind.needed), None)
    if key and key not in choices:
        own_keys = [
            column
            for column in free
            if column.is_key and not column.holds_addresses and not column.holds_dates
        ]
        if own_keys:
            choices[key] = ColumnChoice(
                own_keys[:1], ["every row has its own; its name doesn't say so"]
            )


def keeps_away(name: str) -> bool:
    """Whether a column of that name may say who has died or wants no mail.

    `(Do Not Modify) Row Checksum` doesn't: Dynamics 365 exports it for its own imports.
    """
    key = column_key(name).removeprefix("donotmodify")
    return any(word in key for word in _KEEPING_AWAY)


def may_keep_away(column: SampledColumn) -> bool:
    """Whether a column may say who has died or wants no mail, or who does want mail.

    `Mailing` with yes and no may; `Mailing Street` is where somebody lives.
    """
    key = column_key(column.name)
    are_flags = bool(column.values) and all(map(is_flag, column.values))
    return keeps_away(column.name) or (are_flags and any(word in key for word in _LETTING_IN))


def shipped_mapping(kind: FileKind, columns: Sequence[SampledColumn]) -> str:
    """Return the name of a shipped mapping that fits the file; empty if none does.

    The file must have more than half of the columns in the mapping, and all it needs for `crm_id`
    and `emails`: first and last name prove nothing, as every CRM has them.
    """
    names = [column.name for column in columns]
    for name, tables in SHIPPED_MAPPINGS.items():
        if kind.name in tables:
            mapping = read_mapping(kind.name, tables[kind.name], {})
            their_names = {name for mapped in mapping.columns.values() for name in mapped.columns}
            keys = set(map(column_key, names))
            needed = {
                column_key(name)
                for ours in ("crm_id", "emails")
                for name in mapping.columns[ours].columns
            }
            known_keys = keys.intersection(map(column_key, their_names))
            if needed <= keys and len(known_keys) > max(2, len(their_names) // 2):
                return name
    return ""
