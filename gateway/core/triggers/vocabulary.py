"""The CRM's words that a trigger can name, and triggers that name unknown ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from gateway.core.feed.unread_fields import DELIVERIES, PEOPLE, QUALIFICATIONS
from gateway.core.triggers.trigger import RESPONSIBLE, Trigger
from gateway.core.written import as_read, nearest_text

_MOST_NAMED = 8  #: How many known words to list if none is similar.
_SINGULAR = {PEOPLE: "person", QUALIFICATIONS: "qualification", DELIVERIES: "delivery"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What the feed has sent so far."""

    statuses: Mapping[str, str] = field(default_factory=dict)  #: For applications: names by crm_id.
    initial: frozenset[str] = frozenset()  #: Those marked as initial.
    programmes: Mapping[str, str] = field(default_factory=dict)  #: Names by crm_id.
    #: How many staff with an address have each role.
    roles: Mapping[str, int] = field(default_factory=dict)
    #: Kinds of records, each with a column that at least one of them has: `("people",
    #: "mail_on_set_date")`. Only what some event needs (`TriggerEvent.needs`) is checked.
    filled: frozenset[tuple[str, str]] = frozenset()


def doubts(trigger: Trigger, vocabulary: Vocabulary, today: date) -> Iterator[str]:
    """Yield why a trigger, or one of its recipients, can never mail: key, value, and the remedy."""
    if trigger.event.is_of_application:
        yield from doubts_of_application(trigger, vocabulary)
        return
    stored = trigger.stored
    if trigger.event.goes_by_stored_dates and not (stored.yearly or stored.monthly):
        last = max(stored.dates, default=None)
        if last is not None and last < today:
            yield f"dates: the last one, {last.isoformat()}, is past, it never mails: add one"
    needed = trigger.event.needs
    if needed is not None and needed not in vocabulary.filled:
        what, column = _SINGULAR[needed[0]], needed[1]
        yield f'event = "{trigger.event}": no {what} has {column}, it never mails: feed that column'


def doubts_of_application(trigger: Trigger, vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the same for a trigger on applications: status, programme, and staff roles."""
    is_initial = trigger.status in vocabulary.initial or not vocabulary.initial
    if trigger.status and trigger.status not in vocabulary.statuses:
        yield _unknown_name("status", trigger.status, "status of applications", vocabulary.statuses)
    elif trigger.status and trigger.initial_phase and not is_initial:
        yield (
            f'status = "{trigger.status}" is not marked initial, with phase = "initial" it never '
            "mails: remove one of the two"
        )
    if trigger.programme and trigger.programme not in vocabulary.programmes:
        yield _unknown_name("programme", trigger.programme, "programme", vocabulary.programmes)
    for recipient in trigger.recipients:
        role = recipient.removeprefix(RESPONSIBLE)
        if role == recipient:
            continue
        if role not in vocabulary.roles:
            names = dict.fromkeys(vocabulary.roles, "")
            yield _unknown_name("recipients", recipient, "role of staff", names, role)
        elif not vocabulary.roles[role]:
            yield (
                f'recipients = "{recipient}" reaches nobody: no staff with that role have an '
                "e-mail address; feed it"
            )


def _unknown_name(key: str, value: str, what: str, names: Mapping[str, str], word: str = "") -> str:
    """Return that a key names something unknown, with the nearest known one; `names` are by id."""
    never = "reaches nobody" if word else "never mails"
    fault = f'{key} = "{value}" {never}: there is no such {what}'
    # The intended id: in another case, by its name, or with a typo
    called = {name: crm_id for crm_id, name in names.items() if name}
    called |= {crm_id: crm_id for crm_id in names}
    forms = {as_read(text): crm_id for text, crm_id in called.items()}
    unknown_word = word or value
    near = forms.get(as_read(unknown_word)) or called.get(nearest_text(unknown_word, called), "")
    if near:
        nearest_word = f"{RESPONSIBLE}{near}" if word else near
        return f"{fault}; write {_word_with_name(nearest_word, names.get(near))}"
    if not names:
        return f"{fault}, none was ever imported"
    known_words = ", ".join(
        _word_with_name(word, name) for word, name in list(names.items())[:_MOST_NAMED]
    )
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{fault}; known: {known_words}{more}"


def _word_with_name(word: str, name: str | None) -> str:
    return f'"{word}" ({name})' if name else f'"{word}"'
