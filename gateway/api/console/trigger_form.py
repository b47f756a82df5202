"""A trigger's file as form fields: one for each fact its event needs.

The input is validated with the files, like that of commands. This module only converts it to the
format of a file, and shows errors at the field concerned. Anything without a field (comments,
unknown keys) stays as it is, because only changes are passed on.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from fastapi import Request

from gateway.api.console.access import language_of, text_for
from gateway.core.kinds import Kind
from gateway.core.moments import duration_parts
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.trigger import (
    ACTING,
    BEFORE_SEND,
    CANDIDATE,
    OWNER,
    QUALIFICATION_DATA,
    RECIPIENTS,
    RESPONSIBLE,
    STORED_DATE_KEYS,
    TriggerEvent,
)
from gateway.core.triggers.vocabulary import Vocabulary

NAME, TEMPLATE = "name", "template"
#: Keys with a field in every trigger's form, besides those of its event.
COMMON_KEYS = (TEMPLATE, "kind", "topic", "from", "report_to", "report_empty", "latest")
SHOWN = "shown"  #: Names the event whose fields the form had.
YES = "yes"
_FREE_ROWS = 2  #: Extra rows for new days.
_MOST_ROWS = 100
_KEYS_OF_ROWS = ("dates", "yearly")
_LONGEST = 500  #: Characters of a field.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BETWEEN = re.compile(r"[\s,;]+")
_PROBLEM = re.compile(r"(?P<key>[a-z_]+)(?:\[(?P<index>\d+)\])?: (?P<text>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field."""

    name: str
    key: str  #: In the file.
    sort: str = "text"  #: `text`, `date`, `choice`, `check`.
    label: str
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()  #: Of a choice: value and text.
    hint: str = ""
    expected: str = ""  #: Error message; empty: that of the check.
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGroup:
    """Fields that belong together."""

    title: str
    fields: tuple[FormField, ...]


def typed_values(form: Mapping[str, object]) -> dict[str, str]:
    """Return what was typed into fields or ticked, without impossible values."""
    return {
        name: " ".join(_CONTROL.sub(" ", value).split())[: _LONGEST + 1]
        for name, value in form.items()
        if isinstance(value, str) and name not in ("csrf", "do", "version", "token")
    }


def field_values(event: TriggerEvent, values: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a trigger's fields by name; `values` are those of its file."""
    texts = {key: _text(values.get(key)) for key in COMMON_KEYS}
    if isinstance(values.get("report_empty"), bool):
        texts["report_empty"] = YES if values["report_empty"] else "no"
    latest = duration_parts(texts["latest"])
    if latest is not None:
        texts["latest"], texts["latest-unit"] = latest
    for number, day in enumerate(_items(values.get("dates")), 1):
        texts[f"dates-{number}"] = day
    for number, day in enumerate(_items(values.get("yearly")), 1):
        month, _, of_month = day.partition("-")
        texts[f"yearly-{number}-month"], texts[f"yearly-{number}-day"] = month, of_month.lstrip("0")
    texts["monthly"] = ", ".join(_items(values.get("monthly")))
    texts |= {key: _text(values.get(key)) for key in ("programme", "status")}
    texts["phase"] = YES if values.get("phase") else ""
    is_asked = QUALIFICATION_DATA in _items(values.get(BEFORE_SEND))
    texts[BEFORE_SEND] = YES if is_asked else ""
    recipients = _items(values.get(RECIPIENTS))
    if RECIPIENTS in event.keys and RECIPIENTS not in values:
        recipients = [CANDIDATE]
    texts["recipients-addresses"] = ", ".join(name for name in recipients if "@" in name)
    texts |= {f"recipients-{name}": YES for name in recipients if "@" not in name}
    return texts


def changes(
    event: TriggerEvent, form: Mapping[str, str], before: Mapping[str, object]
) -> dict[str, object]:
    """Return the keys whose fields differ from the file; None removes a key.

    An unticked box is not sent, so boxes count only for the event whose fields were `shown`.
    """
    old_values = field_values(event, before)
    keys = [*COMMON_KEYS, *event.keys] if form.get(SHOWN) == event.name else list(COMMON_KEYS)
    changed = {
        key: value
        for key in keys
        if key in form or key not in COMMON_KEYS
        if (value := value_of(key, form)) != value_of(key, old_values)
    }
    for key in _KEYS_OF_ROWS:  # If the file has more than the form has rows, the rest stays.
        beyond = _items(before.get(key))[_MOST_ROWS:]
        if key in changed and beyond:
            shown_rows = changed[key]
            changed[key] = [*(shown_rows if isinstance(shown_rows, list) else ()), *beyond]
    return changed


def value_of(key: str, form: Mapping[str, str]) -> object:
    """Return a file's value for a key from the form's fields; None if empty."""
    text = form.get(key, "")
    match key:
        case "latest":
            return f"{text}{form.get('latest-unit') or 'd'}" if text else None
        case "report_empty":
            return text == YES if text else None
        case "dates":
            return list(filter(None, (form[name] for name in rows("dates", form)))) or None
        case "yearly":
            return [day for row in rows("yearly", form) if (day := _yearly(row, form))] or None
        case "monthly":
            days = [day for day in _BETWEEN.split(text) if day]
            return [int(day) if re.fullmatch(r"\d{1,4}", day) else day for day in days] or None
        case "phase":
            return "initial" if text else None
        case "before_send":
            return [QUALIFICATION_DATA] if text else None
        case "recipients":
            ticked = (
                name.removeprefix("recipients-")
                for name in form
                if name.startswith("recipients-") and name != "recipients-addresses" and form[name]
            )
            typed_in = _BETWEEN.split(form.get("recipients-addresses", ""))
            return [*sorted(ticked), *filter(None, typed_in)]
        case _:
            return text or None


def _yearly(row: str, form: Mapping[str, str]) -> str:
    month, day = form.get(f"{row}-month", ""), form.get(f"{row}-day", "")
    return f"{month:0>2}-{day:0>2}" if month or day else ""


def rows(key: str, form: Mapping[str, str]) -> list[str]:
    """Return the rows of days in a form: `dates-1`, `dates-2` …, in order."""
    pattern = re.compile(rf"{key}-(\d{{1,3}})(?:-day|-month)?")
    numbers = {int(row[1]) for name in form if (row := pattern.fullmatch(name))}
    return [f"{key}-{number}" for number in sorted(numbers)][:_MOST_ROWS]


def groups(
    request: Request,
    event: TriggerEvent,
    form: Mapping[str, str],
    *,
    templates: Iterable[str],
    vocabulary: Vocabulary,
    problems: Mapping[str, str],
) -> list[FieldGroup]:
    """Return the fields of a trigger on an event, with their input and errors."""
    fields = [*_of_mail(request, event, templates), *_of_event(request, event, form, vocabulary)]
    after = [*_of_report(request)]
    made = (
        FieldGroup(title=text_for(request, "The mail"), fields=tuple(fields)),
        FieldGroup(title=text_for(request, "Its runs"), fields=tuple(after)),
    )
    return [
        replace(
            group,
            fields=tuple(
                replace(
                    field,
                    value=form.get(field.name, ""),
                    options=_with_given(field, form),
                    problem=(field.expected or problems[field.name])
                    if field.name in problems
                    else "",
                )
                for field in group.fields
            ),
        )
        for group in made
        if group.fields
    ]


def _with_given(field: FormField, form: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the options, including a chosen one that isn't known (any more)."""
    choice = form.get(field.name, "")
    if field.sort != "choice" or not choice or choice in dict(field.options):
        return field.options
    return (*field.options, (choice, choice))


def _of_mail(
    request: Request, event: TriggerEvent, templates: Iterable[str]
) -> Iterator[FormField]:
    usual = {
        Kind.BULK: text_for(request, "as usual for this event: bulk"),
        Kind.INDIVIDUAL: text_for(request, "as usual for this event: individual"),
    }
    yield FormField(
        name=TEMPLATE,
        key=TEMPLATE,
        sort="choice",
        label=text_for(request, "Template"),
        options=(("", "–"), *((name, name) for name in templates)),
        hint=text_for(request, "Write it first, if it isn't there yet."),
        expected=text_for(request, "Choose a template that is there."),
    )
    yield FormField(
        name="kind",
        key="kind",
        sort="choice",
        label=text_for(request, "Kind of mail"),
        options=(("", usual[event.kind]), *kind_names(request)),
    )
    yield FormField(
        name="topic",
        key="topic",
        label=text_for(request, "Topic"),
        hint=text_for(request, "People can unsubscribe from this alone. For bulk mail only."),
        expected=text_for(request, "Only bulk mail has a topic, of 60 characters at most."),
    )
    yield FormField(
        name="from",
        key="from",
        label=text_for(request, "Sender"),
        hint=text_for(request, "Empty: the sender of the gateway's own mail."),
        expected=text_for(request, "An address such as Office <office@example.org>."),
    )


def _of_event(
    request: Request, event: TriggerEvent, form: Mapping[str, str], vocabulary: Vocabulary
) -> Iterator[FormField]:
    if event.goes_by_stored_dates:
        yield from _of_days(request, form)
    if BEFORE_SEND in event.keys:
        yield FormField(
            name=BEFORE_SEND,
            key=BEFORE_SEND,
            sort="check",
            label=text_for(request, "The template may use the qualification's values"),
            expected=text_for(request, "Tick this: the template uses them."),
        )
    if event.is_of_application:
        yield from _of_application(request, form, vocabulary)


def _of_days(request: Request, form: Mapping[str, str]) -> Iterator[FormField]:
    expected = text_for(request, "A day that there is. This event needs one at least.")
    for number in range(1, _shown_rows("dates", form) + 1):
        yield FormField(
            name=f"dates-{number}",
            key="dates",
            sort="date",
            label=text_for(request, "Day {number}", number=number),
            hint=text_for(request, "Such as 2026-12-24.") if number == 1 else "",
            expected=expected,
        )
    months = tuple((f"{number:02}", name) for number, name in enumerate(_months(request), 1))
    for number in range(1, _shown_rows("yearly", form) + 1):
        yield FormField(
            name=f"yearly-{number}-day",
            key="yearly",
            label=text_for(request, "Every year, day {number}", number=number),
            expected=text_for(request, "A day that this month has."),
        )
        yield FormField(
            name=f"yearly-{number}-month",
            key="yearly",
            sort="choice",
            label=text_for(request, "of the month"),
            options=(("", "–"), *months),
        )
    yield FormField(
        name="monthly",
        key="monthly",
        label=text_for(request, "Every month, on"),
        hint=text_for(request, "Days of the month, such as 1, 15."),
        expected=text_for(request, "Days of the month from 1 to 31, such as 1, 15."),
    )


def _shown_rows(key: str, form: Mapping[str, str]) -> int:
    used = [int(row.rpartition("-")[2]) for row in rows(key, form) if value_of_row(row, form)]
    return min(max(used, default=0) + _FREE_ROWS, _MOST_ROWS)


def value_of_row(row: str, form: Mapping[str, str]) -> str:
    """Return the content of a row of days; empty if there is none."""
    return form.get(row, "") or _yearly(row, form)


def _months(request: Request) -> Sequence[str]:
    return (
        text_for(request, "January"),
        text_for(request, "February"),
        text_for(request, "March"),
        text_for(request, "April"),
        text_for(request, "May"),
        text_for(request, "June"),
        text_for(request, "July"),
        text_for(request, "August"),
        text_for(request, "September"),
        text_for(request, "October"),
        text_for(request, "November"),
        text_for(request, "December"),
    )


def _of_application(
    request: Request, form: Mapping[str, str], vocabulary: Vocabulary
) -> Iterator[FormField]:
    for key, label, every, words in (
        (
            "programme",
            text_for(request, "Programme"),
            text_for(request, "every programme"),
            vocabulary.programmes,
        ),
        (
            "status",
            text_for(request, "Status it comes into"),
            text_for(request, "any"),
            vocabulary.statuses,
        ),
    ):
        options = tuple((word, name or word) for word, name in words.items())
        yield FormField(
            name=key, key=key, sort="choice", label=label, options=(("", every), *options)
        )
    yield FormField(
        name="phase",
        key="phase",
        sort="check",
        label=text_for(request, "Only while its status is of the first phase"),
    )
    people = {
        CANDIDATE: text_for(request, "To the candidate"),
        OWNER: text_for(request, "To whoever of the staff the candidate belongs to"),
        ACTING: text_for(request, "To whoever made the change"),
    }
    roles = [f"{RESPONSIBLE}{role}" for role in vocabulary.roles]
    filled_fields = [name.removeprefix("recipients-") for name in form if form[name]]
    for recipient in dict.fromkeys((*people, *roles, *sorted(filled_fields))):
        if recipient not in people and not recipient.startswith(RESPONSIBLE):
            continue
        role = recipient.removeprefix(RESPONSIBLE)
        yield FormField(
            name=f"recipients-{recipient}",
            key=RECIPIENTS,
            sort="check",
            label=people.get(recipient)
            or text_for(request, "To those responsible: {role}", role=role),
        )
    yield FormField(
        name="recipients-addresses",
        key=RECIPIENTS,
        label=text_for(request, "To other addresses"),
        hint=text_for(request, "Several with commas between."),
        expected=text_for(
            request, "Tick somebody, or write an address such as office@example.org."
        ),
    )


def _of_report(request: Request) -> Iterator[FormField]:
    yield FormField(
        name="latest",
        key="latest",
        label=text_for(request, "How late a mail may still leave"),
        hint=text_for(request, "After an outage what is later is not sent. Empty: as usual."),
        expected=text_for(request, "A number, such as 2."),
    )
    yield FormField(
        name="latest-unit",
        key="latest",
        sort="choice",
        label=text_for(request, "Unit of time"),
        options=(
            ("d", text_for(request, "days")),
            ("h", text_for(request, "hours")),
            ("m", text_for(request, "minutes")),
            ("s", text_for(request, "seconds")),
        ),
    )
    yield FormField(
        name="report_to",
        key="report_to",
        label=text_for(request, "Who gets the report on each run"),
        expected=text_for(request, "An address such as office@example.org."),
    )
    yield FormField(
        name="report_empty",
        key="report_empty",
        sort="choice",
        label=text_for(request, "Report runs without mail, too"),
        options=(
            ("", text_for(request, "as set for all triggers")),
            (YES, text_for(request, "yes")),
            ("no", text_for(request, "no")),
        ),
    )


def sorted_out(
    problems: Iterable[str], prefixes: Iterable[str], form: Mapping[str, str], event: TriggerEvent
) -> tuple[dict[str, str], list[str]]:
    """Return the problems by field, and those without a field.

    A problem names its file, or its trigger, and then the key: `x.toml: dates[1]: not a date`.
    """
    by_field: dict[str, str] = {}
    others: list[str] = []
    starts = tuple(f"{prefix}: " for prefix in prefixes)
    for problem in problems:
        start = next((start for start in starts if problem.startswith(start)), "")
        about = _PROBLEM.fullmatch(problem.removeprefix(start)) if start else None
        name = _field_of(about["key"], int(about["index"] or 0), form, event) if about else ""
        if name and about:
            by_field[name] = about["text"]
        elif BEFORE_SEND in event.keys and f" need {BEFORE_SEND} = " in problem:
            by_field[BEFORE_SEND] = problem  # Reported for the template, but corrected here.
        else:
            others.append(problem)
    return by_field, others


def _field_of(key: str, index: int, form: Mapping[str, str], event: TriggerEvent) -> str:
    if key in STORED_DATE_KEYS[:2]:
        used = [row for row in rows(key, form) if value_of_row(row, form)] or [f"{key}-1"]
        row = used[min(index, len(used) - 1)]
        return f"{row}-day" if key == STORED_DATE_KEYS[1] else row
    if key == RECIPIENTS:
        return "recipients-addresses"
    return key if key in (*COMMON_KEYS, *event.keys) else ""


def event_names(request: Request) -> list[tuple[str, str]]:
    """Return the events with their names."""
    return [(name, event.title[language_of(request)]) for name, event in EVENTS.items()]


def kind_names(request: Request) -> list[tuple[str, str]]:
    """Return the names of the kinds of mail."""
    return [
        ("bulk", text_for(request, "bulk: nobody who is suppressed gets it")),
        ("individual", text_for(request, "individual: about something of the person's own")),
    ]


def _items(value: object) -> list[str]:
    if isinstance(value, list):
        return [_text(item) for item in value]
    return [] if value is None else [_text(value)]


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else " ".join(str(value).split())
